//! What training minimises: a mean over pixels, from logits and the images themselves.

use burn::tensor::{Tensor, activation};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A loss by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Binary cross-entropy
    #[default]
    Bce,
    /// Mean squared error
    Mse,
    /// Mean absolute error
    L1,
}

impl Loss {
    /// Logits and images `[N, C, H, W]`, images in [0, 1] → one loss an image, `[N]`.
    #[must_use]
    pub fn per_image(self, logits: Tensor<4>, images: Tensor<4>) -> Tensor<1> {
        let per_pixel = match self {
            // −x·ln σ(l) − (1 − x)·ln(1 − σ(l)), with ln(1 − σ(l)) = ln σ(l) − l: no overflow, and
            // no logarithm of zero, whatever the logit.
            Self::Bce => {
                let log_sigmoid = activation::log_sigmoid(logits.clone());
                (1.0 - images) * logits - log_sigmoid
            }
            Self::Mse => (activation::sigmoid(logits) - images).square(),
            Self::L1 => (activation::sigmoid(logits) - images).abs(),
        };
        let per_image: Tensor<2> = per_pixel.flatten(1, 3);
        per_image.mean_dim(1).squeeze_dim(1)
    }
}
