//! Reads run folders into [`Entry`]s, whatever state they are in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Local};
use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ReportError;
use crate::error::with_causes;
use crate::run::{
    EpochMetrics, Meta, Quality, RunDir, RunError, State, Status, Summary, THUMBNAIL_COLUMNS,
    TestImage,
};

/// Epoch pictures of all runs in a report, in bytes of PNG. With base64 (a third more), the other
/// pictures and the test images, a report of one run stays below 3 MB.
const EPOCH_PICTURES: usize = 1_100_000;
/// Each run's share, where there are many: the first and the last picture at least.
const FEWEST_PICTURES: usize = 2;
/// What marks a folder as a run's, even where another of these is missing.
const RUN_FILES: [&str; 5] = [
    "config.toml",
    "meta.json",
    "status.json",
    "metrics.csv",
    "summary.json",
];
/// What else is read in a run's folder.
const OTHER_FILES: [&str; 7] = [
    "test.csv",
    "test.png",
    "best.png",
    "worst.png",
    "thumbnails.png",
    "log.txt",
    "reconstructions",
];

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

/// What the page shows of a run. Numbers that aren't finite are `null` in JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Entry {
    /// Stands for the folder in addresses: 16 hexadecimal digits.
    pub id: String,
    /// The folder's name.
    pub name: String,
    /// The state in `status.json`, or `killed` or `damaged`.
    pub state: String,
    reason: Option<String>,
    updated: Option<DateTime<Local>>,
    started: Option<DateTime<Local>>,
    /// What can't be read, and why.
    pub problems: Vec<String>,
    arch: Option<String>,
    latent_dim: Option<i64>,
    loss: Option<String>,
    backend: Option<String>,
    epochs: Option<i64>,
    epochs_done: Option<usize>,
    best_validation_ssim: Option<f64>,
    summary: Option<Outcome>,
    config: BTreeMap<String, String>,
    environment: Vec<(&'static str, String)>,
    history: History,
    pictures: Vec<EpochPicture>,
    /// Epoch pictures in the folder, of which `pictures` may be a part.
    pictures_found: usize,
    test_picture: Option<String>,
    best_picture: Option<String>,
    worst_picture: Option<String>,
    /// Single test images; a server sends them when asked.
    images: Option<TestImages>,
    images_source: Option<String>,
    images_missing: Option<String>,
}

/// The part of `summary.json` that the page shows.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    best_epoch: usize,
    parameters: usize,
    latent_dim: usize,
    test: Scores,
    validation: Scores,
    pca: Option<Scores>,
    pca_validation: Option<Scores>,
    pca_components: Option<usize>,
    seconds: f64,
    ssim_preset: String,
    train_images: usize,
    test_images: usize,
}

/// As [`Quality`], which writes infinities as words.
#[derive(Clone, Debug, Serialize)]
struct Scores {
    ssim: f64,
    psnr: f64,
    mse: f64,
}

/// `metrics.csv`, by column.
#[derive(Clone, Debug, Default, Serialize)]
struct History {
    epoch: Vec<usize>,
    train_loss: Vec<f64>,
    validation_loss: Vec<f64>,
    validation_ssim: Vec<f64>,
    seconds: Vec<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct EpochPicture {
    epoch: usize,
    src: String,
}

/// `test.csv`, by column, with the thumbnails.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TestImages {
    classes: BTreeMap<u8, String>,
    index: Vec<u32>,
    label: Vec<u8>,
    ssim: Vec<f64>,
    psnr: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    tile: Vec<Option<usize>>,
    thumbnails: Option<String>,
    columns: usize,
}

/// The folders in `runs` that hold a run, or what is left of one; the oldest first, as far as names
/// tell. Links are left out.
///
/// # Errors
///
/// Where the folder can't be listed.
pub fn run_folders(runs: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let entries = fs::read_dir(runs).map_err(|source| ReportError::Runs {
        path: runs.to_owned(),
        source,
    })?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| {
            RUN_FILES
                .iter()
                .any(|name| path.join(name).symlink_metadata().is_ok())
        })
        .collect();
    folders.sort();
    Ok(folders)
}

