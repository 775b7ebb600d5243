//! The program as a user meets it: exit codes, messages, and nothing written on wrong input.

use std::fs;
use std::path::Path;

use crate::common::{column, only_run, run_folders, small_run, trainer};
use clap::CommandFactory;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;
use trainer::cli::Cli;

#[test]
fn the_result_goes_to_standard_output_and_progress_to_standard_error() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .assert()
        .success()
        .stdout(contains("test, 128 latent values"))
        .stdout(contains("PCA, 128 components"))
        .stdout(contains(runs.path().to_string_lossy().into_owned()))
        .stdout(contains("epoch   1").not())
        .stderr(contains("epoch   2/2"));
}

#[test]
fn quiet_and_json_leave_only_json() {
    let runs = TempDir::new().expect("a folder");
    let assert = small_run(runs.path())
        .args(["--quiet", "--json"])
        .assert()
        .success();
    let output = assert.get_output();
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["run"], only_run(runs.path()).display().to_string());
    assert!(result["test"]["ssim"].is_number());
    let noise = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(noise.is_empty(), "{noise}");
}

#[test]
fn wrong_usage_exits_with_2_names_the_flag_and_writes_nothing() {
    let cases: &[(&[&str], &str)] = &[
        (&["--latent-dim", "0"], "--latent-dim"),
        (&["--latent-dim", "70000"], "--latent-dim"),
        (&["--epochs", "0"], "--epochs"),
        (&["--batch-size", "0"], "--batch-size"),
        (&["--learning-rate", "nan"], "--learning-rate"),
        (&["--learning-rate", "inf"], "--learning-rate"),
        (&["--learning-rate=-1"], "--learning-rate"),
        (&["--min-delta", "nan"], "--min-delta"),
        (&["--patience", "0"], "--patience"),
        (&["--samples", "0"], "--samples"),
        (&["--limit", "0"], "--limit"),
        (&["--limit", "3"], "--limit"),
        (&["--classes", "hat"], "--classes"),
        (&["--classes", ""], "--classes"),
        (&["--split", "0.5,0.4,0.3"], "--split"),
        (&["--split", "1,0,0"], "--split"),
        (&["--backend", "cuda"], "--backend"),
        (&["--frobnicate"], "--frobnicate"),
        (&["--name", "../up"], "--name"),
        (&["--dry-run", "--json"], "--json"),
        (&["--config", "/nonexistent.toml"], "--config"),
    ];
    for (arguments, named) in cases {
        let runs = TempDir::new().expect("a folder");
        small_run_without_limit(&runs)
            .args(*arguments)
            .assert()
            .code(2)
            .stderr(contains(*named))
            .stderr(contains("panicked").not());
        assert!(
            run_folders(runs.path()).is_empty(),
            "{arguments:?} left a run folder"
        );
    }
}

fn small_run_without_limit(runs: &TempDir) -> assert_cmd::Command {
    let mut command = trainer();
    command.arg("--runs").arg(runs.path());
    command
}

#[test]
fn a_config_file_that_is_not_there_is_said_once() {
    trainer()
        .args(["--config", "/nonexistent.toml"])
        .assert()
        .code(2)
        .stderr(contains("--config /nonexistent.toml"))
        .stderr(contains("os error").count(1));
}

#[test]
fn missing_data_device_and_run_are_failures_with_a_way_out() {
    let runs = TempDir::new().expect("a folder");
    let empty = TempDir::new().expect("a folder");
    small_run(runs.path())
        .arg("--data")
        .arg(empty.path())
        .assert()
        .code(1)
        .stderr(contains(empty.path().to_string_lossy().into_owned()));
    small_run(runs.path())
        .args(["--device", "3"])
        .assert()
        .code(1)
        .stderr(contains("--device 3"));
    trainer()
        .arg("eval")
        .arg(empty.path())
        .assert()
        .code(1)
        .stderr(contains("config.toml"));
    let file = runs.path().join("file");
    std::fs::write(&file, "").expect("a file");
    small_run(&file).assert().code(1).stderr(contains("--runs"));
    assert!(run_folders(runs.path()).is_empty());
}

