//! `trainer resume RUN`: resumes a run, in its folder, from its last checkpoint.

use std::path::PathBuf;

use clap::Args;

use super::loading::watched;
use super::moved_data::MovedDataArgs;
use super::numbers::{real, whole};
use super::runs_folder::RunsFolder;
use super::{Exit, log, train};
use crate::config::{ConfigError, OnNan, TrainConfig, TrainingConfig};
use crate::device::Backend;
use crate::run::{RunDir, RunRecord, State};
use crate::train::{Checkpoint, prepare_again, resume_run};

/// Resumes a run that was stopped, or trains a finished one longer
///
/// It ends as if it had never stopped: on the same CPU, with the same weights to the bit. A run that has neither
/// checkpoints nor weights starts over. Settings that are given here are the run's from now on.
#[derive(Args, Debug)]
pub(super) struct ResumeArgs {
    /// The run: its folder, its folder's name, or `latest`
    run: PathBuf,

    #[command(flatten)]
    runs: RunsFolder,

    /// Epochs in all, including those already trained: more than before make a run longer, and the
    /// learning rate's schedule with it
    #[arg(long, value_name = "N", value_parser = whole("epochs"))]
    epochs: Option<usize>,

    /// Stop after so many epochs without a better validation loss
    #[arg(long, value_name = "EPOCHS", value_parser = whole("patience"))]
    patience: Option<usize>,

    /// Step size of the optimizer at its largest, as if from the first step on: for a run that diverged
    #[arg(long, value_name = "RATE", value_parser = real("learning_rate"))]
    learning_rate: Option<f64>,

    /// What the norm of all gradients together is at most from now on, in each step: for a run that
    /// diverged
    #[arg(long, value_name = "NORM", value_parser = real("clip_norm"))]
    clip_norm: Option<f64>,

    /// What to do when the loss diverges
    #[arg(long, value_enum)]
    on_nan: Option<OnNan>,

    /// Where to compute [default: as before]
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

    /// No progress, only warnings and the result
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &ResumeArgs) -> anyhow::Result<Exit> {
    log::start(args.quiet);
    let run = RunDir::resume(&args.runs.find(&args.run)?)?;
    let before = TrainConfig::from_toml(&run.config_path(), &run.read_config()?)?;
    let mut config = before.clone();
    let training = &mut config.training;
    training.epochs = args.epochs.unwrap_or(training.epochs);
    training.patience = args.patience.unwrap_or(training.patience);
    training.learning_rate = args.learning_rate.unwrap_or(training.learning_rate);
    training.clip_norm = args.clip_norm.unwrap_or(training.clip_norm);
    training.on_nan = args.on_nan.unwrap_or(training.on_nan);
    config.device.choose(args.backend, args.device);
    check_that_something_is_left(&run, &before.training, &config.training)?;
    let places = args.data.of_one_run();
    let prepared = watched(args.quiet, |watch| {
        prepare_again(&run, config, &places, watch)
    })?;

    train::log_into(&run)?;
    resume_run(&prepared, &run)?;
    if args.learning_rate.is_some() {
        // It counts as it is, however often the one before was halved.
        Checkpoint::forget_rollbacks(&run)?;
    }
    train::train_and_print(&prepared, &run, args.quiet, args.json)
}

/// Refuses a run that is complete, or that is to become shorter than it is.
fn check_that_something_is_left(
    run: &RunDir,
    before: &TrainingConfig,
    config: &TrainingConfig,
) -> Result<(), ConfigError> {
    // A run that was killed early may not have one.
    let Some(status) = RunRecord::read(run.path()).status else {
        return Ok(());
    };
    let value = |setting, value: usize, expected| ConfigError::Value {
        setting,
        value: value.to_string(),
        expected,
    };
    if config.epochs < status.epoch {
        return Err(value(
            "epochs",
            config.epochs,
            "at least as many as the run already has",
        ));
    }
    let longer = config.epochs > before.epochs;
    match status.state {
        State::Finished if !longer => Err(value(
            "epochs",
            config.epochs,
            "more than before, since the run is finished",
        )),
        State::EarlyStopped if !longer && config.patience <= before.patience => Err(value(
            "patience",
            config.patience,
            "more than before, or more --epochs, since early stopping has ended the run",
        )),
        _ => Ok(()),
    }
}
