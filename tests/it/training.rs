//! Training on every backend, from the same weights to the same losses; and what a run leaves.

use std::path::{Path, PathBuf};

use crate::common::{column, has_wgpu_adapter, json, only_run, small_run, trainer};
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

/// Three epochs of several steps each, all images known to the validation.
fn run_on(backend: &str, arch: &str, loss: &str) -> (TempDir, PathBuf) {
    let runs = TempDir::new().expect("a temporary folder");
    trainer()
        .args(["--backend", backend, "--arch", arch, "--loss", loss])
        .args(["--limit", "80", "--batch-size", "16", "--epochs", "3"])
        // The same images in each epoch, so that a loss that falls is what was learnt. What refinement
        // does is compared in tests/refine.rs: Adam makes whole steps of the last digits that it leaves.
        .args(["--augment", "none", "--refine", "0"])
        // Far fewer than training images, of which PCA would leave nothing to learn.
        .args(["--latent-dim", "16"])
        .args(["--seed", "7", "--quiet"])
        .arg("--runs")
        .arg(runs.path())
        .assert()
        .success();
    let run = only_run(runs.path());
    let losses = column(&run, "train_loss");
    assert!(
        losses.is_sorted_by(|a, b| a > b),
        "{loss} of {arch} on {backend} doesn't fall: {losses:?}"
    );
    (runs, run)
}

/// That a run on `backend` comes to what it comes to on flex. Its first epoch is compared: rounding
/// that differs in the last digit grows with every step.
fn assert_same_run(backend: &str, arch: &str, loss: &str) {
    let (_expected_runs, expected) = run_on("flex", arch, loss);
    let (_runs, run) = run_on(backend, arch, loss);
    for name in ["train_loss", "validation_loss", "validation_ssim"] {
        let [value, expected] = [&run, &expected].map(|run| column(run, name)[0]);
        assert!(
            (value - expected).abs() < 1e-4,
            "{name} of {arch} by {loss} is {value} on {backend}, {expected} on flex"
        );
    }
}

#[test]
fn baseline_learns_the_same_on_every_backend() {
    for loss in ["bce", "0.8*ssim+0.2*l1"] {
        assert_same_run("ndarray", "baseline", loss);
        if has_wgpu_adapter() {
            assert_same_run("wgpu", "baseline", loss);
        }
    }
}

#[test]
fn residual_learns_the_same_on_a_gpu() {
    if has_wgpu_adapter() {
        assert_same_run("wgpu", "residual", "ssim+psnr");
    }
}

#[test]
fn the_other_architectures_learn_the_same_on_every_cpu_backend() {
    assert_same_run("ndarray", "modified", "bce");
    assert_same_run("ndarray", "linear", "ssim+mse");
    assert_same_run("ndarray", "residual", "ssim+psnr");
}

#[test]
fn a_run_repeats_itself_to_the_bit_from_its_own_config() {
    let moved: &[&str] = &["--augment", "flip+shift"];
    for (arch, more) in [
        ("linear", &[][..]),
        ("linear", moved),
        ("baseline", &[]),
        ("modified", &[]),
        ("residual", &[]),
    ] {
        let runs = [
            TempDir::new().expect("a folder"),
            TempDir::new().expect("a folder"),
        ];
        small_run(runs[0].path())
            .args(["--arch", arch, "--seed", "3"])
            .args(more)
            .assert()
            .success();
        let first = only_run(runs[0].path());
        trainer()
            .arg("--config")
            .arg(first.join("config.toml"))
            .arg("--runs")
            .arg(runs[1].path())
            .assert()
            .success();
        let second = only_run(runs[1].path());
        let weights = |run: &std::path::Path| {
            std::fs::read(run.join("checkpoints/best.safetensors")).expect("weights")
        };
        for name in ["train_loss", "validation_loss", "validation_ssim"] {
            let [first, second] = [&first, &second].map(|run| column(run, name));
            assert_eq!(first, second, "{arch} {more:?} {name}");
        }
        assert!(weights(&first) == weights(&second), "{arch} {more:?}");
    }
}

