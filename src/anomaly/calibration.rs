//! What is usual for a model: the scores of images that it hasn't been trained on, and the training codes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codes::CodeStatistics;
use super::score::AnomalyScore;

/// The share of usual images whose scores don't exceed the threshold, unless another is asked for.
pub const USUAL_SHARE: f64 = 0.99;

/// Shares of the scores of which the largest is kept: each hundredth, and finer where thresholds are.
fn shares() -> impl Iterator<Item = f64> {
    let hundredths = (0_u32..100).map(|hundredth| f64::from(hundredth) / 100.0);
    hundredths.chain([0.995, 0.999, 1.0])
}

/// What a model file knows of usual images.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Quantiles of scores.
    pub scores: ScoreQuantiles,
    /// Of the codes of training images; none of very wide ones.
    pub codes: Option<CodeStatistics>,
}

/// Quantiles of each score over the validation images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreQuantiles {
    /// Images that were scored.
    pub images: usize,
    /// Steps of refinement that their codes had.
    pub refine: usize,
    /// By the name of the score. JSON gives back single precision to the bit.
    quantiles: BTreeMap<String, Vec<f32>>,
}

impl ScoreQuantiles {
    /// Of the scores of so many images, whose codes had so many steps of refinement.
    #[must_use]
    pub fn new(
        images: usize,
        refine: usize,
        scores: impl IntoIterator<Item = (AnomalyScore, Vec<f32>)>,
    ) -> Self {
        let quantiles = scores.into_iter().map(|(score, mut values)| {
            values.sort_by(f32::total_cmp);
            let at = shares().map(|share| single(quantile(&values, share)));
            (score.to_string(), at.collect())
        });
        Self {
            images,
            refine,
            quantiles: quantiles.collect(),
        }
    }

    /// The score that a share of the images don't exceed; between those that are kept, along a straight line.
    /// None if it isn't known, or `share` isn't in [0, 1].
    #[must_use]
    pub fn threshold(&self, score: AnomalyScore, share: f64) -> Option<f64> {
        let values = self.quantiles.get(&score.to_string())?;
        let shares: Vec<f64> = shares().collect();
        if values.len() != shares.len() {
            return None;
        }
        let above = shares.iter().position(|&kept| kept >= share)?;
        let value = |place: usize| f64::from(values[place]);
        if shares[above].total_cmp(&share).is_eq() {
            return Some(value(above));
        }
        let below = above.checked_sub(1)?;
        let part = (share - shares[below]) / (shares[above] - shares[below]);
        Some(value(below) + part * (value(above) - value(below)))
    }
}

/// The value that a share of sorted values don't exceed; between two of them, along a straight line, as NumPy
/// does unless told otherwise. Not a number, if there are none.
///
/// # Panics
///
/// Where `share` isn't in [0, 1].
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of images"
)]
pub fn quantile(sorted: &[f32], share: f64) -> f64 {
    assert!((0.0..=1.0).contains(&share), "a share");
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let [low, high] = [below, above].map(|place| f64::from(sorted[place]));
    low + (place - below as f64) * (high - low)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "scores are in single precision"
)]
fn single(value: f64) -> f32 {
    value as f32
}
