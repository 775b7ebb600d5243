//! `trainer runs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common::folder::{Outcome, history, some_time};
use crate::common::trainer;
use chrono::{Local, TimeDelta};
use serde_json::Value;
use trainer::metrics::Quality;
use trainer::run::{
    DatasetOrigin, Meta, PcaReference, RunDir, SplitSizes, State, Status, Summary, Times,
};

fn quality(ssim: f64) -> Quality {
    Quality {
        ssim,
        psnr: 24.5,
        mse: 0.007,
        images: 1400,
    }
}

fn summary(ssim: f64) -> Summary {
    Summary {
        best_epoch: 3,
        epochs: 3,
        parameters: 1_621_889,
        latent_dim: 128,
        test: quality(ssim),
        validation: quality(ssim),
        noisy: None,
        bytes_per_image: None,
        pca: Some(PcaReference {
            components: 128,
            test: quality(0.9122),
            validation: quality(0.91),
            seconds: 1.0,
        }),
        seconds: Times {
            training: 450.0,
            evaluation: 7.0,
            total: 457.0,
        },
        ssim_preset: "tf".to_owned(),
        images: SplitSizes {
            train: 11_200,
            validation: 1400,
            test: 1400,
        },
    }
}

/// A run of three epochs of five, in this state; with a summary if it has a test SSIM. All of them begin
/// in the same second, so that their names sort by `name`.
fn new_run(
    runs: &Path,
    name: &str,
    state: State,
    test_ssim: Option<f64>,
) -> Result<RunDir, Box<dyn std::error::Error>> {
    let run = RunDir::create(runs, Some(name), "", some_time())?;
    run.write_config(
        "arch = \"baseline\"\nlatent_dim = 128\nloss = \"bce\"\nbackend = \"flex\"\nepochs = 5\n",
    )?;
    let origin = DatasetOrigin {
        source: "embedded".to_owned(),
        hash: Some("0123456789abcdef".to_owned()),
    };
    run.write_meta(&Meta::collect("flex", None, origin, Local::now()))?;
    run.write_metrics(&history(3))?;
    if let Some(ssim) = test_ssim {
        run.write_summary(&summary(ssim))?;
    }
    run.write_status(&Status::now(state, 3))?;
    Ok(run)
}

/// The table that `trainer runs` prints with these arguments.
fn table(runs: &Path, arguments: &[&str]) -> String {
    let mut command = trainer();
    command.arg("runs").arg("--runs").arg(runs).args(arguments);
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("UTF-8")
}

/// The places of these texts in the table are in this order.
fn in_order(table: &str, texts: &[&str]) -> bool {
    let places: Vec<usize> = texts
        .iter()
        .map(|text| {
            table
                .find(text)
                .unwrap_or_else(|| panic!("{text}: {table}"))
        })
        .collect();
    places.is_sorted()
}

#[test]
fn each_run_has_a_line_with_its_figures() -> Outcome {
    let home = tempfile::tempdir()?;
    new_run(home.path(), "done", State::Finished, Some(0.9196))?;
    let table = table(home.path(), &[]);
    assert_eq!(table.lines().count(), 2, "{table}");
    let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert!(words[0].ends_with("_done"));
    let expected = [
        "finished", "baseline", "128", "bce", "flex", "3/5", "0.7333", "0.9196", "0.9122", "7:37",
    ];
    assert_eq!(words[1..11], expected);
    Ok(())
}

/// The names of four runs by each column, the smallest value first; no two columns have the same order.
const ORDERS: [(&str, [&str; 4]); 12] = [
    ("name", ["apple", "birch", "cedar", "elm"]),
    ("state", ["birch", "elm", "apple", "cedar"]),
    ("arch", ["cedar", "apple", "elm", "birch"]),
    ("latent", ["elm", "cedar", "birch", "apple"]),
    ("loss", ["apple", "cedar", "birch", "elm"]),
    ("backend", ["birch", "apple", "elm", "cedar"]),
    ("epochs", ["cedar", "elm", "apple", "birch"]),
    ("val-ssim", ["elm", "apple", "cedar", "birch"]),
    ("test-ssim", ["apple", "elm", "birch", "cedar"]),
    ("pca", ["birch", "cedar", "elm", "apple"]),
    ("time", ["cedar", "birch", "apple", "elm"]),
    ("age", ["elm", "birch", "cedar", "apple"]),
];

