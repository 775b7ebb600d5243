//! Model files: a network's tensors in a safetensors file, with all that it takes to use them in its
//! metadata.
//!
//! The metadata has one key, `trainer`, with one JSON object: [`ModelInfo`], its keys sorted, with
//! neither times nor paths, so that equal weights are equal files. `tensors_sha256` in it shows a file
//! that has changed. At the end of a training a calibration comes with it: quantiles of anomaly scores in the
//! metadata, mean and covariance of the training codes as two tensors more.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::design::{Architecture, Design, LARGEST_LATENT, LARGEST_WIDTH};
use super::error::ModelError;
use super::table::parameters;
use super::weights::Weights;
use crate::anomaly::{Calibration, CodeStatistics};
use crate::data::{Corruption, Preparation};
use crate::image::ImageShape;
use crate::loss::Loss;
use crate::ssim::Preset;

/// The key in a file's metadata, of this program's own or another format.
pub(crate) const METADATA_KEY: &str = "trainer";
/// Raised whenever older versions would misread a file.
const FORMAT: u64 = 2;
/// That of files which say nothing of usual images.
const UNCALIBRATED_FORMAT: u64 = 1;
/// The tensors of a calibration, `[latent_dim]` and `[latent_dim, latent_dim]`.
const CODE_MEAN: &str = "calibration.code_mean";
const CODE_COVARIANCE: &str = "calibration.code_covariance";
/// In the record: the quantiles of a calibration.
const SCORES: &str = "calibration";

/// The most channels, and pixels of a side, of any model.
const LONGEST_SIDE: usize = 1 << 16;
/// More values than any image has that a model is trained on.
const LARGEST_IMAGE: usize = 1 << 30;

/// What a model file says of its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Which layers.
    pub arch: Architecture,
    /// Values in the latent vector.
    pub latent_dim: usize,
    /// Channels that `residual` has at full size; files of before it existed say nothing.
    #[serde(default)]
    pub width: usize,
    /// The images that it takes and gives.
    pub image: ImageShape,
    /// How images become what the network takes.
    pub preparation: Preparation,
    /// What it was trained to minimise, and what refinement minimises.
    pub loss: Loss,
    /// How images were spoilt that it was trained to restore.
    #[serde(default, skip_serializing_if = "Corruption::is_none")]
    pub corrupt: Corruption,
    /// What a byte of a code cost in training; codes are rounded if that isn't 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rate: f64,
    /// Steps by which the encoder improves each latent vector on the loss.
    pub refine: usize,
    /// Whose conventions SSIM follows, in the loss and in scores.
    pub ssim_preset: Preset,
    /// The classes of the images that it was trained on; none if they had none.
    pub classes: Vec<String>,
    /// The version of trainer that made it.
    pub version: String,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's way; where pointers have 32 bits it isn't noticed"
)]
fn is_zero(rate: &f64) -> bool {
    *rate == 0.0
}

impl ModelInfo {
    /// Its layers.
    #[must_use]
    pub fn design(&self) -> Design {
        self.arch.design(self.image, self.width)
    }

    /// Whether a network can be what it says and have these tensors, so far as sizes tell: before memory is taken for it.
    pub(super) fn check(&self, weights: &Weights) -> Result<(), String> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.image;
        let least_width = usize::from(self.arch == Architecture::Residual);
        let sizes = [
            ("channels", channels, 1..=LONGEST_SIDE),
            ("height", height, 1..=LONGEST_SIDE),
            ("width of images", width, 1..=LONGEST_SIDE),
            ("latent values", self.latent_dim, 1..=LARGEST_LATENT),
            ("width", self.width, least_width..=LARGEST_WIDTH),
        ];
        for (what, size, possible) in sizes {
            if !possible.contains(&size) {
                return Err(format!("its {what} can't be {size}"));
            }
        }
        let values = height
            .checked_mul(width)
            .and_then(|pixels| pixels.checked_mul(channels));
        if values.is_none_or(|values| values > LARGEST_IMAGE) {
            return Err(format!("its images can't be {}", self.image));
        }
        let shape = self.image.batch(1);
        let ssim = self.ssim_preset.config().check(shape, shape);
        ssim.map_err(|error| error.to_string())?;
        let values: usize = weights.tensors().map(|(_, _, values)| values.len()).sum();
        let expected = parameters(&self.design(), self.latent_dim);
        if values < expected {
            return Err(format!(
                "it has {values} values, and the network that it describes {expected}"
            ));
        }
        Ok(())
    }

    /// The architecture in words, with its width if it can have several.
    pub(crate) fn arch_words(&self) -> String {
        match self.arch {
            Architecture::Residual => format!("residual of width {}", self.width),
            arch => arch.name().to_owned(),
        }
    }

    /// Its classes in words.
    pub(crate) fn class_words(&self) -> String {
        match self.classes.as_slice() {
            [] => "none".to_owned(),
            names => names.join(", "),
        }
    }

    /// In words how pictures of another aspect ratio are made to fit, and what is behind them.
    pub(crate) fn fit_words(&self) -> String {
        let Preparation {
            fit, background, ..
        } = self.preparation;
        let background = background.map_or("none".to_owned(), |colour| colour.to_string());
        format!("{fit:?}, background {background}").to_lowercase()
    }

    /// The content of the model file with these tensors, and what it may know of usual images.
    ///
    /// # Panics
    ///
    /// Never: numbers and strings have a form in JSON.
    pub(crate) fn file(&self, weights: &Weights, calibration: Option<&Calibration>) -> Vec<u8> {
        let (weights, record) = self.parts(weights, calibration);
        let text = serde_json::to_string(&record).expect("numbers and strings");
        weights.to_safetensors(Some((METADATA_KEY, text)))
    }

    /// What the metadata of that file says.
    ///
    /// # Panics
    ///
    /// Never: numbers and strings have a form in JSON.
    pub(crate) fn record(
        &self,
        weights: &Weights,
        calibration: Option<&Calibration>,
    ) -> BTreeMap<String, Value> {
        self.parts(weights, calibration).1
    }

    /// The tensors and the metadata of that file.
    fn parts<'a>(
        &self,
        weights: &'a Weights,
        calibration: Option<&Calibration>,
    ) -> (Cow<'a, Weights>, BTreeMap<String, Value>) {
        let json = |value: serde_json::Result<Value>| value.expect("numbers and strings");
        let fields = json(serde_json::to_value(self));
        let mut record: BTreeMap<String, Value> =
            serde_json::from_value(fields).expect("it's an object");
        let mut format = UNCALIBRATED_FORMAT;
        if let Some(Calibration { scores, .. }) = calibration {
            format = FORMAT;
            record.insert(SCORES.to_owned(), json(serde_json::to_value(scores)));
        }
        let weights = tensors(weights, calibration);
        record.insert("format".to_owned(), format.into());
        record.insert("tensors_sha256".to_owned(), weights.sha256().into());
        (weights, record)
    }
}

