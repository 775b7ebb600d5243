//! Codes as whole numbers of steps, such that bits and distortion together are least.
//!
//! Rounding each value to the nearest whole number leaves an error in each. Here values are rounded in several
//! rounds instead, those that are nearest to a whole number first, and after each round the others are moved to make
//! up for it, by steps of L-BFGS on the loss plus the price of the bits. (Rounding in rounds is what quantisation of
//! networks does, after Hassibi and Stork, 1993; a loss with the bits in it is rate–distortion optimisation.)

use burn::tensor::Tensor;

use super::network::Autoencoder;
use super::objective::{Objective, in_tasks};
use crate::lbfgs;

/// How far values may be from a whole number to be rounded, round by round.
const ROUNDS: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.5];
/// Evaluations of the loss before the first round, and before each other.
const FIRST_EVALUATIONS: usize = 12;
const EVALUATIONS: usize = 6;
/// Below this a magnitude costs about its square: what its bits cost has no kink at 0.
const ROUND_OFF: f64 = 0.1;

/// What codes are rounded to, and what that may cost. All tensors are `[1, latent_dim]`.
#[derive(Clone, Debug)]
pub struct Rounding {
    /// What is 0 after rounding.
    pub mean: Tensor<2>,
    /// What one is.
    pub step: f32,
    /// Bits that a value takes more when its magnitude grows by one.
    pub bits: Tensor<2>,
    /// Loss that a bit is worth; with 0 each value becomes the nearest whole number.
    pub price: f64,
}

impl Rounding {
    /// Codes `[N, latent_dim]` in steps from the mean.
    #[must_use]
    pub fn in_steps(&self, codes: Tensor<2>) -> Tensor<2> {
        (codes - self.mean.clone()) / self.step
    }

    /// The codes that so many steps are.
    #[must_use]
    pub fn codes(&self, steps: Tensor<2>) -> Tensor<2> {
        steps * self.step + self.mean.clone()
    }
}

impl Objective {
    /// The whole numbers `[N, latent_dim]` that stand for `codes` of images `[N, C, H, W]` in [0, 1]. Nothing has
    /// autodiff.
    ///
    /// # Panics
    ///
    /// As [`Loss::per_image`](crate::loss::Loss::per_image).
    #[must_use]
    pub fn round(
        &self,
        model: &Autoencoder,
        images: Tensor<4>,
        codes: Tensor<2>,
        rounding: &Rounding,
    ) -> Tensor<2> {
        let steps = rounding.in_steps(codes);
        if rounding.price == 0.0 {
            return steps.round();
        }
        let decoder = model.on(&images.device().autodiff());
        let [rounded] = in_tasks(images, steps, |images, steps| {
            [self.rounded(&decoder, images, steps, rounding)]
        });
        rounded
    }

    fn rounded(
        &self,
        decoder: &Autoencoder,
        images: Tensor<4>,
        mut steps: Tensor<2>,
        rounding: &Rounding,
    ) -> Tensor<2> {
        let images = Tensor::from_inner(images);
        let rounding = Rounding {
            mean: Tensor::from_inner(rounding.mean.clone()),
            bits: Tensor::from_inner(rounding.bits.clone()),
            ..*rounding
        };
        let prices = rounding.bits.clone() * rounding.price;
        let mut free = steps.ones_like();
        for (round, reach) in ROUNDS.into_iter().enumerate() {
            let evaluations = if round == 0 {
                FIRST_EVALUATIONS
            } else {
                EVALUATIONS
            };
            let found = lbfgs::minimize(steps, evaluations, |steps| {
                let steps = Tensor::from_inner(steps).require_grad();
                let codes = rounding.codes(steps.clone());
                let losses = self.losses(&decoder.predict(codes), images.clone());
                let magnitudes =
                    (steps.clone().square() + ROUND_OFF * ROUND_OFF).sqrt() - ROUND_OFF;
                let prices: Tensor<1> = (magnitudes * prices.clone()).sum_dim(1).flatten(0, 1);
                let sums = losses + prices;
                let values = sums.clone().inner();
                let free = free.clone();
                let gradient = move || {
                    let gradients = sums.sum().backward();
                    steps.grad(&gradients).expect("the loss depends on them") * free
                };
                (values, gradient)
            });
            steps = found.x;
            let nearest = steps.clone().round();
            let distances = (steps.clone() - nearest.clone()).abs();
            let is_near = distances.lower_equal_elem(reach);
            steps = steps.mask_where(is_near.clone(), nearest);
            free = free.mask_fill(is_near, 0.0);
        }
        // What is no number is rounded to none.
        steps.round()
    }
}
