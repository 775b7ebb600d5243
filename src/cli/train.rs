//! `trainer`: trains, into a new run folder.

use anyhow::Context;

use super::data::describe;
use super::loading::watched;
use super::output::{self, OutputError};
use super::progress::Progress;
use super::settings::SettingsArgs;
use super::signals::stop_on_signal;
use super::table::{printable, quoted};
use super::{Exit, OutputArgs, advice, log};
use crate::config::TrainConfig;
use crate::host::notice_pauses;
use crate::loss::Term;
use crate::metrics::Quality;
use crate::model::{layer_table, parameters};
use crate::path_text::path_text;
use crate::run::{RunDir, Summary};
use crate::ssim::MsSsim;
use crate::train::{Prepared, prepare, start_run, train};
use crate::words::count;

pub(super) fn run(settings: &SettingsArgs, arguments: &OutputArgs) -> anyhow::Result<Exit> {
    log::start(arguments.quiet);
    let mut settings = settings.clone();
    settings.find_init(&arguments.runs)?;
    let config = settings.resolve(arguments.config.as_deref())?;
    let prepared = watched(arguments.quiet, |watch| prepare(config, watch))?;
    if arguments.dry_run {
        print_plan(&prepared)?;
        return Ok(Exit::Done);
    }

    let run = start_run(&prepared, &arguments.runs, arguments.name.as_deref())?;
    log_into(&run)?;
    train_and_print(&prepared, &run, arguments.quiet, arguments.json)
}

/// Sends all messages to the run's log, too.
pub(super) fn log_into(run: &RunDir) -> anyhow::Result<()> {
    log::also_to(&run.log_path())
        .with_context(|| format!("{}: can't write the log", run.log_path().display()))
}

/// Trains until the end or until a signal, with progress on the terminal, and prints the result.
pub(super) fn train_and_print(
    prepared: &Prepared,
    run: &RunDir,
    quiet: bool,
    json: bool,
) -> anyhow::Result<Exit> {
    announce(prepared, run);
    let stop = stop_on_signal()?;
    notice_pauses();
    let mut progress = Progress::new(prepared.config.training.epochs, quiet);
    let result = train(prepared, Some(run), &mut progress, stop);
    drop(progress);
    // `main` prints the error.
    let outcome = result.map_err(anyhow::Error::from).inspect_err(
        |error| tracing::error!(target: log::FILE_ONLY, "{}", advice::message(error)),
    )?;
    let Some(finished) = outcome.finished else {
        let path = quoted(&printable(&path_text(run.path())));
        tracing::warn!("interrupted; resume it with `trainer resume {path}`");
        return Ok(Exit::Interrupted);
    };
    print_result(&finished.summary, run, json)?;
    let skipped = prepared
        .images
        .collection()
        .map_or(0, |it| it.skipped.len());
    if skipped > 0 {
        let path = printable(&path_text(run.skipped_path()));
        tracing::warn!("{} skipped; {path} tells why", count(skipped, "file"));
    }
    Ok(Exit::Done)
}

fn announce(prepared: &Prepared, run: &RunDir) {
    let Prepared {
        config,
        images,
        split,
        selected,
        ..
    } = prepared;
    let TrainConfig {
        model, training, ..
    } = config;
    let path = printable(&path_text(run.path()));
    tracing::info!("run folder {path}");
    log::device(selected);
    tracing::info!(
        "{}: {}{}",
        images.source(),
        describe::split(split),
        match (images.duplicates(), images.collection()) {
            (0, _) => String::new(),
            (number, None) => format!(" ({} left out)", count(number, "duplicate")),
            (number, Some(_)) => format!(" ({}, kept together)", count(number, "duplicate")),
        },
    );
    if let Some(preparation) = describe::preparation(images) {
        tracing::info!("{preparation}");
    }
    for warning in describe::warnings(images) {
        tracing::warn!("{warning}");
    }
    tracing::info!(
        "{} with {} latent values, {} parameters",
        model.arch.name(),
        model.latent_dim,
        parameters(&prepared.design, model.latent_dim),
    );
    let scales = if training.loss.contains(Term::MsSsim) {
        let shape = images.shape();
        let multi_scale = MsSsim::new(training.ssim_preset.config());
        format!(
            ", multi-scale SSIM over {} of {} scales",
            multi_scale.scales(shape.height, shape.width),
            multi_scale.weights.len()
        )
    } else {
        String::new()
    };
    let refined = match training.refine {
        0 => String::new(),
        steps => format!(", latent vectors refined in {}", count(steps, "step")),
    };
    tracing::info!(
        "loss {}{refined}; SSIM by preset {}{scales}",
        training.loss,
        training.ssim_preset.name()
    );
}

