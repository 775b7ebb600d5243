//! `trainer sweep`: runs over latent sizes, architectures and losses, and a picture of quality by latent
//! size.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::advice::with_flags;
use super::numbers::{parsed, whole};
use super::output::{self, OutputError, unless_closed};
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
use crate::path_text::{path_text, text_path};
use crate::plot::{RateQuality, draw_rate_quality};
use crate::run::{
    RunDir, RunError, RunRecord, Summary, discover, export_png, read_regular, write_output,
};
use crate::train::{Observer, TrainError, prepare, resume_run, start_run, train};

/// The largest `sweep.csv` that is read, in bytes: more rows than anybody trains.
const LARGEST_TABLE: u64 = 1 << 24;

#[derive(Args, Debug)]
pub(super) struct SweepArgs {
    /// Folder for the run folders, sweep.csv and rate_quality.png. Runs that it already has aren't
    /// trained again, and unfinished ones are resumed; rows of earlier sweeps stay in the table
    #[arg(long, value_name = "DIR", default_value = "runs/sweep")]
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

/// A line of `sweep.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    arch: String,
    loss: String,
    latent_dim: usize,
    test_ssim: f64,
    test_psnr: f64,
    validation_ssim: f64,
    pca_test_ssim: f64,
    pca_test_psnr: f64,
    epochs: usize,
    seconds: f64,
    run: String,
}

