//! What is along the codes' principal directions: images decoded at even steps, and, of a linear decoder, what makes
//! all others.

use burn::tensor::{Tensor, TensorData};

use super::decoded;
use crate::apply::Applied;
use crate::host::block_on;
use crate::model::{Architecture, Model, ModelError};
use crate::pca::Principal;
use crate::prediction::Prediction;
use crate::readback::Readback;

/// Images along a direction, at even steps.
pub const STEPS: usize = 9;
/// From as many standard deviations below the mean to as many above it.
pub const REACH: f64 = 3.0;

/// The codes' principal directions.
#[derive(Clone, Debug)]
pub struct Directions {
    /// The share of the codes' variance that is along each.
    pub shares: Vec<f64>,
    /// What is decoded along them: `[directions × STEPS, C, H, W]`.
    pub images: Vec<u8>,
    /// Of a linear decoder.
    pub linear: Option<Linear>,
}

/// An image that is decoded is the sum of these, clamped to [0, 1].
#[derive(Clone, Debug)]
pub struct Linear {
    /// At the codes' mean: `[C, H, W]`.
    pub mean: Vec<f32>,
    /// What each standard deviation along a direction adds: `[directions, C, H, W]`.
    pub directions: Vec<f32>,
}

impl Directions {
    pub(super) fn new(
        principal: &Principal,
        model: &Model,
        applied: &Applied,
    ) -> Result<Self, ModelError> {
        let along = |direction: usize, amount: f64| {
            let deviation = principal.deviations[direction] * amount;
            let values = principal.mean.iter().zip(&principal.directions[direction]);
            values.map(move |(mean, loading)| single(mean + deviation * loading))
        };
        #[expect(clippy::cast_precision_loss, reason = "nine steps")]
        let amount = |step: usize| REACH * (2.0 * step as f64 / (STEPS - 1) as f64 - 1.0);
        let directions = 0..principal.directions.len();
        let codes: Vec<f32> = directions
            .clone()
            .flat_map(|direction| (0..STEPS).flat_map(move |step| along(direction, amount(step))))
            .collect();
        let variance = principal.variance.max(f64::MIN_POSITIVE);
        let shares = principal.deviations.iter();
        let linear = if model.info().arch == Architecture::Linear {
            let at = directions.flat_map(|direction| along(direction, 1.0));
            let mean = principal.mean.iter().copied().map(single);
            Some(Linear::new(mean.chain(at).collect(), model)?)
        } else {
            None
        };
        Ok(Self {
            shares: shares
                .map(|deviation| deviation.powi(2) / variance)
                .collect(),
            images: decoded(applied, &codes)?,
            linear,
        })
    }
}

impl Linear {
    /// From the codes of the mean, and of one standard deviation along each direction: `[1 + directions, latent_dim]`.
    fn new(codes: Vec<f32>, model: &Model) -> Result<Self, ModelError> {
        let width = model.info().latent_dim;
        let codes = TensorData::new(codes.clone(), [codes.len() / width, width]);
        let codes = Tensor::from_data(codes, model.device());
        let Prediction::Pixels(images) = model.network().predict(codes) else {
            unreachable!("what a linear decoder makes are pixels")
        };
        let mut readback = Readback::default();
        readback.add(images);
        let values = block_on(readback.read())?.take();
        let (mean, rest) = values.split_at(model.info().image.len());
        let added = rest.chunks_exact(mean.len());
        let added = added.flat_map(|image| image.iter().zip(mean).map(|(at, mean)| at - mean));
        Ok(Self {
            directions: added.collect(),
            mean: mean.to_vec(),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "codes are in single precision"
)]
fn single(value: f64) -> f32 {
    value as f32
}
