//! Images as whole numbers of few bits, and back.
//!
//! ```text
//! images → codes → steps from the mean, rounded → codec::Writer
//! codec::Reader → steps → codes → images
//! ```

use burn::tensor::{Tensor, TensorData};

use super::{Applied, evenly, read};
use crate::codec::{GREATEST, Header, SymbolModel};
use crate::data::Images;
use crate::host::block_on;
use crate::image::from_levels;
use crate::loss::{Loss, Term};
use crate::metrics::ssim_and_mse;
use crate::model::{Model, ModelError, Objective, Rounding};
use crate::readback::Readback;

/// Turns a model's codes into whole numbers and back.
///
/// What is 0 is the mean of the training images' codes, if the model knows it.
#[derive(Clone, Debug)]
pub struct Compressor<'a> {
    model: &'a Model,
    applied: Applied<'a>,
    /// By whose loss values are rounded: 1 − SSIM.
    objective: Objective,
    mean: Vec<f32>,
    /// Of the training images' codes.
    deviations: Option<Vec<f64>>,
}

/// How coarse codes become.
#[derive(Clone, Debug, PartialEq)]
pub struct Coarseness {
    /// What a whole number is multiplied with.
    pub step: f32,
    /// SSIM that a bit is worth; with 0 each value becomes the nearest whole number.
    pub price: f64,
    /// The mean magnitude of each value in steps, by which bits are counted beforehand. `[latent_dim]`
    pub magnitudes: Vec<f64>,
}

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

/// What becomes of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Compressed {
    /// The whole numbers, `[n, latent_dim]`.
    pub values: Vec<i32>,
    /// The SSIM of each image that is decoded from them. `[n]`
    pub ssim: Vec<f32>,
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

/// Why there is no [`Coarseness`] for a goal.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// The device fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Even with codes as they are, images aren't as good.
    #[error(
        "the model restores these images with an SSIM of {found:.4} from codes that aren't rounded, below {wanted}"
    )]
    Unreachable {
        /// What it can do.
        found: f64,
        /// What it should.
        wanted: f64,
    },
    /// Whole numbers that aren't coded.
    #[error("a step of {step} is too small: codes would have numbers beyond {GREATEST}")]
    TooFine {
        /// The step.
        step: f32,
    },
    /// The model is no use.
    #[error("codes have values that are no numbers: the model has diverged")]
    Diverged,
}

/// How many images are tried, and what became of them.
struct Trial {
    values: Vec<i32>,
    bytes: f64,
    ssim: f64,
}

impl<'a> Compressor<'a> {
    /// Of a model, with so many steps of refinement for each code before it is rounded, or as many as in training.
    #[must_use]
    pub fn new(model: &'a Model, refine: Option<usize>) -> Self {
        let width = model.info().latent_dim;
        let codes = model.calibration();
        let codes = codes.and_then(|calibration| calibration.codes.as_ref());
        let mean = codes.map_or_else(|| vec![0.0; width], |codes| codes.mean().to_vec());
        let deviations = codes.map(|codes| {
            let variances = codes.covariance().iter().step_by(width + 1);
            variances.map(|&value| f64::from(value).sqrt()).collect()
        });
        let mut objective = model.objective();
        objective.loss = Loss::from(Term::Ssim);
        Self {
            model,
            applied: Applied::new(model, refine).unrounded(),
            objective,
            mean,
            deviations,
        }
    }

