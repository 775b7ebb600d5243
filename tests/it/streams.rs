//! Standard output and standard error that nobody reads, or that can't be written.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::{json, only_run, without_settings};
use tempfile::TempDir;

fn program(arguments: &[&str]) -> Command {
    let mut command = without_settings(env!("CARGO_BIN_EXE_trainer"));
    // Mesa's drivers complain on standard error without it.
    command.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    command.args(arguments);
    command
}

/// A pipe whose other end is closed, as after `| head` has seen enough.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn training(runs: &Path) -> Command {
    let mut command = program(&[
        "--arch",
        "baseline",
        "--backend",
        "flex",
        "--limit",
        "80",
        "--batch-size",
        "32",
        "--epochs",
        "1",
        "--quiet",
        "--runs",
    ]);
    command.arg(runs);
    command
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_quietly() {
    let runs = TempDir::new().expect("a folder");
    let folder = runs.path().to_str().expect("UTF-8");
    for arguments in [
        &["devices"][..],
        &["devices", "--json"],
        &["--dry-run", "--backend", "flex"],
        &["--help"],
        &["-h"],
        &["--version"],
        &["report", "--help"],
        &["runs", "--runs", folder],
        &["runs", "--runs", folder, "--json"],
        &["completions", "bash"],
        &["man"],
        &["serve", "--port", "0", "--runs", folder],
    ] {
        let mut command = program(arguments);
        let output = command.stdout(closed_pipe()).output().expect("it runs");
        let message = message(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {message}");
        assert_eq!(message, "", "{arguments:?}");
    }
}

#[test]
fn commands_on_runs_end_quietly_when_nothing_reads_them() {
    let runs = TempDir::new().expect("a folder");
    assert!(training(runs.path()).status().expect("it runs").success());
    let run = only_run(runs.path());
    let [run, folder] = [&run, runs.path()].map(|path| path.to_str().expect("UTF-8"));
    for arguments in [
        &["eval", run][..],
        &["eval", run, "--json"],
        &["compare", run, run, "--backend", "flex", "--output", folder],
        &["report", run],
    ] {
        let mut command = program(arguments);
        let output = command.stdout(closed_pipe()).output().expect("it runs");
        let message = message(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {message}");
        assert_eq!(message, "", "{arguments:?}");
    }
    for written in ["compare.png", "compare_images.png"] {
        assert!(runs.path().join(written).exists(), "{written}");
    }
}

#[test]
fn a_training_whose_result_nobody_reads_has_not_failed() {
    let runs = TempDir::new().expect("a folder");
    let mut command = training(runs.path());
    let output = command.stdout(closed_pipe()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let status = json(&only_run(runs.path()).join("status.json"));
    assert_eq!(status["state"], "finished");
}

#[test]
fn closed_streams_for_messages_change_no_exit_code() {
    let runs = TempDir::new().expect("a folder");
    let mut command = program(&["eval", "/nonexistent"]);
    let status = command.stderr(closed_pipe()).status().expect("it runs");
    assert_eq!(status.code(), Some(1));
    let mut command = training(runs.path());
    let output = command.args(["--batch-size", "4096"]);
    let output = output.stderr(closed_pipe()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "with a warning to be told");
}

/// That a command says so where standard output is on a disk that is full.
#[cfg(target_os = "linux")]
fn fails_on_a_full_disk(mut command: Command) {
    let full = std::fs::File::options().write(true).open("/dev/full");
    command.stdout(full.expect("Linux has it"));
    let output = command.output().expect("it runs");
    let message = message(&output);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {message}");
    assert!(
        message.contains("can't write to standard output: No space left on device"),
        "{command:?}: {message}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    for arguments in [
        &["--version"][..],
        &["--help"],
        &["devices"],
        &["completions", "zsh"],
        &["man"],
    ] {
        fails_on_a_full_disk(program(arguments));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_training_whose_result_has_no_room_is_complete_all_the_same() {
    let runs = TempDir::new().expect("a folder");
    fails_on_a_full_disk(training(runs.path()));
    let run = only_run(runs.path());
    assert_eq!(json(&run.join("status.json"))["state"], "finished");
    assert_eq!(json(&run.join("summary.json"))["epochs"], 1);
    for file in ["checkpoints/best.safetensors", "test.csv", "test.png"] {
        assert!(run.join(file).is_file(), "{file}");
    }
}
