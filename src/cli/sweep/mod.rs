//! `trainer sweep`: runs over latent sizes, architectures and losses, and a picture of quality by latent
//! size.

mod commands;
mod table;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::advice::with_flags;
use super::numbers::{parsed, whole};
use super::output::{self, unless_closed};
use super::runs_folder::discover_runs;
use super::settings::SettingsArgs;
use super::signals::stop_on_signal;
use super::{Exit, log};
use crate::config::ConfigError;
use crate::config::{Role, TrainConfig};
use crate::data::Watch;
use crate::error::with_causes;
use crate::host::notice_pauses;
use crate::limits::NO_THREAD;
use crate::loss::Loss;
use crate::model::Architecture;
use crate::own_files::SWEEP_LOCK;
use crate::run::{RunDir, RunError, RunRecord, Summary, discover};
use crate::train::{Observer, TrainError, prepare, resume_run, start_run, train};
use table::{PICTURE, earlier_rows, print, row, with_earlier, write};

#[derive(Args, Debug)]
// A sweep goes over several of each.
#[command(
    mut_arg("arch", |arch| arch.hide(true)),
    mut_arg("latent_dim", |latent_dim| latent_dim.hide(true)),
    mut_arg("loss", |loss| loss.hide(true)),
)]
pub(super) struct SweepArgs {
    /// Folder for the run folders, sweep.csv and rate_quality.png. Runs that it already has aren't
    /// trained again, and unfinished ones are resumed; rows of earlier sweeps stay in the table
    #[arg(long, value_name = "DIR", default_value = "runs/sweep", value_parser = output::folder())]
    out: PathBuf,

    /// Latent sizes
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = whole("latent_dim"),
        allow_hyphen_values = true,
        default_value = "2,4,8,16,32,64,128,256"
    )]
    latent_dims: Vec<usize>,

    /// Architectures
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "linear,baseline"
    )]
    archs: Vec<Architecture>,

    /// Losses [default: each architecture's own]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = parsed::<Loss>,
        allow_hyphen_values = true
    )]
    losses: Vec<Loss>,

    /// Stop after so many minutes; run the same command again to continue
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    minutes: Option<f64>,

    /// Train nothing: print a command for each run that is left, which may run at once and elsewhere
    #[arg(long, conflicts_with_all = ["collect", "minutes", "json"])]
    list: bool,

    /// Train nothing: make the table and the picture of the runs that are there
    #[arg(long, conflicts_with = "minutes")]
    collect: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

fn minutes(word: &str) -> Result<f64, &'static str> {
    /// Two years, which no sleep is too long for.
    const MOST: f64 = 1e6;
    let minutes = word.parse().ok();
    minutes
        .filter(|minutes| (0.0..=MOST).contains(minutes))
        .ok_or("expected a number of minutes from 0 to 1000000")
}

