//! What training writes as it goes: checkpoints, and what the run folder shows of each epoch.

use std::time::Instant;

use burn::module::Module;

use super::report::{self, Picture};
use super::weights::weights_to_bytes;
use super::{Checkpoint, Snapshot, Training};
use crate::config::Interval;
use crate::error::Error;
use crate::readback::{Readback, Values};
use crate::run::{State, Status, write_atomically};

/// What a checkpoint holds of the device.
pub(super) struct Weights {
    /// The model's, as a safetensors file.
    model: Vec<u8>,
    optimizer: Vec<u8>,
}

impl Training<'_> {
    /// Whether steps or time ask for a checkpoint within an epoch.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        match self.prepared.config.checkpoint_every {
            Interval::Steps(steps) => self.progress.step.is_multiple_of(steps),
            Interval::Minutes(minutes) => self.saved.elapsed().as_secs_f64() >= 60.0 * minutes,
        }
    }

    /// Adds what [`take_weights`](Self::take_weights) takes.
    pub(super) fn add_weights(&self, readback: &mut Readback) {
        readback.add_module(&self.model.valid());
        self.optimizer.add_to(readback);
    }

    pub(super) fn take_weights(&self, values: &mut Values) -> Weights {
        let model = values.take_module(self.model.valid());
        Weights {
            model: weights_to_bytes(&model),
            optimizer: self.optimizer.to_bytes(values),
        }
    }

    /// Writes a checkpoint.
    pub(super) fn save(&mut self, weights: Weights) -> Result<(), Error> {
        let best_is_last = self.progress.losses.is_empty()
            && self.progress.early_stopping.best_epoch() == Some(self.progress.history.len());
        Checkpoint {
            progress: self.progress.clone(),
            config: self.prepared.config.to_toml(),
            weights: weights.model,
            best: if best_is_last {
                Vec::new()
            } else {
                self.best.clone()
            },
            optimizer: weights.optimizer,
        }
        .save(self.run)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Writes what the run folder shows of the epoch that just ended; `values` are the picture's, and the
    /// weights.
    pub(super) fn record(
        &mut self,
        picture: Picture,
        mut values: Values,
        is_best: bool,
    ) -> Result<(), Error> {
        let history = &self.progress.history;
        let epoch = history.len();
        let title = format!("{}, epoch {epoch}", report::subject(self.prepared));
        picture.write(&mut values, &title, &self.run.epoch_picture(epoch))?;
        let weights = self.take_weights(&mut values);
        write_atomically(&self.run.last_checkpoint(), &weights.model)?;
        if is_best {
            write_atomically(&self.run.best_checkpoint(), &weights.model)?;
            self.best.clone_from(&weights.model);
        }
        self.run.write_metrics(history)?;
        self.events
            .record(&history[epoch - 1], &self.run.epoch_picture(epoch));
        report::curves(
            self.prepared,
            self.run,
            history,
            None,
            self.progress.early_stopping.best_epoch(),
        )?;
        self.save(weights)?;
        self.good = Snapshot {
            model: self.model.clone(),
            optimizer: self.optimizer.clone(),
            progress: self.progress.clone(),
        };
        self.run.write_status(&Status::now(State::Running, epoch))?;
        Ok(())
    }
}
