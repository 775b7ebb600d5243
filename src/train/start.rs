//! How a run begins, or is resumed: its folder, with the settings and the circumstances in it.

use std::path::Path;

use chrono::{DateTime, Local};

use super::{Prepared, TrainError, image_table};
use crate::run::{DatasetOrigin, Meta, Resumption, RunDir, State, Status};

/// Creates a run folder in `runs` with `config.toml`, `meta.json` and `status.json` in it. Without a `name` the
/// folder is named after the architecture and the latent size, such as `baseline-z128`.
///
/// # Errors
///
/// Where the name can't be a part of a folder's name, or the folder can't be written.
pub fn start_run(
    prepared: &Prepared,
    runs: &Path,
    name: Option<&str>,
) -> Result<RunDir, TrainError> {
    let now = Local::now();
    let config = &prepared.config;
    let stem = format!("{}-z{}", config.model.arch.name(), config.model.latent_dim);
    let run = RunDir::create_with(runs, name, &stem, now, |run| {
        run.write_config(&config.to_toml())?;
        run.write_meta(&circumstances(prepared, now))?;
        image_table::write(prepared, run)
    })?;
    Ok(run)
}

/// Records in the folder of `run`, which [`RunDir::resume`] opened, that this process resumes it, and with
/// which settings.
///
/// # Errors
///
/// Where the folder can't be written, or has weights but no checkpoint to go on from.
pub fn resume_run(prepared: &Prepared, run: &RunDir) -> Result<(), TrainError> {
    check_checkpoints(run)?;
    let now = circumstances(prepared, Local::now());
    run.write_config(&prepared.config.to_toml())?;
    // A run without the file can be resumed all the same.
    let meta = match run.read_meta() {
        Ok(mut meta) => {
            meta.resumed.push(Resumption::from(now));
            meta
        }
        Err(_) => now,
    };
    run.write_meta(&meta)?;
    let epochs = run.read_status().map_or(0, |status| status.epoch);
    run.write_status(&Status::now(State::Running, epochs))?;
    Ok(())
}

/// Refuses to start over what has finished an epoch, or may have, for all that its status tells.
pub(super) fn check_checkpoints(run: &RunDir) -> Result<(), TrainError> {
    let is_begun = run.read_status().map_or(true, |status| status.epoch > 0);
    let has_weights = is_begun && run.best_checkpoint().exists();
    if has_weights && run.checkpoints_by_age()?.is_empty() {
        return Err(TrainError::CheckpointsGone {
            path: run.path().to_owned(),
            weights: run.best_checkpoint(),
        });
    }
    Ok(())
}

/// What `meta.json` says of this process.
fn circumstances(prepared: &Prepared, now: DateTime<Local>) -> Meta {
    let Prepared {
        images, selected, ..
    } = prepared;
    let origin = DatasetOrigin {
        source: images.source().to_owned(),
        hash: Some(images.sha256().to_owned()),
    };
    let adapter = Some(selected.adapter.clone());
    Meta::collect(selected.backend.name(), adapter, origin, now)
}
