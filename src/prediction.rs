//! What a decoder makes of latent vectors: a leaf, which models make and losses judge.

use burn::tensor::{Tensor, activation};

/// What a decoder makes of latent vectors, in the form in which it does: `[N, C, H, W]`.
#[derive(Clone, Debug)]
pub enum Prediction {
    /// Any numbers, whose sigmoid is the reconstruction.
    Logits(Tensor<4>),
    /// The reconstruction, but for what lies outside of [0, 1].
    Pixels(Tensor<4>),
}

impl Prediction {
    /// The reconstructions, in [0, 1].
    #[must_use]
    pub fn reconstructions(&self) -> Tensor<4> {
        match self {
            Self::Logits(logits) => activation::sigmoid(logits.clone()),
            Self::Pixels(pixels) => pixels.clone().clamp(0.0, 1.0),
        }
    }

    /// What the sigmoid makes reconstructions of; for pixels up to ±9.2, far beyond a grey level.
    #[must_use]
    pub fn logits(&self) -> Tensor<4> {
        const MARGIN: f32 = 1e-4;
        match self {
            Self::Logits(logits) => logits.clone(),
            Self::Pixels(pixels) => {
                let pixels = pixels.clone().clamp(MARGIN, 1.0 - MARGIN);
                let odds: Tensor<4> = pixels.clone() / (1.0 - pixels);
                odds.log()
            }
        }
    }
}
