//! `trainer compare`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::folder::Outcome;
use crate::common::{run_folders, small_run, trainer};
use serde_json::Value;

/// A small run with these further arguments.
fn new_run(runs: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let mut command = small_run(runs);
    command.args(["--name", name]).args(arguments);
    command.assert().success();
    let folders = run_folders(runs);
    let found = folders
        .iter()
        .find(|path| path.to_string_lossy().ends_with(&format!("_{name}")));
    found.expect("the run").clone()
}

/// Standard output and standard error of a comparison that succeeds.
fn compare(runs: &[&Path], output: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = trainer();
    command.arg("compare").args(runs).args(arguments);
    command
        .args(["--backend", "flex"])
        .arg("--output")
        .arg(output);
    let output = command.assert().success().get_output().clone();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn runs_are_compared_by_settings_scores_and_pictures() -> Outcome {
    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    let a = new_run(&runs, "a", &[]);
    let b = new_run(&runs, "b", &["--latent-dim", "64"]);
    let c = new_run(&runs, "c", &["--loss", "ssim", "--seed", "1"]);

    let output = home.path().join("new/folder");
    let (text, warnings) = compare(&[&a, &b], &output, &[]);
    assert_eq!(warnings, "");
    let latent = text.lines().find(|line| line.starts_with("latent_dim"));
    let words: Vec<_> = latent.expect("a line").split_whitespace().collect();
    assert_eq!(words, ["latent_dim", "128", "64"]);
    assert!(!text.contains("batch_size"), "{text}");
    assert!(text.contains("test SSIM") && text.contains("parameters"));
    let curves = image::open(output.join("compare.png"))?.to_rgb8();
    assert_eq!(curves.width(), 1560);
    let two = image::open(output.join("compare_images.png"))?.to_rgb8();

    let (json, _) = compare(&[&a, &b, &c], &output, &["--json"]);
    let value: Value = serde_json::from_str(&json)?;
    assert_eq!(
        value["settings"]["latent_dim"],
        serde_json::json!([128, 64, 128])
    );
    assert_eq!(value["settings"]["seed"], serde_json::json!([0, 0, 1]));
    let [first, second] = [0, 1].map(|run| value["runs"][run]["metrics"]["test_ssim"].as_f64());
    let delta = value["runs"][1]["delta"]["test_ssim"].as_f64();
    assert_eq!(delta, Some(second.unwrap() - first.unwrap()));
    let loss = &value["runs"][2]["delta"]["best_validation_loss"];
    assert!(loss.is_null(), "losses of two kinds have no difference");
    let warnings = value["warnings"].to_string();
    assert!(warnings.contains("run 3 has seed 1"), "{warnings}");
    assert!(warnings.contains("run 3 has loss ssim"), "{warnings}");
    assert!(!warnings.contains("run 2"), "{warnings}");
    let three = image::open(output.join("compare_images.png"))?.to_rgb8();
    assert!(three.width() > two.width());

    // A run that can't reconstruct stays in the tables.
    fs::remove_file(b.join("checkpoints/best.safetensors"))?;
    let (text, warnings) = compare(&[&a, &b], &output, &[]);
    assert!(warnings.contains("run 2 is left out"), "{warnings}");
    assert!(text.contains("test SSIM"));
    let one = image::open(output.join("compare_images.png"))?.to_rgb8();
    assert!(one.width() <= two.width());

    // Scores by two conventions are told apart.
    let config = b.join("config.toml");
    let changed = fs::read_to_string(&config)?.replace("\"tf\"", "\"skimage\"");
    fs::write(&config, changed)?;
    let (_, warnings) = compare(&[&a, &b], &output, &[]);
    assert!(warnings.contains("ssim_preset skimage"), "{warnings}");
    Ok(())
}

#[test]
fn one_run_or_no_run_is_refused() -> Outcome {
    let home = tempfile::tempdir()?;
    trainer().args(["compare", "a"]).assert().code(2);
    let assert = trainer()
        .arg("compare")
        .args([home.path(), home.path()])
        .assert();
    let error = String::from_utf8(assert.code(1).get_output().stderr.clone())?;
    assert!(error.contains("isn't a run folder"), "{error}");
    Ok(())
}