#[test]
fn every_optimizer_loss_schedule_and_augmentation_learns() {
    let settings = [
        ["--optimizer", "adamw"],
        ["--loss", "mse"],
        ["--loss", "l1"],
        ["--loss", "ssim"],
        ["--loss", "ms-ssim"],
        ["--loss", "0.8*ssim+0.2*l1"],
        ["--loss", "ssim+psnr"],
        ["--schedule", "constant"],
        ["--schedule", "one-cycle"],
        // Less than one of eight steps, so that the rates of the epochs' last ones fall.
        ["--warmup", "0.1"],
        ["--clip-norm", "0.1"],
        ["--ema", "0.9"],
        ["--augment", "none"],
        ["--augment", "shift"],
        ["--augment", "flip+shift"],
    ];
    for setting in settings {
        let runs = TempDir::new().expect("a folder");
        small_run(runs.path())
            .args(["--epochs", "4"])
            .args(setting)
            .assert()
            .success();
        let run = only_run(runs.path());
        let losses = column(&run, "train_loss");
        assert!(losses[3] < losses[0], "{setting:?}: {losses:?}");
        let rates = column(&run, "learning_rate");
        let constant = setting == ["--schedule", "constant"];
        let falling = rates.is_sorted_by(|a, b| a > b);
        assert_eq!(falling, !constant, "{setting:?}: {rates:?}");
    }
}

/// What a small run comes to: training losses, validation losses, and the weights of its last epoch.
fn outcome(more: &[&str]) -> (Vec<f64>, Vec<f64>, Vec<u8>) {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .args(["--augment", "none", "--schedule", "constant"])
        .args(more)
        .assert()
        .success();
    let run = only_run(runs.path());
    let [training, validation] = ["train_loss", "validation_loss"].map(|name| column(&run, name));
    let weights = std::fs::read(run.join("checkpoints/last.safetensors")).expect("weights");
    (training, validation, weights)
}

#[test]
fn averaged_weights_are_judged_and_kept_and_training_goes_its_way() {
    for arch in ["baseline", "modified"] {
        let plain = outcome(&["--arch", arch]);
        assert!(plain == outcome(&["--arch", arch, "--ema", "0"]), "{arch}");
        let averaged = outcome(&["--arch", arch, "--ema", "0.9"]);
        assert_eq!(plain.0, averaged.0, "{arch}");
        assert_ne!(plain.1, averaged.1, "{arch}");
        assert!(plain.2 != averaged.2, "{arch}");
    }
}

#[test]
fn gradients_are_clipped_only_where_their_norm_is_larger() {
    let plain = outcome(&[]);
    assert!(plain == outcome(&["--clip-norm", "1e30"]));
    // So short that Adam, which makes up for a gradient's length, makes next to nothing of it.
    let (short, ..) = outcome(&["--clip-norm", "1e-12"]);
    let [plain, short] = [&plain.0, &short].map(|losses| (losses[1] - losses[0]).abs());
    assert!(short < 1e-4 && short < 0.1 * plain, "{short}, {plain}");
}

#[test]
fn another_seed_is_another_run() {
    let loss = |seed| {
        let runs = TempDir::new().expect("a folder");
        small_run(runs.path())
            .args(["--seed", seed])
            .assert()
            .success();
        column(&only_run(runs.path()), "train_loss")
    };
    assert_ne!(loss("1"), loss("2"));
}

#[test]
fn a_run_folder_holds_everything_that_a_reader_needs() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path()).assert().success();
    let run = only_run(runs.path());
    let files = [
        "config.toml",
        "meta.json",
        "status.json",
        "metrics.csv",
        "summary.json",
        "log.txt",
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
        "reconstructions/epoch-0001.png",
        "reconstructions/epoch-0002.png",
        "test.png",
        "worst.png",
        "curves.png",
    ];
    for file in files {
        assert!(
            run.join(file)
                .metadata()
                .is_ok_and(|metadata| metadata.len() > 0),
            "{file}"
        );
    }
    let name = run
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert!(name.ends_with("_baseline-z128"), "{name}");

    let summary = json(&run.join("summary.json"));
    assert_eq!(summary["images"]["train"], 64);
    assert_eq!(summary["parameters"], 1_621_889);
    assert_eq!(summary["pca"]["components"], 128);
    let meta = json(&run.join("meta.json"));
    assert_eq!(meta["backend"], "flex");
    assert_eq!(json(&run.join("status.json"))["state"], "finished");
    assert_eq!(column(&run, "epoch"), [1.0, 2.0]);
    assert_eq!(column(&run, "step"), [2.0, 4.0]);
}

