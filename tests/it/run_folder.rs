//! The run folder, through its public surface: names and files.

use std::error::Error;
use std::fs;

use chrono::DateTime;
use trainer::metrics::Quality;
use trainer::run::{
    DatasetOrigin, EpochMetrics, Meta, PcaReference, RunDir, RunError, SplitSizes, State, Status,
    Summary, Times, save_png, write_atomically,
};

use crate::common::folder::{Outcome, history, names_in, new_run, some_time};

fn quality(ssim: f64) -> Quality {
    Quality {
        ssim,
        psnr: 24.5,
        mse: 0.007,
        images: 10_000,
    }
}

fn summary() -> Summary {
    Summary {
        best_epoch: 43,
        epochs: 50,
        parameters: 1_234_567,
        latent_dim: 128,
        test: quality(0.891),
        validation: quality(0.894),
        noisy: None,
        bytes_per_image: None,
        pca: Some(PcaReference {
            components: 128,
            test: quality(0.84),
            validation: quality(0.85),
            seconds: 1.25,
        }),
        seconds: Times {
            training: 165.0,
            evaluation: 2.5,
            total: 171.0,
        },
        ssim_preset: "tf".to_owned(),
        images: SplitSizes {
            train: 55_000,
            validation: 5_000,
            test: 10_000,
        },
    }
}

// Folders and names.

#[test]
fn a_run_folder_is_named_by_time_and_name() -> Outcome {
    let home = tempfile::tempdir()?;
    let named = RunDir::create(home.path(), Some("wide"), "baseline-z128", some_time())?;
    assert_eq!(named.path(), home.path().join("2026-11-23T10-54-34_wide"));
    let unnamed = new_run(home.path())?;
    assert_eq!(
        unnamed.path(),
        home.path().join("2026-11-23T10-54-34_baseline-z128")
    );
    assert_eq!(
        names_in(unnamed.path()),
        [".lock", "checkpoints", "reconstructions", "status.json"]
    );
    Ok(())
}

#[test]
fn a_taken_name_gets_a_suffix_and_the_first_run_is_left_alone() -> Outcome {
    let home = tempfile::tempdir()?;
    let first = new_run(home.path())?;
    first.write_config("seed = 1\n")?;
    let second = new_run(home.path())?;
    second.write_config("seed = 2\n")?;
    let third = new_run(home.path())?;

    assert_eq!(first.read_config()?, "seed = 1\n");
    assert_eq!(
        second.path(),
        home.path().join("2026-11-23T10-54-34_baseline-z128-2")
    );
    assert_eq!(
        third.path(),
        home.path().join("2026-11-23T10-54-34_baseline-z128-3")
    );
    Ok(())
}

#[test]
fn runs_that_start_together_get_folders_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let mut paths: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| new_run(home.path())))
            .collect();
        starts
            .into_iter()
            .map(|run| run.join().unwrap().unwrap().path().to_owned())
            .collect()
    });
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 8);
}

#[test]
fn a_missing_runs_folder_is_created_and_hidden_from_git() -> Outcome {
    let home = tempfile::tempdir()?;
    let runs = home.path().join("deep/runs");
    new_run(&runs)?;
    assert_eq!(
        fs::read_to_string(runs.join(".gitignore"))?,
        "*\n!.gitignore\n"
    );
    Ok(())
}

#[test]
fn a_runs_folder_that_was_there_gets_no_gitignore() -> Outcome {
    let home = tempfile::tempdir()?;
    new_run(home.path())?;
    assert!(!home.path().join(".gitignore").exists());
    Ok(())
}

#[test]
fn hostile_names_are_refused_and_nothing_is_created() {
    let home = tempfile::tempdir().unwrap();
    let too_long = "x".repeat(101);
    let hostile = [
        "",
        "..",
        "../up",
        "a/b",
        "/etc",
        "a\\b",
        "c:d",
        "a..b",
        "line\nbreak",
        "nul\0",
        "bell\u{7}",
        " a",
        "a ",
        "a.",
        "what?",
        too_long.as_str(),
    ];
    for name in hostile {
        let refused = RunDir::create(home.path(), Some(name), "stem", some_time());
        let Err(error @ RunError::Name { .. }) = refused else {
            panic!("{name:?} gave {refused:?}");
        };
        assert!(error.to_string().contains("`name`"), "{error}");
    }
    assert!(names_in(home.path()).is_empty());
}

