//! `trainer sweep`: runs over latent sizes, architectures and losses, and the picture of what a latent
//! value buys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use chrono::Local;
use clap::{ArgMatches, Args};
use serde::Serialize;

use super::train::{circumstances, stop_on_signal};
use super::{Exit, is_given, log};
use crate::config::TrainConfig;
use crate::error::{ConfigError, Error, with_causes};
use crate::loss::Loss;
use crate::model::Architecture;
use crate::run::{
    EpochMetrics, RateQuality, RunDir, State, Summary, draw_rate_quality, save_png,
    write_atomically,
};
use crate::train::{Observer, prepare, train};

/// Settings that say nothing of what a run comes to.
const WITHOUT_EFFECT: [&str; 5] = ["backend", "device", "data", "samples", "checkpoint_every"];

#[derive(Args, Debug)]
pub(super) struct SweepArgs {
    /// Folder for the run folders, sweep.csv and rate_quality.png. Runs that it already has aren't
    /// made again, and unfinished ones are gone on with
    #[arg(long, value_name = "DIR", default_value = "runs/sweep")]
    out: PathBuf,

    /// Latent sizes
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
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
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    losses: Vec<Loss>,

    /// Stop after so many minutes; the same command goes on later
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<f64>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: TrainConfig,
}

/// A line of `sweep.csv`.
#[derive(Clone, Debug, Serialize)]
struct Row {
    arch: &'static str,
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

pub(super) fn run(args: &SweepArgs, matches: &ArgMatches) -> anyhow::Result<Exit> {
    log::start(false);
    let plan = plan(args, matches).map_err(Error::from)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("--out {}: can't make the folder", args.out.display()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let is_late = Arc::new(AtomicBool::new(false));
    stop_on_signal(&stop)?;
    if let Some(minutes) = args.minutes {
        let (stop, is_late) = (stop.clone(), is_late.clone());
        let cap = Duration::from_secs_f64(60.0 * minutes);
        std::thread::spawn(move || {
            std::thread::sleep(cap);
            is_late.store(true, Ordering::Relaxed);
            stop.store(true, Ordering::Relaxed);
        });
    }

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
            config.arch.name(),
            config.latent_dim(),
            config.loss
        );
        match complete(&args.out, config, &stop) {
            Ok(Some((run, summary))) => {
                let row = row(config, &run, &summary);
                tracing::info!(
                    "{label}: test SSIM {:.4}, PCA {:.4}",
                    row.test_ssim,
                    row.pca_test_ssim
                );
                rows.push(row);
                write(&args.out, &rows)?;
            }
            Ok(None) => break,
            // One that can't be trained is no reason to lose the others.
            Err(error) => {
                failures += 1;
                tracing::error!("{label}: {}", with_causes(&error));
            }
        }
    }

    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print(&rows);
        println!("{}", args.out.display());
    }
    let left = plan.len() - rows.len() - failures;
    if left > 0 {
        tracing::warn!(
            "{left} of {} runs are left; the same command goes on",
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
fn plan(args: &SweepArgs, matches: &ArgMatches) -> Result<Vec<TrainConfig>, ConfigError> {
    for (flag, list) in [
        ("arch", "--archs"),
        ("latent-dim", "--latent-dims"),
        ("loss", "--losses"),
    ] {
        if is_given(matches, &flag.replace('-', "_")) {
            return Err(ConfigError::Value {
                flag,
                value: "one".to_owned(),
                expected: match list {
                    "--archs" => "--archs, since a sweep goes over several",
                    "--latent-dims" => "--latent-dims, since a sweep goes over several",
                    _ => "--losses, since a sweep goes over several",
                },
            });
        }
    }
    if let Some(minutes) = args.minutes
        && !(minutes.is_finite() && (0.0..1e6).contains(&minutes))
    {
        return Err(ConfigError::Value {
            flag: "minutes",
            value: minutes.to_string(),
            expected: "a number of minutes, zero or above",
        });
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
                let mut config = args.config.clone();
                config.arch = arch;
                config.latent_dim = Some(latent_dim);
                if let Some(loss) = loss {
                    config.loss = (*loss).clone();
                }
                let given = |key: &str| {
                    ["arch", "latent_dim"].contains(&key)
                        || (key == "loss" && loss.is_some())
                        || is_given(matches, key)
                };
                plan.push(config.layered(None, given)?.resolve()?);
            }
        }
    }
    Ok(plan)
}

