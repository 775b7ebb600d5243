//! What training keeps as it goes: checkpoints, and what the run folder shows of each epoch.

use burn::module::Module;

use super::pictures::{self, Picture};
use super::snapshot::{Snapshot, unchanging};
use super::training::Training;
use super::{Checkpoint, TrainError};
use crate::config::Interval;
use crate::host::Stopwatch;
use crate::model::Weights;
use crate::readback::{Readback, Values};
use crate::run::{RunDir, State, Status, write_atomically};

/// What a checkpoint holds of the device.
pub(super) struct ModelState {
    weights: Weights,
    /// Their running means, if those are kept.
    averages: Option<Weights>,
    optimizer: Vec<u8>,
}

impl ModelState {
    /// The weights that are validated and kept.
    fn judged(&self) -> &Weights {
        self.averages.as_ref().unwrap_or(&self.weights)
    }
}

impl Training<'_> {
    /// Whether steps or time ask for a checkpoint within an epoch, and there is a run folder for it.
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let is_due = match self.prepared.config.output.checkpoint_every {
            Interval::Steps(steps) => self.progress.step.is_multiple_of(steps),
            Interval::Minutes(minutes) => self.saved.seconds() >= 60.0 * minutes,
        };
        is_due && self.run.is_some()
    }

    /// Adds what [`take_state`](Self::take_state) takes.
    pub(super) fn add_state(&self, readback: &mut Readback) {
        let model = self.model.valid();
        if self.run.is_none() {
            readback.add_module(&self.optimizer.averaged(model));
            return;
        }
        readback.add_module(&model);
        if self.optimizer.averages() {
            readback.add_module(&self.optimizer.averaged(model));
        }
        self.optimizer.add_to(readback);
    }

    /// The state of model and optimizer; without a run folder to resume from, the weights that are judged alone.
    pub(super) fn take_state(&self, values: &mut Values) -> ModelState {
        let model = self.model.valid();
        if self.run.is_none() {
            return ModelState {
                weights: Weights::take_from(values, &model),
                averages: None,
                optimizer: Vec::new(),
            };
        }
        let averages = self.optimizer.averages();
        ModelState {
            weights: Weights::take_from(values, &model),
            averages: averages.then(|| Weights::take_from(values, &model)),
            optimizer: self.optimizer.to_bytes(values),
        }
    }

    /// Writes a checkpoint, if there is a run folder.
    pub(super) fn save(&mut self, state: &ModelState) -> Result<(), TrainError> {
        let Some(run) = self.run else {
            return Ok(());
        };
        let best_is_last = !self.optimizer.averages()
            && self.progress.losses.is_empty()
            && self.progress.early_stopping.best_epoch() == Some(self.progress.history.len());
        let best = self.best.as_ref().filter(|_| !best_is_last);
        Checkpoint {
            progress: self.progress.clone(),
            config: self.prepared.config.to_toml(),
            weights: state.weights.to_safetensors(None),
            best: best.map_or_else(Vec::new, |best| best.to_safetensors(None)),
            optimizer: state.optimizer.clone(),
        }
        .save(run)?;
        self.saved = Stopwatch::start();
        Ok(())
    }

    /// Keeps the epoch that just ended, and shows it in the run folder; `values` are the picture's, and
    /// the model's state.
    pub(super) fn record(
        &mut self,
        picture: Option<Picture>,
        mut values: Values,
        is_best: bool,
    ) -> Result<(), TrainError> {
        if let (Some(run), Some(picture)) = (self.run, picture) {
            let epoch = self.progress.history.len();
            picture.write_epoch(&mut values, self.prepared, run, epoch)?;
        }
        let state = self.take_state(&mut values);
        if is_best {
            self.best = Some(state.judged().clone());
        }
        if let Some(run) = self.run {
            self.show(run, &state, is_best)?;
        }
        self.save(&state)?;
        self.good = Snapshot {
            model: unchanging(&self.model),
            optimizer: self.optimizer.clone(),
            progress: self.progress.clone(),
        };
        if let Some(run) = self.run {
            run.write_status(&Status::now(State::Running, self.progress.history.len()))?;
        }
        Ok(())
    }

    /// Writes what `run` shows of the epoch that just ended, but for its picture.
    fn show(&mut self, run: &RunDir, state: &ModelState, is_best: bool) -> Result<(), TrainError> {
        let file = self.prepared.model_info().file(state.judged(), None);
        write_atomically(&run.last_checkpoint(), &file)?;
        if is_best {
            write_atomically(&run.best_checkpoint(), &file)?;
        }
        let history = &self.progress.history;
        run.write_metrics(history)?;
        if let (Some(events), Some(row)) = (&mut self.events, history.last()) {
            events.record(row, &run.epoch_picture(row.epoch));
        }
        let best_epoch = self.progress.early_stopping.best_epoch();
        pictures::curves(self.prepared, run, history, None, best_epoch)
    }
}
