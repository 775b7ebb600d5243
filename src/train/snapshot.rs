//! What a training returns to: its state at the end of an epoch, from memory or from a checkpoint.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;

use super::optimizer::Adam;
use super::{Checkpoint, Prepared, Progress, TrainError};
use crate::config::TrainConfig;
use crate::model::{Autoencoder, Weights};
use crate::run::RunDir;

/// What a step changes.
pub(super) struct Snapshot {
    pub model: Autoencoder,
    pub optimizer: Adam,
    pub progress: Progress,
}

impl Clone for Snapshot {
    fn clone(&self) -> Self {
        Self {
            model: unchanging(&self.model),
            optimizer: self.optimizer.clone(),
            progress: self.progress.clone(),
        }
    }
}

/// A copy of a network that stays as it is while the network is trained: a plain clone shares the running
/// means of batch normalisation with it.
pub(super) fn unchanging(network: &Autoencoder) -> Autoencoder {
    network.valid().train()
}

impl Snapshot {
    /// Before the first step.
    pub fn first(prepared: &Prepared, device: &Device) -> Result<Self, TrainError> {
        Ok(Self {
            model: prepared.untrained(device)?,
            optimizer: Adam::new(&prepared.config.training),
            progress: Progress {
                dataset: prepared.images.sha256().to_owned(),
                ..Progress::default()
            },
        })
    }

    /// That of a checkpoint, which was read from `path`, and the weights of its best epoch.
    pub fn resume(
        prepared: &Prepared,
        device: &Device,
        path: &Path,
        checkpoint: &Checkpoint,
    ) -> Result<(Self, Option<Weights>), TrainError> {
        let config = &prepared.config;
        checkpoint.check(path, config, prepared.images.sha256())?;
        let fault = |message: String| TrainError::Checkpoint {
            path: path.to_owned(),
            message,
        };
        let read = |bytes: &[u8]| Weights::from_safetensors(bytes, "").map_err(fault);
        let (weights, _) = read(&checkpoint.weights)?;
        let model = weights.load_into(prepared.drawn(device), device);
        let best = if checkpoint.best.is_empty() {
            weights
        } else {
            let (best, _) = read(&checkpoint.best)?;
            // Used at the end only, where it would be too late to learn that they are damaged.
            let model = best.load_into(prepared.drawn(prepared.device()), prepared.device());
            model.map_err(fault)?;
            best
        };
        let mut optimizer = Adam::new(&config.training);
        optimizer
            .load(&checkpoint.optimizer, prepared.device())
            .ok_or_else(|| fault("its optimizer can't be understood".to_owned()))?;
        let mut progress = checkpoint.progress.clone();
        // Of settings that can't be read, nothing is known to have changed.
        if let Ok(before) = TrainConfig::from_toml(path, &checkpoint.config) {
            progress.adapt(&before.training, &config.training);
        }
        let snapshot = Self {
            model: model.map_err(fault)?,
            optimizer,
            progress,
        };
        Ok((snapshot, Some(best)))
    }

    /// The end of the last epoch before this one, which `checkpoint` is of: to return to when the loss diverges.
    pub fn last_good(
        &self,
        prepared: &Prepared,
        device: &Device,
        run: &RunDir,
        checkpoint: &Checkpoint,
    ) -> Self {
        let progress = &self.progress;
        let good = if progress.losses.is_empty() {
            None
        } else if progress.history.is_empty() {
            Self::first(prepared, device).ok()
        } else {
            let found = checkpoint.of_last_epoch(run);
            let good = found.map(|(path, good)| Self::resume(prepared, device, &path, &good));
            good.and_then(Result::ok).map(|(good, _)| good)
        };
        // Runs of before kept none.
        let mut good = good.unwrap_or_else(|| self.clone());
        good.progress.rollbacks = progress.rollbacks;
        good
    }
}
