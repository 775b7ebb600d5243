//! How runs are named, the same in every command, and what lists of them leave out.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use trainer::run::{DatasetOrigin, Meta, RunDir, RunError, State, Status, discover, find_run};

use crate::common::folder::{Outcome, history, new_run, some_time};
use crate::common::{only_run, run_folders, small_run, trainer};

/// A finished run of this name, which began so many minutes after [`some_time`].
fn named_run(runs: &Path, name: &str, minutes: i64) -> Outcome {
    let run = new_run(runs)?;
    run.write_config("arch = \"linear\"\nlatent_dim = 8\nloss = \"mse\"\nepochs = 2\n")?;
    let origin = DatasetOrigin {
        source: "embedded".to_owned(),
        hash: None,
    };
    let time = some_time() + TimeDelta::minutes(minutes);
    run.write_meta(&Meta::collect("flex", None, origin, time))?;
    run.write_metrics(&history(2))?;
    run.write_status(&Status::now(State::Interrupted, 2))?;
    fs::rename(run.path(), runs.join(name))?;
    Ok(())
}

/// `trainer` with these arguments and the folder of runs.
fn with_runs(arguments: &[&str], runs: &Path) -> assert_cmd::assert::Assert {
    let mut command = trainer();
    command.args(arguments).arg("--runs").arg(runs).assert()
}

#[test]
fn a_name_a_path_or_latest_mean_one_run() -> Outcome {
    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    named_run(&runs, "z-first", 0)?;
    named_run(&runs, "a-last", 40)?;
    let first = runs.join("z-first");
    assert_eq!(find_run(Path::new("z-first"), &runs)?, first);
    assert_eq!(find_run(&first, Path::new("/nonexistent"))?, first);
    assert_eq!(find_run(Path::new("latest"), &runs)?, runs.join("a-last"));
    // What a folder with that name holds doesn't count.
    named_run(&runs, "latest", 20)?;
    assert_eq!(find_run(Path::new("latest"), &runs)?, runs.join("a-last"));
    let missing = find_run(Path::new("b"), &runs).unwrap_err();
    assert!(matches!(missing, RunError::NoSuchRun { .. }), "{missing}");
    fs::create_dir(home.path().join("empty"))?;
    let none = find_run(Path::new("latest"), &home.path().join("empty")).unwrap_err();
    assert!(matches!(none, RunError::NoRuns { .. }), "{none}");
    Ok(())
}

#[test]
fn every_command_takes_every_name() -> Outcome {
    let home = tempfile::tempdir()?;
    let runs = home.path();
    small_run(runs).args(["--epochs", "1"]).assert().success();
    let run = only_run(runs);
    let path = run.to_str().expect("UTF-8");
    let name = run.file_name().and_then(|name| name.to_str());
    let name = name.expect("UTF-8");
    let output = runs.join("compared");
    for named in [path, name, "latest"] {
        with_runs(&["eval", named], runs).success();
        with_runs(&["report", named], runs)
            .success()
            .stdout(contains(format!("{name}/report.html")));
        let output = output.to_str().expect("UTF-8");
        let compare = [
            "compare",
            named,
            path,
            "--backend",
            "flex",
            "--output",
            output,
        ];
        with_runs(&compare, runs).success();
        // It is found, and there is nothing left to do.
        with_runs(&["resume", named], runs)
            .code(2)
            .stderr(contains("the run is finished"));
    }
    for command in ["eval", "report", "resume"] {
        with_runs(&[command, "nothing"], runs)
            .code(1)
            .stderr(contains("no such run").and(contains("trainer runs")));
    }
    Ok(())
}

#[test]
fn the_folder_of_runs_may_be_given_before_the_command() -> Outcome {
    let home = tempfile::tempdir()?;
    named_run(home.path(), "mine", 0)?;
    for command in [&["runs"][..], &["runs", "--json"], &["report", "latest"]] {
        trainer()
            .arg("--runs")
            .arg(home.path())
            .args(command)
            .assert()
            .success()
            .stdout(contains("mine"));
    }
    let equals = format!("--runs={}", home.path().display());
    trainer()
        .args([&equals, "runs"])
        .assert()
        .success()
        .stdout(contains("mine"));
    // Settings of a training are none of a list's.
    trainer().args(["--epochs", "1", "runs"]).assert().code(2);
    Ok(())
}

#[test]
fn runs_in_subfolders_are_hinted_at() -> Outcome {
    let home = tempfile::tempdir()?;
    named_run(&home.path().join("sweep"), "inner", 0)?;
    fs::create_dir(home.path().join("notes"))?;
    let sweep = home.path().join("sweep");
    with_runs(&["runs"], home.path())
        .success()
        .stdout(contains(format!("trainer runs --runs {}", sweep.display())))
        .stdout(contains("notes").not());
    with_runs(&["runs", "--json"], home.path())
        .success()
        .stdout("[]\n");
    assert_eq!(discover(home.path())?.subfolders, [sweep]);
    Ok(())
}

#[test]
#[cfg(unix)]
fn links_to_runs_are_left_out_of_every_list_with_a_word_and_followed_by_name() -> Outcome {
    use std::os::unix::fs::symlink;

    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    named_run(&home.path().join("other"), "elsewhere", 50)?;
    named_run(&runs, "here", 0)?;
    symlink(home.path().join("other/elsewhere"), runs.join("linked"))?;
    symlink(home.path().join("gone"), runs.join("broken"))?;

    let listed = with_runs(&["runs", "--json"], &runs).success();
    let listed: Value = serde_json::from_slice(&listed.get_output().stdout)?;
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    for arguments in [
        &["runs"][..],
        &["runs", "--json"],
        &["report", "--all"],
        &["report"],
    ] {
        with_runs(arguments, &runs)
            .success()
            .stderr(contains("linked is left out").and(contains("broken is left out")))
            .stdout(contains("elsewhere").not());
    }
    let page = fs::read_to_string(runs.join("report.html"))?;
    assert!(!page.contains("\"name\":\"linked\""));
    assert_eq!(find_run(Path::new("latest"), &runs)?, runs.join("here"));
    with_runs(&["report", "linked"], &runs)
        .success()
        .stdout(contains("linked/report.html"));
    Ok(())
}

#[test]
#[cfg(unix)]
fn links_out_of_a_run_folder_are_followed_by_no_command() -> Outcome {
    use std::os::unix::fs::symlink;

    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    let victim = home.path().join("victim.txt");
    for file in [
        "log.txt",
        "metrics.csv",
        ".lock",
        "config.toml",
        "checkpoints",
        "tb",
    ] {
        named_run(&runs, file, 0)?;
        let run = runs.join(file);
        fs::write(&victim, "mine")?;
        let _ = fs::remove_file(run.join(file));
        let _ = fs::remove_dir_all(run.join(file));
        symlink(&victim, run.join(file))?;
        for command in ["resume", "eval"] {
            with_runs(&[command, file], &runs)
                .code(1)
                .stderr(contains(format!("{file} leads out of the folder")));
        }
        with_runs(&["runs"], &runs)
            .success()
            .stdout(contains(format!("! {file} leads out of the folder")));
        assert_eq!(fs::read_to_string(&victim)?, "mine");
        assert!(matches!(RunDir::open(&run), Err(RunError::LeadsOut { .. })));
    }
    assert_eq!(run_folders(&runs).len(), 6);
    Ok(())
}
