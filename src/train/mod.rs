//! Training, from settings to a finished run folder.
//!
//! [`prepare`] finds everything that can be wrong before anything is written; [`train`] is the
//! loop, read top to bottom. It writes a [`Checkpoint`] after each epoch, and goes on from one.

mod analysis;
mod checkpoint;
mod divergence;
mod early_stopping;
mod optimizer;
mod prepare;
mod report;
mod saving;
mod trained;
mod verdict;
mod weights;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

use crate::config::{Augment, TrainConfig};
use crate::data::{mirror_half, shuffled};
use crate::device::{catch_panics, is_cpu};
use crate::error::{ConfigError, Divergence, Error, TrainError, with_causes};
use crate::metrics::{Scores, add_scores};
use crate::model::{Autoencoder, DropoutDraw};
use crate::objective::Objective;
use crate::readback::{Readback, Values};
use crate::rng::{Stream, rng};
use crate::run::{EpochMetrics, EventFile, RunDir, State, Status, Summary};

pub use checkpoint::{Checkpoint, CheckpointFault, Progress};
pub use early_stopping::EarlyStopping;
use optimizer::Adam;
pub use prepare::{Prepared, prepare};
use report::Picture;
pub(crate) use report::samples;
pub use trained::{Trained, open_trained};
pub use weights::load_weights;
use weights::weights_from_bytes;

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
/// Where `run` holds a checkpoint, training goes on from it, to the same end as if it had never
/// stopped. `run` always tells how it stands: on an error its status is `failed`, with the reason.
///
/// # Errors
///
/// Where the loss diverges, the device fails, a file can't be written, or the checkpoint is damaged
/// or another run's.
pub fn train(
    prepared: &Prepared,
    run: &RunDir,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, Error> {
    let mut epochs = 0;
    let result = catch_panics(|| {
        let mut training = Training::start(prepared, run)?;
        let outcome = training.run(observer, stop);
        epochs = training.progress.history.len();
        outcome
    });
    let result = result.unwrap_or_else(|panic| {
        Err(TrainError::from_panic(panic, prepared.config.batch_size).into())
    });
    let status = |state| Status::now(state, epochs);
    let written = run.write_status(&match &result {
        Ok(Outcome {
            state: State::EarlyStopped,
            ..
        }) => status(State::EarlyStopped).because(format!(
            "no better validation loss in {} epochs",
            prepared.config.patience
        )),
        Ok(outcome) => status(outcome.state),
        Err(error) => status(State::Failed).because(with_causes(error)),
    });
    // What stopped the run is more to say than that the status couldn't be written, too.
    let outcome = result?;
    written?;
    Ok(outcome)
}

/// The model of a run before its first step, on `device`: its weights are drawn from the seed, or PCA's.
///
/// # Errors
///
/// Where the split doesn't belong to the images.
pub fn untrained(prepared: &Prepared, device: &Device) -> Result<Autoencoder, Error> {
    let mut model = drawn(prepared, device);
    if prepared.design.is_linear() {
        model.start_from(prepared.pca()?);
    }
    Ok(model)
}

/// A model of the right size, its weights drawn from the seed.
fn drawn(prepared: &Prepared, device: &Device) -> Autoencoder {
    let Prepared { config, design, .. } = prepared;
    Autoencoder::new(design, config.latent_dim(), config.seed, device)
}

/// A run in progress.
struct Training<'a> {
    prepared: &'a Prepared,
    run: &'a RunDir,
    /// The device with autodiff.
    device: Device,
    model: Autoencoder,
    optimizer: Adam,
    /// The weights of the best epoch, as a safetensors file.
    best: Vec<u8>,
    progress: Progress,
    events: EventFile,
    /// The last good epoch, or what this process began with: to go back to where the loss diverges.
    good: Snapshot,
    /// When the last checkpoint was written.
    saved: Instant,
    /// Up to when the time is counted in `progress`.
    clock: Instant,
}

/// The epochs that a checkpoint's settings ask for.
fn epochs_of(config: &str) -> usize {
    toml::from_str::<TrainConfig>(config).map_or(usize::MAX, |config| config.epochs)
}

/// What a step changes.
#[derive(Clone)]
struct Snapshot {
    model: Autoencoder,
    optimizer: Adam,
    progress: Progress,
}

