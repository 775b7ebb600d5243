//! `metrics.csv`, which grows in place.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};

use crate::common::folder::{Outcome, history, new_run};
use crate::common::{only_run, small_run, trainer};

#[test]
fn metrics_grow_where_they_are_so_that_a_reader_can_follow() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    run.write_metrics(&history(2))?;
    let mut follower = File::open(run.metrics_path())?;
    let mut seen = String::new();
    follower.read_to_string(&mut seen)?;
    assert_eq!(seen.lines().count(), 3);
    for epochs in [3, 4] {
        run.write_metrics(&history(epochs))?;
        let mut row = String::new();
        follower.read_to_string(&mut row)?;
        assert!(row.starts_with(&format!("{epochs},")), "{row:?}");
        assert_eq!(row.lines().count(), 1, "{row:?}");
        seen += &row;
    }
    assert_eq!(seen, fs::read_to_string(run.metrics_path())?);
    Ok(())
}

#[test]
fn a_torn_last_line_is_no_row_and_is_replaced() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    run.write_metrics(&history(4))?;
    let whole = fs::read(run.metrics_path())?;
    run.write_metrics(&history(3))?;
    let three = fs::read(run.metrics_path())?;
    for length in three.len() + 1..whole.len() {
        fs::write(run.metrics_path(), &whole[..length])?;
        assert_eq!(run.read_metrics()?, history(3), "{length} bytes");
        run.write_metrics(&history(4))?;
        assert_eq!(fs::read(run.metrics_path())?, whole, "{length} bytes");
    }
    // Epochs that are to be trained again, and a file that is something else.
    fs::write(run.metrics_path(), &whole)?;
    run.write_metrics(&history(3))?;
    assert_eq!(fs::read(run.metrics_path())?, three);
    fs::write(run.metrics_path(), "epoch\n1\n")?;
    run.write_metrics(&history(3))?;
    assert_eq!(fs::read(run.metrics_path())?, three);
    Ok(())
}

#[test]
fn a_copy_made_of_hard_links_keeps_its_metrics() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    run.write_metrics(&history(2))?;
    let copy = home.path().join("copy.csv");
    fs::hard_link(run.metrics_path(), &copy)?;
    let before = fs::read(&copy)?;
    run.write_metrics(&history(3))?;
    assert_eq!(fs::read(&copy)?, before);
    assert_eq!(run.read_metrics()?, history(3));
    Ok(())
}

#[test]
fn resuming_repairs_a_torn_line_and_appends() -> Outcome {
    let home = tempfile::tempdir()?;
    small_run(home.path()).assert().success();
    let run = only_run(home.path());
    let path = run.join("metrics.csv");
    let before = fs::read_to_string(&path)?;
    OpenOptions::new()
        .append(true)
        .open(&path)?
        .write_all(b"3,9,0.00")?;
    let held = File::open(&path)?;
    trainer()
        .args(["resume", "--epochs", "3"])
        .arg(&run)
        .assert()
        .success();
    let after = fs::read_to_string(&path)?;
    assert!(after.starts_with(&before), "{after}");
    assert_eq!(after.lines().count(), 4, "{after}");
    assert!(after.lines().all(|line| line.split(',').count() == 10));
    let mut by_handle = String::new();
    (&held).read_to_string(&mut by_handle)?;
    assert_eq!(by_handle, after, "it is still the same file");
    Ok(())
}
