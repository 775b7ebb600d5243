//! Whole runs on images that aren't Fashion-MNIST's: RGB of 40×24, grey of 96×96, with classes and
//! without.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{json, run_folders, trainer};
use crate::model_file::{made, small};
use burn::tensor::Device;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;
use trainer::data::ImageParts;
use trainer::device::{self, Backend};
use trainer::model::Architecture;
use trainer::run::{EpochMetrics, RunDir, State};
use trainer::train::{Observer, Prepared, Trainer, open_model, start_run, train};
use trainer::{Images, TrainConfig};

/// The same images without classes.
fn unlabelled(images: &Images) -> Images {
    Images::new(ImageParts {
        values: images.values().to_vec(),
        shape: images.shape(),
        labels: None,
        manifest: images.manifest().to_vec(),
        source: images.source().to_owned(),
    })
    .expect("images")
}

fn run_of(images: &Images, config: TrainConfig, runs: &Path) -> PathBuf {
    let outcome = Trainer::new(config)
        .run_dir(runs)
        .fit(images, &Device::flex())
        .expect("a run");
    assert_eq!(outcome.state, State::Finished);
    let mut folders = run_folders(runs);
    // Names begin with the time.
    folders.sort();
    folders.pop().expect("a run folder")
}

/// Width and height of a PNG file.
fn size(path: &Path) -> (u32, u32) {
    let picture = image::open(path).expect("a picture");
    (picture.width(), picture.height())
}

#[test]
fn images_of_other_shapes_go_through_whole_runs() {
    for (shape, arch) in [
        ([3, 40, 24], Architecture::Linear),
        ([3, 40, 24], Architecture::Modified),
        ([3, 40, 24], Architecture::Residual),
        ([1, 96, 96], Architecture::Linear),
        ([1, 96, 96], Architecture::Baseline),
    ] {
        let folder = TempDir::new().expect("a folder");
        let runs = folder.path();
        let labelled = made(60, shape);
        let mut config = small(arch);
        let first = run_of(&labelled, config.clone(), runs);
        config.training.seed = 1;
        let second = run_of(&unlabelled(&labelled), config, runs);
        for run in [&first, &second] {
            for picture in ["test.png", "best.png", "worst.png", "curves.png"] {
                let (width, height) = size(&run.join(picture));
                assert!(
                    (100..=1_600).contains(&width) && height < 2_000,
                    "{picture} of {shape:?} has {width}×{height} pixels"
                );
            }
            let tile = trainer::plot::thumbnail_shape(labelled.shape());
            assert_eq!(size(&run.join("thumbnails.png")), (6 * tile.0, tile.1));
            let summary = json(&run.join("summary.json"));
            assert!(summary["test"]["ssim"].as_f64().expect("a score") > 0.0);
            assert!(summary["pca"]["test"]["ssim"].is_number());
            let model = open_model(run, &Device::flex()).expect("its model");
            assert_eq!(model.info().image, labelled.shape());
            let scores = model.score(&labelled).expect("scores");
            assert_eq!(scores.ssim.len(), labelled.len());
        }
        let table = fs::read_to_string(second.join("test.csv")).expect("test.csv");
        let row = table.lines().nth(1).expect("a row");
        assert_eq!(row.split(',').skip(2).take(2).collect::<String>(), "");

        let page = runs.join("report.html");
        trainer()
            .args(["report", "--all", "--runs"])
            .arg(runs)
            .arg("-o")
            .arg(&page)
            .assert()
            .success();
        let page = fs::read_to_string(page).expect("a page");
        assert!(page.contains("none of these"), "the classes are there");
        trainer()
            .args(["runs", "--runs"])
            .arg(runs)
            .assert()
            .success()
            .stdout(contains("finished"));
        // Its images can't be loaded again, since they were never files.
        trainer()
            .args(["compare", "--output"])
            .arg(runs)
            .args([&first, &second])
            .assert()
            .success()
            .stdout(contains("compare.png").and(contains("test SSIM")));
    }
}

