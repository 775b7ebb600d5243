//! Runs that are stopped in every way, and gone on with: what comes out is what an unbroken run
//! comes to, to the byte.

#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{
    column, has_wgpu_adapter, json, only_run, run_folders, trainer, with_default_signals,
    without_settings,
};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;
use trainer::train::Checkpoint;

/// The settings of a run of some seconds, into `runs`.
fn settings(runs: &Path, more: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = [
        "--arch",
        "baseline",
        "--backend",
        "flex",
        "--limit",
        "120",
        "--batch-size",
        "8",
        "--epochs",
        "3",
        "--checkpoint-every",
        "1",
        "--runs",
    ]
    .map(str::to_owned)
    .to_vec();
    words.push(runs.display().to_string());
    words.extend(more.iter().map(|&word| word.to_owned()));
    words
}

/// The program as a process that can be stopped.
fn start(words: &[String]) -> Child {
    with_default_signals()
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn finish(words: &[String]) {
    let status = start(words).wait().expect("it ends");
    assert!(status.success(), "{words:?}: {status}");
}

fn resume(run: &Path) -> Vec<String> {
    vec!["resume".to_owned(), run.display().to_string()]
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(status.expect("kill").success());
}

/// Waits until the run has made a checkpoint after a step.
fn wait_for_step(runs: &Path, step: usize) -> PathBuf {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_mins(2), "no step {step}");
        for run in run_folders(runs) {
            if newest_step(&run).is_some_and(|newest| newest >= step) {
                return run;
            }
        }
        sleep(Duration::from_millis(2));
    }
}

fn checkpoints(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "ckpt"))
        .collect();
    files.sort();
    files
}

fn newest_step(run: &Path) -> Option<usize> {
    let name = checkpoints(run).pop()?;
    let digits = name
        .file_stem()?
        .to_str()?
        .strip_prefix("step-")?
        .to_owned();
    digits.parse().ok()
}

/// What a run came to, without the times: weights, metrics, scores and pictures.
fn outcome(run: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for name in ["best", "last"] {
        let path = run.join(format!("checkpoints/{name}.safetensors"));
        files.push((name.to_owned(), fs::read(path).expect("weights")));
    }
    let metrics = fs::read_to_string(run.join("metrics.csv")).expect("metrics.csv");
    let untimed: Vec<String> = metrics
        .lines()
        .map(|line| line.split(',').take(8).collect::<Vec<_>>().join(","))
        .collect();
    files.push(("metrics.csv".to_owned(), untimed.join("\n").into_bytes()));
    let mut summary = json(&run.join("summary.json"));
    summary["seconds"] = Value::Null;
    summary["pca"]["seconds"] = Value::Null;
    files.push(("summary.json".to_owned(), summary.to_string().into_bytes()));
    for name in [
        "test.png",
        "worst.png",
        "curves.png",
        "reconstructions/epoch-0002.png",
    ] {
        files.push((
            name.to_owned(),
            fs::read(run.join(name)).expect("a picture"),
        ));
    }
    files
}

fn differing_bytes(a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) -> usize {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|((_, a), (_, b))| {
            let differing = a.iter().zip(b).filter(|(a, b)| a != b).count();
            differing + a.len().abs_diff(b.len())
        })
        .sum()
}

/// An unbroken run of these settings.
fn unbroken(more: &[&str]) -> Vec<(String, Vec<u8>)> {
    let runs = TempDir::new().expect("a folder");
    finish(&settings(runs.path(), more));
    outcome(&only_run(runs.path()))
}

/// Every file of the folder that a reader may open is whole.
fn assert_readable(run: &Path) {
    for name in ["meta.json", "status.json", "summary.json"] {
        if run.join(name).exists() {
            json(&run.join(name));
        }
    }
    if run.join("metrics.csv").exists() {
        column(run, "validation_ssim");
    }
    for name in ["best", "last"] {
        let path = run.join(format!("checkpoints/{name}.safetensors"));
        if let Ok(bytes) = fs::read(path) {
            let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight"));
            let header: Value =
                serde_json::from_slice(&bytes[8..][..usize::try_from(header).expect("small")])
                    .expect("a safetensors header");
            let ends = header.as_object().expect("an object").values();
            let end = ends
                .filter_map(|tensor| tensor["data_offsets"][1].as_u64())
                .max();
            assert_eq!(
                end.expect("tensors") + 8 + header_len(&bytes),
                bytes.len() as u64
            );
        }
    }
}

