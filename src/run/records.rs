//! What the files of a run folder contain. Losses and MSE are in units of pixels in [0, 1], PSNR is
//! in dB, times are in seconds.

use chrono::{DateTime, Local};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::Split;
use crate::metrics::Quality;
#[cfg(feature = "cli")]
use crate::plot::EpochPoint;

/// One row of `metrics.csv`: an epoch's averages. A number that a run of another version lacks is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Optimizer steps since the start of training; 0 if unknown.
    #[serde(default)]
    pub step: usize,
    /// The learning rate at the epoch's last step.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub learning_rate: f64,
    /// Mean training loss over the epoch.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub train_loss: f64,
    /// Mean loss on the validation images after the epoch.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub validation_loss: f64,
    /// Mean SSIM on the validation images.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub validation_ssim: f64,
    /// Mean PSNR on the validation images, in dB.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub validation_psnr: f64,
    /// Mean squared error on the validation images.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub validation_mse: f64,
    /// How long the epoch took, validation included.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub seconds: f64,
    /// Training images per second of training; on a GPU, which is waited for once an epoch, of the
    /// whole epoch.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub images_per_second: f64,
}

/// What stands for a number that a table of another version lacks.
pub(super) fn unknown() -> f64 {
    f64::NAN
}

/// A number; NaN for an empty cell.
pub(super) fn number_or_unknown<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(unknown))
}

impl EpochMetrics {
    /// The header of `metrics.csv`, in the order of the fields.
    pub const COLUMNS: [&'static str; 10] = [
        "epoch",
        "step",
        "learning_rate",
        "train_loss",
        "validation_loss",
        "validation_ssim",
        "validation_psnr",
        "validation_mse",
        "seconds",
        "images_per_second",
    ];

    /// What curves show of it.
    #[cfg(feature = "cli")]
    #[must_use]
    pub fn point(&self) -> EpochPoint {
        EpochPoint {
            epoch: self.epoch,
            train_loss: self.train_loss,
            validation_loss: self.validation_loss,
            validation_ssim: self.validation_ssim,
        }
    }

    /// The scores of the validation images, of which there are so many.
    #[must_use]
    pub fn validation_quality(&self, images: usize) -> Quality {
        Quality {
            ssim: self.validation_ssim,
            psnr: self.validation_psnr,
            mse: self.validation_mse,
            images,
        }
    }
}

/// The linear baseline: as many principal components as the latent space has dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PcaReference {
    /// Principal components kept.
    pub components: usize,
    /// Quality on the test images.
    pub test: Quality,
    /// Quality on the validation images.
    pub validation: Quality,
    /// How long fitting and evaluating took.
    pub seconds: f64,
}

/// Where the run's time went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Epochs, validation included.
    pub training: f64,
    /// The final evaluation.
    pub evaluation: f64,
    /// From start to summary.
    pub total: f64,
}

/// How many images each part of the data set has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitSizes {
    /// Seen by the optimizer.
    pub train: usize,
    /// Held out to choose the best epoch.
    pub validation: usize,
    /// Held out until the end.
    pub test: usize,
}

impl From<&Split> for SplitSizes {
    fn from(split: &Split) -> Self {
        Self {
            train: split.train.len(),
            validation: split.validation.len(),
            test: split.test.len(),
        }
    }
}

/// `summary.json`: the result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The epoch whose weights were evaluated, from 1.
    pub best_epoch: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Trainable parameters of the model.
    pub parameters: usize,
    /// Numbers in the code of one image.
    pub latent_dim: usize,
    /// Quality on the test images.
    pub test: Quality,
    /// Quality on the validation images.
    pub validation: Quality,
    /// Quality of the test images as they were spoilt, where a model is to restore such ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noisy: Option<Quality>,
    /// What the codes of the test images take, packed, on average, where a model was trained for few bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_image: Option<f64>,
    /// The linear baseline on the same images, if it was asked for.
    pub pca: Option<PcaReference>,
    /// Where the time went.
    pub seconds: Times,
    /// Which definition of SSIM the numbers follow, such as `tf`.
    pub ssim_preset: String,
    /// How many images each part of the data set has.
    pub images: SplitSizes,
}

/// What a run is doing, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Training or evaluating. A process that was killed leaves this behind.
    Running,
    /// All epochs were trained.
    Finished,
    /// Ended before the last epoch because validation stopped improving.
    EarlyStopped,
    /// The user stopped it; it can be resumed.
    Interrupted,
    /// An error ended it.
    Failed,
}

/// `status.json`: whether the run is alive, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What the run is doing, or how it ended.
    pub state: State,
    /// Why it ended, where the state alone doesn't say.
    pub reason: Option<String>,
    /// Epochs completed.
    pub epoch: usize,
    /// When this was written (RFC 3339).
    pub updated: DateTime<Local>,
}

impl Status {
    /// A status as of now, without a reason.
    #[must_use]
    pub fn now(state: State, epoch: usize) -> Self {
        Self {
            state,
            reason: None,
            epoch,
            updated: Local::now(),
        }
    }

    /// The same status with a reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }
}
