//! Anomaly scores of images, and what is usual for a model at the end of its training.

use rayon::prelude::*;

use super::{Applied, Measured, Neighbours};
use crate::anomaly::{
    Aggregate, AnomalyScore, Calibration, CodeStatistics, Mahalanobis, Measure, ScoreQuantiles,
    WIDEST,
};
use crate::data::{Images, evenly, thinned};
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
    /// What gives each of the scores that there are; without `usual` codes, those of pixels.
    #[must_use]
    pub fn all(usual: Option<&Mahalanobis>) -> Vec<(AnomalyScore, Self)> {
        let scorer = |score| match score {
            AnomalyScore::Pixels(measure, aggregate) => Some(Self::Pixels(measure, aggregate)),
            AnomalyScore::Latent => usual.cloned().map(Self::Spread),
        };
        let all = AnomalyScore::all().into_iter();
        all.filter_map(|score| Some((score, scorer(score)?)))
            .collect()
    }

    /// The scores of some images, `[n]`.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where codes have another width than those that are usual.
    pub fn of(&self, measured: &Measured) -> Result<Vec<f32>, ModelError> {
        match self {
            &Self::Pixels(measure, aggregate) => {
                let errors = measured.errors.par_iter();
                Ok(errors
                    .map(|errors| errors.score(measure, aggregate))
                    .collect())
            }
            Self::Spread(usual) => Ok(usual.distances(&measured.codes)),
            Self::Nearest(usual) => usual.mean_distances(&measured.codes),
        }
    }

    /// The scores of the images at `rows`, however many.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    ///
    /// # Panics
    ///
    /// Where there is no such image, or it has another shape than those of `applied`.
    pub fn of_rows(
        &self,
        applied: &Applied,
        images: &Images,
        rows: &[u32],
    ) -> Result<Vec<f32>, ModelError> {
        let mut scores = Vec::with_capacity(rows.len());
        for rows in rows.chunks(applied.batch_size()) {
            scores.extend(self.of_images(applied, &images.of_rows(rows))?.0);
        }
        Ok(scores)
    }

    /// The scores of at most a batch of images `[n, C, H, W]`, and what they were measured by, if they were: codes
    /// alone need no reconstruction.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    ///
    /// # Panics
    ///
    /// As [`Applied::measure`].
    pub fn of_images(
        &self,
        applied: &Applied,
        images: &[u8],
    ) -> Result<(Vec<f32>, Option<Measured>), ModelError> {
        match self {
            Self::Pixels(..) => {
                let measured = applied.measure(images)?;
                Ok((self.of(&measured)?, Some(measured)))
            }
            Self::Spread(usual) => Ok((usual.distances(&applied.encode(images)?), None)),
            Self::Nearest(usual) => Ok((usual.mean_distances(&applied.encode(images)?)?, None)),
        }
    }
}

impl Applied<'_> {
    /// The scores of the images at `rows`, however many, by each of several scorers: `[scorers][rows]`.
    ///
    /// # Errors
    ///
    /// As [`Scorer::of`].
    ///
    /// # Panics
    ///
    /// As [`Scorer::of_rows`].
    pub async fn scores_of_rows(
        &self,
        images: &Images,
        rows: &[u32],
        scorers: &[Scorer],
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut values = vec![Vec::with_capacity(rows.len()); scorers.len()];
        for rows in rows.chunks(self.batch_size()) {
            let measured = self.measure_async(&images.of_rows(rows)).await?;
            for (scorer, values) in scorers.iter().zip(&mut values) {
                values.extend(scorer.of(&measured)?);
            }
        }
        Ok(values)
    }
}

impl Neighbours {
    /// The mean distance of each code from the nearest, `[n]`.
    fn mean_distances(&self, codes: &[f32]) -> Result<Vec<f32>, ModelError> {
        let found = self.nearest(codes, NEAREST)?;
        Ok(found.iter().map(|nearest| mean_distance(nearest)).collect())
    }

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

/// A model that knows what is usual: the scores of the images at `validation`, and the codes of those at `train`,
/// at most so many of each as cost seconds. It knows nothing where a score isn't finite.
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
    /// Values of those images, of which large ones have many.
    const VALUES: usize = 1 << 28;
    /// Codes, or four for each of their values, so that there are more than a covariance needs.
    const ENCODED: usize = 2_000;
    let applied = Applied::new(&model, None);
    let width = model.info().latent_dim;
    let codes = if width > WIDEST {
        None
    } else {
        let rows = thinned(train, ENCODED.max(4 * width));
        CodeStatistics::of(&applied.encode_rows(images, &rows).await?, width)
    };
    let spread = codes.as_ref().map(Mahalanobis::new);
    let (all, scorers): (Vec<_>, Vec<_>) = Scorer::all(spread.as_ref()).into_iter().unzip();
    let scored = thinned(validation, SCORED.min(VALUES / images.shape().len()).max(1));
    let values = applied.scores_of_rows(images, &scored, &scorers).await?;
    if values.iter().flatten().any(|value| !value.is_finite()) {
        tracing::warn!(
            "a score of a validation image isn't finite: the model file says nothing of usual scores"
        );
        return Ok(model);
    }
    let by_score = all.into_iter().zip(values);
    let quantiles = ScoreQuantiles::new(scored.len(), applied.refine(), by_score);
    Ok(model.calibrated(Calibration {
        scores: quantiles,
        codes,
    }))
}
