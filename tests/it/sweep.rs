//! `trainer sweep`: what it makes, and what it leaves as it is.

use std::path::Path;

use crate::common::{run_folders, trainer, without_settings};
use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use tempfile::TempDir;

fn sweep(out: &Path, latent_dims: &str) -> Command {
    let mut command = trainer();
    command
        .args(["sweep", "--backend", "flex", "--latent-dims", latent_dims])
        .args(["--limit", "80", "--epochs", "1", "--refine", "3"])
        .arg("--out")
        .arg(out);
    command
}

fn rows(out: &Path) -> Vec<Vec<String>> {
    let table = std::fs::read_to_string(out.join("sweep.csv")).expect("a table");
    let rows = table.lines().skip(1);
    rows.map(|row| row.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_sweep_makes_what_is_missing_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("sweep");
    sweep(&out, "2,8").assert().success();
    let first = rows(&out);
    let methods: Vec<String> = first
        .iter()
        .map(|row| format!("{} {}", row[0], row[2]))
        .collect();
    assert_eq!(
        methods,
        ["linear 2", "baseline 2", "linear 8", "baseline 8"]
    );
    for row in &first {
        let score: f64 = row[3].parse().expect("a score");
        assert!((-1.0..=1.0).contains(&score), "{row:?}");
    }
    let picture = image::open(out.join("rate_quality.png")).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (1200, 520));
    for run in run_folders(&out) {
        assert!(run.join("log.txt").is_file(), "{}", run.display());
    }

    let before = run_folders(&out);
    // Another latent size, and one run that is gone.
    std::fs::remove_dir_all(&before[0]).expect("a run folder");
    sweep(&out, "2,8,4").assert().success();
    let second = rows(&out);
    assert_eq!(second.len(), 6);
    let kept = run_folders(&out)
        .into_iter()
        .filter(|run| before.contains(run));
    assert_eq!(kept.count(), 3);
    // The one made anew is the same.
    assert_eq!(first[0][..5], second[0][..5]);
}

#[test]
fn the_rows_of_earlier_sweeps_stay_and_a_size_listed_twice_counts_once() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("sweep");
    sweep(&out, "2,2").assert().success();
    let first = rows(&out);
    assert_eq!(first.len(), 2, "{first:?}");
    sweep(&out, "4").assert().success();
    let second = rows(&out);
    let sizes: Vec<&str> = second.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(sizes, ["4", "4", "2", "2"]);
    assert_eq!(second[2..], first);
    assert_eq!(run_folders(&out).len(), 4);

    // Runs on other images would be taken for runs on these.
    let mut other = sweep(&out, "2");
    other
        .args(["--classes", "trouser"])
        .assert()
        .code(1)
        .stderr(contains("of other images"));
    assert_eq!(rows(&out), second);
    assert_eq!(run_folders(&out).len(), 4);
    // And other images of the same set, or another measure, for the same scores.
    for (flag, value) in [
        ("--limit", "70"),
        ("--seed", "1"),
        ("--ssim-preset", "same"),
    ] {
        let mut other = sweep(&out, "2");
        if flag == "--limit" {
            // The flag is given already.
            other = trainer();
            other.args(["sweep", "--backend", "flex", "--latent-dims", "2", "--out"]);
            other.arg(&out);
        }
        other
            .args([flag, value])
            .assert()
            .code(1)
            .stderr(contains(flag).and(contains("their scores don't compare")));
    }
    assert_eq!(run_folders(&out).len(), 4);

    // A table that isn't a sweep's is never replaced.
    std::fs::write(out.join("sweep.csv"), "my,own\n1,2\n").expect("writing");
    sweep(&out, "4")
        .assert()
        .code(1)
        .stderr(contains("sweep.csv").and(contains("move it away")));
    let kept = std::fs::read_to_string(out.join("sweep.csv")).expect("a table");
    assert_eq!(kept, "my,own\n1,2\n");
}

#[test]
fn a_sweep_without_time_goes_on_later() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("sweep");
    sweep(&out, "2")
        .args(["--minutes", "0"])
        .assert()
        .success()
        .stderr(contains("2 of 2 runs are left"));
    sweep(&out, "2").assert().success();
    assert_eq!(rows(&out).len(), 2);
}

#[test]
fn what_a_sweep_goes_over_is_not_given_singly() {
    let folder = TempDir::new().expect("a folder");
    for (flag, value, list) in [
        ("--arch", "linear", "--archs"),
        ("--latent-dim", "8", "--latent-dims"),
        ("--loss", "mse", "--losses"),
    ] {
        sweep(folder.path(), "2")
            .args([flag, value])
            .assert()
            .code(2)
            .stderr(contains(list));
    }
    for (flag, value) in [("--minutes", "-1"), ("--minutes", "NaN")] {
        sweep(folder.path(), "2")
            .arg(format!("{flag}={value}"))
            .assert()
            .code(2)
            .stderr(contains("minutes"));
    }
}