/// Stops training after some steps.
struct StopAfter<'a> {
    steps: usize,
    stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn step(&mut self, images: usize) {
        if images > 0 {
            self.steps = self.steps.saturating_sub(1);
        }
        if self.steps == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// A program's mistake, after an epoch.
struct Panics;

impl Observer for Panics {
    fn epoch_started(&mut self, epoch: usize, _: usize) {
        assert!(epoch < 2, "a mistake");
    }
}

#[test]
fn a_failed_runs_status_has_its_last_epoch() {
    let images = made(60, [1, 40, 24]);
    let device = device::select(Backend::Flex, 0).expect("flex");
    let prepared =
        Prepared::new(small(Architecture::Linear), images, device).expect("a good config");
    let folder = TempDir::new().expect("a folder");
    let run = start_run(&prepared, folder.path(), None).expect("a run");
    let fail = |run: &RunDir| {
        let stop = AtomicBool::new(false);
        let result = train(&prepared, Some(run), &mut Panics, &stop);
        assert!(result.is_err());
        let status = run.read_status().expect("a status");
        assert_eq!((status.state, status.epoch), (State::Failed, 1));
        status.reason.expect("a reason")
    };
    assert!(fail(&run).contains("a mistake"));
    // Nor is it forgotten when the run can't be resumed.
    let checkpoints = fs::read_dir(run.checkpoints()).expect("a folder");
    for path in checkpoints.map(|entry| entry.expect("a file").path()) {
        if path
            .extension()
            .is_some_and(|extension| extension == "ckpt")
        {
            fs::write(path, "damaged").expect("a written file");
        }
    }
    assert!(fail(&run).contains("no checkpoint"));
}

struct Nobody;

impl Observer for Nobody {
    fn epoch_finished(&mut self, _: &EpochMetrics, _: bool) {}
}

#[test]
fn a_run_on_images_of_another_shape_resumes_to_the_bit() {
    let images = made(60, [3, 40, 24]);
    let device = device::select(Backend::Flex, 0).expect("flex");
    let prepared =
        Prepared::new(small(Architecture::Modified), images, device).expect("a good config");
    let folder = TempDir::new().expect("a folder");
    let best = |run: &RunDir| fs::read(run.best_checkpoint()).expect("a model file");
    let last = |run: &RunDir| fs::read(run.last_checkpoint()).expect("a model file");

    let whole = start_run(&prepared, folder.path(), Some("whole")).expect("a folder");
    train(
        &prepared,
        Some(&whole),
        &mut Nobody,
        &AtomicBool::new(false),
    )
    .expect("a run");

    let parts = start_run(&prepared, folder.path(), Some("parts")).expect("a folder");
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter {
        steps: 8,
        stop: &stop,
    };
    let outcome = train(&prepared, Some(&parts), &mut observer, &stop).expect("a run");
    assert_eq!(outcome.state, State::Interrupted);
    assert!(outcome.finished.is_none());
    let outcome = train(
        &prepared,
        Some(&parts),
        &mut Nobody,
        &AtomicBool::new(false),
    );
    assert_eq!(outcome.expect("a run").state, State::Finished);
    assert!(best(&whole) == best(&parts), "the best weights differ");
    assert!(last(&whole) == last(&parts), "the last weights differ");
}

/// The same model without any folder.
#[test]
fn a_model_trained_in_memory_is_that_of_a_run_folder() {
    let images = made(40, [1, 28, 28]);
    let config = small(Architecture::Linear);
    let folder = TempDir::new().expect("a folder");
    let run = run_of(&images, config.clone(), folder.path());
    let path = folder.path().join("memory.safetensors");
    let model = trainer::train::fit(&config, &images, &Device::flex()).expect("a model");
    model.save(&path).expect("a file");
    let of_run = fs::read(run.join("checkpoints/best.safetensors")).expect("a model file");
    assert!(fs::read(path).expect("a model file") == of_run);
}

/// Keeps what each epoch makes of two images, and stops in the third.
struct TwoEpochs<'a> {
    shown: Vec<Vec<f32>>,
    stop: &'a AtomicBool,
}

impl Observer for TwoEpochs<'_> {
    fn epoch_started(&mut self, epoch: usize, _: usize) {
        self.stop.store(epoch > 2, Ordering::Relaxed);
    }

    fn shown(&self) -> Vec<u32> {
        vec![3, 17]
    }

    fn reconstructed(&mut self, images: &[f32]) {
        self.shown.push(images.to_vec());
    }
}

#[test]
fn what_is_stopped_in_memory_is_its_best_epoch() {
    let images = made(60, [1, 40, 24]);
    let device = device::select(Backend::Flex, 0).expect("flex");
    let mut config = small(Architecture::Baseline);
    config.training.epochs = 9;
    let prepared = Prepared::new(config, images.clone(), device).expect("a good config");
    let stop = AtomicBool::new(false);
    let mut observer = TwoEpochs {
        shown: Vec::new(),
        stop: &stop,
    };
    let outcome = train(&prepared, None, &mut observer, &stop).expect("a run");
    assert_eq!(outcome.state, State::Interrupted);
    let finished = outcome.finished.expect("two epochs are finished");
    assert_eq!(finished.summary.epochs, 2);

    // The observer has seen what the best epoch's weights make of the images.
    let shown = observer.shown;
    assert_eq!(shown.len(), 2);
    let two = Images::new(ImageParts {
        values: images.of_rows(&[3, 17]),
        shape: images.shape(),
        labels: None,
        manifest: vec!["3".to_owned(), "17".to_owned()],
        source: "two of them".to_owned(),
    });
    let restored = finished.model.reconstruct(&two.expect("images"));
    let restored: Vec<f32> = restored
        .expect("two images")
        .into_data()
        .try_to_vec()
        .expect("numbers");
    let best = &shown[finished.summary.best_epoch - 1];
    assert_eq!(best.len(), restored.len());
    for (seen, restored) in best.iter().zip(&restored) {
        assert!((seen - restored).abs() < 1e-6, "{seen} and {restored}");
    }

    // Before the first epoch is finished, there is nothing.
    let stop = AtomicBool::new(true);
    let outcome = train(&prepared, None, &mut Nobody, &stop).expect("a run");
    assert!(outcome.finished.is_none());
}
