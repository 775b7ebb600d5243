//! How well scores tell anomalous images from the others.

use serde::Serialize;

/// Figures of a score on images of which it's known which are anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// The chance that an anomalous image has a larger score than another; equal ones count half.
    pub auroc: f64,
    /// The mean of the precision over the anomalous images, each at the threshold that just finds it.
    pub average_precision: f64,
    /// The largest harmonic mean of precision and recall, of all thresholds.
    pub best_f1: f64,
}

impl Detection {
    /// Of the scores of images, and whether each is anomalous, as scikit-learn's `roc_auc_score` and
    /// `average_precision_score`. None where all are, or none is.
    ///
    /// # Panics
    ///
    /// Where there are more scores than marks, or fewer.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of images")]
    pub fn of(scores: &[f32], is_anomalous: &[bool]) -> Option<Self> {
        assert_eq!(scores.len(), is_anomalous.len());
        let mut ranked: Vec<(f32, bool)> = scores
            .iter()
            .copied()
            .zip(is_anomalous.iter().copied())
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let all = is_anomalous.iter().filter(|&&is| is).count() as f64;
        let usual = is_anomalous.len() as f64 - all;
        if all == 0.0 || usual == 0.0 {
            return None;
        }
        let (mut found, mut mistaken) = (0.0, 0.0);
        let (mut pairs, mut precision_sum, mut best_f1) = (0.0, 0.0, 0.0_f64);
        // Images of one score are found at one threshold.
        for tied in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let anomalous = tied.iter().filter(|(_, is)| *is).count() as f64;
            let others = tied.len() as f64 - anomalous;
            pairs += others * (found + anomalous / 2.0);
            found += anomalous;
            mistaken += others;
            let precision = found / (found + mistaken);
            precision_sum += anomalous * precision;
            best_f1 = best_f1.max(2.0 * found / (found + mistaken + all));
        }
        Some(Self {
            auroc: pairs / (all * usual),
            average_precision: precision_sum / all,
            best_f1,
        })
    }
}
