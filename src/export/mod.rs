//! A model for other programs: ONNX graphs, and weights under PyTorch's names.
//!
//! ```text
//! Model → Design + Weights → graph → messages → the bytes of .onnx files      (onnx)
//!                          → renamed, transposed → those of .safetensors      (pytorch)
//! ```
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! # std::env::set_current_dir(tempfile::tempdir()?.keep())?;
//! use trainer::{Device, Images, TrainConfig, export, train};
//!
//! let images = Images::fashion_mnist(&"trouser".parse()?)?;
//! let mut config = TrainConfig::default();
//! config.training.epochs = 1;
//! # config.data.limit = Some(100);
//! # config.model.latent_dim = 8;
//! let model = train::fit(&config, &images, &Device::flex())?;
//!
//! let onnx = export::onnx(&model)?;
//! std::fs::write("encoder.onnx", onnx.encoder)?; // images [batch, C, H, W] → codes [batch, latent_dim]
//! std::fs::write("decoder.onnx", onnx.decoder)?; // codes → reconstructions [batch, C, H, W]
//! std::fs::write("pytorch.safetensors", export::pytorch(&model)?)?;
//! std::fs::write("autoencoder.py", export::PYTORCH_MODULE)?; // reads it
//! # std::fs::remove_dir_all(std::env::current_dir()?)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Images are in [0, 1], prepared as the metadata says, and codes are the encoder's own: refinement isn't part of
//! what is exported. Equal models make equal files.
//!
//! [`PYTORCH_MODULE`] is this file:
//!
//! ```python
#![doc = include_str!("autoencoder.py")]
//! ```

mod graph;
mod messages;
mod metadata;
mod onnx;
mod protobuf;
mod pytorch;

use crate::model::ModelError;

pub use onnx::{OnnxModels, onnx};
pub use pytorch::{PYTORCH_MODULE, pytorch};

/// A program in Python that compares what onnxruntime and PyTorch make of `inputs.npy` with what is in `codes.npy` and
/// `reconstructions.npy`, all beside it and the exported files.
pub const CHECK_SCRIPT: &str = include_str!("check.py");

/// Why a model can't be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It can't be read from its device.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Its weights are too many for a file of ONNX.
    #[error(
        "the model takes {bytes} bytes as ONNX, whose files hold {} at most: train one of fewer latent values or of \
         smaller images",
        onnx::MOST_BYTES
    )]
    TooLarge {
        /// The size that the file would have.
        bytes: usize,
    },
}