/// The run of these settings in `folder`: found there, gone on with, or made. None if `stop` ended it.
fn complete(
    folder: &Path,
    config: &TrainConfig,
    stop: &AtomicBool,
) -> Result<Option<(RunDir, Summary)>, Error> {
    let prepared = prepare(config.clone(), true)?;
    let found = find(folder, &prepared.config);
    if let Some(run) = &found
        && let Ok(status) = run.read_status()
        && matches!(status.state, State::Finished | State::EarlyStopped)
    {
        let summary = run.read_summary()?;
        return Ok(Some((run.clone(), summary)));
    }
    let run = if let Some(run) = found {
        RunDir::resume(run.path())?
    } else {
        let now = Local::now();
        let stem = format!("{}-z{}", config.arch.name(), config.latent_dim());
        let run = RunDir::create(folder, None, &stem, now)?;
        run.write_config(&prepared.config.to_toml())?;
        run.write_meta(&circumstances(&prepared, now))?;
        run
    };
    let outcome = train(&prepared, &run, &mut Silent, stop)?;
    Ok(outcome.summary.map(|summary| (run, summary)))
}

/// The run in `folder` that has these settings.
fn find(folder: &Path, config: &TrainConfig) -> Option<RunDir> {
    let wanted = with_effect(&config.to_toml())?;
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().find_map(|entry| {
        let run = RunDir::open(&entry.path()).ok()?;
        (with_effect(&run.read_config().ok()?)? == wanted).then_some(run)
    })
}

/// The settings on which a run's result depends.
fn with_effect(config: &str) -> Option<toml::Table> {
    let mut table: toml::Table = toml::from_str(config).ok()?;
    for key in WITHOUT_EFFECT {
        table.remove(key);
    }
    Some(table)
}

/// A sweep tells of whole runs.
struct Silent;

impl Observer for Silent {
    fn epoch_started(&mut self, _: usize, _: usize) {}
    fn step(&mut self, _: usize) {}
    fn epoch_finished(&mut self, _: &EpochMetrics, _: bool) {}
}

fn row(config: &TrainConfig, run: &RunDir, summary: &Summary) -> Row {
    let pca = summary.pca.as_ref().map(|pca| &pca.test);
    let name = run.path().file_name().unwrap_or_default();
    Row {
        arch: config.arch.name(),
        loss: config.loss.to_string(),
        latent_dim: config.latent_dim(),
        test_ssim: summary.test.ssim,
        test_psnr: summary.test.psnr,
        validation_ssim: summary.validation.ssim,
        pca_test_ssim: pca.map_or(f64::NAN, |pca| pca.ssim),
        pca_test_psnr: pca.map_or(f64::NAN, |pca| pca.psnr),
        epochs: summary.epochs,
        seconds: summary.seconds.total,
        run: name.to_string_lossy().into_owned(),
    }
}

/// Writes `sweep.csv` and `rate_quality.png`.
fn write(folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let table = writer.into_inner().context("can't write sweep.csv")?;
    write_atomically(&folder.join("sweep.csv"), &table).map_err(Error::from)?;

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
    let picture = draw_rate_quality(title, &curves).map_err(Error::from)?;
    save_png(&picture, &folder.join("rate_quality.png")).map_err(Error::from)?;
    Ok(())
}

fn print(rows: &[Row]) {
    println!(
        "{:>7}  {:<9} {:<18}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "latent", "arch", "loss", "SSIM", "PSNR", "PCA SSIM", "PCA PSNR", "seconds"
    );
    for row in rows {
        println!(
            "{:>7}  {:<9} {:<18}{:>10.4}{:>10.2}{:>10.4}{:>10.2}{:>10.1}",
            row.latent_dim,
            row.arch,
            row.loss,
            row.test_ssim,
            row.test_psnr,
            row.pca_test_ssim,
            row.pca_test_psnr,
            row.seconds
        );
    }
}
