//! Runs on folders of images: training, and what can be done with a run afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::tempdir;
use trainer::Model;
use trainer::data::Fit;
use trainer::run::{RunDir, RunRecord};

use super::{picture, sized};
use crate::common::folder::Outcome;
use crate::common::{json, only_run, trainer};

/// 40 pictures of 16×12 in two classes.
fn photos(home: &Path) -> PathBuf {
    let folder = home.join("photos");
    for seed in 0..40 {
        picture(
            &folder,
            &format!("{}/{seed:02}.png", ["cat", "dog"][usize::from(seed % 2)]),
            5 * seed,
        );
    }
    folder
}

fn training(home: &Path, folder: &Path) -> Command {
    let mut command = trainer();
    command
        .args([
            "--backend",
            "flex",
            "--arch",
            "baseline",
            "--latent-dim",
            "4",
        ])
        .args(["--epochs", "2", "--batch-size", "16", "--data"])
        .arg(folder)
        .arg("--runs")
        .arg(home.join("runs"))
        .env("XDG_CACHE_HOME", home.join("cache"));
    command
}

fn with_run(home: &Path, words: &[&str]) -> Command {
    let mut command = trainer();
    command
        .args(words)
        .arg(only_run(&home.join("runs")))
        .env("XDG_CACHE_HOME", home.join("cache"));
    command
}

#[test]
fn a_run_on_a_folder_ties_its_results_to_files() -> Outcome {
    let home = tempdir()?;
    let folder = photos(home.path());
    fs::write(folder.join("cat/bad.png"), "no picture")?;
    training(home.path(), &folder)
        .assert()
        .success()
        .stderr(contains("1 of 41 files skipped; the first, cat/bad.png"))
        .stderr(contains("skipped.csv tells why"));
    let run = only_run(&home.path().join("runs"));
    let images = RunDir::open(&run)?.read_images()?;
    assert_eq!(images.len(), 40);
    assert_eq!(images[0].path, "cat/00.png");
    assert_eq!((images[0].width, images[0].height), (16, 12));
    assert_eq!(images[0].class.as_deref(), Some("cat"));
    let parts = |part: &str| {
        let part = Some(part.to_owned());
        images.iter().filter(|image| image.split == part).count()
    };
    assert_eq!(
        (parts("train"), parts("validation"), parts("test")),
        (32, 4, 4)
    );
    let skipped = fs::read_to_string(run.join("skipped.csv"))?;
    assert!(
        skipped.starts_with("path,reason\ncat/bad.png,"),
        "{skipped}"
    );

    let tested = fs::read_to_string(run.join("test.csv"))?;
    let tests: Vec<&str> = images
        .iter()
        .filter(|image| image.split.as_deref() == Some("test"))
        .map(|image| image.path.as_str())
        .collect();
    for path in tests {
        assert!(tested.contains(path), "{path}: {tested}");
    }
    let config = fs::read_to_string(run.join("config.toml"))?;
    assert!(
        config.contains("size = \"16x12\"") && config.contains("channels = \"3\""),
        "{config}"
    );
    assert!(RunRecord::read(&run).problems.is_empty());

    let model = Model::open(
        run.join("checkpoints/best.safetensors"),
        &burn::tensor::Device::flex(),
    )?;
    assert_eq!(model.info().image.to_string(), "3×12×16");
    assert_eq!(model.info().preparation.fit, Fit::Crop);
    assert_eq!(model.info().classes, ["cat", "dog"]);

    for words in [&["eval"][..], &["report"], &["compare", "--output"]] {
        let mut command = with_run(home.path(), &words[..1]);
        if words.len() > 1 {
            command.arg(only_run(&home.path().join("runs")));
            command.arg(words[1]).arg(home.path());
        }
        command.assert().success();
    }
    Ok(())
}

#[test]
fn images_that_changed_are_named_by_resume_and_eval() -> Outcome {
    let home = tempdir()?;
    let folder = photos(home.path());
    training(home.path(), &folder).assert().success();
    with_run(home.path(), &["resume", "--epochs", "3"])
        .assert()
        .success();

    picture(&folder, "cat/00.png", 251);
    fs::remove_file(folder.join("dog/01.png"))?;
    picture(&folder, "dog/new.png", 252);
    for words in [&["resume", "--epochs", "4"][..], &["eval"]] {
        with_run(home.path(), words)
            .assert()
            .code(1)
            .stderr(contains("1 file changed (cat/00.png)"))
            .stderr(contains("1 file missing (dog/01.png)"))
            .stderr(contains("1 file new (dog/new.png)"));
    }
    // Moved, and otherwise the same.
    fs::remove_file(folder.join("dog/new.png"))?;
    picture(&folder, "cat/00.png", 0);
    picture(&folder, "dog/01.png", 5);
    let moved = home.path().join("moved");
    fs::rename(&folder, &moved)?;
    with_run(home.path(), &["eval", "--data"])
        .assert()
        .failure();
    let mut eval = with_run(home.path(), &["eval"]);
    eval.arg("--data").arg(&moved).assert().success();
    Ok(())
}