pub(super) fn run(args: &SweepArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let plan = plan(args)?;
    check_common(&args.out, &plan)?;
    if args.list {
        return list(args, &plan);
    }
    make_folder(args)?;
    let _lock = lock(&args.out)?;
    let picture = args.out.join(PICTURE);
    if picture.is_dir() {
        bail!(
            "{} is a folder, and the sweep's picture has that name; move it away, or give another --out",
            picture.display()
        );
    }
    let stop = stop_on_signal()?;
    notice_pauses();
    let is_late = Arc::new(AtomicBool::new(false));
    // For what it warns of.
    discover_runs(&args.out)?;
    if let Some(minutes) = args.minutes {
        let is_late = is_late.clone();
        let cap = Duration::from_secs_f64(60.0 * minutes);
        let watch = move || {
            std::thread::sleep(cap);
            is_late.store(true, Ordering::Relaxed);
            stop.store(true, Ordering::Relaxed);
        };
        std::thread::Builder::new()
            .spawn(watch)
            .with_context(|| format!("--minutes: {NO_THREAD}"))?;
    }

    let earlier = earlier_rows(&args.out)?;
    let mut rows = Vec::new();
    let mut failures = 0;
    for (index, config) in plan.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let label = label(index, &plan);
        let result = if args.collect {
            collected(&args.out, config)
        } else {
            complete(&args.out, config, stop)
        };
        match result {
            Ok(Some((run, summary))) => {
                let row = row(config, &run, &summary);
                let pca = row
                    .pca_test_ssim
                    .map_or(String::new(), |ssim| format!(", PCA {ssim:.4}"));
                tracing::info!("{label}: test SSIM {:.4}{pca}", row.test_ssim);
                if config.output.pca && row.pca_test_ssim.is_none() {
                    tracing::warn!(
                        "{} was trained with --no-pca before: move it away to have PCA's scores",
                        row.run
                    );
                }
                rows.push(row);
                write(&args.out, &with_earlier(&args.out, &rows, &earlier))?;
            }
            Ok(None) if args.collect => {}
            Ok(None) => break,
            Err(error) => {
                failures += 1;
                tell_failure(&label, &error);
            }
        }
    }

    // The exit code says how the sweep went, even if nothing reads the table.
    unless_closed(if args.json {
        output::json(&rows)
    } else {
        print(&rows, &args.out)
    })?;
    let left = plan.len() - rows.len() - failures;
    if left > 0 && args.collect {
        tracing::warn!(
            "{left} of {} runs aren't there, or not finished; --list prints their commands",
            plan.len()
        );
    } else if left > 0 {
        tracing::warn!(
            "{left} of {} runs are left; run the same command again to continue",
            plan.len()
        );
    }
    Ok(match (failures, left) {
        (1.., _) => Exit::Failed,
        (0, 1..) if args.collect => Exit::Failed,
        (0, 1..) if !is_late.load(Ordering::Relaxed) => Exit::Interrupted,
        _ => Exit::Done,
    })
}

/// A run of the sweep, as messages name it.
fn label(index: usize, plan: &[TrainConfig]) -> String {
    let config = &plan[index];
    format!(
        "{} of {}: {}, {} latent values, {}",
        index + 1,
        plan.len(),
        config.model.arch.name(),
        config.model.latent_dim,
        config.training.loss
    )
}

/// A run that can't be trained is no reason to lose the others.
fn tell_failure(label: &str, error: &TrainError) {
    tracing::error!("{label}: {}", with_flags(&with_causes(error)));
}

/// Makes the folder, unless it has to be there.
fn make_folder(args: &SweepArgs) -> anyhow::Result<()> {
    if args.collect && !args.out.is_dir() {
        bail!("--out {}: there is no such folder", args.out.display());
    }
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("--out {}: can't create the folder", args.out.display()))
}

