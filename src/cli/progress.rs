//! Progress on the terminal: a bar for the epoch, and a line for each epoch that is through.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use super::log::bars;
use crate::run::EpochMetrics;
use crate::train::Observer;

/// Shows how far training is. The loss in the bar is the last epoch's: to know it at each step,
/// the host would have to wait for the device at each step.
pub(super) struct Progress {
    epochs: usize,
    /// None where nobody watches.
    bar: Option<ProgressBar>,
    last_loss: Option<f64>,
}

impl Progress {
    pub fn new(epochs: usize, quiet: bool) -> Self {
        let bar = (!quiet && stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template(
                "{prefix} {bar:30} {pos}/{len} images, {per_sec}, {eta} left{msg}",
            );
            let bar = bars().add(ProgressBar::new(0));
            bar.with_style(style.expect("the template is well-formed"))
        });
        Self {
            epochs,
            bar,
            last_loss: None,
        }
    }
}

impl Observer for Progress {
    fn epoch_started(&mut self, epoch: usize, images: usize) {
        let Some(bar) = &self.bar else { return };
        bar.reset();
        bar.set_length(images as u64);
        bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
        if let Some(loss) = self.last_loss {
            bar.set_message(format!(", loss {loss:.4}"));
        }
    }

    fn step(&mut self, images: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(images as u64);
        }
    }

    fn epoch_finished(&mut self, metrics: &EpochMetrics, best: bool) {
        self.last_loss = Some(metrics.train_loss);
        tracing::info!(
            "epoch {:>3}/{}  loss {:.4}  validation {:.4}  SSIM {:.4}  PSNR {:.2} dB  {:.1} s  {:.0} images/s{}",
            metrics.epoch,
            self.epochs,
            metrics.train_loss,
            metrics.validation_loss,
            metrics.validation_ssim,
            metrics.validation_psnr,
            metrics.seconds,
            metrics.images_per_second,
            if best { "  best" } else { "" },
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