/// A run whose values are in those places.
fn run_in_order(runs: &Path, name: &str) -> Outcome {
    let place = |column: &str| {
        let (_, order) = ORDERS.iter().find(|(known, _)| *known == column).unwrap();
        order.iter().position(|run| *run == name).unwrap()
    };
    let run = RunDir::create(runs, Some(name), "", some_time())?;
    // As numbers, not as text.
    let latent_dim = [8, 16, 32, 128][place("latent")];
    run.write_config(&format!(
        "arch = \"{}\"\nlatent_dim = {latent_dim}\nloss = \"{}\"\nbackend = \"{}\"\n",
        ["baseline", "linear", "modified", "residual"][place("arch")],
        ["bce", "l1", "mse", "ssim"][place("loss")],
        ["auto", "flex", "ndarray", "wgpu"][place("backend")],
    ))?;
    let origin = DatasetOrigin {
        source: "embedded".to_owned(),
        hash: None,
    };
    let hours = TimeDelta::hours([1, 9, 30, 200][place("age")]);
    run.write_meta(&Meta::collect("flex", None, origin, Local::now() - hours))?;
    let epochs = [2, 3, 9, 11][place("epochs")];
    let mut metrics = history(epochs);
    for row in &mut metrics {
        row.validation_ssim = [0.5, 0.6, 0.7, 0.8][place("val-ssim")];
    }
    run.write_metrics(&metrics)?;
    let epochs = usize::from(epochs);
    let mut summary = summary([0.51, 0.61, 0.71, 0.81][place("test-ssim")]);
    summary.epochs = epochs;
    summary.pca.as_mut().unwrap().test = quality([0.52, 0.62, 0.72, 0.82][place("pca")]);
    summary.seconds.total = [7.0, 65.0, 450.0, 4000.0][place("time")];
    run.write_summary(&summary)?;
    let state = [
        State::EarlyStopped,
        State::Failed,
        State::Finished,
        State::Interrupted,
    ][place("state")];
    run.write_status(&Status::now(state, epochs))?;
    Ok(())
}

#[test]
fn every_column_sorts_either_way_and_runs_without_a_value_come_last() -> Outcome {
    let home = tempfile::tempdir()?;
    for name in ORDERS[0].1 {
        run_in_order(home.path(), name)?;
    }
    let run = RunDir::create(home.path(), Some("nothing"), "", some_time())?;
    run.write_config("")?;
    drop(run);
    for (column, mut order) in ORDERS {
        for reverse in [&[][..], &["--reverse"]] {
            let arguments = [&["--sort", column], reverse].concat();
            let table = table(home.path(), &arguments);
            assert!(in_order(&table, &order), "{arguments:?}: {table}");
            // Every run has a name, that one's state is that it is damaged, and its status tells its age.
            if !["name", "state", "age"].contains(&column) {
                assert!(
                    in_order(&table, &[order[3], "nothing"]),
                    "{arguments:?}: {table}"
                );
            }
            order.reverse();
        }
    }
    Ok(())
}

#[test]
fn damaged_runs_are_listed_with_their_damage_and_other_folders_are_not() -> Outcome {
    let home = tempfile::tempdir()?;
    new_run(home.path(), "whole", State::Finished, Some(0.9))?;
    let run = new_run(home.path(), "torn", State::Finished, Some(0.9))?;
    fs::write(run.summary_path(), "{\"best_epoch\": 1")?;
    let run = new_run(home.path(), "unset", State::Interrupted, None)?;
    fs::remove_file(run.config_path())?;
    let run = new_run(home.path(), "odd", State::Interrupted, None)?;
    fs::write(run.config_path(), "arch = 7\n")?;
    fs::write(run.metrics_path(), "epoch\nseven\n")?;
    fs::create_dir(home.path().join("notes"))?;
    fs::write(home.path().join("list.txt"), "")?;

    let table = table(home.path(), &["--sort", "name"]);
    assert!(in_order(
        &table,
        &[
            "_odd",
            "  ! config.toml: ",
            "  ! metrics.csv: ",
            "_torn",
            "  ! summary.json: ",
            "_unset",
            "  ! no config.toml",
            "_whole"
        ]
    ));
    assert_eq!(table.matches("damaged").count(), 3, "{table}");
    assert!(!table.contains("notes") && !table.contains("list.txt"));
    Ok(())
}

