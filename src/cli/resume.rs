//! `trainer resume RUN`: goes on with a run, in its folder, from its last checkpoint.

use std::path::PathBuf;

use chrono::Local;
use clap::Args;

use super::{Exit, log, train};
use crate::config::{Backend, TrainConfig};
use crate::error::{ConfigError, Error};
use crate::run::{Resumption, RunDir, State};
use crate::train::{Prepared, prepare};

/// A run that was stopped ends as if it never had been: on the same CPU, with the same weights to
/// the bit. One without a checkpoint starts over.
#[derive(Args, Debug)]
pub(super) struct ResumeArgs {
    /// The run's folder
    run: PathBuf,

    /// Epochs in all, those that are through included: more than before make a run longer, and the
    /// learning rate's schedule with it
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,

    /// Stop after so many epochs without a better validation loss
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,

    /// Where to compute [default: as before]
    #[arg(long, value_enum)]
    backend: Option<Backend>,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N")]
    device: Option<usize>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// No progress, only warnings and the result
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &ResumeArgs) -> anyhow::Result<Exit> {
    log::start(args.quiet);
    let run = RunDir::resume(&args.run).map_err(Error::from)?;
    let before = TrainConfig::read(&run.config_path()).map_err(Error::from)?;
    let mut config = before.clone();
    config.epochs = args.epochs.unwrap_or(config.epochs);
    config.patience = args.patience.unwrap_or(config.patience);
    config.backend = args.backend.unwrap_or(config.backend);
    config.device = args.device.unwrap_or(config.device);
    check_that_something_is_left(&run, &before, &config).map_err(Error::from)?;
    let prepared = prepare(config, args.quiet)?;

    note(&run, &prepared)?;
    train::train_and_tell(&prepared, &run, args.quiet, args.json)
}

/// Refuses a run that is through, or to be shorter than it is.
fn check_that_something_is_left(
    run: &RunDir,
    before: &TrainConfig,
    config: &TrainConfig,
) -> Result<(), ConfigError> {
    // A run that was killed early may not have one.
    let Ok(status) = run.read_status() else {
        return Ok(());
    };
    let value = |flag, value: usize, expected| ConfigError::Value {
        flag,
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

/// Notes in the folder who goes on with it.
fn note(run: &RunDir, prepared: &Prepared) -> anyhow::Result<()> {
    train::log_into(run)?;
    let now = train::circumstances(prepared, Local::now());
    run.write_config(&prepared.config.to_toml())
        .map_err(Error::from)?;
    // Without the file the run can go on all the same.
    let meta = match run.read_meta() {
        Ok(mut meta) => {
            meta.resumed.push(Resumption::from(now));
            meta
        }
        Err(_) => now,
    };
    run.write_meta(&meta).map_err(Error::from)?;
    Ok(())
}
