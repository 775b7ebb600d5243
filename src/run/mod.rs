//! The run folder: what a training run leaves for a person to look at.
//!
//! ```text
//! runs/2026-11-23T10-54-34_baseline-z128/   local time; -2, -3 … if the name is taken
//!   config.toml        the settings, complete: the run can be repeated from it
//!   meta.json          command line, version, commit, device, data set   (Meta)
//!   status.json        running, finished, early_stopped, interrupted, failed   (Status)
//!   images.csv         one row an image, of those that have files of their own   (ImageRow)
//!   skipped.csv        files that can't be used, and why   (Skipped)
//!   metrics.csv        one row an epoch, appended   (EpochMetrics)
//!   summary.json       quality on the test images, times, the PCA baseline   (Summary)
//!   log.txt            the messages of the run
//!   curves.png         losses and SSIM by epoch
//!   test.png           test images, their reconstructions and the differences
//!   worst.png          the same for the images with the lowest SSIM
//!   best.png           the same for those with the highest
//!   test.csv           one row a test image: class, scores, place in the latent space   (TestImage)
//!   thumbnails.png     originals of some of them, which test.csv counts as tiles
//!   checkpoints/       best.safetensors, last.safetensors; step-0000000350.ckpt, to resume from
//!   .lock              locked by the process that writes the run, and names it
//!   reconstructions/   epoch-0001.png …, the same images after each epoch
//!   tb/                events.out.tfevents.…, the same for TensorBoard   (EventFile)
//! ```
//!
//! The folder appears with the first three of them in it. All files but `metrics.csv`, the log and the
//! event files, which grow, are written whole and atomically ([`write_atomically`]), so that a crash or a
//! full disk leaves the last good version; an existing run folder is never overwritten. [`discover()`]
//! finds run folders, [`find_run`] the one that a name means, and [`RunRecord`] reads them, whatever
//! state and version they are of. Images are plain slices here: this module knows nothing of tensors.

mod atomic;
mod discover;
mod environment;
mod error;
mod files;
mod folder;
mod holder;
mod image_table;
mod links;
mod lock;
mod metrics_table;
mod name;
mod paths;
mod pictures;
#[cfg(feature = "cli")]
mod png;
mod record;
mod records;
mod regular;
mod tensorboard;
mod test_images;

pub use crate::own_files::RUN_FILES;
pub use atomic::{check_output, write_atomically, write_output, write_output_with};
pub use discover::{Discovered, discover, find_run, holds_run, latest};
pub use environment::{DatasetOrigin, Meta, Resumption};
pub use error::RunError;
pub use folder::RunDir;
pub use image_table::ImageRow;
pub use links::outward_link;
pub use lock::Writer;
pub use pictures::picture_fault;
#[cfg(feature = "cli")]
pub use png::{export_png, save_png};
pub use record::{BestValidation, ListedSettings, RunRecord, RunState};
pub use records::{EpochMetrics, PcaReference, SplitSizes, State, Status, Summary, Times};
pub(crate) use regular::{check_regular, read_regular};
pub use tensorboard::EventFile;
pub use test_images::{THUMBNAIL_COLUMNS, TestImage};
