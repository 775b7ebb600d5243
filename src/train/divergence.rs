//! Losses that explode, and the way back.

use super::{Checkpoint, Readback, Training};
use crate::config::OnNan;
use crate::error::{Divergence, Error, TrainError};
use crate::run::EpochMetrics;

impl Training<'_> {
    /// Stops at an epoch whose loss has exploded: many times the lowest so far, and worse than the
    /// first; or, in the first one, many times what any untrained model has.
    pub(super) fn check_growth(&self, metrics: &EpochMetrics) -> Result<(), TrainError> {
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
    pub(super) fn roll_back(&mut self, divergence: Divergence) -> Result<(), Error> {
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
        let mut readback = Readback::default();
        self.add_weights(&mut readback);
        let weights = self.take_weights(&mut readback.read());
        self.save(weights)
    }
}
