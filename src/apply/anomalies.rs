//! Anomaly scores of images, and what is usual for a model at the end of its training.

use super::{Applied, Measured, Neighbours};
use crate::anomaly::{
    Aggregate, AnomalyScore, Calibration, CodeStatistics, Mahalanobis, Measure, ScoreQuantiles,
};
use crate::data::Images;
use crate::model::{Model, ModelError};

/// Nearest codes whose mean distance is a score.
const NEAREST: usize = 5;

/// What gives images their scores.
#[derive(Clone, Debug)]
pub enum Scorer {
    /// The errors of pixels.
    Pixels(Measure, Aggregate),
    /// The distance of a code from the mean of usual ones, in their standard deviations.
    Spread(Mahalanobis),
    /// The mean distance of a code from the five nearest usual ones.
    Nearest(Neighbours),
}

impl Scorer {
    /// Whether codes are enough for it: those of [`Applied::encode`].
    #[must_use]
    pub fn is_of_codes(&self) -> bool {
        !matches!(self, Self::Pixels(..))
    }

    /// The scores of codes, `[n]`; none by the errors of pixels.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where codes have another width than those that are usual.
    pub fn of_codes(&self, codes: &[f32]) -> Result<Option<Vec<f32>>, ModelError> {
        Ok(match self {
            Self::Pixels(..) => None,
            Self::Spread(usual) => Some(usual.distances(codes)),
            Self::Nearest(usual) => {
                let found = usual.nearest(codes, NEAREST)?;
                Some(found.iter().map(|nearest| mean_distance(nearest)).collect())
            }
        })
    }

    /// The scores of some images, `[n]`.
    ///
    /// # Errors
    ///
    /// As [`of_codes`](Self::of_codes).
    ///
    /// # Panics
    ///
    /// As [`of_codes`](Self::of_codes).
    pub fn of(&self, measured: &Measured) -> Result<Vec<f32>, ModelError> {
        match self {
            &Self::Pixels(measure, aggregate) => {
                let errors = measured.errors.iter();
                Ok(errors
                    .map(|errors| errors.score(measure, aggregate))
                    .collect())
            }
            usual => Ok(usual.of_codes(&measured.codes)?.unwrap_or_default()),
        }
    }
}

impl Neighbours {
    /// The score that each of some of the codes has among the others: at most `count`, evenly chosen.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn own_scores(&self, count: usize) -> Result<Vec<f32>, ModelError> {
        let rows = evenly(self.len(), count);
        let found = self.nearest_of_own(&rows, NEAREST)?;
        Ok(found.iter().map(|nearest| mean_distance(nearest)).collect())
    }
}

#[expect(clippy::cast_precision_loss, reason = "five at most")]
fn mean_distance(nearest: &[super::Neighbour]) -> f32 {
    let sum: f32 = nearest.iter().map(|neighbour| neighbour.distance).sum();
    sum / nearest.len() as f32
}

/// At most `count` of the places from 0 to `all`, as evenly as they can be.
#[must_use]
pub fn evenly(all: usize, count: usize) -> Vec<usize> {
    let count = count.min(all);
    (0..count).map(|place| place * all / count).collect()
}

/// A model that knows what is usual: the scores of the images at `validation`, and the codes of those at `train`,
/// at most so many of each as cost seconds.
///
/// # Errors
///
/// Where the device fails.
pub(crate) async fn calibrate(
    model: Model,
    images: &Images,
    train: &[u32],
    validation: &[u32],
) -> Result<Model, ModelError> {
    /// A thousandth of them is ten.
    const SCORED: usize = 10_000;
    /// Twice as many as a code has values would do.
    const ENCODED: usize = 2_000;
    let applied = Applied::new(&model, None);
    let encoded = ENCODED.max(4 * model.info().latent_dim);
    let bytes = |rows: &[usize], part: &[u32]| -> Vec<u8> {
        let rows = rows.iter().map(|&row| part[row] as usize);
        rows.flat_map(|row| images.image(row).to_vec()).collect()
    };
    let mut codes = Vec::new();
    for rows in evenly(train.len(), encoded).chunks(applied.batch_size()) {
        codes.extend(applied.encode_async(&bytes(rows, train)).await?);
    }
    let codes = CodeStatistics::of(&codes, model.info().latent_dim);
    let usual = Scorer::Spread(Mahalanobis::new(&codes));
    let mut scores: Vec<(AnomalyScore, Vec<f32>)> = AnomalyScore::all()
        .into_iter()
        .map(|score| (score, Vec::new()))
        .collect();
    let scored = evenly(validation.len(), SCORED);
    for rows in scored.chunks(applied.batch_size()) {
        let measured = applied.measure_async(&bytes(rows, validation)).await?;
        for (score, values) in &mut scores {
            values.extend(match *score {
                AnomalyScore::Pixels(measure, aggregate) => {
                    Scorer::Pixels(measure, aggregate).of(&measured)?
                }
                AnomalyScore::Latent => usual.of(&measured)?,
            });
        }
    }
    let scores = ScoreQuantiles::new(scored.len(), applied.refine(), scores);
    Ok(model.calibrated(Calibration { scores, codes }))
}
