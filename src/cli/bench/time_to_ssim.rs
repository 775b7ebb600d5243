//! `trainer bench time-to-ssim`: how long a user waits for a quality.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::common::{CommonArgs, Machine, Spread, settings};
use super::seconds;
use crate::bench::trial::{Event, Trial};
use crate::cli::numbers::number;
use crate::cli::{Exit, log, output};
use crate::config::TrainConfig;
use crate::words::count;

/// A trial may take longer than training does by default.
const MOST_EPOCHS: usize = 50;

#[derive(Args, Debug)]
pub(in crate::cli) struct TimeToSsimArgs {
    /// SSIM of the validation images that is to be reached
    #[arg(long, value_name = "SSIM", value_parser = number(|target: f64| target > 0.0 && target < 1.0, "expected an SSIM between 0 and 1, such as 0.93"))]
    target: f64,

    /// How long a trial may take
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    seconds: Duration,

    #[command(flatten)]
    common: CommonArgs,
}

/// Where a trial came to the target, or how far it came.
#[derive(Clone, Copy, Debug, Serialize)]
struct Arrival {
    /// From process start.
    seconds: Option<f64>,
    /// Validation SSIM.
    ssim: f64,
    /// Epochs that it took.
    epochs: usize,
}

pub(super) fn run(args: TimeToSsimArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let config = settings(&args.common.settings, MOST_EPOCHS)?;
    let machine = Machine::of(&config, args.common.trials)?;
    let mut arrivals = Vec::new();
    for number in 1..=args.common.trials {
        let arrival = arrive(&config, args.target, args.seconds)?;
        tracing::info!(
            "trial {number}: validation SSIM {:.4} after {}{}",
            arrival.ssim,
            count(arrival.epochs, "epoch"),
            match arrival.seconds {
                Some(seconds) => format!(", {seconds:.2} s"),
                None => ": the target isn't reached".to_owned(),
            }
        );
        arrivals.push(arrival);
    }
    let times: Option<Vec<f64>> = arrivals.iter().map(|arrival| arrival.seconds).collect();
    let spread = times.as_deref().and_then(Spread::of);
    if args.common.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            target: f64,
            seconds: Option<Spread>,
            arrivals: Vec<Arrival>,
        }
        output::json(&Report {
            machine,
            target: args.target,
            seconds: spread.clone(),
            arrivals,
        })?;
    } else {
        machine.print()?;
        Spread::head()?;
        let label = format!("seconds to SSIM {}", args.target);
        match &spread {
            Some(spread) => Spread::row(&label, Some(spread), 2)?,
            None => output::line(format_args!("{label:<28}{:>12}", "not reached"))?,
        }
    }
    Ok(if spread.is_some() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn arrive(config: &TrainConfig, target: f64, cap: Duration) -> anyhow::Result<Arrival> {
    let mut trial = Trial::start(config, Some(target)).context("can't start a trial")?;
    let mut arrival = Arrival {
        seconds: None,
        ssim: f64::NAN,
        epochs: 0,
    };
    let mut has_ended = false;
    while let Some((elapsed, event)) = trial.next(cap) {
        match event {
            Event::End { .. } => {
                has_ended = true;
                continue;
            }
            Event::Start { ssim } => arrival.ssim = ssim,
            Event::Epoch { ssim, .. } => {
                arrival.ssim = ssim;
                arrival.epochs += 1;
            }
            _ => continue,
        }
        if arrival.ssim >= target {
            arrival.seconds = Some(elapsed);
            break;
        }
    }
    let is_late = trial.is_late(cap);
    if !has_ended && !is_late && arrival.seconds.is_none() {
        bail!("a trial failed, for the reason above");
    }
    if arrival.ssim.is_nan() {
        bail!("a trial ended, or took longer than --seconds, before its model could be judged");
    }
    Ok(arrival)
}
