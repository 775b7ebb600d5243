//! `trainer sweep`: runs over latent sizes, architectures and losses, and a picture of quality by latent
//! size.

mod commands;
mod folder;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::advice::with_flags;
use super::data::describe;
use super::loading::watched;
use super::numbers::{parsed, whole};
use super::output::{self, unless_closed};
use super::runs_folder::discover_runs;
use super::settings::SettingsArgs;
use super::signals::stop_on_signal;
use super::{Exit, log};
use crate::config::{ConfigError, TrainConfig};
use crate::error::with_causes;
use crate::host::notice_pauses;
use crate::limits::NO_THREAD;
use crate::loss::Loss;
use crate::model::Architecture;
use crate::run::{RunDir, RunError, RunRecord, Summary};
use crate::train::{Observer, Prepared, Shared, TrainError, resume_run, start_run, train};
use folder::{check_common, find, lock, make_folder};
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
    let Some(first) = plan.first() else {
        bail!("nothing to sweep over: give at least one of --latent-dims and one of --archs");
    };
    let shared = watched(false, |watch| Shared::load(first, watch))?;
    check_common(&args.out, first, &shared)?;
    for warning in describe::warnings(&shared.images) {
        tracing::warn!("{warning}");
    }
    if args.list {
        return list(args, &plan, &shared);
    }
    make_folder(&args.out, args.collect)?;
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
        stop_after(minutes, stop, is_late.clone())?;
    }

    let earlier = earlier_rows(&args.out)?;
    let mut rows = Vec::new();
    let mut failures = 0;
    for (index, config) in plan.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let label = label(index, &plan);
        let prepared = shared.prepare(config.clone());
        let result = prepared.and_then(|prepared| {
            if args.collect {
                collected(&args.out, &prepared)
            } else {
                complete(&args.out, &prepared, stop)
            }
        });
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

/// Stops the sweep after so many minutes, and tells that it was for that.
fn stop_after(
    minutes: f64,
    stop: &'static AtomicBool,
    is_late: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let cap = Duration::from_secs_f64(60.0 * minutes);
    let watch = move || {
        std::thread::sleep(cap);
        is_late.store(true, Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
    };
    let thread = std::thread::Builder::new().spawn(watch);
    thread.with_context(|| format!("--minutes: {NO_THREAD}"))?;
    Ok(())
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
fn list(args: &SweepArgs, plan: &[TrainConfig], shared: &Shared) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (index, config) in plan.iter().enumerate() {
        let found = shared
            .prepare(config.clone())
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
fn collected(folder: &Path, prepared: &Prepared) -> Result<Option<(PathBuf, Summary)>, TrainError> {
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
    prepared: &Prepared,
    stop: &AtomicBool,
) -> Result<Option<(PathBuf, Summary)>, TrainError> {
    let run = match find(folder, &prepared.config)? {
        Some(found) if found.state.is_complete() => return finished(found).map(Some),
        Some(found) => {
            let run = RunDir::resume(&found.path)?;
            resume_run(prepared, &run)?;
            run
        }
        None => start_run(prepared, folder, None)?,
    };
    let path = run.log_path();
    log::also_to(&path).map_err(|source| RunError::Write { path, source })?;
    let outcome = train(prepared, Some(&run), &mut Silent, stop);
    log::end_file();
    let outcome = outcome?;
    let path = run.path().to_owned();
    Ok(outcome.finished.map(|finished| (path, finished.summary)))
}

/// A sweep reports whole runs only.
struct Silent;

impl Observer for Silent {}
