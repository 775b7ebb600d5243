//! What is read of a run folder, whatever version or damage it is of.

use std::fs;
use std::path::Path;

use chrono::{TimeDelta, TimeZone, Utc};
use trainer::run::{
    DatasetOrigin, Meta, RunDir, RunRecord, RunState, State, Status, TestImage, discover, latest,
};

use crate::common::folder::{Outcome, history, new_run, some_time};

/// A run whose files are all there, and which this process holds.
fn whole_run(runs: &Path) -> Result<RunDir, Box<dyn std::error::Error>> {
    let run = new_run(runs)?;
    run.write_config("arch = \"linear\"\nlatent_dim = 8\nloss = \"mse\"\nepochs = 5\nnew = 1\n")?;
    run.write_meta(&meta(0))?;
    run.write_metrics(&history(3))?;
    run.write_status(&Status::now(State::Running, 3))?;
    Ok(run)
}

/// The circumstances of a run that started so many days after [`some_time`].
fn meta(days: i64) -> Meta {
    let origin = DatasetOrigin {
        source: "embedded".to_owned(),
        hash: None,
    };
    Meta::collect("flex", None, origin, some_time() + TimeDelta::days(days))
}

#[test]
fn a_run_is_read_as_it_was_written() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = whole_run(home.path())?;
    let record = RunRecord::read(run.path());
    assert_eq!(record.problems, [""; 0]);
    assert_eq!(record.state, RunState::Running);
    assert_eq!(record.history, history(3));
    assert_eq!(record.settings.arch.as_deref(), Some("linear"));
    assert_eq!(record.settings.latent_dim, Some(8));
    assert_eq!(record.settings.backend, None, "not set, and no damage");
    let config = record.config.as_ref().expect("TOML");
    assert_eq!(config["new"].as_integer(), Some(1));
    assert_eq!(record.started(), Some(some_time()));
    assert_eq!(record.best_validation().ssim, Some(0.9 - 0.5 / 3.0));

    let path = run.path().to_owned();
    drop(run);
    assert_eq!(RunRecord::read(&path).state, RunState::Killed);
    Ok(())
}

#[test]
fn a_run_that_is_being_prepared_is_not_damaged() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = whole_run(home.path())?;
    fs::remove_file(run.status_path())?;
    fs::remove_file(run.metrics_path())?;
    let record = RunRecord::read(run.path());
    assert_eq!(record.problems, [""; 0]);
    assert_eq!(record.state, RunState::Running);

    let path = run.path().to_owned();
    drop(run);
    let record = RunRecord::read(&path);
    assert_eq!(record.problems, ["no status.json"]);
    assert_eq!(record.state, RunState::Damaged);
    Ok(())
}

#[test]
fn columns_of_other_versions_are_no_damage() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = whole_run(home.path())?;
    fs::write(
        run.metrics_path(),
        "new,validation_ssim,epoch,train_loss\nx,0.25,1,0.5\n,,2,\n",
    )?;
    let record = RunRecord::read(run.path());
    assert_eq!(record.problems, [""; 0]);
    let [first, second] = &record.history[..] else {
        panic!("{:?}", record.history);
    };
    assert_eq!((first.epoch, first.step), (1, 0));
    assert_eq!((first.validation_ssim, first.train_loss), (0.25, 0.5));
    assert!(first.validation_loss.is_nan() && first.seconds.is_nan());
    assert_eq!(second.epoch, 2);
    assert!(second.validation_ssim.is_nan() && second.train_loss.is_nan());
    assert_eq!(record.best_validation().ssim, Some(0.25));
    assert_eq!(record.best_validation().psnr, None);

    fs::write(run.metrics_path(), "train_loss\n0.5\n")?;
    let record = RunRecord::read(run.path());
    let [problem] = &record.problems[..] else {
        panic!("{:?}", record.problems);
    };
    assert!(problem.starts_with("metrics.csv: ") && problem.contains("epoch"));
    Ok(())
}