#[test]
fn what_is_in_the_way_of_a_sweep_is_found_before_it_trains_and_stays() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("sweep");
    std::fs::create_dir(&out).expect("a folder");
    let table = out.join("sweep.csv");
    // One line has no row that could be wrong.
    std::fs::write(&table, "my,own,notes\n").expect("a file");
    let refused = |expected: &str| {
        sweep(&out, "2")
            .assert()
            .failure()
            .stderr(contains(expected).count(1))
            .stderr(contains("test SSIM").not());
        assert!(
            run_folders(&out)
                .iter()
                .all(|path| path.ends_with("rate_quality.png"))
        );
    };
    refused("it isn't a sweep's table");
    assert_eq!(
        std::fs::read_to_string(&table).expect("a file"),
        "my,own,notes\n"
    );
    std::fs::remove_file(&table).expect("removing");

    let picture = out.join("rate_quality.png");
    std::fs::create_dir(&picture).expect("a folder");
    refused("is a folder, and the sweep's picture has that name");
    std::fs::remove_dir(&picture).expect("removing");

    let lock = std::fs::File::create(out.join(".sweep.lock")).expect("a file");
    lock.try_lock().expect("a lock");
    refused("another sweep uses it");
    drop(lock);

    let nowhere = folder.path().join("nowhere");
    sweep(&nowhere, "2")
        .arg("--data")
        .arg("/nonexistent")
        .assert()
        .code(1)
        .stderr(contains("/nonexistent doesn't exist").count(1));
    assert!(!nowhere.exists());
    std::fs::write(&nowhere, "").expect("a file");
    sweep(&nowhere, "2")
        .assert()
        .code(2)
        .stderr(contains("--out").and(contains("no folder")));
}

#[test]
fn without_pca_there_are_no_scores_of_it() {
    let folder = TempDir::new().expect("a folder");
    let small = || {
        let mut command = sweep(folder.path(), "2");
        command.args(["--archs", "linear"]);
        command
    };
    small()
        .arg("--no-pca")
        .assert()
        .success()
        .stdout(contains("NaN").not())
        .stderr(contains("PCA").not());
    small()
        .assert()
        .success()
        .stdout(contains("–"))
        .stderr(contains("was trained with --no-pca before"));
}

#[test]
fn a_sweep_is_a_list_of_commands_that_others_run() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("a sweep");
    let listed = |out: &Path| -> Vec<String> {
        let done = sweep(out, "2,8").arg("--list").assert().success();
        let text = String::from_utf8(done.get_output().stdout.clone()).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    };
    let commands = listed(&out);
    assert!(commands.len() == 4 && !out.exists(), "{commands:?}");
    sweep(&out, "2,8")
        .arg("--collect")
        .assert()
        .failure()
        .stderr(contains("there is no such folder"));

    // Each one on its own, two of them at once.
    let shell = |command: &String| {
        let mut shell = without_settings("sh");
        shell.args(["-c", command]).spawn().expect("a shell")
    };
    for pair in commands.chunks(2) {
        let running: Vec<_> = pair.iter().map(shell).collect();
        for mut process in running {
            assert!(process.wait().expect("an end").success());
        }
    }
    assert_eq!(listed(&out), [""; 0]);
    sweep(&out, "2,8").arg("--collect").assert().success();
    let collected = rows(&out);
    // A sweep that trains has nothing to do, and the same to say.
    sweep(&out, "2,8").assert().success();
    assert_eq!(rows(&out), collected);
    assert_eq!((collected.len(), run_folders(&out).len()), (4, 4));
}

#[test]
fn a_list_leaves_out_what_cannot_be_trained_and_finds_a_run_that_was_finished_later() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    let listed = |latent_dims: &str| {
        let mut command = sweep(&out, latent_dims);
        command.args(["--archs", "linear", "--list"]).assert()
    };
    // There are no more components than pixels.
    listed("900,2")
        .code(1)
        .stderr(contains("1 of 2: linear, 900 latent values"))
        .stdout(contains("--latent-dim=2"));

    // As when a killed command is repeated: the same settings twice, and the first isn't finished.
    let mut train = sweep(&out, "2");
    train.args(["--archs", "linear"]).assert().success();
    let run = run_folders(&out).pop().expect("a run");
    let killed = out.join("2000-01-01T00-00-00_linear-z2");
    std::fs::create_dir(&killed).expect("a folder");
    for file in ["config.toml", "meta.json"] {
        std::fs::copy(run.join(file), killed.join(file)).expect("a copy");
    }
    let status = std::fs::read_to_string(run.join("status.json")).expect("a status");
    let status = status.replace("finished", "interrupted");
    std::fs::write(killed.join("status.json"), status).expect("a file");
    let done = listed("2").success();
    assert!(done.get_output().stdout.is_empty());
}
