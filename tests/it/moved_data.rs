//! Data sets that were moved after a run was trained on them: found again by `--data` or `$TRAINER_DATA`,
//! and by their SHA-256 only.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

use crate::common::{json, only_run, small_run, trainer, write_data_set};

/// A folder with a data set in `data`, and a run that was trained on it by a relative path.
fn trained() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    write_data_set(&data, 40, 0);
    small_run(&folder.path().join("runs"))
        .current_dir(folder.path())
        .args(["--data", "data"])
        .assert()
        .success();
    let run = only_run(&folder.path().join("runs"));
    (folder, run)
}

fn on_run(command: &str, run: &Path) -> Command {
    let mut program = trainer();
    program.arg(command).arg(run);
    program
}

fn config(run: &Path) -> String {
    fs::read_to_string(run.join("config.toml")).expect("config.toml")
}

#[test]
fn a_relative_data_folder_is_found_from_anywhere() {
    let (folder, run) = trained();
    let expected = std::path::absolute(folder.path().join("data")).expect("a path");
    let table: toml::Table = toml::from_str(&config(&run)).expect("TOML");
    assert_eq!(table["data"].as_str(), expected.to_str());
    let elsewhere = TempDir::new().expect("a folder");
    on_run("eval", &run)
        .current_dir(elsewhere.path())
        .assert()
        .success();
    on_run("resume", &run)
        .current_dir(elsewhere.path())
        .args(["--epochs", "3"])
        .assert()
        .success();
}

#[test]
fn a_moved_data_set_is_named_by_flag_or_variable() {
    let (folder, run) = trained();
    let moved = folder.path().join("moved");
    fs::rename(folder.path().join("data"), &moved).expect("moving");
    for command in ["eval", "resume"] {
        let mut program = on_run(command, &run);
        if command == "resume" {
            program.args(["--epochs", "3"]);
        }
        program
            .assert()
            .code(1)
            .stderr(contains("--data DIR").and(contains("doesn't exist")));
    }
    on_run("eval", &run)
        .arg("--data")
        .arg(&moved)
        .assert()
        .success();
    on_run("eval", &run)
        .env("TRAINER_DATA", &moved)
        .assert()
        .success();
    on_run("resume", &run)
        .args(["--epochs", "3", "--data"])
        .arg(&moved)
        .assert()
        .success();
    // From now on it's there.
    assert!(config(&run).contains("moved"), "{}", config(&run));
    on_run("eval", &run).assert().success();
}

#[test]
fn compare_finds_moved_data_sets_too() {
    let (folder, run) = trained();
    small_run(&folder.path().join("others")).assert().success();
    let other = only_run(&folder.path().join("others"));
    let moved = folder.path().join("moved");
    fs::rename(folder.path().join("data"), &moved).expect("moving");
    let compare = || {
        let mut program = on_run("compare", &other);
        program
            .arg(&run)
            .args(["--backend", "flex", "--output"])
            .arg(folder.path());
        program
    };
    compare().assert().success().stderr(
        contains("run 2 is left out")
            .and(contains("--data DIR"))
            .and(contains("\\n").not()),
    );
    // The first run's images are embedded, and not in that folder.
    compare()
        .arg("--data")
        .arg(&moved)
        .assert()
        .success()
        .stderr(contains("left out").not());
}

#[test]
fn a_variable_for_other_runs_does_no_harm() {
    let folder = TempDir::new().expect("a folder");
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    write_data_set(&other, 40, 7);
    small_run(&folder.path().join("runs")).assert().success();
    let run = only_run(&folder.path().join("runs"));
    on_run("eval", &run)
        .env("TRAINER_DATA", &other)
        .assert()
        .success();
}

#[test]
fn another_data_set_is_refused_and_changes_nothing() {
    let (folder, run) = trained();
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    write_data_set(&other, 40, 7);
    let expected = json(&run.join("meta.json"))["dataset"]["hash"].clone();
    let before = config(&run);
    for command in ["eval", "resume"] {
        let mut program = on_run(command, &run);
        if command == "resume" {
            program.args(["--epochs", "3"]);
        }
        program
            .arg("--data")
            .arg(&other)
            .assert()
            .code(1)
            .stderr(contains(expected.as_str().expect("a hash")))
            .stderr(contains(other.to_str().expect("UTF-8")));
    }
    assert_eq!(config(&run), before);
}
