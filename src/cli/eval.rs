//! `trainer eval RUN`: a run's best weights on its test images, or on its validation images.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::apply::check_refinement;
use super::moved_data::MovedDataArgs;
use super::numbers::whole;
use super::runs_folder::RunsFolder;
use super::{Exit, log, output, train::print_quality};
use crate::device::Backend;
use crate::host::Stopwatch;
use crate::metrics::Quality;
use crate::model::evaluate;
use crate::path_text::path_text;
use crate::train::{OpenedRun, open_run};
use crate::words::refined;

#[derive(Args, Debug)]
pub(super) struct EvalArgs {
    /// The run: its folder, its folder's name, or `latest`
    run: PathBuf,

    #[command(flatten)]
    runs: RunsFolder,

    /// Where to compute [default: as in training]
    #[arg(long, value_enum)]
    backend: Option<Backend>,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N", value_parser = whole("device"))]
    device: Option<usize>,

    /// Steps by which each latent vector is improved on the loss; 0 for the encoder's own [default: as in training]
    #[arg(long, value_name = "N", value_parser = whole("refine"))]
    refine: Option<usize>,

    /// Score the validation images instead of the test images
    #[arg(long)]
    validation: bool,

    #[command(flatten)]
    data: MovedDataArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Evaluation {
    run: String,
    backend: &'static str,
    /// Steps for each latent vector.
    refine: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<Quality>,
    /// Encoded, decoded and scored.
    images_per_second: f64,
}

pub(super) fn run(args: &EvalArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let (evaluation, latent_dim) = evaluate_run(args)?;
    if args.json {
        output::json(&evaluation)?;
    } else {
        let how = refined(evaluation.refine);
        let named = [
            ("test", &evaluation.test),
            ("validation", &evaluation.validation),
        ];
        for (name, quality) in named {
            if let Some(quality) = quality {
                print_quality(&format!("{name}, {latent_dim} latent values"), quality)?;
            }
        }
        output::line(format_args!(
            "{how}, {:.0} images/s",
            evaluation.images_per_second
        ))?;
    }
    Ok(Exit::Done)
}

fn evaluate_run(args: &EvalArgs) -> anyhow::Result<(Evaluation, usize)> {
    let folder = args.runs.find(&args.run)?;
    let OpenedRun { prepared, model } =
        open_run(&folder, args.backend, args.device, &args.data.of_one_run())?;
    let latent_dim = model.info().latent_dim;
    let indices = if args.validation {
        &prepared.split.validation
    } else {
        &prepared.split.test
    };
    let mut objective = prepared.objective();
    objective.refine = check_refinement(args.refine, model.info())?.unwrap_or(objective.refine);
    let clock = Stopwatch::start();
    let images = prepared.device_images();
    let quality = evaluate(model.network(), &objective, images, indices)?.quality();
    #[expect(clippy::cast_precision_loss, reason = "a count of images")]
    let images_per_second = indices.len() as f64 / clock.seconds();
    let (test, validation) = if args.validation {
        (None, Some(quality))
    } else {
        (Some(quality), None)
    };
    let evaluation = Evaluation {
        run: path_text(&folder),
        backend: prepared.selected.backend.name(),
        refine: objective.refine,
        test,
        validation,
        images_per_second,
    };
    Ok((evaluation, latent_dim))
}
