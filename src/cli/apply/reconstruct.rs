//! `trainer reconstruct MODEL IMAGES…`: what a model makes of images, and how near it is to them.

use std::path::PathBuf;

use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::decode::{check_numbers, save};
use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, require_some, targets, tell_unused,
};
use crate::apply::Applied;
use crate::cli::loading::watched;
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::train::print_quality;
use crate::cli::{Exit, log, output};
use crate::data::{InputBatch, Skipped};
use crate::image::{from_levels, to_levels};
use crate::metrics::{Quality, Scores, psnr};
use crate::model::ModelInfo;
use crate::path_text::path_text;
use crate::plot::{Tile, reconstruction_grid};
use crate::run::{export_png, write_output};
use crate::words::count;

/// Images that a grid shows.
const SHOWN: usize = 20;

/// Encodes and decodes images, and writes what they become, as PNG, with a table of scores
///
/// The folder gets the same folders as the images are in, and `scores.csv` with SSIM, PSNR and MSE of each, in the
/// size that the model takes.
#[derive(Args, Debug)]
pub(in crate::cli) struct ReconstructArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// The folder to write them into
    #[arg(long, short, value_name = "DIR", value_parser = output::folder())]
    output: PathBuf,

    /// Write them in the size of the originals, or of what cropping left of them
    #[arg(long)]
    original_size: bool,

    /// Draw the first images beside their reconstructions and the differences, as PNG
    #[arg(long, value_name = "FILE.png", value_parser = output::file())]
    grid: Option<PathBuf>,

    #[command(flatten)]
    codes: CodeArgs,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Reconstructed {
    folder: String,
    scores: String,
    /// Steps for each code.
    refine: usize,
    quality: Quality,
    skipped: Vec<Skipped>,
}

/// An image of the grid.
struct Pair {
    original: Vec<f32>,
    restored: Vec<f32>,
    name: String,
    ssim: f32,
}

pub(in crate::cli) fn run(args: &ReconstructArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    stop_on_signal()?;
    let model = args.model.open()?;
    let info = model.info();
    let inputs = args.images.open()?;
    let table = args.output.join(args.images.file_name("scores", "csv"));
    let paths = targets::png_paths(&args.output, inputs.paths());
    let others = [Some(table.as_path()), args.grid.as_deref()];
    let all = paths[inputs.part()].iter().map(PathBuf::as_path);
    let outputs = all.chain(others.into_iter().flatten());
    targets::check(
        outputs,
        &args.images.files(&inputs, &args.model)?,
        args.writing.force,
    )?;

    let applied = Applied::new(&model, args.codes.refine(info)?);
    let mut fitted = Fitted::default();
    let mut scores = Scores::default();
    let mut shown: Vec<Pair> = Vec::new();
    let mut rows = csv::Writer::from_writer(Vec::new());
    if args.images.begins_tables() {
        rows.write_record(["path", "class", "ssim", "psnr", "mse"])?;
    }
    let unused = watched(args.writing.quiet, |watch| {
        let (shape, size) = (info.image, applied.batch_size());
        inputs.read(shape, info.preparation, size, watch, |batch| {
            let InputBatch { images, values } = batch;
            let (restored, batch_scores) = applied.reconstruct(&values)?;
            check_numbers(&restored)?;
            let originals = values.chunks_exact(shape.len());
            let pairs = originals.zip(restored.chunks_exact(shape.len()));
            for (index, (image, (original, restored))) in images.iter().zip(pairs).enumerate() {
                check_stop()?;
                let [ssim, mse] = [&batch_scores.ssim, &batch_scores.mse].map(|of| of[index]);
                let size = if args.original_size {
                    image.size
                } else {
                    [shape.height, shape.width]
                };
                let picture = info.preparation.undo(&to_levels(restored), shape, size);
                save(picture, &paths[image.row])?;
                rows.write_record([
                    image.path.clone(),
                    image.class.clone().unwrap_or_default(),
                    ssim.to_string(),
                    psnr(mse.into()).to_string(),
                    mse.to_string(),
                ])?;
                fitted.add(image, shape);
                if args.grid.is_some() && shown.len() < SHOWN {
                    shown.push(Pair {
                        original: from_levels(original),
                        restored: restored.to_vec(),
                        name: file_name(&image.path).to_owned(),
                        ssim,
                    });
                }
            }
            scores.ssim.extend(batch_scores.ssim);
            scores.mse.extend(batch_scores.mse);
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;
    targets::make_folder_of(&table)?;
    write_output(&table, &rows.into_inner()?)?;
    if let Some(path) = &args.grid {
        export_png(&grid(&shown, info), path)?;
    }
    let quality = scores.quality();
    if args.writing.json {
        output::json(&Reconstructed {
            folder: path_text(&args.output),
            scores: path_text(&table),
            refine: applied.refine(),
            quality,
            skipped: unused.skipped,
        })?;
    } else {
        print_quality(&format!("{} latent values", info.latent_dim), &quality)?;
        if !info.corrupt.is_none() {
            // What the images were before they were spoilt isn't known here.
            output::line(
                "(against the images as they were given, from which a model that restores images departs)",
            )?;
        }
        output::path(&args.output)?;
        if let Some(path) = &args.grid {
            output::path(path)?;
        }
    }
    Ok(Exit::Done)
}

/// The first images, beside what they become.
fn grid(shown: &[Pair], info: &ModelInfo) -> RgbImage {
    let tiles: Vec<Tile> = shown
        .iter()
        .map(|pair| Tile {
            original: &pair.original,
            reconstruction: &pair.restored,
            shape: info.image,
            ssim: pair.ssim,
            label: Some(&pair.name),
        })
        .collect();
    let title = format!(
        "{}, {} latent values, {}",
        count(tiles.len(), "image"),
        info.latent_dim,
        info.arch.name()
    );
    reconstruction_grid(&title, &tiles)
}

/// The last part of a path: columns have no room for more.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