#[test]
fn eval_finds_the_test_scores_of_the_summary_on_each_cpu_backend() {
    for arch in ["linear", "baseline", "modified", "residual"] {
        let runs = TempDir::new().expect("a folder");
        small_run(runs.path())
            // By psnr, refinement makes more of a difference in the last digit than this compares.
            .args(["--arch", arch, "--loss", "ssim+mse"])
            .assert()
            .success();
        let run = only_run(runs.path());
        let expected = json(&run.join("summary.json"))["test"]["ssim"]
            .as_f64()
            .expect("a number");
        for backend in ["flex", "ndarray"] {
            let output = trainer()
                .args(["eval", "--json", "--backend", backend])
                .arg(&run)
                .assert()
                .success()
                .get_output()
                .stdout
                .clone();
            let result: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
            let ssim = result["test"]["ssim"].as_f64().expect("a number");
            assert!(
                (ssim - expected).abs() < 1e-5,
                "{arch} on {backend}: {ssim}, {expected}"
            );
        }
    }
}

#[test]
fn early_stopping_ends_a_run_that_gets_no_better() {
    let runs = TempDir::new().expect("a folder");
    // No loss falls by 10, so that only the first epoch counts as better.
    small_run(runs.path())
        .args(["--epochs", "9", "--patience", "2", "--min-delta", "10"])
        .assert()
        .success();
    let run = only_run(runs.path());
    assert_eq!(json(&run.join("status.json"))["state"], "early_stopped");
    assert_eq!(column(&run, "epoch"), [1.0, 2.0, 3.0]);
    assert_eq!(json(&run.join("summary.json"))["best_epoch"], 1);
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_says_where() {
    let runs = TempDir::new().expect("a folder");
    let assert = small_run(runs.path())
        .args(["--learning-rate", "1e30"])
        .assert()
        .code(1);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("at step 2 (epoch 1)"), "{message}");
    assert!(message.contains("--learning-rate"), "{message}");
    assert_eq!(message.matches("at step 2").count(), 1, "{message}");
    let log = std::fs::read_to_string(only_run(runs.path()).join("log.txt")).expect("log.txt");
    assert_eq!(log.matches("at step 2").count(), 1, "{log}");
    assert!(log.contains("--learning-rate"), "{log}");
    let status = json(&only_run(runs.path()).join("status.json"));
    assert_eq!(status["state"], "failed");
    assert!(
        status["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("step 2")),
        "{status}"
    );
}

/// How large a loss is depends on its weights: what counts is how it compares with its own start.
#[test]
fn a_heavy_loss_does_not_diverge_and_an_exploding_one_does() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .args(["--loss", "30*bce"])
        .assert()
        .success();
    assert!(column(&only_run(runs.path()), "train_loss")[0] > 10.0);

    let runs = TempDir::new().expect("a folder");
    let assert = small_run(runs.path())
        .args(["--loss", "0.001*bce", "--learning-rate", "30"])
        .assert()
        .code(1);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("the loss became"), "{message}");
}

#[test]
fn the_preset_decides_every_ssim_of_a_run_and_is_named_in_it() {
    let run_by = |preset: &str| {
        let runs = TempDir::new().expect("a folder");
        small_run(runs.path())
            .args(["--ssim-preset", preset])
            .assert()
            .success();
        let run = only_run(runs.path());
        let summary = json(&run.join("summary.json"));
        assert_eq!(summary["ssim_preset"], preset);
        (runs, run, summary)
    };
    let (_tf_runs, tf_run, tf) = run_by("tf");
    let (_runs, run, skimage) = run_by("skimage");
    // The loss is bce, so that the weights are the same, and only the scores differ.
    assert_eq!(column(&tf_run, "train_loss"), column(&run, "train_loss"));
    assert_eq!(tf["test"]["mse"], skimage["test"]["mse"]);
    let differ = |a: &serde_json::Value, b: &serde_json::Value| {
        let [a, b] = [a, b].map(|ssim| ssim.as_f64().expect("a number"));
        assert!((a - b).abs() > 1e-3, "{a} and {b}");
    };
    for split in ["test", "validation"] {
        differ(&tf[split]["ssim"], &skimage[split]["ssim"]);
        differ(&tf["pca"][split]["ssim"], &skimage["pca"][split]["ssim"]);
    }
    let columns = [&tf_run, &run].map(|run| column(run, "validation_ssim"));
    assert!(
        columns[0]
            .iter()
            .zip(&columns[1])
            .all(|(a, b)| (a - b).abs() > 1e-3)
    );

    // `eval` goes by the run's conventions.
    let output = trainer()
        .args(["eval", "--json"])
        .arg(&run)
        .output()
        .expect("it runs");
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["test"]["ssim"], skimage["test"]["ssim"]);
}

