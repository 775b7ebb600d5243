//! Limits that the system sets to a process: each is an error in words, with exit code 1.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::common::folder::Outcome;
use crate::common::without_settings;
use tempfile::TempDir;

/// The program behind a shell that sets a limit.
fn limited(limit: &str, arguments: &[&str], runs: &Path) -> Output {
    without_settings("sh")
        .arg("-c")
        .arg(format!("{limit}; exec \"$@\""))
        .args(["sh", env!("CARGO_BIN_EXE_trainer")])
        .args(arguments)
        .env("TRAINER_RUNS", runs)
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("a shell")
}

const TRAINING: [&str; 14] = [
    "--quiet",
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
    "--refine",
    "0",
    "--no-pca",
];

/// What it said, which is neither a bug nor a panic.
fn refused(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    for unwanted in ["has a bug", "panicked", "backtrace", "Error {", "Os {"] {
        assert!(!message.contains(unwanted), "{message}");
    }
    message
}

#[test]
fn a_number_of_threads_that_no_processor_runs_is_refused_at_once() -> Outcome {
    let runs = TempDir::new()?;
    for number in ["100000", "99999999999999999999999", "-1", "many"] {
        let started = Instant::now();
        let output = limited(
            &format!("export RAYON_NUM_THREADS={number}"),
            &TRAINING,
            runs.path(),
        );
        let message = refused(&output);
        assert!(
            message.contains(&format!("RAYON_NUM_THREADS={number}"))
                && message.contains("from 1 to"),
            "{message}"
        );
        // Starting them took minutes.
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    Ok(())
}

#[test]
fn any_reasonable_number_of_threads_will_do() -> Outcome {
    let runs = TempDir::new()?;
    for number in ["", "0", "1", "7"] {
        let limit = format!("export RAYON_NUM_THREADS={number}");
        let output = limited(&limit, &["runs", "--json"], runs.path());
        assert!(output.status.success(), "{number}: {output:?}");
    }
    Ok(())
}

/// `ulimit -u` counts all of a user's threads, so that a user is needed who has no others.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_threads_is_named_wherever_it_is_met() -> Outcome {
    use crate::common::ordinary_user;
    let home = TempDir::new()?;
    let Some(user) = ordinary_user(home.path()) else {
        return Ok(());
    };
    if user.get_program() != "setpriv" {
        eprintln!("skipped: only root can become a user who has no other threads");
        return Ok(());
    }
    let program = home.path().join("trainer-copy");
    for processes in 1..=12 {
        // The limit is set by the other user, whom it's for.
        // Some shells call it `-p`.
        let limit = format!("ulimit -u {processes} 2>/dev/null || ulimit -p {processes}");
        let output = Command::new("setpriv")
            // Nobody's, and no other test's.
            .args([
                "--reuid=65532",
                "--regid=65532",
                "--clear-groups",
                "sh",
                "-c",
            ])
            .arg(format!("{{ {limit}; }} && exec \"$@\""))
            .arg("sh")
            .arg(&program)
            .args(TRAINING)
            .env("RAYON_NUM_THREADS", "2")
            .env("RUST_BACKTRACE", "1")
            .env("HOME", home.path())
            .current_dir(home.path())
            .output()?;
        if output.status.success() {
            assert!(
                processes > 3,
                "the threads that compute and those of the run"
            );
            return Ok(());
        }
        let message = refused(&output);
        assert!(
            message.contains("ulimit -u") && message.contains("RAYON_NUM_THREADS"),
            "{processes}: {message}"
        );
    }
    panic!("twelve threads aren't enough");
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_a_files_size_is_an_error_that_names_the_file() -> Outcome {
    let runs = TempDir::new()?;
    // In units of 512 bytes: enough for the settings, and not for the weights.
    let message = refused(&limited("ulimit -f 40", &TRAINING, runs.path()));
    assert!(message.contains("can't write"), "{message}");
    assert!(message.contains("ulimit -f"), "{message}");
    assert!(
        message.contains(&runs.path().display().to_string()),
        "{message}"
    );
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_memory_is_an_error_and_no_abort() -> Outcome {
    let runs = TempDir::new()?;
    // One layer's weights take 800 MB.
    let mut arguments = TRAINING.to_vec();
    arguments.extend(["--latent-dim", "65536"]);
    let message = refused(&limited("ulimit -v 600000", &arguments, runs.path()));
    assert!(message.contains("out of memory"), "{message}");
    assert!(message.contains("--latent-dim"), "{message}");
    assert!(message.contains("ulimit -v"), "{message}");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_open_files_is_named() -> Outcome {
    let runs = TempDir::new()?;
    let message = refused(&limited("ulimit -n 4", &TRAINING, runs.path()));
    assert!(message.contains("ulimit -n"), "{message}");
    Ok(())
}
