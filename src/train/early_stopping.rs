//! Early stopping: when to stop waiting for a better validation loss.

use serde::{Deserialize, Serialize};

/// Remembers the best epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    waited: usize,
    best: Option<Best>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    epoch: usize,
    loss: f64,
}

impl EarlyStopping {
    /// Whether this epoch's loss is the best so far, by more than `min_delta`.
    pub(super) fn is_best(&mut self, epoch: usize, loss: f64, min_delta: f64) -> bool {
        let is_best = match &self.best {
            Some(best) => loss < best.loss - min_delta,
            None => true,
        };
        if is_best {
            self.best = Some(Best { epoch, loss });
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        is_best
    }

    /// Whether `patience` epochs have brought nothing better.
    pub(super) fn is_over(&self, patience: usize) -> bool {
        self.waited >= patience
    }

    /// Waits anew, for epochs that were asked for.
    pub(super) fn wait_again(&mut self) {
        self.waited = 0;
    }

    pub(super) fn best_epoch(&self) -> Option<usize> {
        self.best.as_ref().map(|best| best.epoch)
    }
}