/// What is wrong whatever is trained, such as images that aren't there, is said once, before anything is
/// written.
fn check_common(folder: &Path, plan: &[TrainConfig]) -> anyhow::Result<()> {
    let Some(config) = plan.first() else {
        return Ok(());
    };
    match prepare(config.clone(), &Watch::NONE) {
        Ok(prepared) => check_images(folder, prepared.images.sha256()),
        Err(error @ (TrainError::Data(_) | TrainError::Device(_))) => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Refuses a folder of runs on other images: they would be taken for runs on these, and stand beside them in one table.
fn check_images(folder: &Path, hash: &str) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in discover(folder)?.folders {
        let record = RunRecord::read(&path);
        let Some(dataset) = record.meta.map(|meta| meta.dataset) else {
            continue;
        };
        if dataset.hash.is_some_and(|found| found != hash) {
            bail!(
                "--out {}: its run {} is of other images ({}), and a sweep compares runs on the same ones; give another \
                 folder",
                folder.display(),
                record.name,
                dataset.source
            );
        }
    }
    Ok(())
}

/// Keeps other sweeps out of `folder` as long as it lives: each would lose the other's rows.
fn lock(folder: &Path) -> anyhow::Result<File> {
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

/// The settings of each run, checked.
fn plan(args: &SweepArgs) -> Result<Vec<TrainConfig>, ConfigError> {
    let settings = &args.settings;
    let arch = settings.arch.map(|arch| arch.name().to_owned());
    for (setting, given, expected) in [
        ("--arch", arch, "--archs, since a sweep goes over several"),
        (
            "--latent-dim",
            settings.latent_dim.map(|size| size.to_string()),
            "--latent-dims, since a sweep goes over several",
        ),
        (
            "--loss",
            settings.loss.as_ref().map(Loss::to_string),
            "--losses, since a sweep goes over several",
        ),
    ] {
        if let Some(value) = given {
            return Err(ConfigError::Value {
                setting,
                value,
                expected,
            });
        }
    }
    let losses: Vec<Option<&Loss>> = if args.losses.is_empty() {
        vec![None]
    } else {
        args.losses.iter().map(Some).collect()
    };
    let mut plan = Vec::new();
    // Each size by all methods first, so that a sweep cut short compares them.
    for &latent_dim in &args.latent_dims {
        for &arch in &args.archs {
            for loss in &losses {
                let settings = SettingsArgs {
                    arch: Some(arch),
                    latent_dim: Some(latent_dim),
                    loss: loss.cloned(),
                    ..settings.clone()
                };
                let config = settings.resolve(None)?;
                config.validate()?;
                // A value that is listed twice counts once.
                if !plan.contains(&config) {
                    plan.push(config);
                }
            }
        }
    }
    Ok(plan)
}

/// Prints a command for each run that isn't finished.
fn list(args: &SweepArgs, plan: &[TrainConfig]) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (index, config) in plan.iter().enumerate() {
        let found = prepare(config.clone(), &Watch::NONE)
            .and_then(|prepared| Ok(find(&args.out, &prepared.config)?));
        match found {
            Ok(Some(found)) if found.state.is_complete() => {}
            Ok(Some(found)) => output::line(commands::resuming(&found))?,
            Ok(None) => output::line(commands::training(&args.out, config))?,
            Err(error) => {
                exit = Exit::Failed;
                tell_failure(&label(index, plan), &error);
            }
        }
    }
    Ok(exit)
}

/// The finished run of these settings in `folder`, if it's there.
fn collected(
    folder: &Path,
    config: &TrainConfig,
) -> Result<Option<(PathBuf, Summary)>, TrainError> {
    let prepared = prepare(config.clone(), &Watch::NONE)?;
    let found = find(folder, &prepared.config)?;
    let complete = found.filter(|found| found.state.is_complete());
    complete.map(finished).transpose()
}

fn finished(found: RunRecord) -> Result<(PathBuf, Summary), TrainError> {
    let summary = match found.summary {
        Some(summary) => summary,
        // Says what is wrong with it.
        None => RunDir::open(&found.path)?.read_summary()?,
    };
    Ok((found.path, summary))
}

/// The run of these settings in `folder`: found there, resumed, or started. None if `stop` ended it.
fn complete(
    folder: &Path,
    config: &TrainConfig,
    stop: &AtomicBool,
) -> Result<Option<(PathBuf, Summary)>, TrainError> {
    let prepared = prepare(config.clone(), &Watch::NONE)?;
    let run = match find(folder, &prepared.config)? {
        Some(found) if found.state.is_complete() => return finished(found).map(Some),
        Some(found) => {
            let run = RunDir::resume(&found.path)?;
            resume_run(&prepared, &run)?;
            run
        }
        None => start_run(&prepared, folder, None)?,
    };
    let outcome = train(&prepared, Some(&run), &mut Silent, stop)?;
    let path = run.path().to_owned();
    Ok(outcome.finished.map(|finished| (path, finished.summary)))
}

/// The run in `folder` that has these settings, a finished one if there are several; none if there is no folder.
fn find(folder: &Path, config: &TrainConfig) -> Result<Option<RunRecord>, RunError> {
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

/// A sweep reports whole runs only.
struct Silent;

impl Observer for Silent {}
