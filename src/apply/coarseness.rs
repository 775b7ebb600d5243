//! How coarse codes may be: the step and the price of bits by which some images keep a quality.

use super::compress::{Coarseness, CompressError, Compressor};
use crate::data::evenly;

/// What a [`Coarseness`] is chosen by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// A step.
    Step(f32),
    /// The mean SSIM that images are to have.
    Ssim(f64),
    /// The mean SSIM that rounding may cost.
    SsimCost(f64),
}

/// Some images with their codes, on which a [`Coarseness`] is tried.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `[n, C, H, W]`
    images: Vec<u8>,
    /// `[n, latent_dim]`
    codes: Vec<f32>,
    /// The mean SSIM of what is decoded from the codes as they are.
    pub ssim: f64,
}

/// What became of the images that were tried.
struct Trial {
    values: Vec<i32>,
    bytes: f64,
    ssim: f64,
}

impl Compressor<'_> {
    /// Images with their codes.
    ///
    /// # Errors
    ///
    /// Where a code's values aren't finite, or the device fails.
    ///
    /// # Panics
    ///
    /// Where there is none, or a part of one.
    pub fn sample(&self, images: Vec<u8>) -> Result<Sample, CompressError> {
        let (mut codes, mut ssim) = (Vec::new(), Vec::new());
        for images in images.chunks(self.batch_size() * self.model.info().image.len()) {
            let found = self.applied.encode(images)?;
            ssim.extend(self.ssim(images, self.tensor(&found))?);
            codes.extend(found);
        }
        if codes.iter().any(|value| !value.is_finite()) {
            return Err(CompressError::Diverged);
        }
        Ok(Sample {
            images,
            codes,
            ssim: mean(&ssim),
        })
    }

    /// How coarse codes may be for a goal, as a sample tells.
    ///
    /// # Errors
    ///
    /// Where the goal is out of reach, or the device fails.
    pub fn choose(&self, sample: &Sample, goal: Goal) -> Result<Coarseness, CompressError> {
        let target = match goal {
            Goal::Step(step) => {
                let nearest = self.trial(sample, &self.nearest(step))?;
                return self.priced(sample, step, &nearest);
            }
            Goal::Ssim(target) => target,
            Goal::SsimCost(cost) => sample.ssim - cost,
        };
        if target >= sample.ssim {
            return Err(CompressError::Unreachable {
                found: sample.ssim,
                wanted: target,
            });
        }
        let plain = self.nearest_to(sample, target)?;
        self.priced_like(&self.part(sample), plain)
    }

    /// A price of bits and a step that leave the images of a small sample about as good as rounding each value to
    /// the nearest multiple of `plain` does, from fewer bytes.
    fn priced_like(&self, sample: &Sample, plain: f32) -> Result<Coarseness, CompressError> {
        /// How often rounding by price is tried.
        const MOST_TRIALS: usize = 5;
        /// How near to its target an SSIM is near enough.
        const CLOSE: f64 = 3e-4;
        /// SSIM that a step costs which is e times as large.
        const USUAL_SLOPE: f64 = -0.03;
        const GENTLEST_SLOPE: f64 = -0.005;
        let nearest = self.trial(sample, &self.nearest(plain))?;
        let mut tried = self.priced(sample, plain, &nearest)?;
        let mut best = (nearest.bytes, self.nearest(plain));
        // The secant method: SSIM above what is wanted, by the logarithm of the step.
        let mut before: Option<[f64; 2]> = None;
        for _ in 0..MOST_TRIALS {
            let trial = self.trial(sample, &tried)?;
            tried.magnitudes = self.magnitudes(&trial.values);
            let gain = trial.ssim - nearest.ssim;
            if gain >= 0.0 && trial.bytes < best.0 {
                best = (trial.bytes, tried.clone());
            }
            if (0.0..CLOSE).contains(&gain) {
                break;
            }
            let here = [f64::from(tried.step).ln(), gain - CLOSE / 2.0];
            let slope = before.map_or(USUAL_SLOPE, |before| {
                (here[1] - before[1]) / (here[0] - before[0])
            });
            before = Some(here);
            // Coarser steps are worse, whatever noise there is in two trials.
            let factor = (-here[1] / slope.min(GENTLEST_SLOPE)).exp().clamp(0.5, 2.0);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a step is in single precision"
            )]
            {
                tried.step *= factor as f32;
            }
            for magnitude in &mut tried.magnitudes {
                *magnitude /= factor;
            }
        }
        Ok(best.1)
    }

    /// Some of a sample, for what takes long.
    fn part(&self, sample: &Sample) -> Sample {
        const FEWEST: usize = 16;
        const MOST: usize = 128;
        /// Of all of them: some seconds on two cores.
        const VALUES: usize = 1 << 18;
        let info = self.model.info();
        let count = (VALUES / info.image.len()).clamp(FEWEST, MOST);
        let places = evenly(sample.codes.len() / info.latent_dim, count);
        let of = |width: usize| {
            places
                .iter()
                .map(move |place| place * width..(place + 1) * width)
        };
        let images = of(info.image.len()).flat_map(|range| &sample.images[range]);
        let codes = of(info.latent_dim).flat_map(|range| &sample.codes[range]);
        Sample {
            images: images.copied().collect(),
            codes: codes.copied().collect(),
            ssim: sample.ssim,
        }
    }

    /// Each value rounded to the nearest whole number.
    #[must_use]
    pub fn nearest(&self, step: f32) -> Coarseness {
        Coarseness {
            step,
            price: 0.0,
            magnitudes: vec![1.0; self.mean.len()],
        }
    }

    /// The coarsest step with which a sample keeps the SSIM if each value becomes the nearest whole number.
    fn nearest_to(&self, sample: &Sample, target: f64) -> Result<f32, CompressError> {
        /// Halvings and doublings of the codes' own size between which it lies.
        const FINEST: f64 = -14.0;
        const COARSEST: f64 = 2.0;
        const HALVINGS: usize = 11;
        let squares: f64 = sample
            .codes
            .iter()
            .zip(self.mean.iter().cycle())
            .map(|(code, mean)| f64::from(code - mean).powi(2))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a count of values")]
        let size = (squares / sample.codes.len() as f64).sqrt().max(1e-6);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a step is in single precision"
        )]
        let step = |exponent: f64| (size * exponent.exp2()) as f32;
        let (mut fine, mut coarse) = (FINEST, COARSEST);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(fine, coarse);
            if self.trial(sample, &self.nearest(step(middle)))?.ssim >= target {
                fine = middle;
            } else {
                coarse = middle;
            }
        }
        Ok(step(fine))
    }

    /// A step with the price of bits that goes with it: as much SSIM for a bit as a somewhat coarser step would cost.
    /// `fine` is what becomes of the sample where each value is rounded to the nearest multiple of the step.
    fn priced(
        &self,
        sample: &Sample,
        step: f32,
        fine: &Trial,
    ) -> Result<Coarseness, CompressError> {
        const COARSER: f32 = 1.25;
        let coarse = self.trial(sample, &self.nearest(COARSER * step))?;
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        let images = (sample.codes.len() / self.mean.len()) as f64;
        let bits = 8.0 * (fine.bytes - coarse.bytes) / images;
        let price = if bits > 0.0 {
            ((fine.ssim - coarse.ssim) / bits).max(0.0)
        } else {
            0.0
        };
        Ok(Coarseness {
            step,
            price,
            magnitudes: self.magnitudes(&fine.values),
        })
    }

    fn trial(&self, sample: &Sample, coarseness: &Coarseness) -> Result<Trial, CompressError> {
        let info = self.model.info();
        let size = self.batch_size();
        let images = sample.images.chunks(size * info.image.len());
        let codes = sample.codes.chunks(size * info.latent_dim);
        let (mut values, mut ssim) = (Vec::new(), Vec::new());
        for (images, codes) in images.zip(codes) {
            let found = self.rounded(images, codes, coarseness)?;
            values.extend(found.values);
            ssim.extend(found.ssim);
        }
        let bytes = self.symbols(coarseness.step).encode(&values).len();
        #[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
        let bytes = bytes as f64;
        Ok(Trial {
            values,
            bytes,
            ssim: mean(&ssim),
        })
    }

    /// The mean magnitude of each value.
    #[expect(clippy::cast_precision_loss, reason = "a count of codes")]
    fn magnitudes(&self, values: &[i32]) -> Vec<f64> {
        let width = self.mean.len();
        let count = (values.len() / width).max(1) as f64;
        let mut sums = vec![0.0; width];
        for code in values.chunks_exact(width) {
            for (sum, value) in sums.iter_mut().zip(code) {
                *sum += f64::from(value.unsigned_abs());
            }
        }
        sums.into_iter().map(|sum| sum / count).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of images")]
fn mean(values: &[f32]) -> f64 {
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    sum / values.len() as f64
}
