//! `trainer explore MODEL IMAGES…`: a model's codes as one HTML page.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::decode::{check_codes, check_numbers};
use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, affordable, require_some, targets,
    tell_unused,
};
use crate::anomaly::{Aggregate, AnomalyScore, Measure};
use crate::apply::Applied;
use crate::cli::loading::watched;
use crate::cli::numbers::whole;
use crate::cli::{Exit, bail_usage, log, output};
use crate::data::{InputBatch, Skipped};
use crate::explore::{Collected, Explored, ExploredImage, page};
use crate::image::to_levels;
use crate::path_text::path_text;
use crate::run::write_output;
use crate::words::count;

/// Makes a page of images by their codes: maps, what is along the codes' principal directions, what is between images
///
/// The page is one HTML file that needs nothing else, and no network.
#[derive(Args, Debug)]
// A page is of all images.
#[command(mut_arg("shard", |shard| shard.hide(true)))]
pub(in crate::cli) struct ExploreArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// The page to write
    #[arg(long, short, value_name = "FILE.html", value_parser = output::file(), default_value = "explore.html")]
    output: PathBuf,

    /// How many images the page has at most, spread evenly over all
    #[arg(long, value_name = "N", value_parser = whole("limit"), default_value = "2000")]
    most: usize,

    #[command(flatten)]
    codes: CodeArgs,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Made {
    page: String,
    images: usize,
    /// Steps for each code.
    refine: usize,
    skipped: Vec<Skipped>,
}

pub(in crate::cli) fn run(args: &ExploreArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    if args.images.shard.is_some() {
        bail_usage!("--shard: a page is of all images; --most N says of how many");
    }
    let inputs = args.images.open()?;
    let outputs = [args.output.as_path()].into_iter();
    targets::check(
        outputs,
        &args.images.files(&inputs, &args.model)?,
        args.writing.force,
    )?;
    let model = args.model.open()?;
    let info = model.info();
    let applied = Applied::new(&model, args.codes.refine(info)?);
    let all = inputs.len();
    let inputs = inputs.thinned(affordable(args.most, info.image));
    // What images are coloured by.
    let (measure, aggregate) = (Measure::default(), Aggregate::default());
    let mut fitted = Fitted::default();
    let mut collected = Collected::default();
    let unused = watched(args.writing.quiet, |watch| {
        let (shape, size) = (info.image, applied.batch_size());
        inputs.read(shape, info.preparation, size, watch, |batch| {
            let InputBatch { images, values } = batch;
            let measured = applied.measure(&values)?;
            check_numbers(&measured.restored)?;
            check_codes(&measured.codes)?;
            for (image, errors) in images.into_iter().zip(&measured.errors) {
                fitted.add(&image, shape);
                collected.images.push(ExploredImage {
                    path: image.path,
                    class: image.class,
                    ssim: 1.0 - errors.score(Measure::Ssim, Aggregate::Mean),
                    score: errors.score(measure, aggregate),
                });
            }
            collected.codes.extend(measured.codes);
            collected.restored.extend(to_levels(&measured.restored));
            collected.originals.extend(values);
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;
    if fitted.images == 0 {
        bail!("there is no image to explore");
    }
    let score_name = AnomalyScore::Pixels(measure, aggregate).to_string();
    let explored = Explored::new(collected, &model)?;
    let html = page(&explored, info, all, &score_name)?;
    write_output(&args.output, html.as_bytes())?;
    if args.writing.json {
        output::json(&Made {
            page: path_text(&args.output),
            images: fitted.images,
            refine: applied.refine(),
            skipped: unused.skipped,
        })?;
        return Ok(Exit::Done);
    }
    output::line(format_args!(
        "{} of {all} on the page",
        count(fitted.images, "image")
    ))?;
    output::path(&args.output)?;
    Ok(Exit::Done)
}
