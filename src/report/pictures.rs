//! A run's pictures and single test images, as parts of the page or as addresses on the server.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use rayon::prelude::*;
use serde::Serialize;

use super::folders::id;
use super::test_images::TestImages;
use crate::run::{RunDir, RunRecord, read_regular};

/// Epoch pictures of all runs in a report, in bytes of PNG. With base64 (a third more), the other
/// pictures and the test images, a report of one run stays below 3 MB.
const EPOCH_PICTURES: usize = 1_100_000;
/// Each run's share, where there are many: the first and the last picture at least.
const FEWEST_PICTURES: usize = 2;
/// The largest picture that is read, in bytes; a run's own have less than one MiB.
pub(super) const LARGEST_PICTURE: u64 = 1 << 26;

/// How the page gets at pictures.
#[derive(Clone, Copy, Debug)]
pub enum Pictures {
    /// As part of the page, which shares the room between so many runs. Per-image data comes along.
    Embedded {
        /// Runs in the report.
        runs: usize,
    },
    /// By address, from a server. So does the data of single images.
    Linked,
}

/// Where the page finds a run's pictures, each an address.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ShownPictures {
    pictures: Vec<EpochPicture>,
    /// Epoch pictures in the folder, of which `pictures` may be a part.
    pictures_found: usize,
    test_picture: Option<String>,
    best_picture: Option<String>,
    worst_picture: Option<String>,
    /// Single test images, unless a server sends them when asked.
    images: Option<TestImages>,
    images_source: Option<String>,
    /// Why there are none.
    images_missing: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct EpochPicture {
    epoch: usize,
    src: String,
}

impl ShownPictures {
    /// Finds the pictures of `run`; a `test.csv` that can't be read is noted in `record`.
    pub fn find(run: &RunDir, record: &mut RunRecord, pictures: Pictures) -> Self {
        let has_images = run.test_images_path().exists();
        let mut shown = match pictures {
            Pictures::Linked => Self::linked(run, has_images),
            Pictures::Embedded { runs } => {
                let mut shown = Self::embedded(run, EPOCH_PICTURES / runs.max(1));
                if has_images {
                    shown.embed_images(run, record);
                }
                shown
            }
        };
        if !has_images && record.summary.is_some() {
            shown.images_missing = Some(
                "This run has no test.csv: the version of trainer that made it didn't write one."
                    .to_owned(),
            );
        }
        shown
    }

    fn linked(run: &RunDir, has_images: bool) -> Self {
        let id = id(run.path());
        let address = |file: &str| format!("runs/{id}/{file}");
        let present = |path: PathBuf, file: &str| path.is_file().then(|| address(file));
        let epochs = run.epochs_with_picture();
        Self {
            pictures_found: epochs.len(),
            pictures: epochs
                .into_iter()
                .map(|epoch| EpochPicture {
                    epoch,
                    src: address(&format!("epoch-{epoch:04}.png")),
                })
                .collect(),
            test_picture: present(run.test_picture(), "test.png"),
            best_picture: present(run.best_picture(), "best.png"),
            worst_picture: present(run.worst_picture(), "worst.png"),
            images_source: has_images.then(|| address("images.json")),
            ..Self::default()
        }
    }

    fn embedded(run: &RunDir, room: usize) -> Self {
        let epochs = run.epochs_with_picture();
        Self {
            pictures_found: epochs.len(),
            pictures: embed_epochs(run, &epochs, room),
            test_picture: embed(&run.test_picture()),
            best_picture: embed(&run.best_picture()),
            worst_picture: embed(&run.worst_picture()),
            ..Self::default()
        }
    }

    fn embed_images(&mut self, run: &RunDir, record: &mut RunRecord) {
        match TestImages::read(run) {
            Ok(mut images) => {
                images.thumbnails = embed(&run.thumbnails_picture());
                self.images = Some(images);
            }
            Err(error) => {
                let problem = error.in_one_line();
                self.images_missing = Some(problem.clone());
                record.problems.push(problem);
            }
        }
    }
}

/// As many of the pictures as fit into `room` bytes, evenly spaced, the first and the last among them.
fn embed_epochs(run: &RunDir, epochs: &[usize], room: usize) -> Vec<EpochPicture> {
    let Some(last) = epochs.last() else {
        return Vec::new();
    };
    // Later pictures are as large as any: sharper ones take more room.
    let size = smallest_png(&run.epoch_picture(*last)).map_or(1, |bytes| bytes.len());
    let count = (room / size.max(1)).max(FEWEST_PICTURES).min(epochs.len());
    let chosen: Vec<usize> = (0..count)
        .map(|place| epochs[place * (epochs.len() - 1) / (count - 1).max(1)])
        .collect();
    chosen
        .par_iter()
        .filter_map(|&epoch| {
            let src = embed(&run.epoch_picture(epoch))?;
            Some(EpochPicture { epoch, src })
        })
        .collect()
}

/// The picture as a `data:` address, if it is there and is one.
fn embed(path: &Path) -> Option<String> {
    let bytes = smallest_png(path)?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

/// The PNG file as it is, or encoded anew if that is smaller. Enlarged pixels make rows repeat, which
/// the filter `Up` turns into zeros: that saves half of a grid of reconstructions.
fn smallest_png(path: &Path) -> Option<Vec<u8>> {
    let file = read_regular(path, LARGEST_PICTURE).ok()?;
    let image = image::load_from_memory_with_format(&file, image::ImageFormat::Png).ok()?;
    let mut anew = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut anew, CompressionType::Best, FilterType::Up);
    let written = encoder.write_image(
        image.as_bytes(),
        image.width(),
        image.height(),
        image.color().into(),
    );
    let smaller = written.is_ok() && anew.len() < file.len();
    Some(if smaller { anew } else { file })
}
