//! From files to batches.
//!
//! ```text
//! IDX files, plain or gzip'd   embedded · --data DIR · cache · system · download
//!   → load                     chosen classes only, exact duplicates dropped
//!   → Dataset                  u8 pixels [N, H, W] and labels [N], in file order
//!   → Split::stratified        u32 indices into the dataset: training, validation, test
//!   → DeviceImages             the same on a GPU; on a CPU, a thread that makes batches ahead
//!   → Batches                  f32 pixels [n, 1, H, W] in [0, 1]
//! ```
//!
//! Pixels stay `u8` until their batch is made: all 70,000 images take 55 MB that way, and 220 MB as
//! `f32`. Everything here is the same on every platform for the same files, flags and seed.

mod batches;
mod classes;
mod dataset;
mod download;
mod error;
mod fashion_mnist;
mod idx;
mod split;

pub use batches::{Batches, DeviceImages, HostBatch, mirror_half};
pub use classes::{CLASS_NAMES, ClassSelection};
pub use dataset::Dataset;
pub use error::DataError;
pub use fashion_mnist::{FILE_STEMS, Sources, load};
pub use split::{Split, SplitFractions, shuffled};
