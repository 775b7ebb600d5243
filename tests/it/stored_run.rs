//! A run of trainer 0.1.0, as it was left, in `../reference/run-0.1.0`: what later versions do with it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{json, trainer};
use burn::tensor::Device;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;
use trainer::train::open_model;

/// A copy of the run, in a folder of runs.
fn stored() -> (TempDir, PathBuf) {
    let runs = TempDir::new().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/run-0.1.0");
    let run = runs.path().join("2026-11-25T03-04-58_small");
    copy(&source, &run);
    (runs, run)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copying");
        }
    }
}

#[test]
fn it_is_evaluated_to_the_same_scores() {
    let (_runs, run) = stored();
    let output = trainer()
        .args(["eval", "--json", "--backend", "flex"])
        .arg(&run)
        .assert()
        .success();
    let found: Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
    let expected = json(&run.join("summary.json"));
    for score in ["ssim", "psnr", "mse"] {
        let [found, expected] = [&found, &expected].map(|value| {
            let score = &value["test"][score];
            score.as_f64().expect("a number")
        });
        // To the last bits: another processor sums in another order, and refinement goes on from there.
        assert!(
            (found - expected).abs() < 1e-3 * expected,
            "{score}: {found}, not {expected}"
        );
    }
}

#[test]
fn it_is_listed_reported_and_compared() {
    let (runs, run) = stored();
    trainer()
        .arg("runs")
        .arg("--runs")
        .arg(runs.path())
        .assert()
        .success()
        .stdout(contains("small").and(contains("finished")));
    let page = runs.path().join("report.html");
    trainer()
        .args(["report", "-o"])
        .arg(&page)
        .arg(&run)
        .assert()
        .success();
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains("\"t-shirt\""), "its classes are there");
    let output = trainer()
        .args(["compare", "--json", "--backend", "flex", "--output"])
        .arg(runs.path())
        .args([&run, &run])
        .assert()
        .success();
    let comparison: Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
    assert_eq!(comparison["warnings"], serde_json::json!([]));
    assert!(runs.path().join("compare_images.png").is_file());
}

#[test]
fn it_cannot_be_resumed_and_that_is_said() {
    let (_runs, run) = stored();
    trainer()
        .args(["resume", "--epochs", "3"])
        .arg(&run)
        .assert()
        .code(1)
        .stderr(contains("an older version of trainer wrote it"));
}

#[test]
fn its_model_opens_by_way_of_its_settings() {
    let (_runs, run) = stored();
    let model = open_model(&run, &Device::flex()).expect("a model");
    assert_eq!(model.info().latent_dim, 2);
    assert_eq!(model.info().classes, ["t-shirt", "trouser"]);
    let error = trainer::Model::open(run.join("checkpoints/best.safetensors"), &Device::flex());
    let error = error.expect_err("it doesn't say what it is").to_string();
    assert!(error.contains("isn't a model file of trainer"), "{error}");
}