#[test]
fn one_damaged_file_or_setting_leaves_the_others() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = whole_run(home.path())?;
    run.write_config("arch = 7\nlatent_dim = -1\nloss = \"mse\"\n")?;
    fs::write(run.status_path(), "{")?;
    let record = RunRecord::read(run.path());
    assert_eq!(record.settings.loss.as_deref(), Some("mse"));
    assert_eq!(record.history, history(3));
    assert_eq!(record.state, RunState::Damaged);
    let [arch, latent_dim, status] = &record.problems[..] else {
        panic!("{:?}", record.problems);
    };
    assert_eq!(arch, "config.toml: arch: expected string, found integer");
    assert!(latent_dim.starts_with("config.toml: latent_dim: "));
    assert!(status.starts_with("status.json: "), "{status}");
    Ok(())
}

#[test]
fn of_a_newer_version_nothing_is_read() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = whole_run(home.path())?;
    // Whose other fields may be unknown.
    fs::write(run.meta_path(), "{\"version\": \"999.0.1\"}")?;
    let record = RunRecord::read(run.path());
    assert_eq!(
        record.problems,
        ["of trainer 999.0.1, which is newer".to_owned()]
    );
    assert!(record.config.is_none() && record.history.is_empty());
    assert!(RunDir::open(run.path()).is_err());
    Ok(())
}

#[test]
fn only_regular_files_of_a_sensible_size_are_read() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = whole_run(home.path())?;
    fs::File::create(run.summary_path())?.set_len(1 << 30)?;
    fs::remove_file(run.metrics_path())?;
    #[cfg(unix)]
    {
        let pipe = std::process::Command::new("mkfifo")
            .arg(run.metrics_path())
            .status()?;
        assert!(pipe.success());
    }
    #[cfg(not(unix))]
    fs::create_dir(run.metrics_path())?;
    assert_eq!(
        RunRecord::read(run.path()).problems,
        [
            "metrics.csv: it isn't a regular file",
            "summary.json: it is larger than 1 MiB",
        ]
    );
    Ok(())
}

#[test]
fn the_latest_run_is_the_one_that_started_last() -> Outcome {
    let home = tempfile::tempdir()?;
    let rename = |run: RunDir, name: &str| fs::rename(run.path(), home.path().join(name));
    let named = |name: &str| Some(home.path().join(name));
    let find = || -> Result<_, Box<dyn std::error::Error>> {
        let folders = discover(home.path())?.folders;
        Ok(latest(&folders).map(Path::to_owned))
    };
    assert_eq!(find()?, None);
    for (name, days) in [("z-first", 0), ("a-last", 2), ("m-second", 1)] {
        let run = whole_run(home.path())?;
        run.write_meta(&meta(days))?;
        rename(run, name)?;
    }
    fs::create_dir(home.path().join("zz-no-run"))?;
    assert_eq!(find()?, named("a-last"));

    // Without meta.json the last status counts.
    let run = whole_run(home.path())?;
    fs::remove_file(run.meta_path())?;
    let mut status = Status::now(State::Failed, 3);
    status.updated = Utc.with_ymd_and_hms(2100, 1, 1, 0, 0, 0).unwrap().into();
    run.write_status(&status)?;
    rename(run, "b-without-meta")?;
    assert_eq!(find()?, named("b-without-meta"));
    Ok(())
}

#[test]
fn test_images_may_lack_labels_and_have_any_number_of_classes() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let image = |index, label: Option<u32>, class: Option<&str>| TestImage {
        index,
        path: None,
        label,
        class: class.map(str::to_owned),
        ssim: 0.5,
        psnr: f64::INFINITY,
        mse: 0.0,
        pc1: 1.5,
        pc2: -2.0,
        tile: None,
    };
    let images = [
        image(0, None, None),
        image(7, Some(1000), Some("bag, small")),
        image(9, Some(3), None),
    ];
    run.write_test_images(&images)?;
    assert_eq!(run.read_test_images()?, images);

    fs::write(run.test_images_path(), "index,new,ssim\n4,x,0.25\n")?;
    let [read] = &run.read_test_images()?[..] else {
        panic!("one row");
    };
    assert_eq!((read.index, read.ssim, read.label), (4, 0.25, None));
    assert!(read.psnr.is_nan());
    fs::write(run.test_images_path(), "ssim\n0.25\n")?;
    assert!(run.read_test_images().is_err());
    Ok(())
}
