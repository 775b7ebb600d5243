//! `trainer decode MODEL CODES`: codes as images.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use image::{GrayImage, RgbImage};
use serde::Serialize;

use super::{ModelArgs, WritingArgs, targets};
use crate::apply::{Applied, CodesRecord, read_codes};
use crate::cli::loading::watched;
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::{Exit, log, output};
use crate::data::Preparation;
use crate::decode::Upright;
use crate::image::to_levels;
use crate::path_text::path_text;
use crate::run::export_png;
use crate::words::count;

/// Writes the images that codes are decoded to, as PNG
///
/// They are named as in the table beside the codes, or by their numbers if there is none.
#[derive(Args, Debug)]
pub(in crate::cli) struct DecodeArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// The codes: a file .npy, .csv or .parquet, as `trainer encode` writes it
    #[arg(value_name = "CODES")]
    codes: PathBuf,

    /// The folder to write them into
    #[arg(long, short, value_name = "DIR", value_parser = output::folder())]
    output: PathBuf,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Decoded {
    folder: String,
    images: usize,
    width: usize,
    height: usize,
}

pub(in crate::cli) fn run(args: &DecodeArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    stop_on_signal()?;
    let model = args.model.open()?;
    let info = model.info();
    let (codes, rows) = read_codes(&args.codes, info.latent_dim)?;
    CodesRecord::check(&args.codes, &model, None)?;
    let images = codes.len() / info.latent_dim;
    if images == 0 {
        bail!("{} has no codes", path_text(&args.codes));
    }
    let names: Vec<String> = match rows {
        Some(rows) => rows.into_iter().map(|row| row.path).collect(),
        None => (0..images).map(|row| format!("{row:06}")).collect(),
    };
    let paths = targets::png_paths(&args.output, names.iter().map(String::as_str));
    let outputs = paths.iter().map(PathBuf::as_path);
    let mut read = args.model.files()?;
    read.extend(args.codes.canonicalize().ok());
    targets::check(outputs, &read, args.writing.force)?;
    let applied = Applied::new(&model, Some(0));
    let whole = Preparation::default();
    watched(args.writing.quiet, |watch| {
        let size = applied.batch_size();
        let batches = codes.chunks(size * info.latent_dim);
        let mut done = 0;
        for (codes, paths) in batches.zip(paths.chunks(size)) {
            let values = applied.decode(codes)?;
            check_numbers(&values)?;
            for (values, path) in values.chunks_exact(info.image.len()).zip(paths) {
                check_stop()?;
                let size = [info.image.height, info.image.width];
                save(whole.undo(&to_levels(values), info.image, size), path)?;
            }
            done += paths.len();
            watch.tell("decoding", done, images);
        }
        anyhow::Ok(())
    })?;
    if args.writing.json {
        output::json(&Decoded {
            folder: path_text(&args.output),
            images,
            width: info.image.width,
            height: info.image.height,
        })?;
    } else {
        output::line(format_args!("{} decoded", count(images, "image")))?;
        output::path(&args.output)?;
    }
    Ok(Exit::Done)
}

/// Refuses what would be black without a word.
pub(super) fn check_numbers(values: &[f32]) -> anyhow::Result<()> {
    if values.iter().any(|value| !value.is_finite()) {
        bail!("the model makes pixels that are no numbers: it has diverged");
    }
    Ok(())
}

/// Refuses codes that nothing can be near to.
pub(super) fn check_codes(codes: &[f32]) -> anyhow::Result<()> {
    if codes.iter().any(|value| !value.is_finite()) {
        bail!("a code has values that are no numbers: the model has diverged");
    }
    Ok(())
}

/// Writes a picture, in a folder that is made if it isn't there.
pub(super) fn save(picture: Upright, path: &Path) -> anyhow::Result<()> {
    targets::make_folder_of(path)?;
    let side = |side: usize| u32::try_from(side).expect("sides are below 2^32");
    let (width, height) = (side(picture.width), side(picture.height));
    let whole = "as many values as the size has";
    if picture.channels == 1 {
        let picture = GrayImage::from_raw(width, height, picture.pixels).expect(whole);
        export_png(&picture, path)?;
    } else {
        let picture = RgbImage::from_raw(width, height, picture.pixels).expect(whole);
        export_png(&picture, path)?;
    }
    Ok(())
}