#[test]
fn a_loss_of_ssim_goes_by_the_preset() {
    let first_loss = |preset: &str| {
        let runs = TempDir::new().expect("a folder");
        small_run(runs.path())
            .args(["--loss", "ssim", "--epochs", "1", "--ssim-preset", preset])
            .assert()
            .success();
        column(&only_run(runs.path()), "train_loss")[0]
    };
    let [tf, same] = ["tf", "same"].map(first_loss);
    assert!((tf - same).abs() > 1e-3, "{tf} and {same}");
}

#[test]
fn the_log_tells_the_loss_and_how_many_scales_fit() {
    for (preset, scales) in [("tf", "2 of 5 scales"), ("skimage", "3 of 5 scales")] {
        let runs = TempDir::new().expect("a folder");
        small_run(runs.path())
            .args(["--loss", "0.5*ms-ssim+bce", "--epochs", "1"])
            .args(["--ssim-preset", preset])
            .assert()
            .success();
        let log = std::fs::read_to_string(only_run(runs.path()).join("log.txt")).expect("log.txt");
        assert!(log.contains("loss 0.5*ms-ssim+bce"), "{log}");
        assert!(log.contains(&format!("by preset {preset}")), "{log}");
        assert!(log.contains(scales), "{log}");
    }
}

#[test]
fn the_summary_repeats_the_validation_scores_of_the_best_epoch() {
    let runs = TempDir::new().expect("a folder");
    // No loss falls by 10: the best epoch is the first, and not the last.
    small_run(runs.path())
        .args(["--min-delta", "10"])
        .assert()
        .success();
    let run = only_run(runs.path());
    let summary = json(&run.join("summary.json"));
    assert_eq!(summary["best_epoch"], 1);
    assert_eq!(summary["validation"]["images"], 8);
    for score in ["ssim", "psnr", "mse"] {
        let expected = column(&run, &format!("validation_{score}"))[0];
        let found = summary["validation"][score].as_f64().expect("a number");
        // serde_json reads numbers to within the last bit.
        let last_bit = f64::EPSILON * expected.abs();
        assert!(
            (found - expected).abs() <= last_bit,
            "{score}: {found}, {expected}"
        );
    }
}

#[test]
fn training_starts_from_another_models_weights() {
    let home = TempDir::new().expect("a folder");
    let train = |name: &str, words: &[&str]| {
        let runs = home.path().join(name);
        let mut command = small_run(&runs);
        command
            .args(["--latent-dim", "8", "--refine", "0"])
            .args(words);
        (runs, command)
    };
    let (runs, mut first) = train("first", &["--epochs", "6"]);
    first.assert().success();
    let first = only_run(&runs);
    let model = first.join("checkpoints/best.safetensors");
    let first_loss = |run: &Path| column(run, "train_loss")[0];
    let (_, last) = (
        first_loss(&first),
        *column(&first, "train_loss").last().expect("epochs"),
    );
    for (name, init) in [("of-run", &first), ("of-file", &model)] {
        let (runs, mut second) = train(name, &["--epochs", "1", "--init"]);
        second.arg(init).assert().success();
        let loss = first_loss(&only_run(&runs));
        assert!(
            loss < f64::midpoint(first_loss(&first), last),
            "{name}: {loss}, {last}"
        );
    }
    let (runs, mut other) = train("other", &["--latent-dim", "9", "--init"]);
    other
        .arg(&model)
        .assert()
        .code(1)
        .stderr(contains("--init").and(contains("8 latent values")));
    let (_, mut missing) = train("missing", &["--init", "/nonexistent"]);
    missing.assert().code(1).stderr(contains("/nonexistent"));
    assert!(!runs.exists());
}

#[test]
fn a_model_learns_to_restore_spoilt_images() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = crate::common::trainer();
    command
        .args(["--backend", "flex", "--arch", "residual", "--width", "4"])
        .args(["--limit", "600", "--latent-dim", "32", "--epochs", "6"])
        .args(["--corrupt", "gaussian:0.3", "--quiet", "--runs"])
        .arg(home.path());
    command.assert().success();
    let run = crate::common::only_run(home.path());
    let summary = crate::common::json(&run.join("summary.json"));
    let [noisy, pca, model] = ["noisy", "pca", "test"].map(|part| {
        let part = &summary[part];
        let part = part.get("test").unwrap_or(part);
        ["psnr", "ssim"].map(|key| part[key].as_f64().expect("a number"))
    });
    // Noise of 0.3 on images that are half black, where half of it is cut off.
    assert!((10.0..16.0).contains(&noisy[0]), "{noisy:?}");
    assert!(
        model[0] > noisy[0] + 3.0 && model[1] > noisy[1] + 0.2,
        "{model:?}"
    );
    assert!(model[1] > pca[1], "{pca:?}");
    for picture in ["test.png", "worst.png"] {
        let path = run.join(picture);
        assert!(path.is_file(), "{path:?}");
    }

    // Evaluated again, the same images are spoilt in the same way.
    let mut command = crate::common::trainer();
    command.args(["eval", "--json"]).arg(&run);
    let done = command.assert().success();
    let again: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    assert_eq!(again["test"], summary["test"]);
    let mut command = crate::common::trainer();
    command.arg("info").arg(&run).assert().success();
    command
        .assert()
        .stdout(predicates::str::contains("gaussian:0.3"));
}

