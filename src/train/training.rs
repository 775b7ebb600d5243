//! The loop, read top to bottom: epochs of steps, then validation, and what is kept of each. The one
//! place where it waits for a device is a `readback.read()`.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

use super::optimizer::Adam;
use super::pictures::Picture;
use super::snapshot::Snapshot;
use super::start::check_checkpoints;
use super::{Checkpoint, Observer, Outcome, Prepared, Progress, TrainError};
use crate::config::Augment;
use crate::data::{HostBatch, Variations, mirror_half, shuffled, small_shifts};
use crate::device::is_cpu;
use crate::host::{Stopwatch, Turns};
use crate::metrics::Scores;
use crate::model::{Autoencoder, BatchLoss, DropoutDraw, Weights, add_scores};
use crate::readback::{Readback, Values};
use crate::rng::{Stream, rng};
use crate::run::{EpochMetrics, EventFile, RunDir, State, Status};
use crate::words::count;

/// A run in progress.
pub(super) struct Training<'a> {
    pub prepared: &'a Prepared,
    /// Where the run is kept; none to train in memory alone.
    pub run: Option<&'a RunDir>,
    /// The device with autodiff.
    device: Device,
    pub model: Autoencoder,
    pub optimizer: Adam,
    /// The weights of the best epoch; none before the first is finished.
    pub best: Option<Weights>,
    pub progress: Progress,
    /// How many epochs are finished, for whoever outlives this, even if the next one panics.
    epochs: &'a Cell<usize>,
    pub events: Option<EventFile>,
    /// The end of the last good epoch, or the start: to return to when the loss diverges.
    pub good: Snapshot,
    /// Since the last checkpoint was written.
    pub saved: Stopwatch,
    /// Since the time was last counted in `progress`.
    clock: Stopwatch,
}

impl<'a> Training<'a> {
    /// From the newest checkpoint, or from the beginning.
    pub fn start(
        prepared: &'a Prepared,
        run: Option<&'a RunDir>,
        epochs: &'a Cell<usize>,
    ) -> Result<Self, TrainError> {
        let clock = Stopwatch::start();
        let device = prepared.device().clone().autodiff();
        let newest = match run {
            Some(run) => {
                check_checkpoints(run)?;
                Checkpoint::newest(run)?.map(|found| (run, found))
            }
            None => None,
        };
        let (snapshot, best, good) = if let Some((run, (path, checkpoint))) = newest {
            let (snapshot, best) = Snapshot::resume(prepared, &device, &path, &checkpoint)?;
            tracing::info!(
                "resuming after {} and {}",
                count(snapshot.progress.history.len(), "epoch"),
                count(snapshot.progress.step, "step")
            );
            let good = snapshot.last_good(prepared, &device, run, &checkpoint);
            (snapshot, best, good)
        } else {
            let first = Snapshot::first(prepared, &device)?;
            let good = first.clone();
            (first, None, good)
        };
        epochs.set(snapshot.progress.history.len());
        if let Some(run) = run {
            let history = &snapshot.progress.history;
            if !history.is_empty() || run.metrics_path().exists() {
                // Repairs what a crash left, and removes epochs that are to be trained again.
                run.write_metrics(history)?;
            }
            run.write_status(&Status::now(State::Running, epochs.get()))?;
        }
        let Snapshot {
            model,
            optimizer,
            progress,
        } = snapshot;
        Ok(Self {
            prepared,
            run,
            device,
            model,
            optimizer,
            best,
            progress,
            epochs,
            events: run.map(EventFile::new),
            good,
            saved: clock,
            clock,
        })
    }

    /// All epochs, then the judgement.
    pub async fn run(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let config = &self.prepared.config.training;
        let state = loop {
            if self.progress.history.len() >= config.epochs {
                break State::Finished;
            }
            if self.progress.early_stopping.is_over(config.patience) {
                break State::EarlyStopped;
            }
            match self.epoch(observer, stop).await {
                Ok(true) => {}
                // What nothing keeps can't be resumed: it comes to what it is.
                Ok(false) if self.run.is_none() && self.best.is_some() => break State::Interrupted,
                Ok(false) => {
                    return Ok(Outcome {
                        state: State::Interrupted,
                        finished: None,
                    });
                }
                Err(TrainError::Diverged(divergence)) => self.roll_back(divergence).await?,
                Err(error) => return Err(error),
            }
        };
        observer.judging();
        self.progress.seconds += self.clock.lap();
        let finished = self.finish().await?;
        Ok(Outcome {
            state,
            finished: Some(finished),
        })
    }