#[test]
fn a_dry_run_shows_settings_images_and_layers_and_writes_nothing() {
    let runs = TempDir::new().expect("a folder");
    let missing = runs.path().join("missing");
    small_run(&missing)
        .args(["--dry-run", "--arch", "modified"])
        .assert()
        .success()
        .stdout(contains("latent_dim = 256"))
        .stdout(contains("64 training, 8 validation, 8 test images"))
        .stdout(contains("encoder.0 conv 3×3, ReLU"))
        .stdout(contains("total"));
    assert!(!missing.exists());
}

#[test]
fn flags_override_a_config_file_and_the_file_overrides_defaults() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "epochs = 7\nseed = 5\nbackend = \"flex\"\n").expect("a file");
    trainer()
        .args(["--dry-run", "--seed", "6", "--config"])
        .arg(&file)
        .assert()
        .success()
        .stdout(contains("epochs = 7"))
        .stdout(contains("seed = 6"))
        .stdout(contains("batch_size = 128"));
    std::fs::write(&file, "epoch = 7\n").expect("a file");
    trainer()
        .args(["--dry-run", "--config"])
        .arg(&file)
        .assert()
        .code(2)
        .stderr(contains("unknown field `epoch`"));
}

#[test]
fn a_batch_larger_than_the_split_is_clamped_and_said() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .args(["--batch-size", "1000"])
        .assert()
        .success()
        .stderr(contains(
            "--batch-size 1000 is larger than the training split",
        ));
    assert_eq!(column(&only_run(runs.path()), "step"), [1.0, 2.0]);
}

#[test]
fn a_second_run_never_overwrites_the_first() {
    let runs = TempDir::new().expect("a folder");
    for _ in 0..2 {
        small_run(runs.path())
            .args(["--epochs", "1", "--name", "same"])
            .assert()
            .success();
    }
    assert_eq!(run_folders(runs.path()).len(), 2);
}

#[test]
fn devices_lists_the_cpu_backends_and_what_auto_takes() {
    trainer()
        .arg("devices")
        .assert()
        .success()
        .stdout(contains("flex"))
        .stdout(contains("ndarray"))
        .stdout(contains("--backend auto takes"));
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        trainer()
            .args(["completions", shell])
            .assert()
            .success()
            .stdout(contains("trainer"));
    }
}

/// Pages of a command and of those below it, as `trainer-bench-ssim`, with the flags that each tells of.
fn pages(name: &str, command: &clap::Command) -> Vec<(String, Vec<String>)> {
    let flags = command.get_arguments().filter(|it| !it.is_hide_set());
    let flags = flags.filter_map(clap::Arg::get_long).map(str::to_owned);
    let below = command.get_subcommands().filter(|it| !it.is_hide_set());
    let mut all: Vec<_> = below
        .flat_map(|command| pages(&format!("{name}-{}", command.get_name()), command))
        .collect();
    all.push((name.to_owned(), flags.collect()));
    all
}

#[test]
fn manual_pages_tell_of_every_command_and_flag() {
    let folder = TempDir::new().expect("a folder");
    let man1 = folder.path().join("share/man1");
    let write = || trainer().args(["man", "-o"]).arg(&man1).assert().success();
    write();
    let expected = pages("trainer", &Cli::command());
    assert!(
        expected
            .iter()
            .any(|(name, _)| name == "trainer-bench-ssim")
    );
    let text = |name: &str| fs::read_to_string(man1.join(name)).expect("a page");
    for (name, flags) in &expected {
        let page = text(&format!("{name}.1"));
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
        for flag in flags {
            // A hyphen that can be copied.
            let flag = format!("--{flag}").replace('-', r"\-");
            assert!(page.contains(&flag), "{name} {flag}");
        }
    }
    // The terms of a loss stand below each other.
    assert!(text("trainer.1").contains("\n  \\- mse:"));
    let written = fs::read_dir(&man1).expect("a folder").count();
    assert_eq!(written, expected.len());
    trainer()
        .arg("man")
        .assert()
        .success()
        .stdout(text("trainer.1"));
    // Pages of an earlier version are replaced.
    fs::write(man1.join("trainer.1"), "old").expect("a file");
    write();
    assert_ne!(text("trainer.1"), "old");
}

