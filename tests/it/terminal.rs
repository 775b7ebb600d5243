//! Training on a terminal that is narrow, dumb, or goes away; and signals that a run outlives.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::pty::Pty;
use crate::common::{column, json, only_run, run_folders, with_default_signals, without_settings};
use console::{measure_text_width, strip_ansi_codes};
use tempfile::TempDir;

/// A run of so many short epochs.
fn training(runs: &Path, epochs: usize) -> Command {
    let mut command = with_default_signals();
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command.env("TERM", "xterm-256color");
    command.args(["--arch", "baseline", "--backend", "flex", "--limit", "200"]);
    command.args(["--batch-size", "16", "--epochs", &epochs.to_string()]);
    command.arg("--runs").arg(runs);
    command
}

/// More epochs than any test waits for.
const ENDLESS: usize = 100_000;

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(status.expect("kill").success());
}

fn wait_for_an_epoch(runs: &Path) {
    let started = Instant::now();
    while !run_folders(runs)
        .iter()
        .any(|run| run.join("metrics.csv").exists())
    {
        assert!(started.elapsed() < Duration::from_mins(2), "no epoch");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_run_outlives_its_terminal() {
    let runs = TempDir::new().expect("a folder");
    let mut terminal = Pty::new(80);
    let mut child = terminal.start(&mut training(runs.path(), 6));
    terminal.wait_for("epoch   1/6");
    drop(terminal);
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let run = only_run(runs.path());
    let status = json(&run.join("status.json"));
    assert_eq!(status["state"], "finished");
    assert_eq!(status["epoch"], 6);
}

#[test]
fn closing_the_terminal_saves_the_run() {
    let runs = TempDir::new().expect("a folder");
    let mut terminal = Pty::new(80);
    let mut child = terminal.start(&mut training(runs.path(), ENDLESS));
    terminal.wait_for("epoch   1/");
    drop(terminal);
    // Once from the shell and once from the system.
    signal(&child, "HUP");
    signal(&child, "HUP");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let run = only_run(runs.path());
    let status = json(&run.join("status.json"));
    assert_eq!(status["state"], "interrupted");
    let epochs = column(&run, "epoch").len();
    assert!(epochs > 0);
    assert_eq!(status["epoch"], epochs);
    let log = std::fs::read_to_string(run.join("log.txt")).expect("a log");
    assert!(log.contains("interrupted; resume it with"), "{log}");
}

#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    for (ignored, stops) in [("HUP", "TERM"), ("INT", "HUP"), ("TERM", "INT")] {
        let runs = TempDir::new().expect("a folder");
        let program = training(runs.path(), ENDLESS);
        // The shell's signals are the default ones, and the program's those of the shell.
        let arguments = program
            .get_args()
            .skip_while(|argument| *argument != "--arch");
        let mut child = without_settings("env")
            .args(["--default-signal", "sh", "-c"])
            .arg(format!("trap '' {ignored}; exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_trainer"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        wait_for_an_epoch(runs.path());
        signal(&child, ignored);
        let run = only_run(runs.path());
        let before = column(&run, "epoch").len();
        let started = Instant::now();
        while column(&run, "epoch").len() < before + 2 {
            assert!(started.elapsed() < Duration::from_mins(2), "SIG{ignored}");
            sleep(Duration::from_millis(10));
        }
        assert_eq!(json(&run.join("status.json"))["state"], "running");
        signal(&child, stops);
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(130), "SIG{stops}");
        assert_eq!(json(&run.join("status.json"))["state"], "interrupted");
    }
}

#[test]
fn time_in_which_a_run_was_stopped_is_no_training_time() {
    const STOPPED: Duration = Duration::from_secs(8);
    let runs = TempDir::new().expect("a folder");
    let started = Instant::now();
    let mut child = training(runs.path(), 12)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    wait_for_an_epoch(runs.path());
    signal(&child, "STOP");
    sleep(STOPPED);
    signal(&child, "CONT");
    assert!(child.wait().expect("it ends").success());
    let working = started.elapsed().as_secs_f64() - STOPPED.as_secs_f64();
    let run = only_run(runs.path());
    let seconds: f64 = column(&run, "seconds").iter().sum();
    // A second for the moments in which it was stopped and went on.
    let most = working + 1.0;
    assert!(seconds < most, "{seconds} s of {most}");
    let summary = json(&run.join("summary.json"));
    let total = summary["seconds"]["total"].as_f64().expect("a time");
    assert!(total < most, "{total} s of {most}");
}

#[test]
fn no_line_of_a_training_is_wider_than_the_terminal() {
    for (columns, is_whole) in [(60, false), (80, false), (200, true)] {
        let runs = TempDir::new().expect("a folder");
        let terminal = Pty::new(columns);
        // Its other lines name the folder, which may be long.
        let mut child = terminal.start(&mut training(runs.path(), 2));
        let (text, status) = terminal.finish(&mut child);
        assert!(status.success(), "{text}");
        let plain = strip_ansi_codes(&text);
        let epochs: Vec<&str> = plain
            .split(['\r', '\n'])
            .filter(|line| line.contains("epoch ") || line.starts_with("validation "))
            .collect();
        assert!(epochs.len() > 2, "{text}");
        for line in &epochs {
            let width = measure_text_width(line);
            assert!(width <= usize::from(columns), "{line:?} has {width}");
        }
        let line = epochs.iter().find(|line| line.contains("epoch   2/2"));
        let line = line.expect("the second epoch's");
        assert!(line.contains("SSIM 0."), "{line}");
        assert_eq!(line.contains("images/s"), is_whole, "{line}");
        let log = std::fs::read_to_string(only_run(runs.path()).join("log.txt"));
        let log = log.expect("a log");
        let logged: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("epoch   2/2"))
            .collect();
        assert_eq!(logged.len(), 1, "{log}");
        assert!(logged[0].contains(" dB") && logged[0].contains("images/s"));
    }
}

#[test]
fn a_dumb_terminal_gets_no_escapes() {
    let runs = TempDir::new().expect("a folder");
    for arguments in [&["--epochs", "1"][..], &["--help"], &["--latent-dim", "x"]] {
        let terminal = Pty::new(80);
        let mut command = training(runs.path(), 1);
        command.env("TERM", "dumb").args(arguments);
        let mut child = terminal.start(&mut command);
        let (text, _) = terminal.finish(&mut child);
        assert!(text.len() > 20, "{text:?}");
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}
