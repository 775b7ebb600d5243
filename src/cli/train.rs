//! `trainer`: trains, into a new run folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use chrono::{DateTime, Local};
use clap::ArgMatches;

use super::progress::Progress;
use super::{Exit, OutputArgs, is_given, log};
use crate::config::TrainConfig;
use crate::error::Error;
use crate::loss::Term;
use crate::model::{layer_table, parameters};
use crate::run::{DatasetOrigin, Meta, Quality, RunDir, Summary};
use crate::ssim::MsSsim;
use crate::train::{Prepared, prepare, train};

pub(super) fn run(
    config: TrainConfig,
    output: &OutputArgs,
    matches: &ArgMatches,
) -> anyhow::Result<Exit> {
    log::start(output.quiet);
    let config = config
        .layered(output.config.as_deref(), |key| is_given(matches, key))
        .map_err(Error::from)?;
    let prepared = prepare(config, output.quiet)?;
    if output.dry_run {
        print_plan(&prepared);
        return Ok(Exit::Done);
    }

    let now = Local::now();
    let stem = format!(
        "{}-z{}",
        prepared.config.arch.name(),
        prepared.config.latent_dim()
    );
    let run =
        RunDir::create(&output.runs, output.name.as_deref(), &stem, now).map_err(Error::from)?;
    log_into(&run)?;
    run.write_config(&prepared.config.to_toml())
        .map_err(Error::from)?;
    run.write_meta(&circumstances(&prepared, now))
        .map_err(Error::from)?;
    train_and_tell(&prepared, &run, output.quiet, output.json)
}

/// Sends all messages to the run's log, too.
pub(super) fn log_into(run: &RunDir) -> anyhow::Result<()> {
    log::also_to(&run.log_path())
        .with_context(|| format!("{}: can't write the log", run.log_path().display()))
}

/// What `meta.json` says of this process.
pub(super) fn circumstances(prepared: &Prepared, now: DateTime<Local>) -> Meta {
    let Prepared {
        dataset, selection, ..
    } = prepared;
    let origin = DatasetOrigin {
        source: dataset.source.clone(),
        hash: Some(dataset.sha256.clone()),
    };
    let adapter = Some(selection.adapter.clone());
    Meta::collect(selection.backend.name(), adapter, origin, now)
}

/// Trains until the end or until a signal, with progress on the terminal, and prints the result.
pub(super) fn train_and_tell(
    prepared: &Prepared,
    run: &RunDir,
    quiet: bool,
    json: bool,
) -> anyhow::Result<Exit> {
    announce(prepared, run);
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(&stop)?;
    let mut progress = Progress::new(prepared.config.epochs, quiet);
    let result = train(prepared, run, &mut progress, &stop);
    drop(progress);
    // `main` prints the error.
    let outcome = result
        .map_err(anyhow::Error::from)
        .inspect_err(|error| tracing::error!(target: log::FILE_ONLY, "{error:#}"))?;
    let Some(summary) = outcome.summary else {
        let path = run.path().display();
        tracing::warn!("interrupted; `trainer resume {path}` goes on");
        return Ok(Exit::Interrupted);
    };
    print_result(&summary, run, json)?;
    Ok(Exit::Done)
}

/// The first Ctrl-C (or SIGTERM) lets the step finish and saves; the second one ends at once.
pub(super) fn stop_on_signal(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let stop = stop.clone();
    ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        log::bars().suspend(|| eprintln!("stopping after this step; again to stop at once"));
    })
    .context("can't listen for Ctrl-C")
}

fn announce(prepared: &Prepared, run: &RunDir) {
    let Prepared {
        config,
        dataset,
        split,
        selection,
        ..
    } = prepared;
    tracing::info!("run folder {}", run.path().display());
    log::device(selection);
    tracing::info!(
        "{}: {} training, {} validation, {} test images{}",
        dataset.source,
        split.train.len(),
        split.validation.len(),
        split.test.len(),
        match dataset.duplicates {
            0 => String::new(),
            count => format!(" ({count} duplicates left out)"),
        },
    );
    tracing::info!(
        "{} with {} latent values, {} parameters",
        config.arch.name(),
        config.latent_dim(),
        parameters(&prepared.design, config.latent_dim()),
    );
    let scales = if config.loss.contains(Term::MsSsim) {
        let multi_scale = MsSsim::new(config.ssim_preset.config());
        format!(
            ", multi-scale SSIM over {} of {} scales",
            multi_scale.scales(dataset.height, dataset.width),
            multi_scale.weights.len()
        )
    } else {
        String::new()
    };
    let refined = match config.refine {
        0 => String::new(),
        steps => format!(", latent vectors refined in {steps} steps"),
    };
    tracing::info!(
        "loss {}{refined}; SSIM by preset {}{scales}",
        config.loss,
        config.ssim_preset.name()
    );
}

/// What a run would do.
fn print_plan(prepared: &Prepared) {
    let Prepared {
        config,
        dataset,
        split,
        selection,
        design,
        ..
    } = prepared;
    println!("# settings, as a file for --config\n{}", config.to_toml());
    println!(
        "# device\n{} on {} ({})",
        selection.backend.name(),
        selection.adapter,
        selection.reason
    );
    if let Some(warning) = &selection.warning {
        println!("warning: {warning}");
    }
    println!("\n# images\n{}\nsha256 {}", dataset.source, dataset.sha256);
    println!(
        "{} training, {} validation, {} test images of {}×{} pixels\n",
        split.train.len(),
        split.validation.len(),
        split.test.len(),
        dataset.height,
        dataset.width,
    );
    println!(
        "# layers\n{:<30}  {:>12}  {:>10}  {:>13}",
        "name", "output", "parameters", "multiply-adds"
    );
    let layers = layer_table(design, config.latent_dim());
    for row in &layers {
        let output: Vec<String> = row.output.iter().map(ToString::to_string).collect();
        println!(
            "{:<30}  {:>12}  {:>10}  {:>13}",
            row.name,
            output.join("×"),
            row.parameters,
            row.multiply_adds
        );
    }
    println!(
        "{:<30}  {:>12}  {:>10}  {:>13}",
        "total",
        "",
        parameters(design, config.latent_dim()),
        layers.iter().map(|row| row.multiply_adds).sum::<usize>()
    );
}

fn print_result(summary: &Summary, run: &RunDir, json: bool) -> anyhow::Result<()> {
    if json {
        let mut value = serde_json::to_value(summary)?;
        value["run"] = run.path().display().to_string().into();
        println!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    print_quality(
        &format!("test, {} latent values", summary.latent_dim),
        &summary.test,
    );
    if let Some(pca) = &summary.pca {
        print_quality(&format!("PCA, {} components", pca.components), &pca.test);
    }
    println!(
        "best epoch {} of {}, {:.1} s",
        summary.best_epoch, summary.epochs, summary.seconds.total
    );
    println!("{}", run.path().display());
    Ok(())
}

/// One line of scores.
pub(super) fn print_quality(label: &str, quality: &Quality) {
    println!(
        "{label:<24}  SSIM {:.4}  PSNR {:.2} dB  MSE {:.5}  ({} images)",
        quality.ssim, quality.psnr, quality.mse, quality.images
    );
}
