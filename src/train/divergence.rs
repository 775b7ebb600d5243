//! Losses that explode, and the return to the last good epoch.

use super::training::Training;
use super::{Checkpoint, Divergence, TrainError};
use crate::config::OnNan;
use crate::readback::Readback;
use crate::run::EpochMetrics;

impl Training<'_> {
    /// Stops at an epoch whose loss has exploded: many times the lowest so far, and worse than the
    /// first; or, in the first one, many times that of the first step and of any untrained model.
    pub(super) fn check_growth(&self, metrics: &EpochMetrics) -> Result<(), TrainError> {
        /// Far above the ups and downs of training.
        const GROWTH: f64 = 10.0;
        let history = &self.progress.history;
        let untrained = || {
            let first_step = self.progress.losses.first().copied().unwrap_or(0.0);
            // A model that starts as PCA may start with next to no loss.
            let loss = &self.prepared.config.training.loss;
            first_step.max(loss.total_weight())
        };
        let lowest = history.iter().map(|row| row.train_loss).reduce(f64::min);
        let lowest = lowest.unwrap_or_else(untrained);
        let first = history.first().map_or(lowest, |row| row.train_loss);
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

    /// Returns to the last good epoch with half the learning rate, if that was asked for.
    pub(super) async fn roll_back(&mut self, divergence: Divergence) -> Result<(), TrainError> {
        const MOST: usize = 3;
        if self.prepared.config.training.on_nan == OnNan::Stop
            || self.good.progress.rollbacks == MOST
        {
            return Err(TrainError::Diverged(divergence));
        }
        self.good.progress.rollbacks += 1;
        let good = self.good.clone();
        tracing::warn!(
            "{divergence}; returning to step {} with half the learning rate ({} of at most {MOST} times)",
            good.progress.step,
            good.progress.rollbacks
        );
        self.model = good.model;
        self.optimizer = good.optimizer;
        self.progress = good.progress;
        // Later checkpoints lead to where the loss diverged.
        if let Some(run) = self.run {
            Checkpoint::remove_after(run, self.progress.step)?;
        }
        let mut readback = Readback::default();
        self.add_state(&mut readback);
        let state = self.take_state(&mut readback.read().await?);
        self.save(&state)
    }
}