fn header_len(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight"))
}

#[test]
fn ten_kills_and_resumes_lose_nothing() {
    const KILLS: u64 = 10;
    let expected = unbroken(&[]);
    let runs = TempDir::new().expect("a folder");
    let mut words = settings(runs.path(), &[]);
    let mut resumes = 0;
    for kill in 0..KILLS {
        let mut child = start(&words);
        // Steps, each with its checkpoint, follow each other within milliseconds: wherever between
        // them the signal comes, writing is what it interrupts more often than not.
        let before = run_folders(runs.path())
            .first()
            .and_then(|run| newest_step(run));
        let run = wait_for_step(runs.path(), before.unwrap_or(0) + 2);
        sleep(Duration::from_micros(kill * kill * 331 % 9_000));
        signal(&child, "KILL");
        child.wait().expect("it ends");
        assert_readable(&run);
        assert_eq!(json(&run.join("status.json"))["state"], "running");
        if kill > 0 {
            resumes += 1;
        }
        words = resume(&run);
    }
    finish(&words);
    resumes += 1;
    let run = only_run(runs.path());
    let differing = differing_bytes(&outcome(&run), &expected);
    // Past the test's capture, so that it is seen.
    let line = format!("{KILLS} kills, {resumes} clean resumes, {differing} differing bytes\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr");
    assert_eq!(differing, 0);
    assert_eq!(json(&run.join("status.json"))["state"], "finished");
    assert_eq!(
        json(&run.join("meta.json"))["resumed"]
            .as_array()
            .map(Vec::len),
        Some(10)
    );
    let entries = fs::read_dir(run.join("checkpoints")).expect("a folder");
    let names: Vec<_> = entries
        .map(|entry| entry.expect("a file").file_name())
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn an_interrupted_run_goes_on_to_the_bit_on_every_cpu_backend() {
    let plain: &[&str] = &[];
    // What needs more than weights and moments to be resumed.
    let steered: &[&str] = &[
        "--schedule",
        "one-cycle",
        "--warmup",
        "0.2",
        "--clip-norm",
        "0.05",
        "--ema",
        "0.95",
    ];
    for (backend, arch, name, steering) in [
        ("flex", "modified", "INT", plain),
        ("flex", "linear", "TERM", plain),
        ("flex", "baseline", "HUP", plain),
        ("ndarray", "baseline", "TERM", plain),
        ("ndarray", "modified", "INT", plain),
        ("flex", "modified", "INT", steered),
        ("flex", "residual", "TERM", steered),
    ] {
        let more = ["--backend", backend, "--arch", arch, "--optimizer", "adamw"];
        // `modified` has large ones.
        let seldom = ["--checkpoint-every", "8"];
        let more = [&more[..], &seldom, steering].concat();
        let expected = unbroken(&more);
        let runs = TempDir::new().expect("a folder");
        let mut child = start(&settings(runs.path(), &more));
        let run = wait_for_step(runs.path(), 16);
        signal(&child, name);
        assert_eq!(child.wait().expect("it ends").code(), Some(130));
        assert_eq!(json(&run.join("status.json"))["state"], "interrupted");
        // In the second epoch, after which there are weights.
        assert_readable(&run);
        assert!(run.join("checkpoints/last.safetensors").exists());
        finish(&resume(&run));
        let differing = differing_bytes(&outcome(&run), &expected);
        assert_eq!(differing, 0, "{arch} on {backend} after SIG{name}");
    }
}

#[test]
fn an_interrupted_run_on_a_gpu_goes_on_to_nearly_the_same() {
    if !has_wgpu_adapter() {
        return;
    }
    let more = ["--backend", "wgpu", "--limit", "40", "--epochs", "2"];
    let whole_runs = TempDir::new().expect("a folder");
    finish(&settings(whole_runs.path(), &more));
    let runs = TempDir::new().expect("a folder");
    let mut child = start(&settings(runs.path(), &more));
    let run = wait_for_step(runs.path(), 5);
    signal(&child, "KILL");
    child.wait().expect("it ends");
    finish(&resume(&run));
    let whole = only_run(whole_runs.path());
    let assert_near = |name: &str, a: f64, b: f64| {
        assert!((a - b).abs() < 1e-4, "{name}: {a} and {b}");
    };
    for name in [
        "train_loss",
        "validation_loss",
        "validation_ssim",
        "validation_psnr",
        "validation_mse",
    ] {
        let [whole, resumed] = [&whole, &run].map(|run| column(run, name));
        assert_eq!(whole.len(), resumed.len(), "{name}");
        for (a, b) in whole.into_iter().zip(resumed) {
            assert_near(name, a, b);
        }
    }
    let summaries = [&whole, &run].map(|run| json(&run.join("summary.json")));
    for name in ["ssim", "psnr", "mse"] {
        let [a, b] = [0, 1].map(|which| summaries[which]["test"][name].as_f64());
        assert_near(name, a.expect("a number"), b.expect("a number"));
    }
}

#[test]
fn a_finished_run_can_be_made_longer() {
    let runs = TempDir::new().expect("a folder");
    let more = ["--schedule", "constant"];
    finish(&settings(runs.path(), &more));
    let run = only_run(runs.path());
    let refused = |words: &[&str], flag: &str| {
        let command = trainer()
            .arg("resume")
            .arg(&run)
            .args(words)
            .assert()
            .code(2);
        let message = String::from_utf8_lossy(&command.get_output().stderr).into_owned();
        assert!(message.contains(flag), "{message}");
    };
    refused(&[], "--epochs");
    refused(&["--epochs", "2"], "--epochs 2");
    let longer = ["--epochs", "5"].map(str::to_owned);
    finish(&[resume(&run), longer.to_vec()].concat());
    assert_eq!(column(&run, "epoch"), [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(json(&run.join("summary.json"))["epochs"], 5);

    // With a rate that doesn't depend on the number of epochs, it is the same as one long run.
    let whole = unbroken(&["--schedule", "constant", "--epochs", "5"]);
    assert_eq!(differing_bytes(&outcome(&run), &whole), 0);
}

#[test]
fn a_run_that_stopped_early_waits_anew_when_it_is_made_longer() {
    let runs = TempDir::new().expect("a folder");
    let more = ["--epochs", "6", "--patience", "2", "--min-delta", "10"];
    finish(&settings(runs.path(), &more));
    let run = only_run(runs.path());
    assert_eq!(column(&run, "epoch").len(), 3);
    trainer()
        .arg("resume")
        .arg(&run)
        .assert()
        .code(2)
        .stderr(contains("--patience"));
    finish(&[resume(&run), vec!["--epochs".into(), "9".into()]].concat());
    assert_eq!(column(&run, "epoch").len(), 5);
}

/// A run that was killed after a few steps.
fn killed() -> (TempDir, PathBuf) {
    let runs = TempDir::new().expect("a folder");
    let mut child = start(&settings(runs.path(), &[]));
    let run = wait_for_step(runs.path(), 15);
    signal(&child, "KILL");
    child.wait().expect("it ends");
    (runs, run)
}

/// As `timeout` does, which signals the program and then its group.
#[test]
fn a_signal_that_comes_twice_at_once_saves_the_run() {
    let runs = TempDir::new().expect("a folder");
    let mut child = start(&settings(runs.path(), &["--epochs", "99"]));
    let run = wait_for_step(runs.path(), 2);
    signal(&child, "TERM");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(json(&run.join("status.json"))["state"], "interrupted");
}

#[test]
fn a_damaged_checkpoint_is_noticed_and_the_one_before_it_taken() {
    let expected = unbroken(&[]);
    for damage in ["cut", "flip"] {
        let (_runs, run) = killed();
        let newest = checkpoints(&run).pop().expect("a checkpoint");
        let mut bytes = fs::read(&newest).expect("a file");
        if damage == "cut" {
            bytes.truncate(bytes.len() / 2);
        } else {
            let middle = bytes.len() / 3;
            bytes[middle] ^= 16;
        }
        fs::write(&newest, bytes).expect("writing");
        trainer()
            .arg("resume")
            .arg(&run)
            .assert()
            .success()
            .stderr(contains("checksum").and(contains("instead")));
        assert_eq!(differing_bytes(&outcome(&run), &expected), 0, "{damage}");
    }
}

#[test]
fn without_a_whole_checkpoint_the_error_says_so_and_without_any_the_run_starts_over() {
    let (_runs, run) = killed();
    for path in checkpoints(&run) {
        fs::write(path, b"trainer ckpt\r\n\x1a\nnothing").expect("writing");
    }
    trainer()
        .arg("resume")
        .arg(&run)
        .assert()
        .code(1)
        .stderr(contains("no checkpoint to resume from").and(contains("delete those")));
    assert_eq!(json(&run.join("status.json"))["state"], "failed");
    for path in checkpoints(&run) {
        fs::remove_file(path).expect("removing");
    }
    // Weights of a finished epoch are never replaced by those of a new start.
    let weights = run.join("checkpoints/best.safetensors");
    let before = fs::read(&weights).expect("weights");
    trainer()
        .arg("resume")
        .arg(&run)
        .assert()
        .code(1)
        .stderr(contains("no checkpoint is left").and(contains("best.safetensors")));
    assert!(fs::read(&weights).expect("weights") == before);
    fs::remove_file(&weights).expect("removing");
    finish(&resume(&run));
    assert_eq!(differing_bytes(&outcome(&run), &unbroken(&[])), 0);
}

#[test]
fn a_config_that_is_not_the_checkpoints_is_named() {
    let (_runs, run) = killed();
    let path = run.join("config.toml");
    let config = fs::read_to_string(&path).expect("config.toml");
    fs::write(&path, config.replace("latent_dim = 128", "latent_dim = 64")).expect("writing");
    trainer()
        .arg("resume")
        .arg(&run)
        .assert()
        .code(1)
        .stderr(contains("latent_dim = 128").and(contains("latent_dim = 64")));
    fs::write(&path, config).expect("writing");
    finish(&resume(&run));
}

#[test]
fn a_checkpoint_older_than_a_setting_has_its_default() {
    let (_runs, run) = killed();
    for path in checkpoints(&run) {
        let mut checkpoint =
            Checkpoint::from_bytes(&fs::read(&path).expect("a file")).expect("whole");
        let lines = checkpoint.config.lines();
        let older: Vec<&str> = lines.filter(|line| !line.starts_with("ema")).collect();
        assert!(older.len() < checkpoint.config.lines().count());
        checkpoint.config = older.join("\n");
        fs::write(path, checkpoint.to_bytes()).expect("writing");
    }
    finish(&resume(&run));
    assert_eq!(differing_bytes(&outcome(&run), &unbroken(&[])), 0);
}

#[test]
fn two_processes_never_write_one_run() {
    let runs = TempDir::new().expect("a folder");
    let mut child = start(&settings(runs.path(), &["--epochs", "99"]));
    let run = wait_for_step(runs.path(), 2);
    trainer()
        .arg("resume")
        .arg(&run)
        .assert()
        .code(1)
        .stderr(contains(format!("process {}", child.id())));
    signal(&child, "KILL");
    child.wait().expect("it ends");
}

#[test]
fn a_full_disk_ends_the_run_with_an_error_and_loses_nothing() {
    let runs = TempDir::new().expect("a folder");
    let words = settings(runs.path(), &[]).join(" ");
    // A limit on the size of files stands for the disk: weights fit, checkpoints don't.
    let script = format!(
        "trap '' XFSZ; ulimit -f 14000; exec {} {words}",
        env!("CARGO_BIN_EXE_trainer")
    );
    let output = without_settings("sh")
        .args(["-c", &script])
        .output()
        .expect("sh");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        message.contains(".ckpt") && message.contains("disk"),
        "{message}"
    );
    let run = only_run(runs.path());
    assert_readable(&run);
    assert_eq!(json(&run.join("status.json"))["state"], "failed");
    finish(&resume(&run));
    assert_eq!(differing_bytes(&outcome(&run), &unbroken(&[])), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_before_training() {
    let home = TempDir::new().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "").expect("writing");
    // Root may write anywhere, but not below a file.
    trainer()
        .args(settings(&file.join("runs"), &[]))
        .assert()
        .code(1)
        .stderr(contains("can't create the folder").and(contains("--runs")));
}

#[test]
fn divergence_can_be_rolled_back_three_times() {
    let runs = TempDir::new().expect("a folder");
    trainer()
        .args(settings(
            runs.path(),
            &["--on-nan", "rollback", "--learning-rate", "1e30"],
        ))
        .assert()
        .code(1)
        .stderr(contains("3 of at most 3").and(contains("learning-rate")));
    let status = json(&only_run(runs.path()).join("status.json"));
    assert_eq!(status["state"], "failed");

    // Here the loss explodes in the first epoch, and at a fraction of the rate it doesn't.
    let runs = TempDir::new().expect("a folder");
    let more = [
        "--on-nan",
        "rollback",
        "--learning-rate",
        "0.1",
        "--schedule",
        "constant",
    ];
    trainer()
        .args(settings(runs.path(), &more))
        .assert()
        .success()
        .stderr(contains("half the learning rate (1 of at most 3 times)"));
    let run = only_run(runs.path());
    let rates = column(&run, "learning_rate");
    assert!(
        rates.iter().all(|rate| (0.0125..0.1).contains(rate)),
        "{rates:?}"
    );
    let losses = column(&run, "train_loss");
    assert!(losses.iter().all(|loss| *loss < 10.0), "{losses:?}");
}

#[test]
fn what_is_not_a_run_is_an_error() {
    let home = TempDir::new().expect("a folder");
    trainer()
        .arg("resume")
        .arg(home.path().join("missing"))
        .assert()
        .code(1)
        .stderr(contains("doesn't exist"));
    trainer()
        .arg("resume")
        .arg(home.path())
        .assert()
        .code(1)
        .stderr(contains("holds no file of a run"));
}

#[test]
fn a_divergence_after_a_resume_goes_back_to_the_last_epochs_end() {
    const STEPS: usize = 48;
    let runs = TempDir::new().expect("a folder");
    let more = ["--batch-size", "2", "--epochs", "9", "--on-nan", "rollback"];
    let mut child = start(&settings(runs.path(), &more));
    let run = wait_for_step(runs.path(), STEPS + 2);
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let step = newest_step(&run).expect("a checkpoint");
    let epoch_end = step / STEPS * STEPS;
    // A second time as the first: a rate that was given hasn't been halved yet.
    for _ in 0..2 {
        trainer()
            .arg("resume")
            .arg(&run)
            .args(["--learning-rate", "1e30"])
            .assert()
            .code(1)
            .stderr(contains(format!("returning to step {epoch_end} ")).count(3))
            .stderr(contains("(1 of at most 3 times)"));
    }
    assert_eq!(newest_step(&run), Some(epoch_end));
}

#[test]
fn a_model_to_start_from_is_a_run_by_its_name_too() {
    let runs = TempDir::new().expect("a folder");
    finish(&settings(
        runs.path(),
        &["--epochs", "1", "--name", "first"],
    ));
    finish(&settings(
        runs.path(),
        &["--epochs", "1", "--init", "latest"],
    ));
    let mut command = trainer();
    command.args(settings(runs.path(), &["--init", "nosuch"]));
    command.assert().code(1).stderr(contains("--init nosuch"));
}
