//! `trainer eval RUN`: a finished run's best weights on its test images.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::moved_data::MovedDataArgs;
use super::numbers::whole;
use super::runs_folder::RunsFolder;
use super::{Exit, log, output, train::print_quality};
use crate::device::Backend;
use crate::metrics::Quality;
use crate::model::evaluate;
use crate::path_text::path_text;
use crate::train::{OpenedRun, TrainError, open_run};

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
    test: Quality,
}

pub(super) fn run(args: &EvalArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let (evaluation, prepared_dim) = evaluate_run(args)?;
    if args.json {
        output::json(&evaluation)?;
    } else {
        print_quality(
            &format!("test, {prepared_dim} latent values"),
            &evaluation.test,
        )?;
    }
    Ok(Exit::Done)
}

fn evaluate_run(args: &EvalArgs) -> Result<(Evaluation, usize), TrainError> {
    let folder = args.runs.find(&args.run)?;
    let OpenedRun { prepared, model } =
        open_run(&folder, args.backend, args.device, &args.data.of_one_run())?;
    let latent_dim = model.info().latent_dim;
    let test = &prepared.split.test;
    let images = prepared.device_images();
    let scores = evaluate(model.network(), &model.objective(), images, test)?;
    let backend = prepared.selected.backend.name();
    Ok((
        Evaluation {
            run: path_text(&folder),
            backend,
            test: scores.quality(),
        },
        latent_dim,
    ))
}