impl<'a> Training<'a> {
    /// From the newest checkpoint, or from the beginning.
    fn start(prepared: &'a Prepared, run: &'a RunDir) -> Result<Self, Error> {
        let clock = Instant::now();
        let config = &prepared.config;
        let device = prepared.selection.device.clone().autodiff();
        let newest = Checkpoint::newest(run)?;
        let mut model = if newest.is_none() {
            untrained(prepared, &device)?
        } else {
            drawn(prepared, &device)
        };
        let mut best = Vec::new();
        let mut optimizer = Adam::new(config.optimizer);
        let mut progress = Progress {
            dataset: prepared.dataset.sha256.clone(),
            ..Progress::default()
        };
        if let Some((path, checkpoint)) = newest {
            checkpoint.check(&path, config, &prepared.dataset.sha256)?;
            let fault = |message: String| ConfigError::Checkpoint {
                path: path.clone(),
                message,
            };
            best = if checkpoint.best.is_empty() {
                checkpoint.weights.clone()
            } else {
                // Used at the end only, where it would be too late to learn that they are damaged.
                let mut model = drawn(prepared, &prepared.selection.device);
                weights_from_bytes(&mut model, checkpoint.best.clone()).map_err(fault)?;
                checkpoint.best
            };
            weights_from_bytes(&mut model, checkpoint.weights).map_err(fault)?;
            optimizer
                .load(&checkpoint.optimizer, &prepared.selection.device)
                .ok_or_else(|| fault("its optimizer can't be understood".to_owned()))?;
            progress = checkpoint.progress;
            if config.epochs > epochs_of(&checkpoint.config) {
                progress.early_stopping.wait_again();
            }
            tracing::info!(
                "going on after {} epochs and {} steps",
                progress.history.len(),
                progress.step
            );
        }
        run.write_status(&Status::now(State::Running, progress.history.len()))?;
        let good = Snapshot {
            model: model.clone(),
            optimizer: optimizer.clone(),
            progress: progress.clone(),
        };
        Ok(Self {
            prepared,
            run,
            device,
            model,
            optimizer,
            best,
            progress,
            events: EventFile::new(run),
            good,
            saved: clock,
            clock,
        })
    }

