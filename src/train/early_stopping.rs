//! Early stopping: when to give up hope of a better validation loss.

/// Remembers the best epoch.
#[derive(Clone, Debug)]
pub(super) struct EarlyStopping {
    patience: usize,
    min_delta: f64,
    best: Option<(usize, f64)>,
    waited: usize,
}

impl EarlyStopping {
    pub fn new(patience: usize, min_delta: f64) -> Self {
        Self {
            patience,
            min_delta,
            best: None,
            waited: 0,
        }
    }

    /// Whether this epoch's loss is the best so far, by more than the minimum.
    pub fn is_best(&mut self, epoch: usize, loss: f64) -> bool {
        let is_best = match self.best {
            Some((_, best)) => loss < best - self.min_delta,
            None => true,
        };
        if is_best {
            self.best = Some((epoch, loss));
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        is_best
    }

    /// Whether as many epochs as there's patience for have brought nothing better.
    pub fn is_over(&self) -> bool {
        self.waited >= self.patience
    }

    pub fn best_epoch(&self) -> Option<usize> {
        self.best.map(|(epoch, _)| epoch)
    }
}
