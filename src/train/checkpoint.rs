//! Weights as safetensors files.

use std::path::Path;

use burn::store::{ModuleSnapshot, SafetensorsStore};

use crate::error::{ConfigError, Error};
use crate::model::Autoencoder;
use crate::run::write_atomically;

/// Writes a model's weights, with its running means and variances, to `path`.
///
/// # Errors
///
/// Where the file can't be written.
///
/// # Panics
///
/// Never: the model's tensors are plain `f32` ones, which safetensors can hold.
pub fn save_weights(model: &Autoencoder, path: &Path) -> Result<(), Error> {
    // burn's own metadata comes in another order each time, and equal weights are to be equal files.
    let mut store = SafetensorsStore::from_bytes(None)
        .clear_metadata()
        .metadata("producer", concat!("trainer ", env!("CARGO_PKG_VERSION")));
    model
        .save_into(&mut store)
        .expect("f32 tensors have a form in safetensors");
    let bytes = store.get_bytes().expect("the store was just filled");
    Ok(write_atomically(path, &bytes)?)
}

/// Sets `model`'s weights to those of a file that [`save_weights`] wrote.
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
    let mut store = SafetensorsStore::from_bytes(Some(bytes));
    let result = model
        .load_from(&mut store)
        .map_err(|error| fault(error.to_string()))?;
    if let Some(name) = result.unused.first() {
        return Err(fault(format!(
            "it has a tensor {name}, which the model doesn't"
        )));
    }
    Ok(())
}