    /// One epoch, or what a checkpoint has left of it: train, validate, record. False if `stop` ended
    /// it early.
    async fn epoch(
        &mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, TrainError> {
        let Prepared { config, split, .. } = self.prepared;
        let objective = self.prepared.objective();
        let config = &config.training;
        let images = self.prepared.device_images();
        let epoch = self.progress.history.len() + 1;
        let steps_per_epoch = split.train.len().div_ceil(config.batch_size);
        let steps = config.epochs * steps_per_epoch;
        // A checkpoint may have left nothing of the epoch but its end.
        let mut learning_rate = self.learning_rate(self.progress.step.saturating_sub(1), steps);
        // Losses that the device has yet to be asked for.
        let mut losses = Vec::new();
        let mut turns = Turns::start();
        // The start, or what the epoch before has recorded, is none of this one's time.
        self.progress.seconds += self.clock.lap();
        observer.epoch_started(epoch, split.train.len());

        let order = shuffled(
            &split.train,
            &mut rng(config.seed, Stream::Order, epoch as u64),
        );
        let done = order
            .len()
            .min(self.progress.losses.len() * config.batch_size);
        if done > 0 {
            observer.step(done);
        }
        let rest = &order[done..];
        let variations = self.variations(rest.len());
        for batch in images.varied_batches(rest, variations, config.batch_size)? {
            let [size, ..] = batch.dims();
            let index = self.progress.step;
            let draw = DropoutDraw { step: index as u64 };
            let BatchLoss { loss, recorded } = objective.batch_loss(&self.model, batch, draw);
            losses.push(recorded.reshape([1, 1]));

            let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
            learning_rate = self.learning_rate(index, steps);
            let model = self.model.clone();
            self.model =
                self.optimizer
                    .step(learning_rate, &self.prepared.design, model, gradients);
            self.progress.step += 1;
            observer.step(size);
            if let Some(loss) = losses.last() {
                turns.pass(loss).await;
            }
            let stopped = stop.load(Ordering::Relaxed);
            let steps_done = self.progress.losses.len() + losses.len();
            if stopped || (steps_done < steps_per_epoch && self.checkpoint_is_due()) {
                let mut readback = Readback::default();
                readback.add_columns(std::mem::take(&mut losses));
                self.add_state(&mut readback);
                let mut values = readback.read().await?;
                self.count_time();
                self.take_losses(&mut values, learning_rate)?;
                let state = self.take_state(&mut values);
                self.save(&state)?;
            }
            if stopped {
                return Ok(false);
            }
        }

        // A CPU has done the steps by now. When a GPU has can only be told by waiting for it,
        // which is done once an epoch: here, for all that the epoch leaves.
        self.count_time();
        let steps_seconds = self.progress.epoch_seconds;
        let model = self.optimizer.averaged(self.model.valid());
        let mut readback = Readback::default();
        readback.add_columns(losses);
        add_scores(&mut readback, &model, &objective, images, &split.validation)?;
        let shown = observer.shown();
        if !shown.is_empty() {
            readback.add(self.restored(&model, &shown)?);
        }
        let picture = match self.run {
            Some(_) => Some(Picture::of_samples(self.prepared, &model, &mut readback)?),
            None => None,
        };
        self.add_state(&mut readback);
        let mut values = readback.read().await?;
        self.count_time();
        let training_seconds = if is_cpu(&self.device) {
            steps_seconds
        } else {
            self.progress.epoch_seconds
        };
        self.take_losses(&mut values, learning_rate)?;
        let scores = Scores::take_from(&mut values);
        if !shown.is_empty() {
            observer.reconstructed(&values.take());
        }
        let metrics = self.epoch_metrics(&scores, learning_rate, training_seconds);
        self.check_growth(&metrics)?;
        let is_best =
            self.progress
                .early_stopping
                .is_best(epoch, metrics.validation_loss, config.min_delta);
        self.progress.history.push(metrics);
        self.epochs.set(epoch);
        self.progress.losses.clear();
        self.progress.epoch_seconds = 0.0;
        self.record(picture, values, is_best)?;
        let metrics = self.progress.history.last().expect("just pushed");
        observer.epoch_finished(metrics, is_best);
        Ok(true)
    }

    /// What `model` makes of some of the images, by their places: `[n, C, H, W]` in [0, 1].
    fn restored(&self, model: &Autoencoder, places: &[u32]) -> Result<Tensor<4>, TrainError> {
        let originals = HostBatch::gather(&self.prepared.images, places)?;
        let originals = originals.into_tensor(self.prepared.device());
        let codes = self.prepared.objective().encode(model, originals);
        Ok(model.decode(codes))
    }

    /// The metrics of the epoch that has just ended: its losses are in `progress`, `scores` are those of the
    /// validation images.
    #[expect(clippy::cast_precision_loss, reason = "counts of images")]
    fn epoch_metrics(
        &self,
        scores: &Scores,
        learning_rate: f64,
        training_seconds: f64,
    ) -> EpochMetrics {
        let Prepared { config, split, .. } = self.prepared;
        let config = &config.training;
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

    /// How the next `images` training images are varied: a function of the seed and the step.
    fn variations(&self, images: usize) -> Variations {
        let config = &self.prepared.config.training;
        let mut variations = Variations::default();
        let mut varied = 0;
        while varied < images && config.augment != Augment::None {
            let step = self.progress.step + varied / config.batch_size;
            let size = config.batch_size.min(images - varied);
            let mut rng = rng(config.seed, Stream::Augment, step as u64);
            if config.augment.flips() {
                variations.mirrored.extend(mirror_half(size, &mut rng));
            }
            if config.augment.shifts() {
                let shape = self.prepared.images.shape();
                variations
                    .shifts
                    .extend(small_shifts(size, shape, &mut rng));
            }
            varied += size;
        }
        variations
    }

    /// The rate of a step, of `steps` in all.
    fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let config = &self.prepared.config.training;
        let rate = config
            .schedule
            .learning_rate(config.learning_rate, config.warmup, step, steps);
        let halvings = i32::try_from(self.progress.rollbacks).unwrap_or(i32::MAX);
        rate * 0.5_f64.powi(halvings)
    }

    /// Adds the time since it was last counted.
    fn count_time(&mut self) {
        let seconds = self.clock.lap();
        self.progress.seconds += seconds;
        self.progress.epoch_seconds += seconds;
    }

    /// Takes the losses of the steps since they were last read; an error at the first that is NaN or infinite.
    fn take_losses(&mut self, values: &mut Values, learning_rate: f64) -> Result<(), TrainError> {
        let losses = values.take();
        if let Some(index) = losses.iter().position(|loss| !loss.is_finite()) {
            let step = self.progress.step - losses.len() + index + 1;
            return Err(self.diverged(losses[index], step, learning_rate));
        }
        let losses = losses.into_iter().map(f64::from);
        self.progress.losses.extend(losses);
        Ok(())
    }
}
