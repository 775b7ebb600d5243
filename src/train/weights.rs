//! Weights as safetensors files.

use std::path::Path;

use burn::store::{ModuleSnapshot, SafetensorsStore};

use crate::error::ConfigError;
use crate::model::Autoencoder;

/// The content of a file with the weights of a model on the CPU, and its running means and variances.
pub(super) fn weights_to_bytes(model: &Autoencoder) -> Vec<u8> {
    // burn's own metadata comes in another order each time, and equal weights are to be equal files.
    let mut store = SafetensorsStore::from_bytes(None)
        .clear_metadata()
        .metadata("producer", concat!("trainer ", env!("CARGO_PKG_VERSION")));
    model
        .save_into(&mut store)
        .expect("f32 tensors have a form in safetensors");
    store.get_bytes().expect("the store was just filled")
}

/// Sets `model`'s weights to those of a file of a run.
///
/// # Errors
///
/// Where the file can't be read, is damaged, or belongs to another model.
pub fn load_weights(model: &mut Autoencoder, path: &Path) -> Result<(), ConfigError> {
    let fault = |message: String| ConfigError::Checkpoint {
        path: path.to_owned(),
        message,
    };
    let bytes = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    weights_from_bytes(model, bytes).map_err(fault)
}

/// Sets `model`'s weights to those that [`weights_to_bytes`] made; an error is what's wrong with them.
pub(super) fn weights_from_bytes(model: &mut Autoencoder, bytes: Vec<u8>) -> Result<(), String> {
    let mut store = SafetensorsStore::from_bytes(Some(bytes));
    let result = model
        .load_from(&mut store)
        .map_err(|error| error.to_string())?;
    match result.unused.first() {
        Some(name) => Err(format!("it has a tensor {name}, which the model doesn't")),
        None => Ok(()),
    }
}
