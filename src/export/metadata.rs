//! What exported files say of their model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::anomaly::{AnomalyScore, Calibration, USUAL_SHARE};
use crate::model::{METADATA_KEY, ModelInfo, Weights};

/// What an ONNX file says of its model.
pub(super) struct Metadata {
    /// For people, in sentences.
    pub description: String,
    /// How its images are made, in a sentence.
    pub images: String,
    /// Under [`METADATA_KEY`] all that there is, as JSON; the rest are parts of it for people.
    pub entries: Vec<(&'static str, String)>,
}

impl Metadata {
    pub fn new(info: &ModelInfo, weights: &Weights, calibration: Option<&Calibration>) -> Self {
        let images = format!(
            "{} values, of 0 to 255 divided by {}",
            if info.image.channels == 1 {
                "Grey"
            } else {
                "RGB"
            },
            info.preparation.divisor
        );
        let record = record(info, weights, calibration);
        let record = serde_json::to_string(&record).expect("numbers and strings");
        Self {
            description: format!(
                "An autoencoder of images {}. Codes are those of one pass of the encoder, without refinement. {images}.",
                info.image
            ),
            images,
            entries: vec![
                (METADATA_KEY, record),
                ("arch", info.arch_words()),
                ("latent_dim", info.latent_dim.to_string()),
                ("images", info.image.to_string()),
                ("fit", info.fit_words()),
                ("loss", info.loss.to_string()),
                ("ssim_preset", info.ssim_preset.name().to_owned()),
                ("classes", info.class_words()),
            ],
        }
    }
}

/// What the model file says, and the thresholds of anomaly scores if usual ones are known.
pub(super) fn record(
    info: &ModelInfo,
    weights: &Weights,
    calibration: Option<&Calibration>,
) -> BTreeMap<String, Value> {
    let mut record = info.record(weights, calibration);
    if let Some(Calibration { scores, .. }) = calibration {
        let thresholds = AnomalyScore::all().into_iter().filter_map(|score| {
            let threshold = scores.threshold(score, USUAL_SHARE)?;
            Some((score.to_string(), threshold))
        });
        let thresholds: BTreeMap<String, f64> = thresholds.collect();
        record.insert(
            "thresholds".to_owned(),
            json!({"share": USUAL_SHARE, "refine": scores.refine, "scores": thresholds}),
        );
    }
    record
}
