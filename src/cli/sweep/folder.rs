//! The folder of a sweep: which runs may stand in it together, and which of them has given settings.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};

use crate::config::{Role, TrainConfig};
use crate::own_files::SWEEP_LOCK;
use crate::run::{RunError, RunRecord, discover};
use crate::train::{Prepared, Shared, TrainError};

/// Makes the folder, unless it has to be there.
pub(super) fn make_folder(folder: &Path, has_to_be_there: bool) -> anyhow::Result<()> {
    if has_to_be_there && !folder.is_dir() {
        bail!("--out {}: there is no such folder", folder.display());
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("--out {}: can't create the folder", folder.display()))
}

/// What is wrong whatever is trained, such as a split without test images, is said once, before anything is written.
pub(super) fn check_common(
    folder: &Path,
    config: &TrainConfig,
    shared: &Shared,
) -> anyhow::Result<()> {
    match shared.prepare(config.clone()) {
        Ok(prepared) => check_comparable(folder, &prepared),
        Err(error @ TrainError::Data(_)) => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Refuses a folder of runs on other images, or with scores of another kind: they would be taken for the same, and
/// stand beside these in one table.
fn check_comparable(folder: &Path, prepared: &Prepared) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let own = prepared.config.settings(|_| true);
    let keys = || Role::Split.keys().chain(Role::Measure.keys());
    for path in discover(folder)?.folders {
        let record = RunRecord::read(&path);
        let dataset = record.meta.map(|meta| meta.dataset);
        if let Some(dataset) = dataset
            && dataset
                .hash
                .is_some_and(|found| found != prepared.images.sha256())
        {
            bail!(
                "--out {}: its run {} is of other images ({}), and a sweep compares runs on the same ones; give another \
                 folder",
                folder.display(),
                record.name,
                dataset.source
            );
        }
        let Some(config) = record.config else {
            continue;
        };
        // An older run may not have one, but that no limit is none.
        let known = |key: &&str| *key == "limit" || config.contains_key(*key);
        if let Some(key) = keys()
            .filter(known)
            .find(|key| config.get(*key) != own.get(*key))
        {
            let flag = key.replace('_', "-");
            let word = |table: &toml::Table| match table.get(key) {
                Some(value) => format!("--{flag} {value}"),
                None => format!("no --{flag}"),
            };
            bail!(
                "--out {}: its run {} was trained with {}, and this sweep has {}, so that their scores don't compare; \
                 give another folder",
                folder.display(),
                record.name,
                word(&config),
                word(&own)
            );
        }
    }
    Ok(())
}

/// Keeps other sweeps out of `folder` as long as it lives: each would lose the other's rows.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(SWEEP_LOCK);
    let open = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = open.with_context(|| format!("--out {}: can't write into it", folder.display()))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => bail!(
            "--out {}: another sweep uses it. Wait until it ends, or give another folder",
            folder.display()
        ),
        // A file system without locks is no reason not to train.
        _ => Ok(file),
    }
}

/// The run in `folder` that has these settings, a finished one if there are several; none if there is no folder.
pub(super) fn find(folder: &Path, config: &TrainConfig) -> Result<Option<RunRecord>, RunError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let wanted = config.settings(Role::affects_result);
    let records = discover(folder)?.folders.into_iter();
    let records = records.map(|path| RunRecord::read(&path));
    let same =
        records.filter(|record| record.config.clone().map(with_effect).as_ref() == Some(&wanted));
    Ok(same.max_by_key(|record| record.state.is_complete()))
}

/// The settings on which a run's result depends.
fn with_effect(mut config: toml::Table) -> toml::Table {
    config.retain(|key, _| Role::of(key).is_none_or(Role::affects_result));
    config
}