pub(super) fn run(args: &SweepArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let plan = plan(args)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("--out {}: can't create the folder", args.out.display()))?;
    let stop = stop_on_signal()?;
    notice_pauses();
    let is_late = Arc::new(AtomicBool::new(false));
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
        let label = format!(
            "{} of {}: {}, {} latent values, {}",
            index + 1,
            plan.len(),
            config.model.arch.name(),
            config.model.latent_dim,
            config.training.loss
        );
        match complete(&args.out, config, stop) {
            Ok(Some((run, summary))) => {
                let row = row(config, &run, &summary);
                tracing::info!(
                    "{label}: test SSIM {:.4}, PCA {:.4}",
                    row.test_ssim,
                    row.pca_test_ssim
                );
                rows.push(row);
                write(&args.out, &with_earlier(&args.out, &rows, &earlier))?;
            }
            Ok(None) => break,
            // A run that can't be trained is no reason to lose the others.
            Err(error) => {
                failures += 1;
                tracing::error!("{label}: {}", with_flags(&with_causes(&error)));
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
    if left > 0 {
        tracing::warn!(
            "{left} of {} runs are left; run the same command again to continue",
            plan.len()
        );
    }
    Ok(match (failures, left) {
        (1.., _) => Exit::Failed,
        (0, 1..) if !is_late.load(Ordering::Relaxed) => Exit::Interrupted,
        _ => Exit::Done,
    })
}

/// The settings of each run, checked.
fn plan(args: &SweepArgs) -> Result<Vec<TrainConfig>, ConfigError> {
    let settings = &args.settings;
    for (setting, is_given, expected) in [
        (
            "--arch",
            settings.arch.is_some(),
            "--archs, since a sweep goes over several",
        ),
        (
            "--latent-dim",
            settings.latent_dim.is_some(),
            "--latent-dims, since a sweep goes over several",
        ),
        (
            "--loss",
            settings.loss.is_some(),
            "--losses, since a sweep goes over several",
        ),
    ] {
        if is_given {
            return Err(ConfigError::Value {
                setting,
                value: "one".to_owned(),
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

/// The run of these settings in `folder`: found there, resumed, or started. None if `stop` ended it.
fn complete(
    folder: &Path,
    config: &TrainConfig,
    stop: &AtomicBool,
) -> Result<Option<(PathBuf, Summary)>, TrainError> {
    let prepared = prepare(config.clone(), &Watch::NONE)?;
    let run = match find(folder, &prepared.config)? {
        Some(found) if found.state.is_complete() => {
            let summary = match found.summary {
                Some(summary) => summary,
                // Says what is wrong with it.
                None => RunDir::open(&found.path)?.read_summary()?,
            };
            return Ok(Some((found.path, summary)));
        }
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

/// The run in `folder` that has these settings.
fn find(folder: &Path, config: &TrainConfig) -> Result<Option<RunRecord>, RunError> {
    let wanted = config.settings(Role::affects_result);
    let mut records = discover(folder)?
        .folders
        .into_iter()
        .map(|path| RunRecord::read(&path));
    Ok(records.find(|record| record.config.clone().map(with_effect).as_ref() == Some(&wanted)))
}

/// The settings on which a run's result depends.
fn with_effect(mut config: toml::Table) -> toml::Table {
    config.retain(|key, _| Role::of(key).is_none_or(Role::affects_result));
    config
}

/// A sweep reports whole runs only.
struct Silent;

impl Observer for Silent {}

fn row(config: &TrainConfig, run: &Path, summary: &Summary) -> Row {
    let pca = summary.pca.as_ref().map(|pca| &pca.test);
    let name = run.file_name().unwrap_or_default();
    Row {
        arch: config.model.arch.name().to_owned(),
        loss: config.training.loss.to_string(),
        latent_dim: config.model.latent_dim,
        test_ssim: summary.test.ssim,
        test_psnr: summary.test.psnr,
        validation_ssim: summary.validation.ssim,
        pca_test_ssim: pca.map_or(f64::NAN, |pca| pca.ssim),
        pca_test_psnr: pca.map_or(f64::NAN, |pca| pca.psnr),
        epochs: summary.epochs,
        seconds: summary.seconds.total,
        run: path_text(name),
    }
}

/// The rows of `sweep.csv` that earlier sweeps left; none if there is no such file.
fn earlier_rows(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let path = folder.join("sweep.csv");
    let bytes = match read_regular(&path, LARGEST_TABLE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.map_err(anyhow::Error::from),
    };
    let rows = bytes.and_then(|bytes| {
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let rows = reader.deserialize().collect::<Result<Vec<Row>, _>>();
        Ok(rows?)
    });
    rows.with_context(|| {
        format!(
            "{}: it isn't a sweep's table, which would be replaced; move it away, or give another --out",
            path.display()
        )
    })
}

/// The rows of this sweep, then those of earlier ones: all but those of the same runs, and of runs that
/// are gone and have been trained again.
fn with_earlier(folder: &Path, rows: &[Row], earlier: &[Row]) -> Vec<Row> {
    let is_replaced = |old: &Row| {
        let is_gone = !folder.join(text_path(&old.run)).exists();
        rows.iter().any(|new| {
            let is_same =
                (&new.arch, &new.loss, new.latent_dim) == (&old.arch, &old.loss, old.latent_dim);
            new.run == old.run || (is_gone && is_same)
        })
    };
    let kept = earlier.iter().filter(|old| !is_replaced(old));
    rows.iter().chain(kept).cloned().collect()
}

/// Writes `sweep.csv` and `rate_quality.png`.
fn write(folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let table = writer.into_inner().context("can't write sweep.csv")?;
    write_output(&folder.join("sweep.csv"), &table)?;

    let pca: BTreeMap<_, _> = rows
        .iter()
        .map(|row| {
            let point = (row.latent_dim, row.pca_test_ssim, row.pca_test_psnr);
            (row.latent_dim, point)
        })
        .collect();
    let mut curves = vec![RateQuality {
        name: "PCA".to_owned(),
        points: pca.into_values().collect(),
    }];
    for row in rows {
        let name = format!("{}, {}", row.arch, row.loss);
        let point = (row.latent_dim, row.test_ssim, row.test_psnr);
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push(point),
            None => curves.push(RateQuality {
                name,
                points: vec![point],
            }),
        }
    }
    for curve in &mut curves {
        curve.points.sort_by_key(|point| point.0);
    }
    let title = "What latent values buy: test images by number of latent values";
    let picture = draw_rate_quality(title, &curves)?;
    export_png(&picture, &folder.join("rate_quality.png"))?;
    Ok(())
}

fn print(rows: &[Row], folder: &Path) -> Result<(), OutputError> {
    output::line(format_args!(
        "{:>7}  {:<9} {:<18}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "latent", "arch", "loss", "SSIM", "PSNR", "PCA SSIM", "PCA PSNR", "seconds"
    ))?;
    for row in rows {
        output::line(format_args!(
            "{:>7}  {:<9} {:<18}{:>10.4}{:>10.2}{:>10.4}{:>10.2}{:>10.1}",
            row.latent_dim,
            row.arch,
            row.loss,
            row.test_ssim,
            row.test_psnr,
            row.pca_test_ssim,
            row.pca_test_psnr,
            row.seconds
        ))?;
    }
    output::path(folder)
}