    /// All epochs, then the verdict.
    fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
        let config = &self.prepared.config;
        let state = loop {
            if self.progress.history.len() >= config.epochs {
                break State::Finished;
            }
            if self.progress.early_stopping.is_over(config.patience) {
                break State::EarlyStopped;
            }
            match self.epoch(observer, stop) {
                Ok(true) => {}
                Ok(false) => {
                    return Ok(Outcome {
                        state: State::Interrupted,
                        summary: None,
                    });
                }
                Err(Error::Train(TrainError::Diverged(divergence))) => {
                    self.roll_back(divergence)?;
                }
                Err(error) => return Err(error),
            }
        };
        let summary = self.conclude()?;
        Ok(Outcome {
            state,
            summary: Some(summary),
        })
    }

    /// One epoch, or what a checkpoint has left of it: train, validate, record. False if `stop` ended
    /// it early.
    fn epoch(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool, Error> {
        let Prepared { config, split, .. } = self.prepared;
        let images = self.prepared.images();
        let epoch = self.progress.history.len() + 1;
        let steps_per_epoch = split.train.len().div_ceil(config.batch_size);
        let steps = config.epochs * steps_per_epoch;
        let objective = config.objective();
        let mut learning_rate = config.learning_rate;
        // Losses that the device has yet to be asked for.
        let mut losses = Vec::new();
        observer.epoch_started(epoch, split.train.len());

        let order = shuffled(
            &split.train,
            &mut rng(config.seed, Stream::Order, epoch as u64),
        );
        let done = order
            .len()
            .min(self.progress.losses.len() * config.batch_size);
        observer.step(done);
        let rest = &order[done..];
        let mirrored = self.mirrored(rest.len());
        for batch in images.mirrored_batches(rest, &mirrored, config.batch_size)? {
            let [size, ..] = batch.dims();
            let index = self.progress.step;
            let (loss, reported) = self.loss(&objective, batch);
            losses.push(reported.reshape([1, 1]));

            let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
            learning_rate = self.learning_rate(index, steps);
            self.model = self
                .optimizer
                .step(learning_rate, self.model.clone(), gradients);
            self.progress.step += 1;
            observer.step(size);
            let stopped = stop.load(Ordering::Relaxed);
            let steps_done = self.progress.losses.len() + losses.len();
            if stopped || (steps_done < steps_per_epoch && self.checkpoint_is_due()) {
                let mut readback = Readback::default();
                readback.add_columns(std::mem::take(&mut losses));
                self.add_weights(&mut readback);
                let mut values = readback.read();
                self.count_time();
                self.take_losses(&mut values, learning_rate)?;
                let weights = self.take_weights(&mut values);
                self.save(weights)?;
            }
            if stopped {
                return Ok(false);
            }
        }

        // A CPU is through with the steps by now. When a GPU is can only be told by waiting for it,
        // which is done once an epoch: here, for all that the epoch leaves.
        self.count_time();
        let steps_seconds = self.progress.epoch_seconds;
        let model = self.model.valid();
        let mut readback = Readback::default();
        readback.add_columns(losses);
        add_scores(&mut readback, &model, &objective, images, &split.validation)?;
        let samples = samples(self.prepared);
        let picture = Picture::queue(self.prepared, &model, &samples, &mut readback)?;
        self.add_weights(&mut readback);
        let mut values = readback.read();
        self.count_time();
        let training_seconds = if is_cpu(&self.device) {
            steps_seconds
        } else {
            self.progress.epoch_seconds
        };
        self.take_losses(&mut values, learning_rate)?;
        let scores = Scores::take_from(&mut values);
        let metrics = self.epoch_metrics(&scores, learning_rate, training_seconds);
        self.check_growth(&metrics)?;
        let is_best =
            self.progress
                .early_stopping
                .is_best(epoch, metrics.validation_loss, config.min_delta);
        self.progress.history.push(metrics);
        self.progress.losses.clear();
        self.progress.epoch_seconds = 0.0;
        self.record(picture, values, is_best)?;
        let metrics = self.progress.history.last().expect("just pushed");
        observer.epoch_finished(metrics, is_best);
        Ok(true)
    }

    /// What the epoch that is through comes to: its losses are in `progress`, `scores` are those of the
    /// validation images.
    #[expect(clippy::cast_precision_loss, reason = "counts of images")]
    fn epoch_metrics(
        &self,
        scores: &Scores,
        learning_rate: f64,
        training_seconds: f64,
    ) -> EpochMetrics {
        let Prepared { config, split, .. } = self.prepared;
        let images = split.train.len();
        let losses = self.progress.losses.iter().enumerate();
        let sum: f64 = losses
            .map(|(step, loss)| {
                let size = config.batch_size.min(images - step * config.batch_size);
                loss * size as f64
            })
            .sum();
        let quality = scores.quality();
        EpochMetrics {
            epoch: self.progress.history.len() + 1,
            step: self.progress.step,
            learning_rate,
            train_loss: sum / images as f64,
            validation_loss: scores.mean_loss(),
            validation_ssim: quality.ssim,
            validation_psnr: quality.psnr,
            validation_mse: quality.mse,
            seconds: self.progress.epoch_seconds,
            images_per_second: images as f64 / training_seconds,
        }
    }

    /// Which of the next `images` training images to mirror; empty if none ever is.
    fn mirrored(&self, images: usize) -> Vec<bool> {
        let config = &self.prepared.config;
        if config.augment == Augment::None {
            return Vec::new();
        }
        let mut mirrored = Vec::with_capacity(images);
        while mirrored.len() < images {
            let step = self.progress.step + mirrored.len() / config.batch_size;
            let size = config.batch_size.min(images - mirrored.len());
            let mut rng = rng(config.seed, Stream::Augment, step as u64);
            mirrored.extend(mirror_half(size, &mut rng));
        }
        mirrored
    }

    /// What the next step is to lower, of a batch `[N, C, H, W]` without autodiff; and, without
    /// autodiff, the loss of the reconstructions, to be recorded.
    ///
    /// The two are the same unless latent vectors are refined: then the decoder learns from refined
    /// ones, and the encoder to come as near to them as it can in one pass.
    fn loss(&self, objective: &Objective, images: Tensor<4>) -> (Tensor<1>, Tensor<1>) {
        let draw = DropoutDraw {
            step: self.progress.step as u64,
        };
        let originals = Tensor::from_inner(images.clone());
        let encoded = self.model.training_encode(originals.clone(), draw);
        let mean_loss = |model: &Autoencoder, latents| {
            let losses = objective.losses(&model.predict(latents), originals.clone());
            losses.mean()
        };
        if objective.refine == 0 {
            let loss = mean_loss(&self.model, encoded);
            return (loss.clone(), loss.inner());
        }
        let fixed = self.model.valid();
        let refined = objective.encode(&fixed, images);
        let decoded = mean_loss(&self.model, Tensor::from_inner(refined));
        let amortised = mean_loss(&fixed.on(&self.device), encoded);
        (decoded.clone() + amortised, decoded.inner())
    }

    /// The rate of a step, of `steps` in all.
    fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let config = &self.prepared.config;
        let rate = config
            .schedule
            .learning_rate(config.learning_rate, step, steps);
        let halvings = i32::try_from(self.progress.rollbacks).unwrap_or(i32::MAX);
        rate * 0.5_f64.powi(halvings)
    }

    /// Adds the time since it was last counted.
    fn count_time(&mut self) {
        let seconds = self.clock.elapsed().as_secs_f64();
        self.clock = Instant::now();
        self.progress.seconds += seconds;
        self.progress.epoch_seconds += seconds;
    }

    /// Takes the losses of the steps since they were last read; an error at the first that is no number.
    fn take_losses(&mut self, values: &mut Values, learning_rate: f64) -> Result<(), TrainError> {
        let losses = values.take();
        if let Some(index) = losses.iter().position(|loss| !loss.is_finite()) {
            return Err(TrainError::Diverged(Divergence {
                loss: losses[index],
                step: self.progress.step - losses.len() + index + 1,
                epoch: self.progress.history.len() + 1,
                last_good_epoch: self.progress.history.len(),
                learning_rate,
            }));
        }
        let losses = losses.into_iter().map(f64::from);
        self.progress.losses.extend(losses);
        Ok(())
    }
}
