//! Trains autoencoders on images with [Burn](https://burn.dev), on any GPU through wgpu or on a CPU,
//! and judges them by SSIM.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! # std::env::set_current_dir(tempfile::tempdir()?.keep())?;
//! use trainer::{Device, Images, Model, TrainConfig, train};
//!
//! let device = Device::flex();
//! let images = Images::fashion_mnist(&"t-shirt,trouser".parse()?)?;
//! let mut config = TrainConfig::default();
//! config.training.epochs = 1;
//! config.model.latent_dim = 16;
//! # config.data.limit = Some(200);
//! let model = train::fit(&config, &images, &device)?;
//! model.save("clothes.safetensors")?;
//!
//! # let images = Images::fashion_mnist(&"trouser".parse()?)?;
//! let model = Model::open("clothes.safetensors", &device)?; // needs nothing but this file
//! let codes = model.encode(&images)?; // [N, latent_dim]
//! let restored = model.decode(codes)?; // [N, C, H, W] in [0, 1]
//! # assert_eq!(restored.dims(), [7_000, 1, 28, 28]);
//! # std::fs::remove_dir_all(std::env::current_dir()?)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ssim`] is of use by itself, for tensors `[N, C, H, W]` on any backend; [`guide`] tells more of all
//! of it, and of the program.
//!
//! # How it's built
//!
//! Data flows from files to [`Images`], a seeded split and batches `[N, C, H, W]` in [0, 1], through a
//! [`model`]'s network and a loss to an optimizer, and from there to metrics, a run folder and its
//! pictures. A module uses only those on lines below its own, which a test holds it to:
//!
//! ```text
//! cli           the program's commands
//! bench report  measurements of speed; the page that shows runs
//! explore       the page that shows a model's codes
//! compare       PNG files judged by SSIM
//! train         the loop, and what a run ends with
//! run           the run folder: its records, one reader for all of them
//! config        the settings
//! apply         uses of a trained model on any images
//! export        a model for other programs: ONNX, PyTorch
//! codec         codes of whole numbers as compressed files
//! model         architectures, the network, its objective, model files, `Model`
//! anomaly       how unusual images are
//! loss          what training minimises
//! metrics       scores of reconstructions, a model's or PCA's
//! pca           the best linear method
//! data          sources, images, split, batches
//! decode        image files to pixels
//! device        backends and their devices
//! ssim          structural similarity and its gradient
//! ops lbfgs     operations of a backend; a minimiser of many small functions at once
//! readback      from the device to the host
//! plot page     pictures: numbers and pixels to PNG; what pages share
//! prediction    what decoders make and losses judge
//! image rng     the shape of an image; random draws
//! error host words  errors in one line; files, clock, waiting; numbers in sentences
//! limits path_text npy own_files  limits of the system; paths as text; arrays as files; names of runs' files
//! guide         long documentation
//! ```
//!
//! (A line starts with one module or several, a space apart; two spaces end them. Each module is in
//! the list once.) Those that the documentation doesn't list are the program's, and for its tests:
//! nothing is promised of them.

pub mod anomaly;
pub mod apply;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod codec;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod compare;
pub mod config;
pub mod data;
#[doc(hidden)]
pub mod decode;
pub mod device;
mod error;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod explore;
pub mod export;
pub mod guide;
mod host;
#[doc(hidden)]
pub mod image;
mod lbfgs;
mod limits;
pub mod loss;
pub mod metrics;
pub mod model;
mod npy;
#[doc(hidden)]
pub mod ops;
mod own_files;
#[cfg(feature = "cli")]
mod page;
#[doc(hidden)]
pub mod path_text;
#[doc(hidden)]
pub mod pca;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod plot;
#[doc(hidden)]
pub mod prediction;
mod readback;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rng;
#[doc(hidden)]
pub mod run;
pub mod ssim;
pub mod train;
mod words;

pub use config::TrainConfig;
pub use data::Images;
pub use device::Device;
pub use image::ImageShape;
pub use model::Model;