#[test]
fn manual_pages_that_cannot_be_written_are_an_error() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("man1");
    fs::write(&file, "kept").expect("a file");
    let to = |path: &Path| trainer().args(["man", "--output"]).arg(path).assert();
    to(&file).code(2).stderr(contains("--output"));
    to(&file.join("below"))
        .code(1)
        .stderr(contains("man1").and(contains("panicked").not()));
    assert_eq!(fs::read_to_string(&file).expect("a file"), "kept");
}

#[test]
fn an_architecture_has_a_recipe_which_files_and_flags_override() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "arch = \"baseline\"\nepochs = 3\nrefine = 5\n").expect("written");
    let plan = |arguments: &[&str]| {
        let done = trainer()
            .arg("--dry-run")
            .args(arguments)
            .assert()
            .success();
        String::from_utf8_lossy(&done.get_output().stdout).into_owned()
    };
    let assert_has = |plan: &str, lines: &[&str]| {
        for line in lines {
            assert!(
                plan.lines().any(|own| own == *line),
                "{line} isn't in {plan}"
            );
        }
    };
    let linear = [
        "loss = \"ssim+psnr\"",
        "refine = 20",
        "epochs = 12",
        "batch_size = 128",
    ];
    assert_has(&plan(&[]), &linear);
    assert_has(&plan(&["--arch", "linear"]), &linear);
    let others = [
        "loss = \"bce\"",
        "refine = 0",
        "epochs = 50",
        "batch_size = 32",
    ];
    assert_has(&plan(&["--arch", "baseline"]), &others);
    assert_has(&plan(&["--arch", "modified"]), &others);
    // A flag that says what is a default elsewhere counts as well.
    assert_has(
        &plan(&["--arch", "linear", "--loss", "bce", "--refine", "0"]),
        &["loss = \"bce\"", "refine = 0", "epochs = 12"],
    );
    let path = file.to_str().expect("UTF-8");
    assert_has(
        &plan(&["--config", path, "--refine", "9"]),
        &[
            "loss = \"bce\"",
            "refine = 9",
            "epochs = 3",
            "batch_size = 32",
        ],
    );
}

#[test]
fn a_value_from_the_environment_is_said_to_be() {
    for (variable, value) in [("TRAINER_BACKEND", "nonsense"), ("TRAINER_DATA", "")] {
        trainer()
            .env(variable, value)
            .arg("--dry-run")
            .assert()
            .code(2)
            .stderr(contains(format!("that of the variable {variable}")));
    }
    #[cfg(unix)]
    {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        trainer()
            .env("TRAINER_BACKEND", "nonsense")
            .arg("--data")
            .arg(OsStr::from_bytes(b"\xff"))
            .assert()
            .code(2)
            .stderr(contains("that of the variable TRAINER_BACKEND"));
    }
    trainer()
        .env("TRAINER_BACKEND", "flex")
        .args(["--dry-run", "--backend", "nonsense"])
        .assert()
        .code(2)
        .stderr(contains("variable").not());
}

#[test]
fn a_terminal_that_does_not_know_its_width_gets_whole_lines() {
    let help = trainer()
        .env("COLUMNS", "0")
        .arg("--help")
        .output()
        .expect("it runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    assert!(help.lines().any(|line| line.chars().count() > 60), "{help}");
}