    /// Images that are taken at once at most.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.applied.batch_size()
    }

    /// The bytes of the codes of the images at `rows`, each value rounded to the nearest multiple of the step that
    /// the model was trained for; none where it was trained for none.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub(crate) async fn trained_bytes(
        &self,
        images: &Images,
        rows: &[u32],
    ) -> Result<Option<usize>, ModelError> {
        let rate = self.model.objective().rate;
        if rate.is_none() {
            return Ok(None);
        }
        let codes = self.applied.encode_rows(images, rows).await?;
        let codes = codes.iter().zip(self.mean.iter().cycle());
        let values = codes.map(|(code, mean)| whole(((code - mean) / rate.step).round()));
        let values: Option<Vec<i32>> = values.collect();
        Ok(values.map(|values| self.symbols(rate.step).encode(&values).len()))
    }

    /// Steps of refinement for each code before it is rounded.
    #[must_use]
    pub fn refine(&self) -> usize {
        self.applied.refine()
    }

    /// What a file of its codes begins with.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn header(&self, step: f32) -> Result<Header, ModelError> {
        Ok(Header {
            model: self.model.sha256()?,
            latent_dim: self.applied.latent_dim(),
            step,
        })
    }

    /// The first probabilities of its whole numbers: the same on every machine.
    #[must_use]
    pub fn symbols(&self, step: f32) -> SymbolModel {
        let in_steps = |known: &Vec<f64>| -> Vec<f64> {
            let step = f64::from(step);
            known.iter().map(|value| value / step).collect()
        };
        let deviations = self.deviations.as_ref().map(in_steps);
        SymbolModel::new(self.applied.latent_dim(), deviations.as_deref())
    }

    /// The codes that whole numbers stand for, both `[n, latent_dim]`: the same to the bit on every machine.
    ///
    /// # Panics
    ///
    /// Where a code isn't whole.
    #[must_use]
    pub fn codes(&self, values: &[i32], step: f32) -> Vec<f32> {
        assert!(values.len().is_multiple_of(self.mean.len()), "whole codes");
        let means = self.mean.iter().cycle();
        #[expect(clippy::cast_precision_loss, reason = "at most 24 bits")]
        let code = |(&value, mean): (&i32, &f32)| value as f32 * step + mean;
        values.iter().zip(means).map(code).collect()
    }

    /// Images `[n, C, H, W]` in [0, 1] of whole numbers, at most [`batch_size`](Self::batch_size) of them.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where there are more, or a part of one.
    pub fn decode(&self, values: &[i32], step: f32) -> Result<Vec<f32>, ModelError> {
        self.applied.decode(&self.codes(values, step))
    }

    /// The whole numbers of images `[n, C, H, W]`, at most [`batch_size`](Self::batch_size) of them.
    ///
    /// # Errors
    ///
    /// Where a code's values aren't finite, or too many steps, or the device fails.
    ///
    /// # Panics
    ///
    /// Where there are more images, or a part of one.
    pub fn compress(
        &self,
        images: &[u8],
        coarseness: &Coarseness,
    ) -> Result<Compressed, CompressError> {
        let codes = self.applied.encode(images)?;
        self.rounded(images, &codes, coarseness)
    }

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
            Goal::Step(step) => return self.priced(sample, step),
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
        let mut tried = self.priced(sample, plain)?;
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
        const MOST: usize = 128;
        let info = self.model.info();
        let places = evenly(sample.codes.len() / info.latent_dim, MOST);
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
    fn priced(&self, sample: &Sample, step: f32) -> Result<Coarseness, CompressError> {
        const COARSER: f32 = 1.25;
        let fine = self.trial(sample, &self.nearest(step))?;
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

    fn rounded(
        &self,
        images: &[u8],
        codes: &[f32],
        coarseness: &Coarseness,
    ) -> Result<Compressed, CompressError> {
        let Coarseness {
            step,
            price,
            magnitudes,
        } = coarseness;
        let device = self.model.device();
        let row = |values: Vec<f32>| {
            Tensor::from_data(TensorData::new(values, [1, self.mean.len()]), device)
        };
        #[expect(clippy::cast_possible_truncation, reason = "bits are about 1 to 10")]
        let bits = magnitudes
            .iter()
            .map(|&magnitude| bits_of_one_more(magnitude) as f32);
        let rounding = Rounding {
            mean: row(self.mean.clone()),
            step: *step,
            bits: row(bits.collect()),
            price: *price,
        };
        let rounded = self.objective.round(
            self.model.network(),
            self.images(images),
            self.tensor(codes),
            &rounding,
        );
        let rounded = block_on(read(rounded, codes.len()))?;
        let values: Option<Vec<i32>> = rounded.into_iter().map(whole).collect();
        let values = values.ok_or(if codes.iter().all(|value| value.is_finite()) {
            CompressError::TooFine { step: *step }
        } else {
            CompressError::Diverged
        })?;
        let codes = self.codes(&values, *step);
        let ssim = self.ssim(images, self.tensor(&codes))?;
        Ok(Compressed { values, ssim })
    }

    /// Bytes `[n, C, H, W]` in [0, 1].
    fn images(&self, values: &[u8]) -> Tensor<4> {
        let shape = self.model.info().image;
        let shape = shape.batch(values.len() / shape.len());
        Tensor::from_data(
            TensorData::new(from_levels(values), shape),
            self.model.device(),
        )
    }

    /// Codes `[n, latent_dim]`.
    fn tensor(&self, codes: &[f32]) -> Tensor<2> {
        let width = self.mean.len();
        let data = TensorData::new(codes.to_vec(), [codes.len() / width, width]);
        Tensor::from_data(data, self.model.device())
    }

    /// The SSIM of each image with what is decoded from its code.
    fn ssim(&self, images: &[u8], codes: Tensor<2>) -> Result<Vec<f32>, ModelError> {
        let restored = self.model.network().decode(codes);
        let config = &self.objective.ssim_config;
        let [ssim, _] = ssim_and_mse(restored, self.images(images), config);
        let mut readback = Readback::default();
        readback.add(ssim);
        Ok(block_on(readback.read())?.take())
    }
}

/// How many bits a whole number takes more if it is larger by one, where their mean magnitude is this: of the
/// distribution with the greatest entropy, which is a geometric one to both sides.
fn bits_of_one_more(magnitude: f64) -> f64 {
    const LEAST: f64 = 1e-3;
    let magnitude = magnitude.max(LEAST);
    let ratio = magnitude / (1.0 + (1.0 + magnitude * magnitude).sqrt());
    -ratio.log2()
}

fn whole(value: f32) -> Option<i32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "both are exact up to 24 bits"
    )]
    (value.abs() <= GREATEST as f32).then_some(value as i32)
}

#[expect(clippy::cast_precision_loss, reason = "a count of images")]
fn mean(values: &[f32]) -> f64 {
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    sum / values.len() as f64
}
