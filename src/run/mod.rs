//! The run folder: what a training run leaves for a person to look at.
//!
//! ```text
//! runs/2026-11-23T10-54-34_baseline-z128/   local time; -2, -3 … if the name is taken
//!   config.toml        the settings, complete: the run can be repeated from it
//!   meta.json          command line, version, commit, device, data set   (Meta)
//!   status.json        running, finished, early_stopped, interrupted, failed   (Status)
//!   metrics.csv        one row an epoch   (EpochMetrics)
//!   summary.json       quality on the test images, times, the PCA baseline   (Summary)
//!   log.txt            what the terminal said
//!   curves.png         losses and SSIM by epoch   (draw_curves)
//!   test.png           test images, their reconstructions and the differences
//!   worst.png          the same for the images that are reconstructed worst
//!   best.png           the same for those that are reconstructed best
//!   test.csv           one row a test image: class, scores, place in the latent space   (TestImage)
//!   thumbnails.png     originals of some of them, which test.csv counts as tiles
//!   checkpoints/       best.safetensors, last.safetensors; step-0000000350.ckpt, to go on from
//!   .lock              held by the process that writes the run
//!   reconstructions/   epoch-0001.png …, the same images after each epoch
//!   tb/                events.out.tfevents.…, the same for TensorBoard   (EventFile)
//! ```
//!
//! Files but the log and the event files, which grow, are written whole and atomically
//! ([`write_atomically`]), so that a crash or a full disk
//! leaves the last good version; an existing run folder is never written over. Images are plain
//! slices here: this module knows nothing of tensors.

mod atomic;
mod charts;
mod comparison;
mod curves;
mod environment;
mod error;
mod folder;
mod picture;
mod records;
mod tensorboard;
mod test_images;
mod text;

pub use atomic::write_atomically;
pub use charts::{RateQuality, ScalePoint, draw_rate_quality, draw_scale};
pub use comparison::{GridColumn, Originals, comparison_grid, draw_comparison};
pub use curves::draw_curves;
pub use environment::{DatasetOrigin, Meta, Resumption};
pub use error::RunError;
pub use folder::RunDir;
pub use picture::{Tile, reconstruction_grid, save_png};
pub use records::{EpochMetrics, Images, PcaReference, Quality, State, Status, Summary, Times};
pub use tensorboard::EventFile;
pub use test_images::{THUMBNAIL_COLUMNS, TestImage};
