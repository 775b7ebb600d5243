//! The scores by which runs are compared.

use super::settings::setting;
use crate::run::RunRecord;

/// A score of a run.
pub(super) struct Measure {
    pub name: &'static str,
    pub key: &'static str,
    pub decimals: usize,
    value: fn(&RunRecord) -> Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
pub(super) const MEASURES: [Measure; 10] = [
    Measure {
        name: "best validation SSIM",
        key: "best_validation_ssim",
        decimals: 4,
        value: |run| run.best_validation().ssim,
    },
    Measure {
        name: "best validation PSNR, dB",
        key: "best_validation_psnr",
        decimals: 2,
        value: |run| run.best_validation().psnr,
    },
    Measure {
        name: "best validation loss",
        key: LOSS,
        decimals: 4,
        value: |run| run.best_validation().loss,
    },
    Measure {
        name: "test SSIM",
        key: "test_ssim",
        decimals: 4,
        value: |run| Some(run.summary.as_ref()?.test.ssim),
    },
    Measure {
        name: "test PSNR, dB",
        key: "test_psnr",
        decimals: 2,
        value: |run| Some(run.summary.as_ref()?.test.psnr),
    },
    Measure {
        name: "test MSE",
        key: "test_mse",
        decimals: 5,
        value: |run| Some(run.summary.as_ref()?.test.mse),
    },
    Measure {
        name: "PCA's test SSIM",
        key: "pca_test_ssim",
        decimals: 4,
        value: |run| Some(run.summary.as_ref()?.pca.as_ref()?.test.ssim),
    },
    Measure {
        name: "parameters",
        key: "parameters",
        decimals: 0,
        value: |run| Some(run.summary.as_ref()?.parameters as f64),
    },
    Measure {
        name: "seconds",
        key: "seconds",
        decimals: 1,
        value: |run| Some(run.seconds()),
    },
    Measure {
        name: "epochs",
        key: "epochs",
        decimals: 0,
        value: |run| Some(run.history.len() as f64),
    },
];
const LOSS: &str = "best_validation_loss";

impl Measure {
    pub fn of(&self, run: &RunRecord) -> Option<f64> {
        (self.value)(run).filter(|value| value.is_finite())
    }

    /// The difference from the first run; none between different losses.
    pub fn delta(&self, run: &RunRecord, first: &RunRecord) -> Option<f64> {
        if self.key == LOSS && (setting(run, "loss") != setting(first, "loss")) {
            return None;
        }
        Some(self.of(run)? - self.of(first)?)
    }
}