#[test]
fn ordinary_names_are_accepted() {
    let home = tempfile::tempdir().unwrap();
    for name in ["a", "wide z=256", "lr0.001", "größer", &"x".repeat(100)] {
        let run = RunDir::create(home.path(), Some(name), "stem", some_time()).unwrap();
        assert!(run.path().to_str().unwrap().ends_with(name));
    }
}

#[test]
fn an_unwritable_runs_folder_is_an_error_that_says_what_to_do() {
    // Below a file there can be no folder, not even for root, whom permissions don't stop.
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    for runs in [file.clone(), file.join("runs"), file.join("deep/runs")] {
        let error = new_run(&runs).unwrap_err();
        assert!(matches!(error, RunError::CreateFolder { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains(file.to_str().unwrap()) && message.contains("`runs`"),
            "{message}"
        );
        assert!(error.source().is_some());
    }
}

#[test]
fn only_a_folder_with_a_config_is_opened() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let file = home.path().join("file");
    fs::write(&file, "")?;
    for path in [run.path(), &file, &home.path().join("missing")] {
        let message = RunDir::open(path).unwrap_err().to_string();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
        assert!(message.contains("config.toml"), "{message}");
    }
    run.write_config("")?;
    assert_eq!(RunDir::open(run.path())?.path(), run.path());
    Ok(())
}

// Files.

#[test]
fn an_atomic_write_replaces_the_content_and_leaves_nothing_else() -> Outcome {
    let home = tempfile::tempdir()?;
    let path = home.path().join("weights.safetensors");
    write_atomically(&path, b"a long first version")?;
    write_atomically(&path, b"second")?;
    assert_eq!(fs::read(&path)?, b"second");
    assert_eq!(names_in(home.path()), ["weights.safetensors"]);
    Ok(())
}

#[test]
fn a_failed_write_names_the_file_and_leaves_no_temporary_file() -> Outcome {
    let home = tempfile::tempdir()?;
    // A folder can't be replaced by a file: the write fails at its last step.
    let taken = home.path().join("taken");
    fs::create_dir(&taken)?;
    let missing = home.path().join("missing/file");
    for path in [&taken, &missing] {
        let error = write_atomically(path, b"x").unwrap_err();
        assert!(matches!(error, RunError::Write { .. }), "{error:?}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
    assert_eq!(names_in(home.path()), ["taken"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn written_files_are_as_readable_as_any_other() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir()?;
    let (plain, atomic) = (home.path().join("plain"), home.path().join("atomic"));
    fs::write(&plain, "")?;
    write_atomically(&atomic, b"")?;
    let mode = |path| fs::metadata(path).map(|data| data.permissions().mode());
    assert_eq!(mode(&atomic)?, mode(&plain)?);
    Ok(())
}

#[test]
fn metrics_survive_a_round_trip_exactly() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    for epochs in [0, 1, 50] {
        run.write_metrics(&history(epochs))?;
        assert_eq!(run.read_metrics()?, history(epochs));
    }
    let text = fs::read_to_string(run.metrics_path())?;
    assert!(
        text.starts_with("epoch,step,learning_rate,train_loss,"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 51);
    Ok(())
}

#[test]
fn the_header_of_metrics_names_the_fields_in_their_order() -> Outcome {
    let row = EpochMetrics {
        learning_rate: 0.5,
        validation_mse: 0.25,
        ..history(1).remove(0)
    };
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    run.write_metrics(std::slice::from_ref(&row))?;
    let mut table = csv::Reader::from_path(run.metrics_path())?;
    let column = |name| {
        EpochMetrics::COLUMNS
            .iter()
            .position(|column| *column == name)
            .unwrap()
    };
    let record = table.records().next().unwrap()?;
    assert_eq!(&record[column("learning_rate")], "0.5");
    assert_eq!(&record[column("validation_mse")], "0.25");
    Ok(())
}

#[test]
fn metrics_that_are_not_finite_can_be_read_back() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let mut rows = history(2);
    rows[0].train_loss = f64::NAN;
    rows[1].validation_psnr = f64::INFINITY;
    run.write_metrics(&rows)?;
    let read = run.read_metrics()?;
    assert!(read[0].train_loss.is_nan());
    assert_eq!(read[1], rows[1]);
    Ok(())
}

#[test]
fn the_status_tells_each_state_in_words() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let words = [
        (State::Running, "running"),
        (State::Finished, "finished"),
        (State::EarlyStopped, "early_stopped"),
        (State::Interrupted, "interrupted"),
        (State::Failed, "failed"),
    ];
    for (state, word) in words {
        let status = Status::now(state, 7).because("loss is NaN");
        run.write_status(&status)?;
        assert_eq!(run.read_status()?, status);
        let json: serde_json::Value = serde_json::from_slice(&fs::read(run.status_path())?)?;
        assert_eq!(json["state"], word);
        assert_eq!(json["reason"], "loss is NaN");
        assert_eq!(json["epoch"], 7);
        let updated = json["updated"].as_str().unwrap();
        assert!(DateTime::parse_from_rfc3339(updated).is_ok(), "{updated}");
    }
    Ok(())
}

#[test]
fn the_summary_survives_a_round_trip_even_if_training_diverged() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let mut written = summary();
    written.test.psnr = f64::INFINITY;
    run.write_summary(&written)?;
    assert_eq!(run.read_summary()?, written);

    written.test.mse = f64::NAN;
    written.pca = None;
    run.write_summary(&written)?;
    assert!(run.read_summary()?.test.mse.is_nan());
    Ok(())
}

#[test]
fn meta_records_the_process_and_what_the_caller_knows() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let dataset = DatasetOrigin {
        source: "embedded".to_owned(),
        hash: None,
    };
    let meta = Meta::collect("wgpu", Some("llvmpipe".to_owned()), dataset, some_time());
    run.write_meta(&meta)?;
    assert_eq!(run.read_meta()?, meta);
    assert_eq!(meta.version, env!("CARGO_PKG_VERSION"));
    let program = std::env::args().next().unwrap_or_default();
    assert_eq!(meta.command[0], program);
    assert!(meta.host_threads >= 1);
    Ok(())
}

#[test]
fn missing_and_broken_files_are_errors_that_name_the_file() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    // The one of them that a new run has.
    fs::remove_file(run.status_path())?;
    for content in [None, Some("{\"epoch\": \"seven\"\n1,2")] {
        let files = [
            run.meta_path(),
            run.status_path(),
            run.summary_path(),
            run.metrics_path(),
        ];
        if let Some(content) = content {
            for file in &files {
                fs::write(file, content)?;
            }
        }
        let errors = [
            run.read_meta().unwrap_err(),
            run.read_status().unwrap_err(),
            run.read_summary().unwrap_err(),
            run.read_metrics().unwrap_err(),
        ];
        for (file, error) in files.iter().zip(errors) {
            assert_eq!(
                matches!(error, RunError::Parse { .. }),
                content.is_some(),
                "{error:?}"
            );
            assert!(
                error.to_string().contains(file.to_str().unwrap()),
                "{error}"
            );
        }
    }
    Ok(())
}

#[test]
fn pictures_sort_by_epoch() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    assert!(
        run.epoch_picture(1)
            .ends_with("reconstructions/epoch-0001.png")
    );
    assert!(run.epoch_picture(9) < run.epoch_picture(10));
    Ok(())
}

#[test]
fn a_saved_picture_reads_back_the_same() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let picture = image::RgbImage::from_fn(30, 20, |x, y| {
        image::Rgb([x, y, x * y].map(|level| u8::try_from(level % 256).unwrap_or_default()))
    });
    save_png(&picture, &run.epoch_picture(1))?;
    assert_eq!(image::open(run.epoch_picture(1))?.to_rgb8(), picture);
    assert_eq!(names_in(&run.reconstructions()), ["epoch-0001.png"]);

    let error = save_png(&picture, &home.path().join("missing/p.png")).unwrap_err();
    assert!(error.to_string().contains("p.png"), "{error}");
    Ok(())
}
