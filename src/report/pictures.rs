//! A run's pictures and single test images, as parts of the page or as addresses on the server.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use rayon::prelude::*;
use serde::Serialize;

use super::folders::id;
use super::test_images::TestImages;
use crate::run::{RunDir, RunRecord, picture_fault, read_regular};

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
    /// By address, from a server, as the data of single images.
    Linked,
}

/// Where the page finds a run's pictures, each an address.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ShownPictures {
    pictures: Vec<EpochPicture>,
    /// Epoch pictures that can be read, of which `pictures` may be a part.
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
    /// Finds the pictures of `run`; those that can't be read, and a `test.csv` that can't, are noted in
    /// `record`.
    pub fn find(run: &RunDir, record: &mut RunRecord, pictures: Pictures) -> Self {
        let path = run.test_images_path();
        let fault = record.problems.iter().find(|problem| {
            // It was found without reading all of the table.
            problem.starts_with("test.csv: ")
        });
        let images_missing = fault.cloned();
        let has_images = images_missing.is_none() && path.exists();
        let mut shown = match pictures {
            Pictures::Linked => Self::linked(run, has_images, record),
            Pictures::Embedded { runs } => {
                let mut shown = Self::embedded(run, EPOCH_PICTURES / runs.max(1), record);
                if has_images {
                    shown.embed_images(run, record);
                }
                shown
            }
        };
        if images_missing.is_some() {
            shown.images_missing = images_missing;
        } else if !has_images && record.summary.is_some() {
            shown.images_missing = Some(
                "This run has no test.csv: the version of trainer that made it didn't write one."
                    .to_owned(),
            );
        }
        shown
    }

    fn linked(run: &RunDir, has_images: bool, record: &mut RunRecord) -> Self {
        let id = id(run.path());
        // The record says what is wrong with others.
        let present = |path: PathBuf, file: &str| {
            let is_whole = path.is_file() && picture_fault(&path).is_none();
            is_whole.then(|| address(&id, file, &path))
        };
        let epochs = whole_epochs(run, record);
        let picture = |&epoch: &usize| EpochPicture {
            epoch,
            src: address(
                &id,
                &format!("epoch-{epoch:04}.png"),
                &run.epoch_picture(epoch),
            ),
        };
        Self {
            pictures_found: epochs.len(),
            pictures: epochs.iter().map(picture).collect(),
            test_picture: present(run.test_picture(), "test.png"),
            best_picture: present(run.best_picture(), "best.png"),
            worst_picture: present(run.worst_picture(), "worst.png"),
            images_source: has_images.then(|| address(&id, "images.json", &run.test_images_path())),
            ..Self::default()
        }
    }

    fn embedded(run: &RunDir, room: usize, record: &mut RunRecord) -> Self {
        let epochs = whole_epochs(run, record);
        let (pictures, pictures_found) = embed_epochs(run, &epochs, room, record);
        let mut picture = |path: PathBuf| embed_or_note(&path, run, record);
        let [test_picture, best_picture, worst_picture] =
            [run.test_picture(), run.best_picture(), run.worst_picture()].map(&mut picture);
        Self {
            pictures,
            pictures_found,
            test_picture,
            best_picture,
            worst_picture,
            ..Self::default()
        }
    }

    fn embed_images(&mut self, run: &RunDir, record: &mut RunRecord) {
        match TestImages::read(run) {
            Ok(mut images) => {
                images.thumbnails = embed_or_note(&run.thumbnails_picture(), run, record);
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

/// The address of a run's file on the server, which is made of the one at `path`. Its query is when that
/// changed, in milliseconds: a run that is resumed writes other content under the same name.
pub(super) fn address(id: &str, file: &str, path: &Path) -> String {
    let changed = path.metadata().and_then(|metadata| metadata.modified());
    let since = changed
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let version = since.map_or(0, |since| since.as_millis());
    format!("runs/{id}/{file}?{version}")
}

/// The epochs whose picture shows no damage at a glance; that of others is noted.
fn whole_epochs(run: &RunDir, record: &mut RunRecord) -> Vec<usize> {
    let mut epochs = run.epochs_with_picture();
    epochs.retain(|&epoch| {
        let path = run.epoch_picture(epoch);
        let fault = picture_fault(&path);
        if let Some(fault) = &fault {
            note(record, run, &path, fault);
        }
        fault.is_none()
    });
    epochs
}

/// Notes what is wrong with a file of `run`, unless the record already says so.
fn note(record: &mut RunRecord, run: &RunDir, path: &Path, fault: &str) {
    let file = path.strip_prefix(run.path()).unwrap_or(path).display();
    let known = format!("{file}: ");
    if !record.problems.iter().any(|it| it.starts_with(&known)) {
        record.problems.push(format!("{known}{fault}"));
    }
}

/// As many of the pictures as fit into `room` bytes, evenly spaced, the first and the last among them; and
/// of how many these are a part, those that turn out to be damaged left out.
fn embed_epochs(
    run: &RunDir,
    epochs: &[usize],
    room: usize,
    record: &mut RunRecord,
) -> (Vec<EpochPicture>, usize) {
    // Later pictures are as large as any: sharper ones take more room.
    let read = |&epoch: &usize| smallest_png(&run.epoch_picture(epoch)).ok();
    let size = epochs
        .iter()
        .rev()
        .find_map(read)
        .map_or(1, |bytes| bytes.len());
    let count = (room / size.max(1)).max(FEWEST_PICTURES).min(epochs.len());
    let chosen: Vec<usize> = (0..count)
        .map(|place| epochs[place * (epochs.len() - 1) / (count - 1).max(1)])
        .collect();
    let embedded: Vec<_> = chosen
        .par_iter()
        .map(|&epoch| (epoch, embed(&run.epoch_picture(epoch))))
        .collect();
    let mut pictures = Vec::with_capacity(count);
    for (epoch, embedded) in embedded {
        match embedded {
            Ok(src) => pictures.push(EpochPicture { epoch, src }),
            Err(fault) => note(record, run, &run.epoch_picture(epoch), &fault),
        }
    }
    let found = epochs.len() - (count - pictures.len());
    (pictures, found)
}

/// The picture as a `data:` address, if it is there and is one; else what is wrong is noted.
fn embed_or_note(path: &Path, run: &RunDir, record: &mut RunRecord) -> Option<String> {
    match embed(path) {
        Ok(address) => Some(address),
        Err(fault) => {
            if path.symlink_metadata().is_ok() {
                note(record, run, path, &fault);
            }
            None
        }
    }
}

/// The picture as a `data:` address, or what is wrong with it.
fn embed(path: &Path) -> Result<String, String> {
    let bytes = smallest_png(path)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
}

/// The PNG file as it is, or encoded anew if that is smaller. Enlarged pixels make rows repeat, which
/// the filter `Up` turns into zeros: that saves half of a grid of reconstructions.
fn smallest_png(path: &Path) -> Result<Vec<u8>, String> {
    let file = read_regular(path, LARGEST_PICTURE).map_err(|error| error.to_string())?;
    let image = image::load_from_memory_with_format(&file, image::ImageFormat::Png)
        .map_err(|error| error.to_string())?;
    let mut anew = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut anew, CompressionType::Best, FilterType::Up);
    let written = encoder.write_image(
        image.as_bytes(),
        image.width(),
        image.height(),
        image.color().into(),
    );
    let smaller = written.is_ok() && anew.len() < file.len();
    Ok(if smaller { anew } else { file })
}
