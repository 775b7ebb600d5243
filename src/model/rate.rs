//! What training does for codes that few bits suffice for: it adds noise to them as rounding would, and counts their
//! bits (Ballé, Laparra and Simoncelli, "End-to-end optimized image compression", 2017).

use burn::tensor::{Tensor, TensorData};
use rand::Rng;

use super::layers::DropoutDraw;
use crate::image::ImageShape;
use crate::rng::{Stream, rng};

/// What a byte of a code costs in training, and the step that codes are rounded to. The default is that codes aren't
/// rounded, and cost nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CodeRate {
    /// Loss that a byte is worth; 0 for codes that aren't rounded.
    pub weight: f64,
    /// What codes become multiples of.
    pub step: f32,
    /// Of the noise in training.
    pub seed: u64,
}

impl CodeRate {
    /// For codes of images of one shape.
    #[must_use]
    pub fn new(weight: f64, image: ImageShape, latent_dim: usize, seed: u64) -> Self {
        /// The error that rounding leaves in each pixel, about, where a code is PCA's: 27 dB of PSNR. Training
        /// makes codes larger or smaller as bits are worth it.
        const DEVIATION: f32 = 0.045;
        // That of rounding a value is √(1/12) of the step, and latent_dim values share an image's pixels.
        #[expect(clippy::cast_precision_loss, reason = "counts of values")]
        let shares = 12.0 * image.len() as f32 / latent_dim as f32;
        Self {
            weight,
            step: DEVIATION * shares.sqrt(),
            seed,
        }
    }

    /// Whether codes stay as they are.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.weight == 0.0
    }

    /// Codes as multiples of the step.
    #[must_use]
    pub fn rounded(&self, codes: Tensor<2>) -> Tensor<2> {
        if self.is_none() {
            return codes;
        }
        (codes / self.step).round() * self.step
    }

    /// Codes of a training batch `[N, latent_dim]` with what rounding might add to them: a uniform draw of up to half
    /// a step for each value, a function of the seed and the training step.
    #[must_use]
    pub fn noisy(&self, codes: Tensor<2>, draw: DropoutDraw) -> Tensor<2> {
        let [rows, columns] = codes.dims();
        let mut random = vec![0; 2 * rows * columns];
        rng(self.seed, Stream::CodeNoise, draw.step).fill_bytes(&mut random);
        let (pairs, _) = random.as_chunks();
        let noise = pairs.iter().map(|&pair| {
            let share = (f32::from(u16::from_le_bytes(pair)) + 0.5) / 65_536.0;
            (share - 0.5) * self.step
        });
        let noise: Vec<f32> = noise.collect();
        let device = codes.device();
        codes + Tensor::from_data(TensorData::new(noise, [rows, columns]), &device.inner())
    }

    /// The bytes of a code, `[1]`, the mean of a batch `[N, latent_dim]`: the entropy of whole numbers of these mean
    /// magnitudes, value by value, of the distribution for which it is greatest, a geometric one to both sides.
    #[must_use]
    pub fn bytes(&self, codes: Tensor<2>) -> Tensor<1> {
        /// Below this a value counts as one that is always 0; the logarithm has no slope there.
        const LEAST: f32 = 1e-3;
        const BITS: f32 = 8.0;
        let magnitudes = (codes / self.step).abs().mean_dim(0).clamp_min(LEAST); // [1, latent_dim]
        let root = (magnitudes.clone().square() + 1.0).sqrt();
        let ratios = magnitudes.clone() / (root + 1.0);
        let of_zero: Tensor<2> = (1.0 - ratios.clone()) / (ratios.clone() + 1.0);
        let nats = -(of_zero.log() + magnitudes * ratios.log());
        nats.sum() / (BITS * std::f32::consts::LN_2)
    }
}
