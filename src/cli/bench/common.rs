//! What the benches of training share: settings, the machine, and the spread of several trials.

use clap::Args;
use serde::Serialize;

use super::trials;
use crate::bench::timing::median;
use crate::cli::output::{self, OutputError};
use crate::cli::settings::SettingsArgs;
use crate::config::TrainConfig;
use crate::device::{self, Backend, DeviceError};
use crate::words::count;

#[derive(Args, Debug)]
pub(super) struct CommonArgs {
    /// Trials of each measurement
    #[arg(long, value_name = "N", default_value = "3", value_parser = trials)]
    pub trials: usize,

    /// Print the result as JSON, with every trial
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// The settings, with what a bench has instead of training's defaults: so many epochs, among others.
pub(super) fn settings(settings: &SettingsArgs, epochs: usize) -> anyhow::Result<TrainConfig> {
    let settings = SettingsArgs {
        epochs: Some(settings.epochs.unwrap_or(epochs)),
        ..settings.clone()
    };
    let mut config = settings.resolve(None)?;
    config.validate()?;
    let device = &mut config.device;
    if device.backend == Backend::Auto {
        // Found once, not in every trial.
        device.backend = device::select(device.backend, device.device)?.backend;
    }
    Ok(config)
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
        Some(Self {
            median: median(&sorted)?,
            min: sorted[0],
            max: *sorted.last()?,
            trials: trials.to_vec(),
        })
    }

    pub fn row(label: &str, spread: Option<&Self>, decimals: usize) -> Result<(), OutputError> {
        match spread {
            Some(Self {
                median, min, max, ..
            }) => output::line(format_args!(
                "{label:<28}{median:>12.decimals$}{min:>12.decimals$}{max:>12.decimals$}"
            )),
            None => output::line(format_args!("{label:<28}{:>12}", "not known")),
        }
    }

    pub fn head() -> Result<(), OutputError> {
        output::line(format_args!(
            "{:<28}{:>12}{:>12}{:>12}",
            "", "median", "min", "max"
        ))
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
    pub fn of(config: &TrainConfig, trials: usize) -> Result<Self, DeviceError> {
        let selected = device::select(config.device.backend, config.device.device)?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            backend: selected.backend.name(),
            device: selected.adapter,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            trials,
            config: config.clone(),
        })
    }

    pub fn print(&self) -> Result<(), OutputError> {
        output::line(format_args!(
            "trainer {} on {} ({}), {}; {}",
            self.version,
            self.backend,
            self.device,
            self.system,
            count(self.trials, "trial")
        ))?;
        output::line(format_args!(
            "{}, {} latent values, loss {}, classes {}, batches of {}\n",
            self.config.model.arch.name(),
            self.config.model.latent_dim,
            self.config.training.loss,
            self.config.data.classes,
            self.config.training.batch_size
        ))
    }
}
