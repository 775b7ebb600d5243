//! The settings of a run: one struct for the command line, for `--config` files and for the
//! `config.toml` of a run folder. The doc comments are the help.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::data::{ClassSelection, SplitFractions};
use crate::error::ConfigError;
use crate::loss::Loss;
use crate::model::{Architecture, ImageShape};
use crate::objective::Objective;
use crate::ssim::Preset;

/// What to train, on which images, and how.
///
/// Fields that are `None` get their value from [`resolve`](Self::resolve).
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Where to compute: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "TRAINER_BACKEND",
        help_heading = "Device"
    )]
    pub backend: Backend,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Device")]
    pub device: usize,

    /// Network
    #[arg(long, value_enum, default_value_t, help_heading = "Model")]
    pub arch: Architecture,

    /// Values in the latent vector [default: 128; 256 for modified]
    #[arg(long, value_name = "N", help_heading = "Model")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent_dim: Option<usize>,

    /// Passes over the training images, at most [default: 20; 50 for baseline and modified]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        hide_default_value = true,
        help_heading = "Training"
    )]
    pub epochs: usize,

    /// Images in one optimizer step [default: 128; 32 for baseline and modified]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 32,
        hide_default_value = true,
        help_heading = "Training"
    )]
    pub batch_size: usize,

    /// Step size of the optimizer, at the start [default: 0.001; 0.002 for baseline and modified]
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 2e-3,
        hide_default_value = true,
        help_heading = "Training"
    )]
    pub learning_rate: f64,

    /// How the learning rate goes on: constant, or down to zero along a cosine over all epochs
    #[arg(long, value_enum, default_value_t, help_heading = "Training")]
    pub schedule: Schedule,

    /// Optimizer
    #[arg(long, value_enum, default_value_t, help_heading = "Training")]
    pub optimizer: Optimizer,

    /// What training minimises: bce, mse, l1, ssim, ms-ssim, or a sum such as 0.8*ssim+0.2*l1
    ///
    /// The sum's terms are NAME or WEIGHT*NAME, each name once, with weights above 0:
    /// - bce:     Binary cross-entropy
    /// - mse:     Mean squared error
    /// - l1:      Mean absolute error
    /// - ssim:    1 − SSIM, by the conventions of --ssim-preset
    /// - ms-ssim: 1 − multi-scale SSIM, by the same
    ///
    /// [default: ssim+mse; bce for baseline and modified]
    #[arg(
        long,
        value_name = "TERMS",
        default_value_t,
        hide_default_value = true,
        verbatim_doc_comment,
        help_heading = "Training"
    )]
    pub loss: Loss,

    /// Steps by which the encoder improves each latent vector on the loss [default: 20; 0 for baseline
    /// and modified]
    #[arg(
        long,
        value_name = "STEPS",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Training"
    )]
    #[serde(default)]
    pub refine: usize,

    /// Whose conventions SSIM follows, in every score and in the loss
    #[arg(
        long,
        value_name = "LIBRARY",
        value_enum,
        default_value_t,
        help_heading = "Training"
    )]
    #[serde(default)]
    pub ssim_preset: Preset,

    /// How training images are varied, so that fewer of them are learnt by heart
    #[arg(long, value_enum, default_value_t, help_heading = "Training")]
    pub augment: Augment,

    /// Stop after so many epochs without a better validation loss
    #[arg(
        long,
        value_name = "EPOCHS",
        default_value_t = 10,
        help_heading = "Training"
    )]
    pub patience: usize,

    /// How much lower a validation loss must be to count as better
    #[arg(
        long,
        value_name = "LOSS",
        default_value_t = 0.0,
        help_heading = "Training"
    )]
    pub min_delta: f64,

    /// What to do when the loss is no number any more, or an epoch's is ten times the lowest so far
    #[arg(long, value_enum, default_value_t, help_heading = "Training")]
    #[serde(default)]
    pub on_nan: OnNan,

    /// How often to save what `trainer resume` goes on from, besides at each epoch's end: steps, or
    /// minutes with an m
    #[arg(
        long,
        value_name = "STEPS|MINUTESm",
        default_value_t,
        help_heading = "Output"
    )]
    #[serde(default)]
    pub checkpoint_every: Interval,

    /// Seed of every random draw: split, order, initial weights, dropout
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub seed: u64,

    /// Classes to train on: names or numbers joined by commas, or all
    #[arg(long, value_name = "LIST", default_value_t, help_heading = "Data")]
    pub classes: ClassSelection,

    /// Shares of the training, validation and test images
    #[arg(long, value_name = "SHARES", default_value_t, help_heading = "Data")]
    pub split: SplitFractions,

    /// Use only N images, for a quick try [default: all]
    #[arg(long, value_name = "N", help_heading = "Data")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,

    /// Folder with the four Fashion-MNIST files [default: the embedded images, or the first place
    /// that has the files]
    #[arg(long, value_name = "DIR", env = "TRAINER_DATA", help_heading = "Data")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,

    /// Images that the run's pictures show
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Output")]
    pub samples: usize,
}

