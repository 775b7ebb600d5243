//! Losses that explode, and the return to the last good epoch.

use super::training::Training;
use super::{Divergence, TrainError};
use crate::config::OnNan;
use crate::error::with_causes;
use crate::readback::Readback;
use crate::run::EpochMetrics;

impl Training<'_> {
    /// Stops at an epoch whose loss has exploded: many times the lowest so far, and worse than the
    /// first; or, in the first one, many times that of the first step and of any untrained model.
    pub(super) fn check_growth(&self, metrics: &EpochMetrics) -> Result<(), TrainError> {
        /// Far above the ups and downs of training.
        const GROWTH: f64 = 10.0;
        /// Of what one picture for all images would have: a loss below it is as good as another, and some models start as
        /// PCA with none at all.
        const NEXT_TO_NONE: f64 = 0.03;
        let history = &self.progress.history;
        let untrained = self.prepared.config.training.loss.of_one_picture();
        let first_step = self.progress.losses.first().copied().unwrap_or(0.0);
        let lowest = history.iter().map(|row| row.train_loss).reduce(f64::min);
        let lowest = lowest.unwrap_or(first_step.max(untrained));
        let lowest = lowest.max(NEXT_TO_NONE * untrained);
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
        Err(self.diverged(loss, metrics.step, metrics.learning_rate))
    }

    /// The error of a loss that diverged at a step of the current epoch.
    pub(super) fn diverged(&self, loss: f32, step: usize, learning_rate: f64) -> TrainError {
        let last_good_epoch = self.progress.history.len();
        TrainError::Diverged(Divergence {
            loss,
            step,
            epoch: last_good_epoch + 1,
            last_good_epoch,
            learning_rate,
            rollbacks: self.progress.rollbacks,
            on_nan: self.prepared.config.training.on_nan,
        })
    }

    /// Returns to the last good epoch: to go on from it with half the learning rate if that was asked
    /// for, else with an error, so that the run can be resumed from there.
    pub(super) async fn roll_back(&mut self, divergence: Divergence) -> Result<(), TrainError> {
        const MOST: usize = 3;
        let rollbacks = self.good.progress.rollbacks + 1;
        if divergence.on_nan == OnNan::Stop || rollbacks > MOST {
            if let Err(error) = self.return_to_good_epoch().await {
                tracing::warn!("{}", with_causes(&error));
            }
            return Err(TrainError::Diverged(divergence));
        }
        tracing::warn!(
            "{divergence}; returning to step {} with half the learning rate ({rollbacks} of at most {MOST} \
             times)",
            self.good.progress.step,
        );
        self.good.progress.rollbacks = rollbacks;
        self.return_to_good_epoch().await
    }

    async fn return_to_good_epoch(&mut self) -> Result<(), TrainError> {
        let good = self.good.clone();
        self.model = good.model;
        self.optimizer = good.optimizer;
        self.progress = good.progress;
        let mut readback = Readback::default();
        self.add_state(&mut readback);
        let state = self.take_state(&mut readback.read().await?);
        // This removes later checkpoints: they lead to where the loss diverged.
        self.save(&state)
    }
}
