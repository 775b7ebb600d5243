//! What training minimises: a weighted sum of terms, from predictions and the images themselves.
//!
//! - [`Loss`]: the sum, which `--loss` and `config.toml` write as `0.8*ssim+0.2*l1`; [`Term`]: what
//!   there is to add; [`LossError`]: what is wrong with an expression, and where.
//! - `expression`: from text and back.

mod expression;

use std::cell::LazyCell;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::metrics::pixel_mean;
use crate::prediction::Prediction;
use crate::ssim::{MsSsim, SsimConfig, ssim};
pub use expression::LossError;

/// A weighted sum of terms, each of which is there once.
///
/// Written and stored as `NAME` or `WEIGHT*NAME`, joined by `+`. Weights are above 0 and needn't add
/// up to 1. The default is `bce`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Loss {
    /// Never empty.
    terms: Vec<(f64, Term)>,
}

/// A part of a loss; 0 for a perfect reconstruction, but for [`Term::Bce`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Binary cross-entropy, averaged over pixels; at least the entropy of the image.
    Bce,
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    L1,
    /// 1 − PSNR / 60 dB, with PSNR below 60 dB: the logarithm of the mean squared error, which weighs images that
    /// are restored well already as much as others.
    Psnr,
    /// 1 − SSIM.
    Ssim,
    /// 1 − multi-scale SSIM.
    MsSsim,
}

/// What a perfect reconstruction counts as, whose PSNR has no limit.
const MOST_DECIBELS: f32 = 60.0;

impl Term {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Bce,
        Self::Mse,
        Self::L1,
        Self::Psnr,
        Self::Ssim,
        Self::MsSsim,
    ];

    /// The name in an expression.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bce => "bce",
            Self::Mse => "mse",
            Self::L1 => "l1",
            Self::Psnr => "psnr",
            Self::Ssim => "ssim",
            Self::MsSsim => "ms-ssim",
        }
    }
}

impl Default for Loss {
    fn default() -> Self {
        Self::from(Term::Bce)
    }
}

impl From<Term> for Loss {
    fn from(term: Term) -> Self {
        Self::from([term])
    }
}

/// A plain sum.
impl<const N: usize> From<[Term; N]> for Loss {
    /// # Panics
    ///
    /// Where there is no term, or one is there twice.
    fn from(terms: [Term; N]) -> Self {
        assert!(N > 0, "a loss has at least one term");
        for (place, term) in terms.iter().enumerate() {
            assert!(!terms[..place].contains(term), "each term is there once");
        }
        Self {
            terms: terms.map(|term| (1.0, term)).to_vec(),
        }
    }
}

impl Loss {
    /// The weights and what they weigh, in the order in which they were written.
    #[must_use]
    pub fn terms(&self) -> &[(f64, Term)] {
        &self.terms
    }

    /// About what it is where all images become the same picture: of pixels in [0, 1], their differences are small
    /// numbers, and their squares smaller ones.
    #[must_use]
    pub fn of_one_picture(&self) -> f64 {
        let each = self.terms.iter().map(|(weight, term)| {
            weight
                * match term {
                    Term::Mse => 0.1,
                    Term::L1 => 0.3,
                    _ => 1.0,
                }
        });
        each.sum()
    }

    /// Whether the term is part of the sum.
    #[must_use]
    pub fn contains(&self, term: Term) -> bool {
        self.terms.iter().any(|(_, own)| *own == term)
    }

    /// Predictions and images `[N, C, H, W]`, images in [0, 1] → one loss an image, `[N]`. SSIM goes
    /// by `ssim_config`.
    ///
    /// # Panics
    ///
    /// Where a term needs SSIM and images are smaller than its window:
    /// whoever calls has to check them before.
    #[must_use]
    pub fn per_image(
        &self,
        prediction: &Prediction,
        images: Tensor<4>,
        ssim_config: &SsimConfig,
    ) -> Tensor<1> {
        self.per_image_beside(prediction, images, ssim_config, None)
    }

    /// As [`per_image`](Self::per_image), of images whose SSIM and mean squared error `[N]` may be known.
    pub(crate) fn per_image_beside(
        &self,
        prediction: &Prediction,
        images: Tensor<4>,
        ssim_config: &SsimConfig,
        known: Option<&[Tensor<1>; 2]>,
    ) -> Tensor<1> {
        // Cross-entropy does without it; the other terms share it.
        let reconstructions = LazyCell::new(|| prediction.reconstructions());
        let restored = || Tensor::clone(&reconstructions);
        let images = || images.clone();
        let checked = "sizes are checked before training";
        let squared_error = || match known {
            Some([_, mse]) => mse.clone(),
            None => pixel_mean((restored() - images()).square()),
        };
        let similarity = || match known {
            Some([similarity, _]) => similarity.clone(),
            None => ssim(restored(), images(), ssim_config).expect(checked),
        };
        self.terms
            .iter()
            .map(|(weight, term)| {
                let values = match term {
                    Term::Bce => pixel_mean(cross_entropy(prediction.logits(), images())),
                    Term::Mse => squared_error(),
                    Term::Psnr => {
                        let least = 10.0_f32.powf(-MOST_DECIBELS / 10.0);
                        let decibels = 10.0 / 10.0_f32.ln();
                        (squared_error() + least).log() * (decibels / MOST_DECIBELS) + 1.0
                    }
                    Term::L1 => pixel_mean((restored() - images()).abs()),
                    Term::Ssim => 1.0 - similarity(),
                    Term::MsSsim => {
                        let multi_scale = MsSsim::new(*ssim_config);
                        1.0 - multi_scale
                            .scores(restored(), images())
                            .expect(checked)
                            .scores
                    }
                };
                values * *weight
            })
            .reduce(|sum, term| sum + term)
            .expect("a loss has at least one term")
    }
}

/// −x·ln σ(l) − (1 − x)·ln(1 − σ(l)) with ln(1 − σ(l)) = ln σ(l) − l: no overflow, and no logarithm
/// of zero, whatever the logit.
fn cross_entropy(logits: Tensor<4>, images: Tensor<4>) -> Tensor<4> {
    let log_sigmoid = burn::tensor::activation::log_sigmoid(logits.clone());
    (1.0 - images) * logits - log_sigmoid
}
