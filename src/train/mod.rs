//! Training, from settings to a finished run folder.
//!
//! [`prepare`] finds everything that can be wrong before anything is written; [`train`] is the
//! loop, read top to bottom.

mod analysis;
mod checkpoint;
mod early_stopping;
mod prepare;
mod report;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use crate::config::{Augment, Optimizer};
use crate::data::{Batches, shuffled};
use crate::error::{Error, TrainError};
use crate::metrics::{evaluate, read_rows};
use crate::model::{Autoencoder, DropoutDraw, parameters};
use crate::pca::Pca;
use crate::rng::{Stream, rng};
use crate::run::{EpochMetrics, Images, PcaReference, RunDir, State, Status, Summary, Times};

pub use checkpoint::{load_weights, save_weights};
use early_stopping::EarlyStopping;
pub use prepare::{Prepared, prepare};

/// What a run tells while it goes on.
pub trait Observer {
    /// An epoch begins; it has so many training images.
    fn epoch_started(&mut self, epoch: usize, images: usize);
    /// A step on so many images is done (on a GPU: enqueued).
    fn step(&mut self, images: usize);
    /// An epoch is through, validation included.
    fn epoch_finished(&mut self, metrics: &EpochMetrics, best: bool);
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Finished, early stopped or interrupted.
    pub state: State,
    /// What it came to; none if it was interrupted.
    pub summary: Option<Summary>,
}

/// Trains into `run`, until the epochs are through, early stopping ends them, or `stop` is set.
///
/// `run` always tells how it stands: on an error its status is `failed`, with the reason.
///
/// # Errors
///
/// Where the loss diverges or a file can't be written.
pub fn train(
    prepared: &Prepared,
    run: &RunDir,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, Error> {
    let mut training = Training::start(prepared, run)?;
    let result = training.run(observer, stop);
    let status = |state| Status::now(state, training.history.len());
    run.write_status(&match &result {
        Ok(Outcome {
            state: State::EarlyStopped,
            ..
        }) => status(State::EarlyStopped).because(format!(
            "no better validation loss in {} epochs",
            prepared.config.patience
        )),
        Ok(outcome) => status(outcome.state),
        Err(error) => status(State::Failed).because(with_causes(error)),
    })?;
    result
}

/// An error and what lies behind it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

/// A run in progress.
struct Training<'a> {
    prepared: &'a Prepared,
    run: &'a RunDir,
    started: Instant,
    /// The device with autodiff.
    device: Device,
    model: Autoencoder,
    optimizer: ModuleOptimizer,
    early_stopping: EarlyStopping,
    /// The weights of the best epoch, without autodiff.
    best: Autoencoder,
    history: Vec<EpochMetrics>,
    /// Optimizer steps so far.
    step: usize,
}

impl<'a> Training<'a> {
    fn start(prepared: &'a Prepared, run: &'a RunDir) -> Result<Self, Error> {
        let config = &prepared.config;
        let device = prepared.selection.device.clone().autodiff();
        let model = Autoencoder::new(&prepared.design, config.latent_dim(), config.seed, &device);
        run.write_status(&Status::now(State::Running, 0))?;
        Ok(Self {
            prepared,
            run,
            started: Instant::now(),
            device,
            best: model.valid(),
            model,
            optimizer: optimizer(config.optimizer),
            early_stopping: EarlyStopping::new(config.patience, config.min_delta),
            history: Vec::new(),
            step: 0,
        })
    }

