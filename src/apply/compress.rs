//! Images as whole numbers of few bits, and back.
//!
//! ```text
//! images → codes → steps from the mean, rounded → codec::Writer
//! codec::Reader → steps → codes → images
//! ```

use burn::tensor::{Tensor, TensorData};

use super::{Applied, read};
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
    pub(super) model: &'a Model,
    pub(super) applied: Applied<'a>,
    /// By whose loss values are rounded: 1 − SSIM.
    objective: Objective,
    pub(super) mean: Vec<f32>,
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

/// What becomes of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Compressed {
    /// The whole numbers, `[n, latent_dim]`.
    pub values: Vec<i32>,
    /// The SSIM of each image that is decoded from them. `[n]`
    pub ssim: Vec<f32>,
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

impl<'a> Compressor<'a> {
    /// Of a model, with so many steps of refinement for each code before it is rounded. If none are named, there are
    /// twenty, or as many as in training if these are more; and none for a model that restores spoilt images, to which
    /// they would bring back what spoilt them.
    #[must_use]
    pub fn new(model: &'a Model, refine: Option<usize>) -> Self {
        const STEPS: usize = 20;
        let info = model.info();
        let width = info.latent_dim;
        let usual = if info.corrupt.is_none() {
            info.refine.max(STEPS)
        } else {
            0
        };
        let refine = Some(refine.unwrap_or(usual));
        let codes = model.usual_codes();
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
        // As training rounds them, so that these bytes belong to its SSIM.
        let codes = codes.iter().zip(self.mean.iter().cycle());
        let values = codes
            .map(|(code, mean)| whole((code / rate.step).round() - (mean / rate.step).round()));
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

    pub(super) fn rounded(
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
    pub(super) fn tensor(&self, codes: &[f32]) -> Tensor<2> {
        let width = self.mean.len();
        let data = TensorData::new(codes.to_vec(), [codes.len() / width, width]);
        Tensor::from_data(data, self.model.device())
    }

    /// The SSIM of each image with what is decoded from its code.
    pub(super) fn ssim(&self, images: &[u8], codes: Tensor<2>) -> Result<Vec<f32>, ModelError> {
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
