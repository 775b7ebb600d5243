//! `trainer export MODEL`: a model as ONNX and for PyTorch, with a check of what those make of it.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::decode::{check_codes, check_numbers};
use super::{Fitted, ModelArgs, WritingArgs, require_some, targets, tell_unused};
use crate::apply::Applied;
use crate::cli::loading::watched;
use crate::cli::numbers::{parsed, whole};
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::table::printable;
use crate::cli::{Exit, log, output};
use crate::data::{Background, Inputs, Skipped};
use crate::export::{CHECK_SCRIPT, OnnxModels, PYTORCH_MODULE, onnx, pytorch};
use crate::image::from_levels;
use crate::model::Model;
use crate::npy;
use crate::path_text::path_text;
use crate::run::write_output;
use crate::words::{count, refined};

/// The files of a model, and those that --images adds.
const MODEL_FILES: [&str; 5] = [
    "encoder.onnx",
    "decoder.onnx",
    "autoencoder.onnx",
    "pytorch.safetensors",
    "autoencoder.py",
];
const CHECK: &str = "check.py";
const CHECK_FILES: [&str; 4] = ["inputs.npy", "codes.npy", "reconstructions.npy", CHECK];

/// Writes a model for other programs: ONNX, and weights with a module for PyTorch
///
/// encoder.onnx takes `images` [batch, C, H, W] in [0, 1] and gives `codes` [batch, latent_dim], decoder.onnx takes
/// `codes` and gives `reconstructions`, and autoencoder.onnx does both. The metadata tells how images are prepared, the
/// classes, and thresholds of anomaly scores. autoencoder.py reads pytorch.safetensors. Codes are those of one pass of
/// the encoder: refinement isn't part of it.
#[derive(Args, Debug)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// The folder to write them into
    #[arg(long, short, value_name = "DIR", value_parser = output::folder())]
    output: PathBuf,

    /// Images, folders or IDX folders to check other programs by: writes them as inputs.npy, what trainer makes of them
    /// as codes.npy and reconstructions.npy, and check.py, which compares
    #[arg(long, value_name = "IMAGES", num_args = 1..)]
    images: Vec<PathBuf>,

    /// How many of the images are taken at most, spread evenly over all
    #[arg(long, value_name = "N", value_parser = whole("limit"), default_value = "16", requires = "images")]
    most: usize,

    /// What is behind transparent pixels of the images: white, black, grey or #rrggbb [default: as in training]
    #[arg(long, value_name = "COLOUR", value_parser = parsed::<Background>, requires = "images")]
    background: Option<Background>,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Exported {
    folder: String,
    files: Vec<String>,
    latent_dim: usize,
    /// Steps for each code that the model was trained with, and the export is without.
    refine_left_out: usize,
    /// Images to check by.
    images: usize,
    skipped: Vec<Skipped>,
}

pub(in crate::cli) fn run(args: &ExportArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    stop_on_signal()?;
    let is_checked = !args.images.is_empty();
    let inputs = is_checked.then(|| Inputs::open(&args.images)).transpose()?;
    let mut names = MODEL_FILES.to_vec();
    if is_checked {
        names.extend(CHECK_FILES);
    }
    let paths: Vec<PathBuf> = names.iter().map(|name| args.output.join(name)).collect();
    let mut read = args.model.files()?;
    read.extend(inputs.iter().flat_map(Inputs::files));
    let outputs = paths.iter().map(PathBuf::as_path);
    targets::check(outputs, &read, args.writing.force)?;
    let model = args.model.open()?;
    let info = model.info();
    let inputs = inputs.map(|inputs| inputs.thinned(args.most).on(args.background));
    let expected = inputs.map(|inputs| Expected::new(&model, &inputs, args.writing.quiet));
    let expected = expected.transpose()?.unwrap_or_default();

    let OnnxModels {
        encoder,
        decoder,
        autoencoder,
    } = onnx(&model)?;
    let weights = pytorch(&model)?;
    let module = PYTORCH_MODULE.as_bytes().to_vec();
    let mut contents = vec![encoder, decoder, autoencoder, weights, module];
    if is_checked {
        contents.extend(expected.files(&model)?);
    }
    for (path, content) in paths.iter().zip(&contents) {
        check_stop()?;
        targets::make_folder_of(path)?;
        write_output(path, content)?;
    }
    if args.writing.json {
        output::json(&Exported {
            folder: path_text(&args.output),
            files: paths.iter().map(path_text).collect(),
            latent_dim: info.latent_dim,
            refine_left_out: info.refine,
            images: expected.images,
            skipped: expected.skipped,
        })?;
        return Ok(Exit::Done);
    }
    output::line(format_args!(
        "{}, images {}, {}: exported as ONNX and for PyTorch",
        info.arch_words(),
        info.image,
        count(info.latent_dim, "latent value")
    ))?;
    if info.refine > 0 {
        output::line(format_args!(
            "codes are those of one pass of the encoder: refinement isn't part of the export, though trainer has them {}",
            refined(info.refine)
        ))?;
    }
    if is_checked {
        let check = path_text(args.output.join(CHECK));
        output::line(format_args!(
            "{} with expected results: check by python3 {}",
            count(expected.images, "image"),
            printable(&check)
        ))?;
    }
    output::path(&args.output)?;
    Ok(Exit::Done)
}

/// Images, and what trainer makes of them without refinement.
#[derive(Default)]
struct Expected {
    images: usize,
    /// `[n, C, H, W]` in [0, 1].
    inputs: Vec<f32>,
    /// `[n, latent_dim]`
    codes: Vec<f32>,
    /// `[n, C, H, W]` in [0, 1].
    restored: Vec<f32>,
    skipped: Vec<Skipped>,
}

impl Expected {
    fn new(model: &Model, inputs: &Inputs, quiet: bool) -> anyhow::Result<Self> {
        let info = model.info();
        let applied = Applied::new(model, Some(0)).unrounded();
        let mut found = Self::default();
        let mut fitted = Fitted::default();
        let unused = watched(quiet, |watch| {
            let (shape, size) = (info.image, applied.batch_size());
            inputs.read(shape, info.preparation, size, watch, |batch| {
                check_stop()?;
                let codes = applied.encode(&batch.values)?;
                check_codes(&codes)?;
                let restored = applied.decode(&codes)?;
                check_numbers(&restored)?;
                found.inputs.extend(from_levels(&batch.values));
                found.codes.extend(codes);
                found.restored.extend(restored);
                batch
                    .images
                    .iter()
                    .for_each(|image| fitted.add(image, shape));
                anyhow::Ok(())
            })
        })?;
        tell_unused(&unused);
        fitted.tell(info);
        require_some(fitted.images, &unused)?;
        found.images = fitted.images;
        found.skipped = unused.skipped;
        Ok(found)
    }

    /// The contents of [`CHECK_FILES`].
    fn files(&self, model: &Model) -> io::Result<[Vec<u8>; 4]> {
        let info = model.info();
        let images = info.image.batch(self.images);
        Ok([
            array(&self.inputs, &images)?,
            array(&self.codes, &[self.images, info.latent_dim])?,
            array(&self.restored, &images)?,
            CHECK_SCRIPT.as_bytes().to_vec(),
        ])
    }
}

/// A file in NumPy's format.
fn array(values: &[f32], shape: &[usize]) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    npy::write_header(&mut file, "<f4", shape)?;
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    Ok(file)
}