#[test]
fn spoilt_images_are_what_they_are_said_to_be() {
    use burn::tensor::Tensor;
    use trainer::data::{Corruption, InputNoise};
    let device = trainer::Device::flex();
    let grey = Tensor::<4>::full([4, 3, 50, 40], 0.5, &device);
    let spoilt = |corruption: Corruption, step| -> Vec<f32> {
        let noise = InputNoise {
            corruption,
            seed: 3,
        };
        let seen = noise.in_training(grey.clone(), step);
        seen.into_data().try_to_vec().expect("numbers")
    };
    // An image that is scored is spoilt in one way, whatever is scored with it.
    let scored = |indices: &[u32]| -> Vec<f32> {
        let noise = InputNoise {
            corruption: Corruption::Salt(0.3),
            seed: 3,
        };
        let images = grey.clone().narrow(0, 0, indices.len());
        let seen = noise.in_scoring(images, indices);
        seen.into_data().try_to_vec().expect("numbers")
    };
    assert_eq!(scored(&[7, 9, 4])[6_000..12_000], scored(&[9]));
    assert_ne!(scored(&[7]), scored(&[9]));
    let mean = |values: &[f32]| values.iter().sum::<f32>() / 24_000.0;
    let share = |values: &[f32], wanted: f32| {
        let found = values
            .iter()
            .filter(|&&value| (value - wanted).abs() < 1e-6)
            .count();
        f64::from(u32::try_from(found).expect("few")) / 24_000.0
    };

    let gaussian = spoilt(Corruption::Gaussian(0.1), 7);
    let squares: Vec<f32> = gaussian.iter().map(|value| (value - 0.5).powi(2)).collect();
    assert!((mean(&gaussian) - 0.5).abs() < 0.003);
    assert!((mean(&squares).sqrt() - 0.1).abs() < 0.002);
    let within = gaussian
        .iter()
        .filter(|value| (*value - 0.5).abs() < 0.1)
        .count();
    assert!((16_100..16_700).contains(&within), "{within}");
    let extreme = spoilt(Corruption::Gaussian(2.0), 7);
    assert!(extreme.iter().all(|value| (0.0..=1.0).contains(value)));

    let mask = spoilt(Corruption::Mask(0.25), 7);
    assert!((share(&mask, 0.0) - 0.25).abs() < 0.02);
    assert!((share(&mask, 0.5) - 0.75).abs() < 0.02);
    // A pixel is spoilt in all its channels.
    assert!(mask[..2_000] == mask[2_000..4_000]);
    let salt = spoilt(Corruption::Salt(0.2), 7);
    assert!((share(&salt, 0.0) - 0.1).abs() < 0.015);
    assert!((share(&salt, 1.0) - 0.1).abs() < 0.015);

    assert_eq!(mask, spoilt(Corruption::Mask(0.25), 7));
    assert_ne!(mask, spoilt(Corruption::Mask(0.25), 8));
    assert!((share(&spoilt(Corruption::None, 7), 0.5) - 1.0).abs() < 1e-9);
    for (word, corruption) in [
        ("none", Corruption::None),
        ("gaussian:0.2", Corruption::Gaussian(0.2)),
        ("mask:0.25", Corruption::Mask(0.25)),
        ("salt:0.1", Corruption::Salt(0.1)),
    ] {
        assert_eq!(word.parse(), Ok(corruption));
        assert_eq!(corruption.to_string(), word);
    }
    for word in [
        "",
        "gaussian",
        "gaussian:0",
        "gaussian:nan",
        "mask:1",
        "salt:-1",
        "blur:2",
        "none:1",
    ] {
        assert!(word.parse::<Corruption>().is_err(), "{word}");
    }
}

#[test]
fn refinement_and_spoilt_images_do_not_go_together() {
    let mut command = crate::common::trainer();
    command.args(["--corrupt", "mask:0.2", "--refine", "3", "--limit", "100"]);
    command
        .assert()
        .failure()
        .stderr(predicates::str::contains("would bring the noise back"));
}
