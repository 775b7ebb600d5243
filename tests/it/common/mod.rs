//! What several test files need: the program, its run folders, and whether there's a GPU adapter.

pub mod folder;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// The program, with an environment in which no setting of the tester counts.
pub fn trainer() -> Command {
    let mut command = Command::cargo_bin("trainer").expect("cargo builds the program for tests");
    for variable in ["TRAINER_BACKEND", "TRAINER_DATA", "TRAINER_RUNS"] {
        command.env_remove(variable);
    }
    command
}

/// Runs an ignored test of this binary in a process of its own, whose memory and GPU nothing else uses.
pub fn alone(test: &str) {
    let binary = std::env::current_exe().expect("this binary");
    let output = std::process::Command::new(binary)
        .args(["--exact", test, "--ignored"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A training of a few images on the CPU, into `runs`, by an architecture that needs no PCA before it
/// can start. What is given after it counts.
pub fn small_run(runs: &Path) -> Command {
    let mut command = trainer();
    command.args([
        "--arch",
        "baseline",
        "--backend",
        "flex",
        "--limit",
        "80",
        "--batch-size",
        "32",
        "--epochs",
        "2",
    ]);
    command.arg("--runs").arg(runs);
    command
}

/// The only run folder in `runs`.
pub fn only_run(runs: &Path) -> PathBuf {
    let folders = run_folders(runs);
    assert_eq!(
        folders.len(),
        1,
        "run folders in {}: {folders:?}",
        runs.display()
    );
    folders.into_iter().next().expect("just counted")
}

/// The run folders in `runs`, which may be missing.
pub fn run_folders(runs: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(runs) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .collect()
}

/// A JSON file.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a file of a run");
    serde_json::from_str(&text).expect("JSON")
}

/// A column of metrics.csv.
pub fn column(run: &Path, name: &str) -> Vec<f64> {
    let mut reader = csv::Reader::from_path(run.join("metrics.csv")).expect("metrics.csv");
    let index = reader
        .headers()
        .expect("a header")
        .iter()
        .position(|header| header == name);
    let index = index.unwrap_or_else(|| panic!("no column {name}"));
    reader
        .records()
        .map(|record| record.expect("a row")[index].parse().expect("a number"))
        .collect()
}

/// Whether wgpu has an adapter here; says so where it has none.
pub fn has_wgpu_adapter() -> bool {
    let found = trainer::device::list()
        .iter()
        .any(|listing| listing.backend == "wgpu");
    if !found {
        eprintln!("skipped: no Vulkan, Metal or DX12 adapter (Debian: mesa-vulkan-drivers)");
    }
    found
}
