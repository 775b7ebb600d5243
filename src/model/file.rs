//! Model files: a network's tensors in a safetensors file, with all that it takes to use them in its
//! metadata.
//!
//! The metadata has one key, `trainer`, with one JSON object: [`ModelInfo`], its keys sorted, with
//! neither times nor paths, so that equal weights are equal files. `tensors_sha256` in it shows a file
//! that has changed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::design::{Architecture, Design};
use super::error::ModelError;
use super::weights::Weights;
use crate::data::Preparation;
use crate::image::ImageShape;
use crate::loss::Loss;
use crate::ssim::Preset;

/// The key in a safetensors file's metadata.
const KEY: &str = "trainer";
/// Raised whenever older versions would misread a file.
const FORMAT: u64 = 1;

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
    /// Steps by which the encoder improves each latent vector on the loss.
    pub refine: usize,
    /// Whose conventions SSIM follows, in the loss and in scores.
    pub ssim_preset: Preset,
    /// The classes of the images that it was trained on; none if they had none.
    pub classes: Vec<String>,
    /// The version of trainer that made it.
    pub version: String,
}

impl ModelInfo {
    /// Its layers.
    #[must_use]
    pub fn design(&self) -> Design {
        self.arch.design(self.image, self.width)
    }

    /// The architecture in words, with its width if it can have several.
    pub(crate) fn arch_words(&self) -> String {
        match self.arch {
            Architecture::Residual => format!("residual of width {}", self.width),
            arch => arch.name().to_owned(),
        }
    }

    /// The content of the model file with these tensors.
    ///
    /// # Panics
    ///
    /// Never: numbers and strings have a form in JSON.
    pub(crate) fn file(&self, weights: &Weights) -> Vec<u8> {
        let fields = serde_json::to_value(self).expect("numbers and strings");
        let mut record: BTreeMap<String, Value> =
            serde_json::from_value(fields).expect("it's an object");
        record.insert("format".to_owned(), FORMAT.into());
        record.insert("tensors_sha256".to_owned(), weights.sha256().into());
        let text = serde_json::to_string(&record).expect("numbers and strings");
        weights.to_safetensors(Some((KEY, text)))
    }

    /// What a model file says, and its tensors; only the tensors if it says nothing of itself, as those
    /// of trainer's first version. `path` is for errors.
    pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<(Option<Self>, Weights), ModelError> {
        let foreign = |reason: String| ModelError::Foreign {
            path: path.to_owned(),
            reason,
        };
        let (weights, text) = Weights::from_safetensors(bytes, KEY).map_err(foreign)?;
        let Some(text) = text else {
            return Ok((None, weights));
        };
        let mut record: BTreeMap<String, Value> =
            serde_json::from_str(&text).map_err(|error| foreign(error.to_string()))?;
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
        let fields = serde_json::to_value(record).map_err(|error| foreign(error.to_string()))?;
        let info = serde_json::from_value(fields).map_err(|error| foreign(error.to_string()))?;
        Ok((Some(info), weights))
    }
}
