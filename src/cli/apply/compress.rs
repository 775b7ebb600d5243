//! `trainer compress MODEL IMAGES… -o FILE`: images as a file of few bytes.

use std::io::{self, Seek};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::{
    Fitted, InputArgs, ModelArgs, WritingArgs, affordable, check_refinement, require_some, targets,
    tell_unused,
};
use crate::apply::{Coarseness, CompressError, Compressor, Goal};
use crate::cli::loading::watched;
use crate::cli::numbers::{number, whole};
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::{Exit, log, output};
use crate::codec::{CodedImage, Writer};
use crate::data::{InputBatch, Inputs, Skipped};
use crate::model::Model;
use crate::path_text::path_text;
use crate::words::count;

/// Images by which the step is chosen, spread evenly over all.
const SAMPLE: usize = 512;
/// SSIM that rounding costs where nothing else is asked for.
const USUAL_COST: f64 = 0.005;

/// Compresses images into a file, which `trainer decompress` opens with the same model
///
/// Their codes become whole numbers of steps, which are chosen image by image so that quality and bits together are
/// best, and a range coder packs them. The model isn't part of the file, and images as a model makes them are not the
/// originals: how far they are from them is printed.
#[derive(Args, Debug)]
pub(in crate::cli) struct CompressArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// The file to write
    #[arg(long, short, value_name = "FILE", value_parser = output::file())]
    output: PathBuf,

    /// The quality to have, as ssim=0.95: the mean over the images. The coarsest step that keeps it is found on 512 of
    /// them [default: 0.005 below what the model reaches without rounding]
    #[arg(long, value_name = "ssim=VALUE", conflicts_with = "step")]
    target: Option<Target>,

    /// The step that codes are rounded to
    #[arg(long, value_parser = number::<f32>(|step: f32| step.is_finite() && step > 0.0, "expected a number above 0"))]
    step: Option<f32>,

    /// Leave names and original sizes out
    #[arg(long)]
    no_names: bool,

    /// Steps by which each code is improved before it is rounded; 0 for the encoder's own [default: 20, or as in training
    /// if these are more; 0 for a model that restores spoilt images]
    #[arg(long, value_name = "STEPS", value_parser = whole("refine"))]
    refine: Option<usize>,

    #[command(flatten)]
    writing: WritingArgs,
}

/// A mean SSIM to be had.
#[derive(Clone, Copy, Debug)]
struct Target(f64);

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let value = word
            .strip_prefix("ssim=")
            .and_then(|word| word.parse().ok());
        let value = value.filter(|value| (0.0..1.0).contains(value) && *value > 0.0);
        value
            .map(Self)
            .ok_or("expected ssim= and a number between 0 and 1, such as ssim=0.95")
    }
}

#[derive(Serialize)]
struct Compressed {
    file: String,
    images: usize,
    bytes: u64,
    bytes_per_image: f64,
    /// Their mean.
    ssim: f64,
    step: f32,
    /// Steps for each code before it was rounded.
    refine: usize,
    skipped: Vec<Skipped>,
}

pub(in crate::cli) fn run(args: &CompressArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    let inputs = args.images.open()?;
    let outputs = [args.output.as_path()];
    targets::check(
        outputs.into_iter(),
        &args.images.files(&inputs, &args.model)?,
        args.writing.force,
    )?;
    let model = args.model.open()?;
    let info = model.info();
    let compressor = Compressor::new(&model, check_refinement(args.refine, info)?);
    let goal = match (args.target, args.step) {
        (Some(Target(ssim)), _) => Goal::Ssim(ssim),
        (None, Some(step)) => Goal::Step(step),
        (None, None) => Goal::SsimCost(USUAL_COST),
    };
    let chosen = choose(&model, &compressor, &inputs, goal, args.writing.quiet)?;

    // From here on, there is something to clear away.
    stop_on_signal()?;
    let file = tempfile::tempfile().context("can't make a temporary file")?;
    let mut writer = Writer::new(
        io::BufWriter::new(file),
        &compressor.header(chosen.step)?,
        compressor.symbols(chosen.step),
        !args.no_names,
    )?;
    let mut fitted = Fitted::default();
    let mut ssim = 0.0;
    let unused = watched(args.writing.quiet, |watch| {
        let (shape, size) = (info.image, compressor.batch_size());
        inputs.read(shape, info.preparation, size, watch, |batch| {
            check_stop()?;
            let InputBatch { images, values } = batch;
            let compressed = compressor.compress(&values, &chosen)?;
            let codes = compressed.values.chunks_exact(info.latent_dim);
            for (image, code) in images.iter().zip(codes) {
                let (path, size) = (image.path.clone(), image.size);
                writer.push(code, CodedImage { path, size })?;
                fitted.add(image, shape);
            }
            ssim += compressed.ssim.iter().copied().map(f64::from).sum::<f64>();
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;
    if fitted.images == 0 {
        bail!("there is no image to compress: a shard of few images may have none");
    }
    let file = writer.finish().context("can't write a temporary file")?;
    let mut file = file.into_inner().context("can't write a temporary file")?;
    let bytes = file.stream_position()?;
    targets::write_from(&args.output, &mut file)?;

    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let (bytes_per_image, ssim) = {
        let images = fitted.images as f64;
        (bytes as f64 / images, ssim / images)
    };
    if args.writing.json {
        output::json(&Compressed {
            file: path_text(&args.output),
            images: fitted.images,
            bytes,
            bytes_per_image,
            ssim,
            step: chosen.step,
            refine: compressor.refine(),
            skipped: unused.skipped,
        })?;
    } else {
        output::line(format_args!(
            "{} in {bytes} bytes, {bytes_per_image:.1} each, SSIM {ssim:.4}",
            count(fitted.images, "image")
        ))?;
        output::path(&args.output)?;
    }
    Ok(Exit::Done)
}

/// How coarse codes become, as some of the images tell.
fn choose(
    model: &Model,
    compressor: &Compressor,
    inputs: &Inputs,
    goal: Goal,
    quiet: bool,
) -> anyhow::Result<Coarseness> {
    let info = model.info();
    let mut sample = Vec::new();
    let some = inputs.thinned(affordable(SAMPLE, info.image));
    let unused = watched(quiet, |watch| {
        some.read(info.image, info.preparation, SAMPLE, watch, |batch| {
            sample.extend(batch.values);
            anyhow::Ok(())
        })
    })?;
    require_some(sample.len(), &unused)?;
    let chosen = compressor
        .sample(sample)
        .and_then(|sample| compressor.choose(&sample, goal));
    chosen.map_err(|error| match error {
        CompressError::Unreachable { .. } => anyhow::Error::new(error).context(
            "--target: out of reach; ask for less, or train a model with more latent values",
        ),
        CompressError::TooFine { .. } => {
            anyhow::Error::new(error).context("--step: choose a larger one")
        }
        other => other.into(),
    })
}
