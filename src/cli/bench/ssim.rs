//! `trainer bench ssim`: SSIM by the kernels and in other ways.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;

use super::{seconds, trials, warm_ups};
use crate::bench::ssim::{self, Method, Rates, Report, Row, Shape};
use crate::bench::timing::Effort;
use crate::cli::numbers::whole;
use crate::cli::output::{self, OutputError};
use crate::cli::{Exit, log};
use crate::device;
use crate::device::Backend;
use crate::words::count;

#[derive(Args, Debug)]
pub(in crate::cli) struct SsimArgs {
    /// Where to compute: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(long, value_enum, default_value_t, env = "TRAINER_BACKEND")]
    backend: Backend,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole("device"))]
    device: usize,

    /// Images×channels×height×width, joined by commas
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "65536x1x28x28,512x3x256x256,5x1x1500x1500"
    )]
    shapes: Vec<Shape>,

    /// Trials of each measurement
    #[arg(long, value_name = "N", default_value = "10", value_parser = trials)]
    trials: usize,

    /// Trials before them that don't count
    #[arg(long, value_name = "N", default_value = "3", value_parser = warm_ups)]
    warm_up: usize,

    /// How long the trials of one measurement may take; fewer images are taken where it's longer
    #[arg(long, value_name = "CAP", default_value = "5", value_parser = seconds)]
    seconds: Duration,

    /// Print the result as JSON, with every trial
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &SsimArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let selected = device::select(args.backend, args.device)?;
    log::device(&selected);
    let effort = Effort {
        trials: args.trials,
        warm_up: args.warm_up,
        cap: args.seconds,
    };
    let report = ssim::run(&selected, &args.shapes, &effort, announce)?;
    if args.json {
        output::json(&report)?;
    } else {
        print_report(&report)?;
    }
    // Without a kernel's rate there's nothing to compare.
    let measured = |row: &Row| row.method == Method::Kernel && row.rates.is_some();
    Ok(if report.measurements.iter().any(measured) {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// A result as it comes.
fn announce(row: &Row) {
    let result = match (&row.rates, &row.error) {
        (Some(rates), _) => format!(
            "{:.3} ms for {}",
            1e3 * rates.timing.median_seconds,
            count(rates.timing.images, "image")
        ),
        (None, error) => format!("failed: {}", error.as_deref().unwrap_or_default()),
    };
    tracing::info!(
        "{}, {}, {}: {result}",
        row.shape,
        row.pass.name(),
        row.method.name()
    );
}

fn print_report(report: &Report) -> Result<(), OutputError> {
    output::line(format_args!(
        "trainer {} on {} ({}), {}",
        report.version, report.backend, report.adapter, report.system
    ))?;
    for group in report
        .measurements
        .chunk_by(|a, b| (a.shape, a.pass) == (b.shape, b.pass))
    {
        output::line(format_args!(
            "\n{}, {}",
            group[0].shape,
            group[0].pass.name()
        ))?;
        output::line(format_args!(
            "  {:<9}{:>8}{:>8}{:>11}{:>11}{:>11}{:>13}{:>9}{:>9}{:>9}",
            "",
            "images",
            "trials",
            "median ms",
            "min",
            "max",
            "images/s",
            "GB/s",
            "of copy",
            "kernel"
        ))?;
        for row in group {
            print_row(row)?;
        }
    }
    print_legend(report)
}

fn print_row(row: &Row) -> Result<(), OutputError> {
    let Some(rates) = &row.rates else {
        let error = row.error.as_deref().unwrap_or_default();
        return output::line(format_args!("  {:<9}failed: {error}", row.method.name()));
    };
    let Rates { timing, .. } = rates;
    let share = rates
        .share_of_copy
        .map_or(String::new(), |share| format!("{:.1} %", 100.0 * share));
    let speedup = match row.kernel_speedup {
        Some(speedup) if row.method != Method::Kernel => format!("{speedup:.1}x"),
        _ => String::new(),
    };
    output::line(format_args!(
        "  {:<9}{:>8}{:>8}{:>11.3}{:>11.3}{:>11.3}{:>13.1}{:>9.2}{share:>9}{speedup:>9}",
        row.method.name(),
        timing.images,
        timing.trial_seconds.len(),
        1e3 * timing.median_seconds,
        1e3 * timing.min_seconds,
        1e3 * timing.max_seconds,
        rates.images_per_second,
        rates.gigabytes_per_second
    ))
}

fn print_legend(report: &Report) -> Result<(), OutputError> {
    output::line("")?;
    let reasons = report.measurements.iter().filter_map(|row| {
        let timing = &row.rates.as_ref()?.timing;
        timing.fewer_images_because.as_deref()
    });
    let mut rows_by_reason = BTreeMap::new();
    for reason in reasons {
        *rows_by_reason.entry(reason).or_insert(0) += 1;
    }
    for (reason, rows) in rows_by_reason {
        output::line(format_args!(
            "images: fewer than asked for in {rows} rows: {reason}."
        ))?;
    }
    output::line(format_args!(
        "kernel: how many times the images/s of a row the kernel's are. trials: fewer than {} where they \
         take more than {} s.",
        report.trials, report.seconds_cap
    ))?;
    if report.backend != Backend::Wgpu.name() {
        output::line(format_args!(
            "Without a GPU, the row `kernel` is trainer's SSIM for CPUs: tensor operations in double precision, \
             and with the gradient a kernel in single precision."
        ))?;
    }
    output::line(format_args!(
        "backward: the gradient of the mean score by the first image only, as in training.\n\
         GB/s: 8 bytes a value forward (both images read), 12 with the gradient (written): the least that \
         must move."
    ))?;
    if let Some(copy) = &report.copy {
        output::line(format_args!(
            "of copy: as a share of the {:.1} GB/s of x * 2 on {} MiB, read and written.",
            copy.gigabytes_per_second,
            4 * copy.timing.images
        ))?;
    }
    output::line(
        "conv2d: as in burn-train 0.22.1, zeros beyond the border: its scores differ from the others'.",
    )
}
