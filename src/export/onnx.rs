//! The ONNX files of a model: encoder, decoder, and one after the other.

use super::ExportError;
use super::graph::{CODES, GraphBuilder, IMAGES, RECONSTRUCTIONS};
use super::messages::{self, value};
use super::metadata::Metadata;
use super::protobuf::Message;
use crate::model::Model;

/// Of the operators; of 2022, so that older programs read it, too.
const OPSET: i64 = 17;
/// Of the format, as it was then.
const IR_VERSION: i64 = 8;
/// Of a message of Protocol Buffers.
pub(super) const MOST_BYTES: usize = i32::MAX as usize;

/// The contents of three ONNX files. Each takes a batch of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxModels {
    /// `images` `[batch, C, H, W]` in [0, 1] → `codes` `[batch, latent_dim]`.
    pub encoder: Vec<u8>,
    /// `codes` `[batch, latent_dim]` → `reconstructions` `[batch, C, H, W]` in [0, 1].
    pub decoder: Vec<u8>,
    /// `images` → `reconstructions`.
    pub autoencoder: Vec<u8>,
}

/// A model as ONNX (opset 17), with all that its model file says in the metadata.
///
/// # Errors
///
/// Where the device fails, or the weights take more than the 2 GiB that a file may have.
pub fn onnx(model: &Model) -> Result<OnnxModels, ExportError> {
    let info = model.info();
    let design = info.design();
    let weights = model.weights()?;
    let metadata = Metadata::new(info, &weights, model.calibration());
    let shape = [info.image.channels, info.image.height, info.image.width];
    let images = value(IMAGES, &shape, &metadata.images);
    let codes = value(CODES, &[info.latent_dim], "");
    let reconstructions = value(RECONSTRUCTIONS, &shape, "In [0, 1]");
    let graph = || GraphBuilder::new(&design, &weights);
    let file = |graph: Message| {
        let file = messages::File {
            ir_version: IR_VERSION,
            opset: OPSET,
            description: &metadata.description,
            metadata: &metadata.entries,
        };
        let bytes = file.of(&graph).into_bytes();
        if bytes.len() > MOST_BYTES {
            return Err(ExportError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    };
    let encoder = graph().encoder();
    let decoder = graph().decoder();
    let autoencoder = graph().encoder().decoder();
    Ok(OnnxModels {
        encoder: file(encoder.finish("encoder", [&images, &codes]))?,
        decoder: file(decoder.finish("decoder", [&codes, &reconstructions]))?,
        autoencoder: file(autoencoder.finish("autoencoder", [&images, &reconstructions]))?,
    })
}