/// Where tensors are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// A real GPU through wgpu where there is one, else flex
    #[default]
    Auto,
    /// A GPU, by Vulkan, Metal or DX12
    Wgpu,
    /// The CPU, by burn-ndarray
    Ndarray,
    /// The CPU, by burn-flex: the faster of the two
    Flex,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The same in every step
    Constant,
    /// A cosine from the learning rate in the first step to zero after the last
    #[default]
    Cosine,
}

impl Schedule {
    /// The learning rate of one step, of `steps` in all.
    #[must_use]
    pub fn learning_rate(self, initial: f64, step: usize, steps: usize) -> f64 {
        match self {
            Self::Constant => initial,
            Self::Cosine => {
                #[expect(clippy::cast_precision_loss, reason = "a share of the way")]
                let share = step as f64 / steps.max(1) as f64;
                initial * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
        }
    }
}

/// Variations of the training images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augment {
    /// As they are
    None,
    /// Every second one, drawn anew in each epoch, left to right
    #[default]
    Flip,
}

/// What to do about a loss that diverges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnNan {
    /// End the run; its best weights are kept
    #[default]
    Stop,
    /// Go back to the last good epoch with half the learning rate, at most three times
    Rollback,
}

/// Some steps or minutes: `500` or `10m`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Interval {
    /// Optimizer steps, at least one.
    Steps(usize),
    /// Minutes, above zero.
    Minutes(f64),
}

impl Default for Interval {
    fn default() -> Self {
        Self::Minutes(10.0)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(formatter, "{steps}"),
            Self::Minutes(minutes) => write!(formatter, "{minutes}m"),
        }
    }
}

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let interval = match word.strip_suffix('m') {
            Some(minutes) => minutes
                .parse()
                .ok()
                .filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0)
                .map(Self::Minutes),
            None => word
                .parse()
                .ok()
                .filter(|&steps| steps > 0)
                .map(Self::Steps),
        };
        interval.ok_or("expected steps such as 500, or minutes such as 10m, above zero")
    }
}

impl TryFrom<String> for Interval {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

/// An optimizer by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba, 2015)
    #[default]
    Adam,
    /// Adam with decoupled weight decay of 0.01 (Loshchilov and Hutter, 2019)
    #[value(name = "adamw")]
    AdamW,
}

impl TrainConfig {
    /// Settings that may be others when a run goes on.
    pub(crate) const MAY_CHANGE: [&str; 9] = [
        "backend",
        "device",
        "epochs",
        "patience",
        "min_delta",
        "on_nan",
        "checkpoint_every",
        "data",
        "samples",
    ];