    /// All epochs, then the verdict.
    fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
        let epochs = self.prepared.config.epochs;
        let mut state = State::Finished;
        for epoch in 1..=epochs {
            if !self.epoch(epoch, observer, stop)? {
                save_weights(&self.model.valid(), &self.run.last_checkpoint())?;
                return Ok(Outcome {
                    state: State::Interrupted,
                    summary: None,
                });
            }
            if self.early_stopping.is_over() && epoch < epochs {
                state = State::EarlyStopped;
                break;
            }
        }
        let summary = self.conclude()?;
        Ok(Outcome {
            state,
            summary: Some(summary),
        })
    }

    /// One epoch: train, validate, record. False if `stop` ended it early.
    fn epoch(
        &mut self,
        epoch: usize,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, Error> {
        let Prepared {
            config,
            dataset,
            split,
            ..
        } = self.prepared;
        let epoch_started = Instant::now();
        let steps = config.epochs * split.train.len().div_ceil(config.batch_size);
        let conventions = config.ssim_preset.config();
        let mut learning_rate = config.learning_rate;
        let mut losses = Vec::new();
        let mut sizes = Vec::new();
        observer.epoch_started(epoch, split.train.len());

        let order = shuffled(
            &split.train,
            &mut rng(config.seed, Stream::Order, epoch as u64),
        );
        for mut batch in Batches::new(dataset.clone(), order, config.batch_size)? {
            let size = batch.len();
            if config.augment == Augment::Flip {
                batch.flip(&mut rng(config.seed, Stream::Augment, self.step as u64));
            }
            let images = batch.into_tensor(&self.device);
            let draw = DropoutDraw {
                step: self.step as u64,
            };
            let logits = self.model.training_logits(images.clone(), draw);
            let loss: Tensor<1> = config.loss.per_image(logits, images, &conventions).mean();
            losses.push(loss.clone().inner().reshape([1, 1]));
            sizes.push(size);

            let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
            learning_rate = config
                .schedule
                .learning_rate(config.learning_rate, self.step, steps);
            self.model = self
                .optimizer
                .step(learning_rate, self.model.clone(), gradients);
            self.step += 1;
            observer.step(size);
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
        }

        // The one read of the training losses: the device has to be through with the epoch.
        let [losses] = read_rows(losses);
        let training_seconds = epoch_started.elapsed().as_secs_f64();
        self.check(&losses, epoch, learning_rate)?;

        let model = self.model.valid();
        let device = &self.prepared.selection.device;
        let scores = evaluate(
            &model,
            &config.loss,
            &conventions,
            dataset,
            &split.validation,
            device,
        )?;
        let quality = scores.quality();
        #[expect(clippy::cast_precision_loss, reason = "counts of images")]
        let metrics = EpochMetrics {
            epoch,
            step: self.step,
            learning_rate,
            train_loss: losses
                .iter()
                .zip(&sizes)
                .map(|(&loss, &size)| f64::from(loss) * size as f64)
                .sum::<f64>()
                / split.train.len() as f64,
            validation_loss: scores.mean_loss(),
            validation_ssim: quality.ssim,
            validation_psnr: quality.psnr,
            validation_mse: quality.mse,
            seconds: epoch_started.elapsed().as_secs_f64(),
            images_per_second: split.train.len() as f64 / training_seconds,
        };
        let is_best = self.early_stopping.is_best(epoch, metrics.validation_loss);
        self.history.push(metrics);
        self.record(model, is_best)?;
        let metrics = self.history.last().expect("just pushed");
        observer.epoch_finished(metrics, is_best);
        Ok(true)
    }

    /// Stops at the first loss that is no number.
    fn check(&self, losses: &[f32], epoch: usize, learning_rate: f64) -> Result<(), TrainError> {
        let Some(index) = losses.iter().position(|loss| !loss.is_finite()) else {
            return Ok(());
        };
        Err(TrainError::Diverged {
            loss: losses[index],
            step: self.step - losses.len() + index + 1,
            epoch,
            last_good_epoch: self.history.len(),
            learning_rate,
        })
    }

    /// Writes what the run folder shows of the epoch that just ended.
    fn record(&mut self, model: Autoencoder, is_best: bool) -> Result<(), Error> {
        let epoch = self.history.len();
        save_weights(&model, &self.run.last_checkpoint())?;
        if is_best {
            save_weights(&model, &self.run.best_checkpoint())?;
        }
        self.run.write_metrics(&self.history)?;
        report::epoch_picture(self.prepared, self.run, &model, epoch)?;
        report::curves(
            self.prepared,
            self.run,
            &self.history,
            None,
            self.early_stopping.best_epoch(),
        )?;
        self.run.write_status(&Status::now(State::Running, epoch))?;
        if is_best {
            self.best = model;
        }
        Ok(())
    }

    /// Judges the best weights on the test images, beside PCA.
    fn conclude(&self) -> Result<Summary, Error> {
        let Prepared {
            config,
            dataset,
            split,
            design,
            selection,
        } = self.prepared;
        let training = self.started.elapsed().as_secs_f64();
        let device = &selection.device;
        let test = evaluate(
            &self.best,
            &config.loss,
            &config.ssim_preset.config(),
            dataset,
            &split.test,
            device,
        )?;
        let evaluation = self.started.elapsed().as_secs_f64() - training;
        let pca = pca_reference(self.prepared)?;

        // The first epoch counts as the best so far, so that there is one.
        let best = self
            .history
            .iter()
            .find(|row| Some(row.epoch) == self.early_stopping.best_epoch())
            .expect("a run has an epoch, and its best one is in the history");
        report::test_pictures(self.prepared, self.run, &self.best, &test)?;
        analysis::write(self.prepared, self.run, &self.best, &test)?;
        report::curves(
            self.prepared,
            self.run,
            &self.history,
            Some(&pca),
            Some(best.epoch),
        )?;
        let summary = Summary {
            best_epoch: best.epoch,
            epochs: self.history.len(),
            parameters: parameters(design, config.latent_dim()),
            latent_dim: config.latent_dim(),
            test: test.quality(),
            validation: best.validation_quality(split.validation.len()),
            pca: Some(pca),
            seconds: Times {
                training,
                evaluation,
                total: self.started.elapsed().as_secs_f64(),
            },
            ssim_preset: config.ssim_preset.name().to_owned(),
            images: Images {
                train: split.train.len(),
                validation: split.validation.len(),
                test: split.test.len(),
            },
        };
        self.run.write_summary(&summary)?;
        Ok(summary)
    }
}

/// PCA with as many components as the model has latent values.
fn pca_reference(prepared: &Prepared) -> Result<PcaReference, Error> {
    let Prepared {
        config,
        dataset,
        split,
        ..
    } = prepared;
    let started = Instant::now();
    let conventions = config.ssim_preset.config();
    let pca = Pca::fit(dataset, &split.train, config.latent_dim())?;
    Ok(PcaReference {
        components: config.latent_dim().min(dataset.image_len()),
        test: pca.evaluate(dataset, &split.test, &conventions)?.quality(),
        validation: pca
            .evaluate(dataset, &split.validation, &conventions)?
            .quality(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn optimizer(name: Optimizer) -> ModuleOptimizer {
    /// As in Keras and PyTorch; burn's default is 1e-5.
    const EPSILON: f32 = 1e-7;
    const WEIGHT_DECAY: f32 = 0.01;
    match name {
        Optimizer::Adam => AdamConfig::new().with_epsilon(EPSILON).init(),
        Optimizer::AdamW => AdamWConfig::new()
            .with_epsilon(EPSILON)
            .with_weight_decay(WEIGHT_DECAY)
            .init(),
    }
}