/// What a run would do.
fn print_plan(prepared: &Prepared) -> Result<(), OutputError> {
    let Prepared {
        config,
        images,
        split,
        selected,
        design,
        ..
    } = prepared;
    output::line(format_args!(
        "# settings, as a file for --config\n{}",
        config.to_toml()
    ))?;
    output::line(format_args!(
        "# device\n{} on {} ({})",
        selected.backend.name(),
        selected.adapter,
        selected.reason
    ))?;
    if let Some(warning) = &selected.warning {
        output::line(format_args!("warning: {warning}"))?;
    }
    output::line(format_args!(
        "\n# images\n{}\nsha256 {}",
        images.source(),
        images.sha256()
    ))?;
    let shape = images.shape();
    output::line(format_args!(
        "{} of {}×{} pixels",
        describe::split(split),
        shape.height,
        shape.width,
    ))?;
    if let Some(preparation) = describe::preparation(images) {
        output::line(preparation)?;
    }
    for warning in describe::warnings(images) {
        output::line(format_args!("warning: {warning}"))?;
    }
    output::line("")?;
    output::line(format_args!(
        "# layers\n{:<30}  {:>12}  {:>10}  {:>13}",
        "name", "output", "parameters", "multiply-adds"
    ))?;
    let layers = layer_table(design, config.model.latent_dim);
    for row in &layers {
        let output: Vec<String> = row.output.iter().map(ToString::to_string).collect();
        output::line(format_args!(
            "{:<30}  {:>12}  {:>10}  {:>13}",
            row.name,
            output.join("×"),
            row.parameters,
            row.multiply_adds
        ))?;
    }
    output::line(format_args!(
        "{:<30}  {:>12}  {:>10}  {:>13}",
        "total",
        "",
        parameters(design, config.model.latent_dim),
        layers.iter().map(|row| row.multiply_adds).sum::<usize>()
    ))
}

fn print_result(summary: &Summary, run: &RunDir, json: bool) -> anyhow::Result<()> {
    if json {
        let mut value = serde_json::to_value(summary)?;
        value["run"] = path_text(run.path()).into();
        return Ok(output::json(&value)?);
    }
    print_quality(
        &format!("test, {} latent values", summary.latent_dim),
        &summary.test,
    )?;
    if let Some(bytes) = summary.bytes_per_image {
        output::line(format_args!(
            "rounded and packed        {bytes:.1} bytes an image"
        ))?;
    }
    if let Some(noisy) = &summary.noisy {
        print_quality("as they were spoilt", noisy)?;
    }
    if let Some(pca) = &summary.pca {
        print_quality(&format!("PCA, {} components", pca.components), &pca.test)?;
    }
    output::line(format_args!(
        "best epoch {} of {}, {:.1} s",
        summary.best_epoch, summary.epochs, summary.seconds.total
    ))?;
    output::path(run.path())?;
    Ok(())
}

/// One line of scores.
pub(super) fn print_quality(label: &str, quality: &Quality) -> Result<(), OutputError> {
    output::line(format_args!(
        "{label:<24}  SSIM {:.4}  PSNR {:.2} dB  MSE {:.5}  ({})",
        quality.ssim,
        quality.psnr,
        quality.mse,
        count(quality.images, "image")
    ))
}