    /// Puts settings together: those that were `given`, by a flag or the environment, go before those
    /// in `file`, whose keys may be any part of the settings, these before the architecture's
    /// [recipe](Architecture::recipe), and that before the other values of `self`.
    ///
    /// # Errors
    ///
    /// Where the file can't be read, isn't TOML, or has an unknown key or an impossible value.
    pub fn layered(
        self,
        file: Option<&Path>,
        given: impl Fn(&str) -> bool,
    ) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new("the settings"));
        // The message may end with the key, on a line of its own.
        let malformed = |message: String| ConfigError::Malformed {
            path: path.to_owned(),
            message: message.trim_end().to_owned(),
        };
        let mut table = toml::Table::new();
        if let Some(path) = file {
            table = toml::from_str(&read(path)?).map_err(|error| malformed(error.to_string()))?;
        }
        let own = toml::Table::try_from(&self).map_err(|error| malformed(error.to_string()))?;
        table.extend(own.clone().into_iter().filter(|(key, _)| given(key)));
        let arch = match table.get("arch") {
            Some(arch) => arch.clone().try_into(),
            None => Ok(self.arch),
        };
        // An architecture that there isn't is an error below.
        let recipe = arch.map(Architecture::recipe).unwrap_or_default();
        for (key, value) in recipe.into_iter().chain(own) {
            table.entry(key).or_insert(value);
        }
        table
            .try_into()
            .map_err(|error: toml::de::Error| malformed(error.to_string()))
    }

    /// The `config.toml` of a run folder.
    ///
    /// # Errors
    ///
    /// Where the file can't be read or isn't such a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(&read(path)?).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// These settings as TOML.
    ///
    /// # Panics
    ///
    /// Never: every setting has a form in TOML once [`resolve`](Self::resolve) has checked it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are numbers and strings")
    }

    /// The latent size, given or the architecture's own.
    #[must_use]
    pub fn latent_dim(&self) -> usize {
        self.latent_dim
            .unwrap_or_else(|| self.arch.default_latent_dim())
    }

    /// The loss, and how latent vectors are found.
    #[must_use]
    pub fn objective(&self) -> Objective {
        Objective {
            loss: self.loss.clone(),
            conventions: self.ssim_preset.config(),
            refine: self.refine,
        }
    }

    /// Checks that SSIM's window fits images of this shape.
    ///
    /// # Errors
    ///
    /// Where it doesn't.
    pub fn check_ssim(&self, image: ImageShape) -> Result<(), ConfigError> {
        let shape = [1, image.channels, image.height, image.width];
        let check = self.ssim_preset.config().check(shape, shape);
        check.map_err(|reason| ConfigError::SsimPreset {
            preset: self.ssim_preset.name(),
            reason,
        })
    }

    /// Fills in what depends on other settings, and checks that every number is in its range.
    ///
    /// # Errors
    ///
    /// The first setting that can't work.
    pub fn resolve(mut self) -> Result<Self, ConfigError> {
        const LARGEST_LATENT: usize = 65_536;
        /// TOML's integers have a sign.
        const LARGEST_SEED: u64 = i64::MAX.unsigned_abs();
        let positive = "a whole number above zero";
        self.latent_dim = Some(self.latent_dim());
        require(
            "latent-dim",
            self.latent_dim(),
            (1..=LARGEST_LATENT).contains(&self.latent_dim()),
            "a whole number from 1 to 65536",
        )?;
        require("epochs", self.epochs, self.epochs > 0, positive)?;
        require("batch-size", self.batch_size, self.batch_size > 0, positive)?;
        require(
            "learning-rate",
            self.learning_rate,
            self.learning_rate.is_finite() && self.learning_rate > 0.0,
            "a finite number above zero, such as 0.001",
        )?;
        require("patience", self.patience, self.patience > 0, positive)?;
        require(
            "min-delta",
            self.min_delta,
            self.min_delta.is_finite() && self.min_delta >= 0.0,
            "a finite number, zero or above",
        )?;
        require(
            "seed",
            self.seed,
            self.seed <= LARGEST_SEED,
            "at most 9223372036854775807",
        )?;
        require(
            "samples",
            self.samples,
            (1..=100).contains(&self.samples),
            "from 1 to 100 images",
        )?;
        if let Some(limit) = self.limit {
            require("limit", limit, limit > 0, positive)?;
        }
        Ok(self)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn require(
    flag: &'static str,
    value: impl ToString,
    holds: bool,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError::Value {
        flag,
        value: value.to_string(),
        expected,
    })
}