#[test]
fn many_files_that_cannot_be_used_stop_training_and_one_with_strict() -> Outcome {
    let home = tempdir()?;
    let folder = photos(home.path());
    for number in 0..2 {
        fs::write(folder.join(format!("cat/bad{number}.png")), "")?;
    }
    training(home.path(), &folder)
        .arg("--strict")
        .assert()
        .code(1)
        .stderr(contains("cat/bad0.png: it's empty").and(contains("--strict")));
    training(home.path(), &folder)
        .arg("--dry-run")
        .assert()
        .success();
    fs::write(folder.join("dog/bad.png"), "")?;
    training(home.path(), &folder)
        .assert()
        .code(1)
        .stderr(contains(
            "3 of 43 images can't be used, which is more than 5 %",
        ));
    assert!(!home.path().join("runs").exists());
    Ok(())
}

#[test]
fn every_size_trains_with_every_architecture() -> Outcome {
    let home = tempdir()?;
    let folder = home.path().join("odd");
    for seed in 0..30 {
        sized(&folder, &format!("{seed:02}.png"), 8 * seed, 97, 61);
    }
    for arch in ["linear", "baseline", "modified", "residual"] {
        let runs = home.path().join(arch);
        training(home.path(), &folder)
            .args([
                "--arch", arch, "--epochs", "1", "--refine", "2", "--json", "--runs",
            ])
            .arg(&runs)
            .assert()
            .success();
        let summary = json(&only_run(&runs).join("summary.json"));
        assert!(summary["test"]["ssim"].is_number(), "{arch}: {summary}");
    }
    let small = home.path().join("small");
    for seed in 0..30 {
        sized(&small, &format!("{seed:02}.png"), 8 * seed, 9, 30);
    }
    training(home.path(), &small)
        .assert()
        .code(2)
        .stderr(contains("--size").and(contains("--ssim-preset")));
    Ok(())
}

#[test]
fn settings_of_images_come_from_flags_and_files_and_are_checked() -> Outcome {
    let home = tempdir()?;
    let folder = photos(home.path());
    let file = home.path().join("settings.toml");
    fs::write(
        &file,
        "size = \"20\"\nchannels = \"1\"\nfit = \"pad\"\nbackground = \"white\"\n",
    )?;
    let output = training(home.path(), &folder)
        .args(["--dry-run", "--config"])
        .arg(&file)
        .args(["--size", "24x12"])
        .output()?;
    let plan = String::from_utf8(output.stdout)?;
    for expected in [
        "size = \"24x12\"",
        "channels = \"1\"",
        "fit = \"pad\"",
        "background = \"white\"",
        "grey, 24×12 pixels (width×height) from 16×12, resized (bicubic, in sRGB), padded",
    ] {
        assert!(plan.contains(expected), "{expected}: {plan}");
    }
    for (flag, value) in [
        ("--size", "0"),
        ("--channels", "2"),
        ("--fit", "squeeze"),
        ("--background", "nothing"),
    ] {
        training(home.path(), &folder)
            .args(["--dry-run", flag, value])
            .assert()
            .code(2)
            .stderr(contains(flag));
    }
    Ok(())
}

#[test]
fn a_table_of_classes_moves_with_its_folder() -> Outcome {
    let home = tempdir()?;
    let folder = photos(home.path());
    let rows =
        (0..40).map(|seed| format!("{}/{seed:02}.png,{}\n", ["cat", "dog"][seed % 2], seed % 3));
    let table = folder.join("labels.csv");
    fs::write(
        &table,
        "path,class\n".to_owned() + &rows.collect::<String>(),
    )?;
    training(home.path(), &folder)
        .arg("--labels")
        .arg(&table)
        .assert()
        .success();
    let moved = home.path().join("moved");
    fs::rename(&folder, &moved)?;
    with_run(home.path(), &["eval"])
        .arg("--data")
        .arg(&moved)
        .assert()
        .success();
    with_run(home.path(), &["resume", "--epochs", "3"])
        .env("TRAINER_DATA", &moved)
        .assert()
        .success();
    Ok(())
}

#[test]
fn a_sweep_over_a_folder_uses_the_cache() -> Outcome {
    let home = tempdir()?;
    let folder = photos(home.path());
    let mut sweep = trainer();
    sweep
        .args([
            "sweep",
            "--backend",
            "flex",
            "--latent-dims",
            "2,3",
            "--archs",
            "linear",
        ])
        .args(["--epochs", "1", "--refine", "1", "--json", "--data"])
        .arg(&folder)
        .arg("--out")
        .arg(home.path().join("sweep"))
        .env("XDG_CACHE_HOME", home.path().join("cache"));
    let output = sweep.assert().success();
    let rows: Value = serde_json::from_slice(&output.get_output().stdout)?;
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    let cached = fs::read_dir(home.path().join("cache/trainer/images"))?;
    assert_eq!(cached.count(), 1);
    Ok(())
}
