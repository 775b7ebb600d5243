//! Autoencoders: the architectures, the network, what it minimises, and [`Model`], a trained one that
//! is ready for use.
//!
//! ```text
//! Architecture → Design        which layers, for images of one shape
//!              → Autoencoder   the network: images → latent vectors → Prediction
//! Objective                    loss and refinement: what training minimises, and how images are encoded
//! Rounding                     codes as whole numbers, for few bits
//! Weights, ModelInfo           the model file
//! Model                        open, save, encode, decode, reconstruct, score
//! ```

mod design;
mod error;
mod file;
mod layers;
mod network;
mod objective;
mod rate;
mod rounding;
mod score;
mod table;
mod trained;
mod weights;

pub use design::{Architecture, Design, Output, Shortcut, Stage};
pub(crate) use design::{LARGEST_LATENT, LARGEST_WIDTH};
pub use error::ModelError;
pub use file::ModelInfo;
pub(crate) use file::{METADATA_KEY, ModelFile};
pub use layers::DropoutDraw;
pub use network::Autoencoder;
pub use objective::{BatchLoss, Objective};
pub use rate::CodeRate;
pub use rounding::Rounding;
#[cfg(feature = "cli")]
pub(crate) use score::add_reconstructions;
pub(crate) use score::add_scores;
pub use score::{Reconstructions, evaluate, reconstruct};
pub use table::{LayerRow, layer_table, parameters, training_multiply_adds};
pub use trained::Model;
pub use weights::{ModulePath, Weights};