/// The tensors of a model file: a network's, and of the codes that are usual for it, if that is known.
pub(super) fn tensors<'a>(
    weights: &'a Weights,
    calibration: Option<&Calibration>,
) -> Cow<'a, Weights> {
    let mut weights = Cow::Borrowed(weights);
    if let Some(codes) = calibration.and_then(|calibration| calibration.codes.as_ref()) {
        let width = codes.width();
        let tensors = weights.to_mut();
        tensors.insert(CODE_MEAN, vec![width], codes.mean().to_vec());
        let covariance = codes.covariance().to_vec();
        tensors.insert(CODE_COVARIANCE, vec![width, width], covariance);
    }
    weights
}

/// What a model file holds.
pub(crate) struct ModelFile {
    /// None in files of trainer's first version, which say nothing of themselves.
    pub info: Option<ModelInfo>,
    pub weights: Weights,
    /// None in those of before the end of a training.
    pub calibration: Option<Calibration>,
}

impl ModelFile {
    /// Reads its content; `path` is for errors.
    pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Self, ModelError> {
        let foreign = |reason: String| ModelError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let (mut weights, text) =
            Weights::from_safetensors(bytes, METADATA_KEY).map_err(foreign)?;
        let Some(text) = text else {
            return Ok(Self {
                info: None,
                weights,
                calibration: None,
            });
        };
        let mut record: BTreeMap<String, Value> =
            serde_json::from_str(&text).map_err(|error| foreign(error.to_string()))?;
        if record.contains_key("design") {
            return Err(foreign(
                "it is what `trainer export` made of a model for PyTorch; take the model's own file".to_owned(),
            ));
        }
        let format = record.remove("format").and_then(|value| value.as_u64());
        let format = format.ok_or_else(|| foreign("it names no format".to_owned()))?;
        if format > FORMAT {
            let version = record.get("version").and_then(Value::as_str);
            return Err(ModelError::Newer {
                path: path.to_owned(),
                version: version.unwrap_or("of an unknown version").to_owned(),
                format,
                known: FORMAT,
            });
        }
        let expected = record.remove("tensors_sha256");
        let found = weights.sha256();
        if expected.as_ref().and_then(Value::as_str) != Some(found.as_str()) {
            return Err(ModelError::Damaged {
                path: path.to_owned(),
                reason: format!(
                    "the SHA-256 of its tensors is {found}, not {}",
                    expected.unwrap_or_default()
                ),
            });
        }
        let scores = record.remove(SCORES);
        let fields = serde_json::to_value(record).map_err(|error| foreign(error.to_string()))?;
        let info: ModelInfo =
            serde_json::from_value(fields).map_err(|error| foreign(error.to_string()))?;
        let tensors = [CODE_MEAN, CODE_COVARIANCE].map(|name| weights.remove(name));
        let calibration = match (scores, tensors) {
            (None, [None, None]) => None,
            (Some(scores), [None, None]) => {
                let scores =
                    serde_json::from_value(scores).map_err(|error| foreign(error.to_string()))?;
                Some(Calibration {
                    scores,
                    codes: None,
                })
            }
            (Some(scores), [Some(mean), Some(covariance)]) => {
                let scores =
                    serde_json::from_value(scores).map_err(|error| foreign(error.to_string()))?;
                let codes = CodeStatistics::from_parts(mean, covariance);
                let codes = codes.filter(|codes| codes.width() == info.latent_dim);
                let codes = codes.ok_or_else(|| {
                    foreign("its mean and covariance of codes aren't those of its codes".to_owned())
                })?;
                Some(Calibration {
                    scores,
                    codes: Some(codes),
                })
            }
            _ => return Err(foreign("a part of its calibration is missing".to_owned())),
        };
        Ok(Self {
            info: Some(info),
            weights,
            calibration,
        })
    }
}
