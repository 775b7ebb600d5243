//! `trainer bench launches`: how much an epoch asks of a GPU.

use std::sync::atomic::AtomicBool;

use chrono::Local;
use clap::Args;
use serde::Serialize;
use tempfile::TempDir;

use super::common::{Machine, settings};
use crate::bench::launches::{Counter, Counts};
use crate::cli::output::{self, OutputError};
use crate::cli::settings::SettingsArgs;
use crate::cli::{Exit, log};
use crate::config::ConfigError;
use crate::data::Watch;
use crate::device::Backend;
use crate::run::{EpochMetrics, RunDir};
use crate::train::{Observer, prepare, train};

/// In the first epoch kernels are chosen among several, which are launched to be timed.
const EPOCHS: usize = 2;

#[derive(Args, Debug)]
pub(in crate::cli) struct LaunchesArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// What the last epoch asked for.
#[derive(Debug, Serialize)]
struct Epoch {
    steps: usize,
    /// Of each step, as the others show: what was queued before the first one ended isn't its own.
    launches_per_step: Option<f64>,
    #[serde(flatten)]
    counts: Counts,
}

pub(super) fn run(args: LaunchesArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let config = settings(&args.settings, EPOCHS)?;
    if config.device.backend != Backend::Wgpu {
        return Err(ConfigError::Value {
            setting: "backend",
            value: config.device.backend.name().to_owned(),
            expected: "wgpu: a CPU backend launches no kernels",
        }
        .into());
    }
    let prepared = prepare(config, &Watch::NONE)?;
    let machine = Machine::of(&prepared.config, 1)?;
    let folder = TempDir::with_prefix("trainer-bench-")?;
    let run = RunDir::create(folder.path(), None, "launches", Local::now())?;
    let mut observer = EpochCounter::default();
    train(
        &prepared,
        Some(&run),
        &mut observer,
        &AtomicBool::new(false),
    )?;
    let epoch = observer.last.expect("training has epochs");
    if args.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            epoch: Epoch,
        }
        output::json(&Report { machine, epoch })?;
        return Ok(Exit::Done);
    }
    machine.print()?;
    print(&epoch)?;
    Ok(Exit::Done)
}

fn print(epoch: &Epoch) -> Result<(), OutputError> {
    let Epoch {
        steps,
        launches_per_step,
        counts,
    } = epoch;
    output::line(format_args!(
        "the last epoch: {steps} steps, validation, a picture, a checkpoint"
    ))?;
    output::line(format_args!("{:>8}  kernels launched", counts.launches))?;
    if let Some(launches) = launches_per_step {
        output::line(format_args!("{launches:>8.1}  of them in each step"))?;
    }
    output::line(format_args!(
        "{:>8}  submissions to the queue",
        counts.submissions
    ))?;
    output::line(format_args!(
        "{:>8}  reads that the host waits for\n",
        counts.reads
    ))?;
    let mut kernels: Vec<_> = counts.kernels.iter().collect();
    kernels.sort_by_key(|&(name, &count)| (std::cmp::Reverse(count), name));
    for (name, count) in kernels {
        output::line(format_args!("{count:>8}  {name}"))?;
    }
    Ok(())
}

/// Counts each epoch on its own.
#[derive(Default)]
struct EpochCounter {
    counter: Option<Counter>,
    /// Launches up to the end of each step.
    steps: Vec<usize>,
    last: Option<Epoch>,
}

impl Observer for EpochCounter {
    fn epoch_started(&mut self, _: usize, _: usize) {
        self.counter.get_or_insert_with(Counter::start);
    }

    fn step(&mut self, images: usize) {
        if let Some(counter) = &self.counter
            && images > 0
        {
            self.steps.push(counter.launches());
        }
    }

    fn epoch_finished(&mut self, _: &EpochMetrics, _: bool) {
        let steps = std::mem::take(&mut self.steps);
        #[expect(clippy::cast_precision_loss, reason = "counts of launches")]
        let launches_per_step = match steps[..] {
            [first, .., last] => Some((last - first) as f64 / (steps.len() - 1) as f64),
            _ => None,
        };
        self.last = self.counter.take().map(|counter| Epoch {
            steps: steps.len(),
            launches_per_step,
            counts: counter.counts(),
        });
        self.counter = Some(Counter::start());
    }
}
