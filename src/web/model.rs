//! A trained model in use: a model file, and what becomes of pictures.

use std::collections::BTreeMap;

use serde_json::json;
use trainer::anomaly::{Mahalanobis, USUAL_SHARE};
use trainer::apply::{Applied, Scorer};
use trainer::data::Background;
use trainer::image::to_levels;
use trainer::metrics::psnr;
use trainer::model::layer_table;
use wasm_bindgen::prelude::*;

use crate::{Outcome, selected};

/// Principal directions that the page has a slider for.
const DIRECTIONS: usize = 8;
/// Images of one batch: those who wait for few shouldn't wait for many.
const BATCH: usize = 16;

/// A trained autoencoder.
#[wasm_bindgen]
pub struct Model {
    model: trainer::Model,
    /// Along which codes vary most; none where the model doesn't know.
    directions: Vec<Direction>,
}

struct Direction {
    /// The share of the codes' variance.
    share: f64,
    /// One standard deviation along it. `[latent_dim]`
    step: Vec<f64>,
}

/// What a model makes of images.
#[wasm_bindgen(getter_with_clone)]
pub struct Seen {
    /// `[n, latent_dim]`
    pub codes: Vec<f32>,
    /// `[n, C, H, W]`
    pub restored: Vec<u8>,
    /// SSIM about each pixel, 0 to 255 for 0 to 1: `[n, H, W]`.
    pub maps: Vec<u8>,
    /// SSIM, PSNR, MSE and anomaly scores of each, as JSON.
    pub scores: String,
}

impl Model {
    pub(crate) fn new(model: trainer::Model) -> Self {
        let directions = model.usual_codes().map_or(Vec::new(), |codes| {
            let (variance, directions) = codes.directions(DIRECTIONS);
            let directions = directions.into_iter();
            directions
                .map(|step| Direction {
                    share: step.iter().map(|value| value * value).sum::<f64>() / variance,
                    step,
                })
                .collect()
        });
        Self { model, directions }
    }

    fn applied(&self) -> Applied<'_> {
        Applied::new(&self.model, None).in_batches_of(BATCH)
    }
}

#[wasm_bindgen]
impl Model {
    /// A model file's content.
    ///
    /// # Errors
    ///
    /// Where it's no model file, damaged, or a newer version's.
    pub fn open(bytes: &[u8]) -> Outcome<Self> {
        let device = selected()?.device;
        let model = trainer::Model::from_bytes(bytes, "the file", &device)?;
        Ok(Self::new(model))
    }

    /// The content of its model file.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub async fn file(&self) -> Outcome<Vec<u8>> {
        Ok(self.model.to_bytes().await?)
    }

    /// What it is.
    #[must_use]
    pub fn info(&self) -> String {
        let info = self.model.info();
        let rows = layer_table(&info.design(), info.latent_dim);
        let calibration = self.model.calibration();
        let thresholds = calibration.map_or(Vec::new(), |calibration| {
            let all = Scorer::all(None).into_iter();
            let thresholds = all.filter_map(|(score, _)| {
                let threshold = calibration.scores.threshold(score, USUAL_SHARE)?;
                Some(json!({ "score": score.to_string(), "threshold": threshold }))
            });
            thresholds.collect()
        });
        json!({
            "arch": info.arch,
            "latent_dim": info.latent_dim,
            "image": info.image,
            "loss": info.loss,
            "refine": info.refine,
            "classes": info.classes,
            "version": info.version,
            "parameters": rows.iter().map(|row| row.parameters).sum::<usize>(),
            "thresholds": thresholds,
            "usual_share": USUAL_SHARE,
            "directions": self.directions.len(),
            "shares": self.directions.iter().map(|direction| direction.share).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// A picture's file as an image of the model's: `[C, H, W]`. It's put on white where it's transparent and the model
    /// has no background.
    ///
    /// # Errors
    ///
    /// Why it can't be used.
    pub fn prepare(&self, bytes: &[u8]) -> Outcome<Vec<u8>> {
        let info = self.model.info();
        let mut preparation = info.preparation;
        preparation.background.get_or_insert(Background::WHITE);
        preparation
            .read(bytes, info.image)
            .map_err(|reason| JsError::new(&reason))
    }

    /// What becomes of some images.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub async fn examine(&self, images: &[u8]) -> Outcome<Seen> {
        let length = self.model.info().image.len();
        if images.is_empty() || !images.len().is_multiple_of(length) {
            return Err(JsError::new(
                "these aren't whole images of the model's shape",
            ));
        }
        let applied = self.applied();
        let usual = self.model.usual_codes();
        let ways = Scorer::all(usual.map(Mahalanobis::new).as_ref());
        let mut seen = Seen {
            codes: Vec::new(),
            restored: Vec::new(),
            maps: Vec::new(),
            scores: String::new(),
        };
        let mut scores = Vec::new();
        for images in images.chunks(applied.batch_size() * length) {
            let measured = applied.measure_async(images).await?;
            let anomaly = ways
                .iter()
                .map(|(score, scorer)| Ok((score.to_string(), scorer.of(&measured)?)))
                .collect::<Outcome<Vec<_>>>()?;
            for (place, errors) in measured.errors.iter().enumerate() {
                use trainer::anomaly::{Aggregate::Mean, Measure};
                let map = errors.map(Measure::Ssim).into_iter();
                seen.maps
                    .extend(to_levels(&map.map(|error| 1.0 - error).collect::<Vec<_>>()));
                let mse = errors.score(Measure::Mse, Mean);
                let anomaly: BTreeMap<&str, f32> = anomaly
                    .iter()
                    .map(|(name, values)| (name.as_str(), values[place]))
                    .collect();
                scores.push(json!({
                    "ssim": 1.0 - errors.score(Measure::Ssim, Mean),
                    "psnr": psnr(f64::from(mse)),
                    "mse": mse,
                    "anomaly": anomaly,
                }));
            }
            seen.codes.extend(measured.codes);
            seen.restored.extend(to_levels(&measured.restored));
        }
        seen.scores = serde_json::to_string(&scores)?;
        Ok(seen)
    }

    /// What codes are decoded to.
    ///
    /// # Errors
    ///
    /// Where they have another width than the model's, or the device fails.
    pub async fn decode(&self, codes: &[f32]) -> Outcome<Vec<u8>> {
        let width = self.model.info().latent_dim;
        if !codes.len().is_multiple_of(width) {
            return Err(JsError::new(&format!(
                "a code of this model has {width} values"
            )));
        }
        let applied = self.applied();
        let mut images = Vec::new();
        for codes in codes.chunks(applied.batch_size() * width) {
            images.extend(to_levels(&applied.decode_async(codes).await?));
        }
        Ok(images)
    }

    /// The code that is so many standard deviations along each principal direction from the mean.
    ///
    /// # Errors
    ///
    /// Where the model knows nothing of its codes.
    pub fn along(&self, amounts: &[f32]) -> Outcome<Vec<f32>> {
        let codes = self.model.usual_codes();
        let codes =
            codes.ok_or_else(|| JsError::new("the model file says nothing of usual codes"))?;
        let mut code = codes.mean().to_vec();
        for (direction, amount) in self.directions.iter().zip(amounts) {
            for (value, step) in code.iter_mut().zip(&direction.step) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "codes are in single precision"
                )]
                let moved = (f64::from(*amount) * step) as f32;
                *value += moved;
            }
        }
        Ok(code)
    }
}
