//! Training, from settings to a finished run folder.
//!
//! [`prepare`] finds everything that can be wrong before anything is written; [`train`] is the
//! loop, read top to bottom. It writes a [`Checkpoint`] after each epoch, and goes on from one.

mod analysis;
mod checkpoint;
mod early_stopping;
mod optimizer;
mod prepare;
mod report;
mod trained;
mod weights;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

use crate::config::{Augment, Interval, OnNan, TrainConfig};
use crate::data::{mirror_half, shuffled};
use crate::device::catch_panics;
use crate::error::{ConfigError, Divergence, Error, TrainError, with_causes};
use crate::metrics::{evaluate, read_rows};
use crate::model::{Autoencoder, DropoutDraw, parameters};
use crate::objective::Objective;
use crate::rng::{Stream, rng};
use crate::run::{
    EpochMetrics, EventFile, Images, PcaReference, RunDir, State, Status, Summary, Times,
};

pub use checkpoint::{Checkpoint, CheckpointFault, Progress};
pub use early_stopping::EarlyStopping;
use optimizer::Adam;
pub use prepare::{Prepared, prepare};
pub(crate) use report::samples;
pub use trained::{Trained, open_trained};
pub use weights::{load_weights, save_weights};
use weights::{weights_from_bytes, weights_to_bytes};

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
    /// The weights of the best epoch, without autodiff.
    best: Autoencoder,
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
        let mut best = model.valid();
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
            weights_from_bytes(&mut model, checkpoint.weights).map_err(fault)?;
            best = model.valid();
            if !checkpoint.best.is_empty() {
                weights_from_bytes(&mut best, checkpoint.best).map_err(fault)?;
            }
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
                self.read_losses(&mut losses, learning_rate)?;
                self.save()?;
            }
            if stopped {
                return Ok(false);
            }
        }

        // The one read of the training losses: the device has to be through with the epoch.
        self.read_losses(&mut losses, learning_rate)?;
        let training_seconds = self.progress.epoch_seconds;

        let model = self.model.valid();
        let scores = evaluate(&model, &objective, images, &split.validation)?;
        let quality = scores.quality();
        self.count_time();
        let sizes = (0..steps_per_epoch).map(|step| {
            config
                .batch_size
                .min(split.train.len() - step * config.batch_size)
        });
        #[expect(clippy::cast_precision_loss, reason = "counts of images")]
        let metrics = EpochMetrics {
            epoch,
            step: self.progress.step,
            learning_rate,
            train_loss: self
                .progress
                .losses
                .iter()
                .zip(sizes)
                .map(|(loss, size)| loss * size as f64)
                .sum::<f64>()
                / split.train.len() as f64,
            validation_loss: scores.mean_loss(),
            validation_ssim: quality.ssim,
            validation_psnr: quality.psnr,
            validation_mse: quality.mse,
            seconds: self.progress.epoch_seconds,
            images_per_second: split.train.len() as f64 / training_seconds,
        };
        self.check_growth(&metrics)?;
        let is_best =
            self.progress
                .early_stopping
                .is_best(epoch, metrics.validation_loss, config.min_delta);
        self.progress.history.push(metrics);
        self.progress.losses.clear();
        self.progress.epoch_seconds = 0.0;
        self.record(model, is_best)?;
        let metrics = self.progress.history.last().expect("just pushed");
        observer.epoch_finished(metrics, is_best);
        Ok(true)
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

    /// Reads losses from the device, which waits for it, and stops at the first that is no number.
    fn read_losses(
        &mut self,
        losses: &mut Vec<Tensor<2>>,
        learning_rate: f64,
    ) -> Result<(), TrainError> {
        if losses.is_empty() {
            return Ok(());
        }
        let [losses] = read_rows(std::mem::take(losses));
        self.count_time();
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

    /// Stops at an epoch whose loss has exploded: many times the lowest so far, and worse than the
    /// first; or, in the first one, many times what any untrained model has.
    fn check_growth(&self, metrics: &EpochMetrics) -> Result<(), TrainError> {
        /// Far above the ups and downs of training.
        const GROWTH: f64 = 10.0;
        const UNTRAINED: f64 = 1.0;
        let earlier = self.progress.history.iter().map(|row| row.train_loss);
        let lowest = earlier.reduce(f64::min).unwrap_or(UNTRAINED);
        let first = self.progress.history.first();
        let first = first.map_or(UNTRAINED, |row| row.train_loss);
        let has_exploded = metrics.train_loss > GROWTH * lowest && metrics.train_loss > first;
        if !has_exploded && metrics.validation_loss.is_finite() {
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was computed in f32")]
        let loss = if metrics.validation_loss.is_finite() {
            metrics.train_loss
        } else {
            metrics.validation_loss
        } as f32;
        Err(TrainError::Diverged(Divergence {
            loss,
            step: metrics.step,
            epoch: metrics.epoch,
            last_good_epoch: self.progress.history.len(),
            learning_rate: metrics.learning_rate,
        }))
    }

    /// Goes back to the last good epoch with half the learning rate, if that was asked for.
    fn roll_back(&mut self, divergence: Divergence) -> Result<(), Error> {
        const MOST: usize = 3;
        if self.prepared.config.on_nan == OnNan::Stop || self.good.progress.rollbacks == MOST {
            return Err(TrainError::Diverged(divergence).into());
        }
        self.good.progress.rollbacks += 1;
        let good = self.good.clone();
        tracing::warn!(
            "{divergence}; going back to step {} with half the learning rate ({} of at most {MOST} times)",
            good.progress.step,
            good.progress.rollbacks
        );
        self.model = good.model;
        self.optimizer = good.optimizer;
        self.progress = good.progress;
        // Later checkpoints lead to where the loss diverged.
        Checkpoint::remove_after(self.run, self.progress.step)?;
        self.save()
    }

    /// Whether steps or time ask for a checkpoint within an epoch.
    fn checkpoint_is_due(&self) -> bool {
        match self.prepared.config.checkpoint_every {
            Interval::Steps(steps) => self.progress.step.is_multiple_of(steps),
            Interval::Minutes(minutes) => self.saved.elapsed().as_secs_f64() >= 60.0 * minutes,
        }
    }

    /// Writes a checkpoint.
    fn save(&mut self) -> Result<(), Error> {
        let best_is_last = self.progress.losses.is_empty()
            && self.progress.early_stopping.best_epoch() == Some(self.progress.history.len());
        Checkpoint {
            progress: self.progress.clone(),
            config: self.prepared.config.to_toml(),
            weights: weights_to_bytes(&self.model.valid()),
            best: if best_is_last {
                Vec::new()
            } else {
                weights_to_bytes(&self.best)
            },
            optimizer: self.optimizer.to_bytes(),
        }
        .save(self.run)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Writes what the run folder shows of the epoch that just ended.
    fn record(&mut self, model: Autoencoder, is_best: bool) -> Result<(), Error> {
        let history = &self.progress.history;
        let epoch = history.len();
        save_weights(&model, &self.run.last_checkpoint())?;
        if is_best {
            save_weights(&model, &self.run.best_checkpoint())?;
        }
        self.run.write_metrics(history)?;
        report::epoch_picture(self.prepared, self.run, &model, epoch)?;
        self.events
            .record(&history[epoch - 1], &self.run.epoch_picture(epoch));
        report::curves(
            self.prepared,
            self.run,
            history,
            None,
            self.progress.early_stopping.best_epoch(),
        )?;
        if is_best {
            self.best = model;
        }
        self.save()?;
        self.good = Snapshot {
            model: self.model.clone(),
            optimizer: self.optimizer.clone(),
            progress: self.progress.clone(),
        };
        self.run.write_status(&Status::now(State::Running, epoch))?;
        Ok(())
    }

    /// Judges the best weights on the test images, beside PCA.
    fn conclude(&mut self) -> Result<Summary, Error> {
        let Prepared {
            config,
            split,
            design,
            ..
        } = self.prepared;
        let started = Instant::now();
        // The checkpoint has them, so that a file that was lost or changed since is made anew.
        save_weights(&self.best, &self.run.best_checkpoint())?;
        let images = self.prepared.images();
        let test = evaluate(&self.best, &config.objective(), images, &split.test)?;
        let evaluation = started.elapsed().as_secs_f64();
        let pca = pca_reference(self.prepared)?;

        let history = &self.progress.history;
        let best_epoch = self.progress.early_stopping.best_epoch();
        // The first epoch counts as the best so far, so that there is one.
        let best = history
            .iter()
            .find(|row| Some(row.epoch) == best_epoch)
            .expect("a run has an epoch, and its best one is in the history");
        report::test_pictures(self.prepared, self.run, &self.best, &test)?;
        analysis::write(self.prepared, self.run, &self.best, &test)?;
        report::curves(self.prepared, self.run, history, Some(&pca), best_epoch)?;
        let summary = Summary {
            best_epoch: best.epoch,
            epochs: history.len(),
            parameters: parameters(design, config.latent_dim()),
            latent_dim: config.latent_dim(),
            test: test.quality(),
            validation: best.validation_quality(split.validation.len()),
            pca: Some(pca),
            seconds: Times {
                training: self.progress.seconds,
                evaluation,
                total: self.progress.seconds + started.elapsed().as_secs_f64(),
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
    let pca = prepared.pca()?;
    Ok(PcaReference {
        components: config.latent_dim().min(dataset.image_len()),
        test: pca.evaluate(dataset, &split.test, &conventions)?.quality(),
        validation: pca
            .evaluate(dataset, &split.validation, &conventions)?
            .quality(),
        seconds: started.elapsed().as_secs_f64(),
    })
}