/// Reads the run in `folder`; what can't be read becomes one of the entry's problems.
#[must_use]
pub fn collect(folder: &Path, pictures: Pictures) -> Entry {
    let name = folder.file_name().map_or_else(
        || folder.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let mut entry = Entry {
        id: id(folder),
        name,
        state: "damaged".to_owned(),
        ..Entry::default()
    };
    if let Some(link) = outward_link(folder) {
        entry
            .problems
            .push(format!("{link} leads out of the folder; nothing is read"));
        return entry;
    }
    let run = match RunDir::open(folder) {
        Ok(run) => run,
        Err(error) => {
            entry.problems.push(with_causes(&error));
            return entry;
        }
    };
    entry.read_config(&run);
    entry.read_meta(&run);
    entry.read_history(&run);
    entry.read_summary(&run);
    entry.read_status(&run);
    entry.find_pictures(&run, pictures);
    entry
}

/// Stands for a folder in addresses, so that no part of an address is ever a part of a path.
pub(super) fn id(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    let hash = Sha256::digest(name.as_encoded_bytes());
    let start = hash.first_chunk().expect("SHA-256 has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*start))
}

/// The first of a run's files that is a link out of its folder.
pub(super) fn outward_link(folder: &Path) -> Option<&'static str> {
    let Ok(home) = folder.canonicalize() else {
        return None;
    };
    RUN_FILES.into_iter().chain(OTHER_FILES).find(|name| {
        let path = folder.join(name);
        path.symlink_metadata()
            .is_ok_and(|metadata| metadata.is_symlink())
            && !path
                .canonicalize()
                .is_ok_and(|target| target.starts_with(&home))
    })
}

impl Entry {
    fn note(&mut self, error: &RunError) {
        self.problems.push(with_causes(error));
    }

    fn read_config(&mut self, run: &RunDir) {
        let text = match run.read_config() {
            Ok(text) => text,
            Err(error) => return self.note(&error),
        };
        // Not as settings: those of another version may have other names.
        let table: toml::Table = match toml::from_str(&text) {
            Ok(table) => table,
            Err(error) => {
                return self
                    .problems
                    .push(format!("config.toml isn't TOML: {}", error.message()));
            }
        };
        let text = |key: &str| table.get(key).and_then(|value| value.as_str());
        let number = |key: &str| table.get(key).and_then(toml::Value::as_integer);
        self.arch = text("arch").map(str::to_owned);
        self.loss = text("loss").map(str::to_owned);
        self.backend = text("backend").map(str::to_owned);
        self.latent_dim = number("latent_dim");
        self.epochs = number("epochs");
        self.config = table
            .into_iter()
            .map(|(key, value)| match value {
                toml::Value::String(text) => (key, text),
                value => (key, value.to_string()),
            })
            .collect();
    }

    fn read_meta(&mut self, run: &RunDir) {
        let meta = match run.read_meta() {
            Ok(meta) => meta,
            Err(error) => return self.note(&error),
        };
        self.started = Some(meta.started);
        self.backend = Some(meta.backend.clone());
        self.environment = environment(meta);
    }

    fn read_history(&mut self, run: &RunDir) {
        // There is none before the first epoch is through.
        if !run.metrics_path().exists() {
            return;
        }
        let rows = match run.read_metrics() {
            Ok(rows) => rows,
            Err(error) => return self.note(&error),
        };
        self.epochs_done = Some(rows.len());
        self.best_validation_ssim = rows
            .iter()
            .map(|row| row.validation_ssim)
            .filter(|ssim| ssim.is_finite())
            .max_by(f64::total_cmp);
        let column = |value: fn(&EpochMetrics) -> f64| rows.iter().map(value).collect();
        self.history = History {
            epoch: rows.iter().map(|row| row.epoch).collect(),
            train_loss: column(|row| row.train_loss),
            validation_loss: column(|row| row.validation_loss),
            validation_ssim: column(|row| row.validation_ssim),
            seconds: column(|row| row.seconds),
        };
    }

    fn read_summary(&mut self, run: &RunDir) {
        if !run.summary_path().exists() {
            return;
        }
        match run.read_summary() {
            Ok(summary) => {
                self.latent_dim = i64::try_from(summary.latent_dim).ok();
                self.summary = Some(summary.into());
            }
            Err(error) => self.note(&error),
        }
    }

    fn read_status(&mut self, run: &RunDir) {
        let Status {
            state,
            reason,
            epoch,
            updated,
        } = match run.read_status() {
            Ok(status) => status,
            Err(error) => return self.note(&error),
        };
        if self.epochs_done.is_none() {
            self.epochs_done = Some(epoch);
        }
        self.reason = reason;
        self.updated = Some(updated);
        // A process that was killed couldn't say so.
        let is_killed = state == State::Running && !run.is_in_use();
        let name = if is_killed {
            "killed"
        } else {
            state_name(state)
        };
        name.clone_into(&mut self.state);
    }

    fn find_pictures(&mut self, run: &RunDir, pictures: Pictures) {
        let epochs = epochs_with_picture(run);
        self.pictures_found = epochs.len();
        let has_images = run.test_images_path().exists();
        if !has_images && self.summary.is_some() {
            self.images_missing = Some(
                "This run has no test.csv: the program that made it didn't write one yet."
                    .to_owned(),
            );
        }
        match pictures {
            Pictures::Linked => {
                let address = |file: &str| format!("runs/{}/{file}", self.id);
                let present = |path: PathBuf, file: &str| path.is_file().then(|| address(file));
                self.pictures = epochs
                    .into_iter()
                    .map(|epoch| EpochPicture {
                        epoch,
                        src: address(&format!("epoch-{epoch:04}.png")),
                    })
                    .collect();
                self.test_picture = present(run.test_picture(), "test.png");
                self.best_picture = present(run.best_picture(), "best.png");
                self.worst_picture = present(run.worst_picture(), "worst.png");
                self.images_source = has_images.then(|| address("images.json"));
            }
            Pictures::Embedded { runs } => {
                self.pictures = embed_epochs(run, &epochs, EPOCH_PICTURES / runs.max(1));
                self.test_picture = embed(&run.test_picture());
                self.best_picture = embed(&run.best_picture());
                self.worst_picture = embed(&run.worst_picture());
                if has_images {
                    match test_images(run) {
                        Ok(mut images) => {
                            images.thumbnails = embed(&run.thumbnails_picture());
                            self.images = Some(images);
                        }
                        Err(error) => {
                            self.images_missing = Some(with_causes(&error));
                            self.note(&error);
                        }
                    }
                }
            }
        }
    }
}

/// `test.csv` with no more digits than a screen shows.
pub(super) fn test_images(run: &RunDir) -> Result<TestImages, RunError> {
    let rows = run.read_test_images()?;
    let column = |value: fn(&TestImage) -> f64, digits: i32| {
        let scale = 10_f64.powi(digits);
        rows.iter()
            .map(|row| (value(row) * scale).round() / scale)
            .collect()
    };
    Ok(TestImages {
        classes: rows
            .iter()
            .map(|row| (row.label, row.class.clone()))
            .collect(),
        index: rows.iter().map(|row| row.index).collect(),
        label: rows.iter().map(|row| row.label).collect(),
        ssim: column(|row| row.ssim, 4),
        psnr: column(|row| row.psnr, 2),
        x: column(|row| row.pc1, 3),
        y: column(|row| row.pc2, 3),
        tile: rows.iter().map(|row| row.tile).collect(),
        thumbnails: None,
        columns: THUMBNAIL_COLUMNS,
    })
}

impl TestImages {
    pub(super) fn with_thumbnails(mut self, address: String) -> Self {
        self.thumbnails = Some(address);
        self
    }
}

/// The epochs whose pictures are there, rising.
fn epochs_with_picture(run: &RunDir) -> Vec<usize> {
    let Ok(entries) = fs::read_dir(run.reconstructions()) else {
        return Vec::new();
    };
    let mut epochs: Vec<usize> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| {
            let name = entry.file_name();
            let digits = name
                .to_str()?
                .strip_prefix("epoch-")?
                .strip_suffix(".png")?;
            let epoch = digits.parse().ok()?;
            // Only as the program names them, since that is how they are found again.
            (digits == format!("{epoch:04}")).then_some(epoch)
        })
        .collect();
    epochs.sort_unstable();
    epochs
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

/// The PNG file as it is, or anew if that is smaller. Enlarged pixels make rows repeat, which the
/// filter `Up` turns into zeros: that saves half of a grid of reconstructions.
fn smallest_png(path: &Path) -> Option<Vec<u8>> {
    let file = fs::read(path).ok()?;
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

fn environment(meta: Meta) -> Vec<(&'static str, String)> {
    let commit = meta.git_commit.map(|commit| match meta.git_dirty {
        Some(true) => format!("{commit}, with changes"),
        _ => commit,
    });
    let rows = [
        ("command", Some(meta.command.join(" "))),
        ("version", Some(meta.version)),
        ("commit", commit),
        ("backend", Some(meta.backend)),
        ("adapter", meta.adapter),
        ("images", Some(meta.dataset.source)),
        ("images’ SHA-256", meta.dataset.hash),
        ("host threads", Some(meta.host_threads.to_string())),
        ("system", Some(format!("{}, {}", meta.os, meta.arch))),
        ("started", Some(meta.started.to_rfc3339())),
    ];
    rows.into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

/// As in `status.json`.
fn state_name(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Finished => "finished",
        State::EarlyStopped => "early_stopped",
        State::Interrupted => "interrupted",
        State::Failed => "failed",
    }
}

impl From<Quality> for Scores {
    fn from(quality: Quality) -> Self {
        let Quality {
            ssim, psnr, mse, ..
        } = quality;
        Self { ssim, psnr, mse }
    }
}

impl From<Summary> for Outcome {
    fn from(summary: Summary) -> Self {
        Self {
            best_epoch: summary.best_epoch,
            parameters: summary.parameters,
            latent_dim: summary.latent_dim,
            pca_components: summary.pca.as_ref().map(|pca| pca.components),
            pca_validation: summary
                .pca
                .as_ref()
                .map(|pca| pca.validation.clone().into()),
            pca: summary.pca.map(|pca| pca.test.into()),
            test: summary.test.into(),
            validation: summary.validation.into(),
            seconds: summary.seconds.total,
            ssim_preset: summary.ssim_preset,
            train_images: summary.images.train,
            test_images: summary.images.test,
        }
    }
}
