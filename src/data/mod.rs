//! From files to batches.
//!
//! ```text
//! IDX files, plain or gzip'd   embedded · folder · cache · system · download
//! image files                  any format, colour and size → one shape         (folder, preparation)
//!   → Source::load             chosen classes only
//!   → Images                   u8 values [N, C, H, W], labels [N], manifest [N], in file order
//!   → Split::stratified        u32 places in the images: training, validation, test
//!   → DeviceImages             the same on a GPU; else a thread that makes batches ahead
//!   → Batches                  f32 values [n, C, H, W] in [0, 1]
//! ```
//!
//! Values stay `u8` until their batch is made: all 70,000 images of Fashion-MNIST take 55 MB that way,
//! and 220 MB as `f32`. Everything here is the same on every platform for the same files, flags and
//! seed.

mod ahead;
mod batches;
mod checked;
mod classes;
mod collection;
mod corruption;
#[cfg(feature = "cli")]
mod download;
mod error;
mod fashion_mnist;
mod fashion_mnist_error;
mod folder;
mod foreign;
mod gunzip;
mod host_batch;
mod idx;
mod idx_folder;
mod images;
mod inputs;
mod part;
mod preparation;
mod resident;
mod source;
mod split;
mod values;
mod watch;

pub use batches::{Batches, DeviceImages, inference_batch};
pub use classes::{CLASS_NAMES, ClassSelection};
pub use collection::{Collection, ImageFile, Skipped};
pub use corruption::{Corruption, InputNoise};
pub use error::DataError;
pub use fashion_mnist::Sources;
pub use fashion_mnist_error::FashionMnistError;
pub use folder::FolderOptions;
pub use host_batch::{HostBatch, Variations, mirror_half, small_shifts};
pub use images::{ImageParts, Images, Labels};
pub use inputs::{InputBatch, InputImage, Inputs, Unused};
pub use part::Part;
pub use preparation::{Channels, Fit, ImageOptions, Preparation, Size};
pub use source::Source;
pub use split::{Split, SplitFractions, evenly, shuffled, thinned};
pub use watch::Watch;

pub use crate::decode::Background;

/// The four files, without the `.gz` that they may end in: images and labels, twice.
pub const FILE_STEMS: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
