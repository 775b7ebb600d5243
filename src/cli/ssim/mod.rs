//! `trainer ssim A B`: how alike two images are, or the images of two folders.

mod folders;

use std::path::{Path, PathBuf};

use clap::Args;
use image::GrayImage;
use serde::Serialize;

use super::numbers::whole;
use super::table::printable;
use super::{Exit, log, output};
use crate::compare::{CompareError, Comparer, Pair, ScoreMap};
use crate::device::{self, Backend, DeviceError};
use crate::metrics::mean;
use crate::path_text::path_text;
use crate::run::export_png;
use crate::ssim::Preset;
use crate::words::count;

/// Compares two PNG images by SSIM, or two folders of them.
///
/// Images must have the same size. Values are divided by the largest one of their depth (255 or
/// 65535), so that the data range is 1. Two grey images are compared in one channel, all others as
/// RGB, whose three scores are averaged. Transparent images are refused, since a score would depend
/// on what is behind them. A gamma or a colour profile in a file isn't applied, and a warning names it
/// if it isn't sRGB's; of an animation, the first image is compared. Sizes are shown as height×width.
///
/// In folders and the folders in them, PNG files with the same path are compared. Hidden files are
/// left out, and links to folders aren't followed. Files that are in one folder only are named in a
/// warning; a pair that can't be compared, or a folder that can't be read, is named in an error, and
/// the others are compared.
#[derive(Args, Debug)]
pub(super) struct SsimArgs {
    /// A PNG file, or a folder of them
    a: PathBuf,

    /// The file or folder to compare it with
    b: PathBuf,

    /// Whose SSIM: window, border and covariance
    #[arg(long, value_enum, default_value_t, value_name = "PRESET")]
    ssim_preset: Preset,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Show where a pair differs: a grey PNG file of the score in each window, from black for 0 and
    /// below to white for 1. Smaller than the images where windows must lie inside them
    #[arg(long, value_name = "FILE", value_parser = output::file())]
    map: Option<PathBuf>,

    /// Where to compute: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(long, value_enum, default_value_t, env = "TRAINER_BACKEND")]
    backend: Backend,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole("device"))]
    device: usize,
}

pub(super) fn run(args: &SsimArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let folders = are_folders(args)?;
    if let Some(map) = &args.map {
        check_map(map, folders, args)?;
    }
    if folders {
        folders::compare(args)
    } else {
        compare_pair(args)
    }
}

fn comparer(args: &SsimArgs) -> Result<Comparer, DeviceError> {
    let selected = device::select(args.backend, args.device)?;
    log::device(&selected);
    Ok(Comparer {
        device: selected.device,
        config: args.ssim_preset.config(),
    })
}

/// Whether both arguments are folders, rather than both files.
fn are_folders(args: &SsimArgs) -> Result<bool, CompareError> {
    let is_folder = |path: &Path| match path.metadata() {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(source) => Err(CompareError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    };
    let (folder, other) = match (is_folder(&args.a)?, is_folder(&args.b)?) {
        (true, false) => (&args.a, &args.b),
        (false, true) => (&args.b, &args.a),
        (same, _) => return Ok(same),
    };
    Err(CompareError::FileAndFolder {
        folder: folder.clone(),
        other: other.clone(),
    })
}

fn check_map(map: &Path, folders: bool, args: &SsimArgs) -> Result<(), CompareError> {
    let (a, b) = (&args.a, &args.b);
    if folders {
        return Err(CompareError::MapOfFolders {
            map: map.to_owned(),
            a: a.clone(),
            b: b.clone(),
        });
    }
    // A map that isn't there yet is no image; and what else is wrong with it, writing will tell.
    let Ok(resolved) = map.canonicalize() else {
        return Ok(());
    };
    for image in [a, b] {
        if image.canonicalize().is_ok_and(|image| image == resolved) {
            return Err(CompareError::MapOverImage {
                map: map.to_owned(),
                image: image.clone(),
            });
        }
    }
    Ok(())
}

/// What is said of a pair besides its score.
#[derive(Serialize)]
struct Shape {
    height: usize,
    width: usize,
    channels: usize,
}

impl Shape {
    fn of(pair: &Pair) -> Self {
        Self {
            height: pair.height(),
            width: pair.width(),
            channels: pair.channels(),
        }
    }
}

#[derive(Serialize)]
struct PairResult {
    ssim: f64,
    preset: Preset,
    a: String,
    b: String,
    #[serde(flatten)]
    shape: Shape,
}

fn compare_pair(args: &SsimArgs) -> anyhow::Result<Exit> {
    let result = pair_result(args)?;
    if args.json {
        output::json(&result)?;
    } else {
        let Shape {
            height,
            width,
            channels,
        } = result.shape;
        output::line(format_args!(
            "SSIM {:.6}  ({}, {height}×{width}, {})",
            result.ssim,
            args.ssim_preset.name(),
            count(channels, "channel"),
        ))?;
    }
    Ok(Exit::Done)
}

fn pair_result(args: &SsimArgs) -> anyhow::Result<PairResult> {
    // Before the device, whose driver takes its time to start.
    let pair = Pair::read(&args.a, &args.b, &args.ssim_preset.config())?;
    for (path, notes) in [&args.a, &args.b].into_iter().zip(pair.notes()) {
        for note in notes {
            tracing::warn!(
                "{}: {}",
                printable(&shown(path)),
                printable(&note.to_string())
            );
        }
    }
    let comparer = comparer(args)?;
    let ssim = if let Some(path) = &args.map {
        let map = comparer.map(&pair)?;
        export_png(&grey(&map), path)?;
        map.score
    } else {
        mean(comparer.scores(std::slice::from_ref(&pair))?.into_iter())
    };
    Ok(PairResult {
        ssim,
        preset: args.ssim_preset,
        a: shown(&args.a),
        b: shown(&args.b),
        shape: Shape::of(&pair),
    })
}

/// Black for 0 and below, white for 1.
fn grey(map: &ScoreMap) -> GrayImage {
    let [height, width] = map.size;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a byte, and sides are below 2^14"
    )]
    GrayImage::from_fn(width as u32, height as u32, |x, y| {
        let score = map.windows[y as usize * width + x as usize];
        image::Luma([(score.clamp(0.0, 1.0) * 255.0).round() as u8])
    })
}

fn shown(path: &Path) -> String {
    path_text(path)
}
