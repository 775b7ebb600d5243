//! `trainer eval`: a run's scores again, by other refinement, and only on the images that it was trained on.

use std::fs;

use crate::common::{json, only_run, small_run, trainer, write_data_set};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn images_that_are_not_the_runs_are_refused_with_both_hashes() {
    let folder = TempDir::new().expect("a folder");
    let (data, runs) = (folder.path().join("data"), folder.path().join("runs"));
    fs::create_dir(&data).expect("a folder");
    write_data_set(&data, 40, 0);
    small_run(&runs).arg("--data").arg(&data).assert().success();
    let run = only_run(&runs);
    let eval = || {
        let mut command = trainer();
        command.arg("eval").arg(&run);
        command
    };
    eval().assert().success().stdout(contains("SSIM"));

    let meta = json(&run.join("meta.json"));
    let expected = meta["dataset"]["hash"].as_str().expect("a hash");
    write_data_set(&data, 40, 1);
    eval()
        .assert()
        .code(1)
        .stderr(contains(expected))
        .stderr(contains("those found now have"))
        .stderr(contains("panicked").not());
    // Its model needs no images.
    let model = trainer::train::open_model(&run, &burn::tensor::Device::flex());
    assert_eq!(model.expect("a model").info().classes, ["0", "1"]);
}

#[test]
fn a_run_without_weights_says_so() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path()).assert().success();
    let run = only_run(runs.path());
    fs::remove_file(run.join("checkpoints/best.safetensors")).expect("removing");
    trainer()
        .arg("eval")
        .arg(&run)
        .assert()
        .code(1)
        .stderr(contains("the run has no weights"))
        .stderr(contains("best.safetensors"))
        .stderr(contains("trainer resume"));
}

#[test]
fn weights_of_another_model_are_no_runs_own() {
    let runs = TempDir::new().expect("a folder");
    let [own, other] = ["4", "5"].map(|latent_dim| {
        let runs = runs.path().join(latent_dim);
        let mut command = small_run(&runs);
        command
            .args(["--latent-dim", latent_dim])
            .assert()
            .success();
        only_run(&runs)
    });
    let weights = |run: &std::path::Path| run.join("checkpoints/best.safetensors");
    fs::copy(weights(&other), weights(&own)).expect("a copy");
    trainer()
        .arg("eval")
        .arg(&own)
        .assert()
        .code(1)
        .stderr(contains("5 latent values").and(contains("4 latent values")))
        .stderr(contains("best.safetensors: it is").and(contains("init").not()));
}

#[test]
fn spoilt_images_are_not_brought_back_by_refinement() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .args(["--corrupt", "gaussian:0.1"])
        .assert()
        .success();
    trainer()
        .arg("eval")
        .arg(only_run(runs.path()))
        .args(["--refine", "2"])
        .assert()
        .code(1)
        .stderr(contains("--refine").and(contains("trained to restore spoilt images")));
}

#[test]
fn another_backend_has_devices_of_its_own() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path()).assert().success();
    let run = only_run(runs.path());
    let path = run.join("config.toml");
    let config = fs::read_to_string(&path).expect("config.toml");
    let elsewhere = config
        .replace("backend = \"flex\"", "backend = \"wgpu\"")
        .replace("device = 0", "device = 1");
    assert_ne!(elsewhere, config);
    fs::write(&path, elsewhere).expect("writing");
    trainer()
        .args(["eval", "--backend", "flex"])
        .arg(&run)
        .assert()
        .success();
    let again = TempDir::new().expect("a folder");
    small_run(again.path())
        .arg("--config")
        .arg(&path)
        .assert()
        .success();
}

#[test]
fn validation_and_refinement_as_in_training_repeat_its_scores_and_more_refinement_raises_them() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .args(["--arch", "residual", "--width", "4", "--latent-dim", "8"])
        .args(["--refine", "2"])
        .assert()
        .success();
    let run = only_run(runs.path());
    let summary = json(&run.join("summary.json"));
    let eval = |more: &[&str]| -> Value {
        let mut command = trainer();
        command.args(["eval", "--json"]).arg(&run).args(more);
        let assert = command.assert().success();
        serde_json::from_slice(&assert.get_output().stdout).expect("JSON")
    };
    for more in [&[][..], &["--refine", "2"]] {
        let found = eval(more);
        assert_eq!(found["refine"], 2);
        assert_eq!(found["test"], summary["test"], "{more:?}");
        assert_eq!(found["validation"], Value::Null);
    }
    let found = eval(&["--validation"]);
    assert_eq!(found["validation"], summary["validation"]);
    assert_eq!(found["test"], Value::Null);

    let ssim = |steps: u32| {
        let found = eval(&["--refine", &steps.to_string()]);
        assert_eq!(found["refine"], steps);
        found["test"]["ssim"].as_f64().expect("a number")
    };
    let [none, few, many] = [0, 2, 10].map(ssim);
    assert!(
        none + 0.005 < few && few + 0.03 < many,
        "{none}, {few}, {many}"
    );
}
