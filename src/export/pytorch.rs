//! A model's tensors under the names and in the shapes that PyTorch's layers have.

use serde_json::{Value, json};

use super::ExportError;
use super::metadata::record;
use crate::image::ImageShape;
use crate::model::{Design, METADATA_KEY, Model, Output, Shortcut, Stage, Weights};

/// The source of a Python module that reads what [`pytorch`] makes: `load(path)` gives a `torch.nn.Module` with
/// `encode` and `decode`.
pub const PYTORCH_MODULE: &str = include_str!("autoencoder.py");

/// The content of a safetensors file with a model's tensors, for PyTorch: weights of dense layers are
/// `[outputs, inputs]`, those of convolutions `[outputs, inputs, 3, 3]`, and names are those of `torch.nn`. The metadata
/// has what a model file has, and the layers as `design`.
///
/// # Errors
///
/// Where the device fails.
///
/// # Panics
///
/// Never: numbers and strings have a form in JSON.
pub fn pytorch(model: &Model) -> Result<Vec<u8>, ExportError> {
    let info = model.info();
    let weights = model.weights()?;
    let mut record = record(info, &weights, model.calibration());
    record.insert("design".to_owned(), layers(&info.design(), info.latent_dim));
    let record = serde_json::to_string(&record).expect("numbers and strings");
    Ok(renamed(&weights).to_safetensors(Some((METADATA_KEY, record))))
}

fn renamed(weights: &Weights) -> Weights {
    let mut renamed = Weights::default();
    for (name, shape, values) in weights.tensors() {
        let name = match name.rsplit_once('.') {
            Some((layer, "gamma")) => format!("{layer}.weight"),
            Some((layer, "beta")) => format!("{layer}.bias"),
            _ => name.to_owned(),
        };
        match *shape {
            // Matrices are the weights of dense layers.
            [inputs, outputs] => {
                let columns = (0..outputs)
                    .flat_map(|output| values.iter().skip(output).step_by(outputs).copied());
                renamed.insert(&name, vec![outputs, inputs], columns.collect());
            }
            _ => renamed.insert(&name, shape.to_vec(), values.to_vec()),
        }
    }
    renamed
}

/// The layers, as the module reads them.
fn layers(design: &Design, latent_dim: usize) -> Value {
    let sides = |shape: ImageShape| json!([shape.channels, shape.height, shape.width]);
    let stages = |stages: &[Stage]| stages.iter().map(stage).collect::<Vec<Value>>();
    json!({
        "latent_dim": latent_dim,
        "image": sides(design.image),
        "inner": sides(design.inner()),
        "features": sides(design.features()),
        "encoder": stages(&design.encoder),
        "decoder": stages(&design.decoder),
        "shortcut": design.shortcut == Shortcut::Beside,
        "output": match design.output {
            Output::Logits => "logits",
            Output::Pixels => "pixels",
        },
    })
}

fn stage(stage: &Stage) -> Value {
    let conv = stage.conv;
    json!({
        "channels": stage.channels,
        "activate": conv.activate,
        "upsample": conv.upsample,
        "halve": conv.halve,
        "relu": conv.relu,
        "max_pool": conv.max_pool,
        "shuffle": conv.shuffle,
        "residual": stage.residual,
        "batch_norm": stage.batch_norm,
    })
}
