//! What several test files need: the program, its run folders, and whether there's a GPU adapter.

pub mod folder;
#[cfg(target_os = "linux")]
pub mod pty;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use trainer::data::FILE_STEMS;

/// Variables that settings come from.
const SETTINGS: [&str; 3] = ["TRAINER_BACKEND", "TRAINER_DATA", "TRAINER_RUNS"];

/// The program, with an environment in which no setting of the tester counts.
pub fn trainer() -> Command {
    let mut command = Command::cargo_bin("trainer").expect("cargo builds the program for tests");
    for variable in SETTINGS {
        command.env_remove(variable);
    }
    command
}

/// A command in such an environment: the program, or what starts it.
pub fn without_settings(program: impl AsRef<OsStr>) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    for variable in SETTINGS {
        command.env_remove(variable);
    }
    command
}

/// The program with the default action for every signal, whatever these tests were started with: what
/// `nohup` or a shell's `&` ignores would stay ignored. No setting of the tester counts here, either.
pub fn with_default_signals() -> std::process::Command {
    let program = env!("CARGO_BIN_EXE_trainer");
    if cfg!(target_os = "linux") {
        let mut command = without_settings("env");
        command.args(["--default-signal", program]);
        command
    } else {
        without_settings(program)
    }
}

/// The program, run by a user whom permissions and limits bind, as they don't root; `folder` is open to
/// that user, and holds a copy of the program. None, and a word, where the tester is root without
/// `setpriv`.
#[cfg(target_os = "linux")]
pub fn ordinary_user(folder: &Path) -> Option<std::process::Command> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let program = folder.join("trainer-copy");
    std::fs::copy(env!("CARGO_BIN_EXE_trainer"), &program).expect("a copy");
    let mut command = without_settings(&program);
    // A new file is its maker's.
    if program.metadata().expect("the copy").uid() == 0 {
        /// Nobody's.
        const USER: [&str; 3] = ["--reuid=65533", "--regid=65533", "--clear-groups"];
        let all = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder, all).expect("permissions");
        let can_change = std::process::Command::new("setpriv")
            .args(USER)
            .arg("true")
            .status();
        if !can_change.is_ok_and(|status| status.success()) {
            eprintln!("skipped: root may do everything, and can't become another user here");
            return None;
        }
        command = without_settings("setpriv");
        command.args(USER).arg(&program);
    }
    command.env("HOME", folder).current_dir(folder);
    Some(command)
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
///
/// # Panics
///
/// Where `TRAINER_TEST_ADAPTER` is set, and the first adapter's name doesn't have it in it: what is to be tested on must
/// not be missing in silence.
pub fn has_wgpu_adapter() -> bool {
    let mut devices = trainer::device::list().into_iter();
    let found = devices.find(|device| device.backend == "wgpu");
    if let Ok(expected) = std::env::var("TRAINER_TEST_ADAPTER") {
        let found = found.as_ref().map_or("none", |device| &device.name);
        assert!(
            found.contains(&expected),
            "the adapter is {found}, not {expected}"
        );
    }
    if found.is_none() {
        eprintln!("skipped: no Vulkan, Metal or DX12 adapter (Debian: mesa-vulkan-drivers)");
    }
    found.is_some()
}

/// Two IDX files of `count` images of 28×28, all different, and two of the same number of labels.
pub fn write_data_set(folder: &Path, count: u32, offset: u32) {
    for pair in FILE_STEMS.chunks(2) {
        let is_train = pair[0].starts_with("train");
        let first = if is_train { offset } else { offset + count };
        let mut images: Vec<u8> = [0x803, count, 28, 28].map(u32::to_be_bytes).concat();
        let mut labels: Vec<u8> = [0x801, count].map(u32::to_be_bytes).concat();
        for image in first..first + count {
            images.extend((0..784).map(|pixel| (pixel * (image + 3) / 16 % 256).to_le_bytes()[0]));
            labels.push(image.to_le_bytes()[0] & 1);
        }
        std::fs::write(folder.join(pair[0]), images).expect("a file");
        std::fs::write(folder.join(pair[1]), labels).expect("a file");
    }
}
