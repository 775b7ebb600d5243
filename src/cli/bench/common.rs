//! What the benches of training share: settings, the machine, and the spread of several trials.

use clap::{ArgMatches, Args};
use serde::Serialize;

use super::trials;
use crate::cli::is_given;
use crate::config::TrainConfig;
use crate::device;
use crate::error::Error;

#[derive(Args, Debug)]
pub(super) struct CommonArgs {
    /// Trials of each measurement
    #[arg(long, value_name = "N", default_value = "3", value_parser = trials)]
    pub trials: usize,

    /// Print the result as JSON, with every trial
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub config: TrainConfig,
}

/// The settings, with what a bench has instead of training's defaults: so many epochs, among others.
pub(super) fn settings(
    config: &TrainConfig,
    matches: &ArgMatches,
    epochs: usize,
) -> Result<TrainConfig, Error> {
    let mut config = config.clone();
    if !is_given(matches, "backend") {
        // Found once, not in every trial.
        config.backend = device::select(config.backend, config.device)?.backend;
    }
    if !is_given(matches, "epochs") {
        config.epochs = epochs;
    }
    let own = ["backend", "arch", "epochs"];
    let given = |key: &str| own.contains(&key) || is_given(matches, key);
    Ok(config.layered(None, given)?.resolve()?)
}

/// Several measurements of one quantity.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Spread {
    pub median: f64,
    min: f64,
    max: f64,
    /// In their order.
    trials: Vec<f64>,
}

impl Spread {
    /// None where there are no measurements.
    pub fn of(trials: &[f64]) -> Option<Self> {
        let mut sorted = trials.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self {
            median,
            min: sorted[0],
            max: *sorted.last()?,
            trials: trials.to_vec(),
        })
    }

    pub fn row(label: &str, spread: Option<&Self>, decimals: usize) {
        match spread {
            Some(Self {
                median, min, max, ..
            }) => {
                println!("{label:<28}{median:>12.decimals$}{min:>12.decimals$}{max:>12.decimals$}");
            }
            None => println!("{label:<28}{:>12}", "not known"),
        }
    }

    pub fn head() {
        println!("{:<28}{:>12}{:>12}{:>12}", "", "median", "min", "max");
    }
}

/// What is said with every figure.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    version: &'static str,
    backend: &'static str,
    device: String,
    system: String,
    trials: usize,
    config: TrainConfig,
}

impl Machine {
    pub fn of(config: &TrainConfig, trials: usize) -> Result<Self, Error> {
        let selection = device::select(config.backend, config.device)?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            backend: selection.backend.name(),
            device: selection.adapter,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            trials,
            config: config.clone(),
        })
    }

    pub fn print(&self) {
        println!(
            "trainer {} on {} ({}), {}; {} trials",
            self.version, self.backend, self.device, self.system, self.trials
        );
        println!(
            "{}, {} latent values, loss {}, classes {}, batches of {}\n",
            self.config.arch.name(),
            self.config.latent_dim(),
            self.config.loss,
            self.config.classes,
            self.config.batch_size
        );
    }
}

pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