#[test]
fn a_run_that_was_killed_does_not_look_alive() -> Outcome {
    let home = tempfile::tempdir()?;
    let _alive = new_run(home.path(), "alive", State::Running, None)?;
    // Nobody holds this one.
    new_run(home.path(), "gone", State::Running, None)?;
    let table = table(home.path(), &["--sort", "name"]);
    assert!(in_order(&table, &["_alive", "running", "_gone", "killed"]));
    Ok(())
}

#[cfg(unix)]
#[test]
fn names_reach_the_terminal_without_control_characters() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path(), "plain", State::Finished, Some(0.9))?;
    fs::write(
        run.config_path(),
        "arch = \"\\u001b]0;title\\u0007\"\nlatent_dim = 1\nloss = \"b\\u009bc\"\nbackend = \"flex\"\nepochs = 5\n",
    )?;
    fs::rename(run.path(), home.path().join("\u{1b}[2Jred\nrun\u{202e}"))?;
    for arguments in [&[][..], &["--json"]] {
        let text = table(home.path(), arguments);
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        let json = arguments.contains(&"--json");
        // JSON's own text may hold the mark; a terminal shows it at worst mirrored.
        let found = text
            .chars()
            .find(|c| harmful(*c) && !(json && *c == '\u{202e}'));
        assert_eq!(found, None, "{text:?}");
    }
    assert_eq!(table(home.path(), &[]).lines().count(), 2);
    Ok(())
}

#[test]
fn json_has_what_the_files_have() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path(), "done", State::Finished, Some(0.9196))?;
    let value: Value = serde_json::from_str(&table(home.path(), &["--json"]))?;
    let entry = &value[0];
    assert_eq!(entry["path"], run.path().display().to_string());
    assert_eq!(entry["config"]["latent_dim"], 128);
    assert_eq!(entry["status"]["state"], "finished");
    assert_eq!(entry["summary"]["test"]["ssim"], 0.9196);
    assert_eq!(entry["meta"]["backend"], "flex");
    assert_eq!(entry["epochs"], 3);
    assert_eq!(entry["problems"], Value::Array(Vec::new()));
    Ok(())
}

#[test]
fn no_runs_are_no_error_and_no_folder_is_one() -> Outcome {
    let home = tempfile::tempdir()?;
    assert!(table(home.path(), &[]).starts_with("no runs in "));
    assert_eq!(table(home.path(), &["--json"]).trim(), "[]");
    let missing: PathBuf = home.path().join("missing");
    let assert = trainer().arg("runs").arg("--runs").arg(&missing).assert();
    let error = String::from_utf8(assert.code(1).get_output().stderr.clone())?;
    assert!(
        error.contains("missing") && error.contains("--runs"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_thousand_runs_take_less_than_seconds() -> Outcome {
    let home = tempfile::tempdir()?;
    let first = new_run(home.path(), "first", State::Finished, Some(0.9))?;
    for number in 0..1000 {
        let copy = home.path().join(format!("copy-{number:04}"));
        fs::create_dir(&copy)?;
        for file in fs::read_dir(first.path())? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), copy.join(file.file_name()))?;
            }
        }
    }
    let started = Instant::now();
    let table = table(home.path(), &[]);
    let elapsed = started.elapsed();
    println!("1,001 runs in {elapsed:?}");
    assert_eq!(table.lines().count(), 1002);
    // It takes a tenth of that; other tests run at the same time.
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    Ok(())
}
