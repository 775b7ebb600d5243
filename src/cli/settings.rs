//! The settings of a run as flags and environment variables: what was given, apart from what is then
//! resolved from it ([`TrainConfig`]).

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command};
use serde::Serialize;
use toml::Table;

use super::numbers::{parsed, real, whole, whole_u64};
use super::runs_folder::find_model;
use super::table::printable;
use crate::config::{
    Augment, ConfigError, Interval, OnNan, Optimizer, ROLES, Schedule, TrainConfig,
};
use crate::data::{Channels, ClassSelection, Corruption, Fit, Size, SplitFractions};
use crate::decode::Background;
use crate::device::Backend;
use crate::loss::Loss;
use crate::model::Architecture;
use crate::path_text::path_text;
use crate::ssim::Preset;

/// The settings that were given, each under its key in `config.toml`. The help gets their defaults from
/// [`show_defaults`].
#[derive(Args, Clone, Debug, Default, Serialize)]
pub(crate) struct SettingsArgs {
    /// Where to compute: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(long, value_enum, env = "TRAINER_BACKEND", help_heading = "Device")]
    pub backend: Option<Backend>,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_parser = whole("device"), value_name = "N", help_heading = "Device")]
    pub device: Option<usize>,

    /// Network
    #[arg(long, value_enum, help_heading = "Model")]
    pub arch: Option<Architecture>,

    /// Values in the latent vector
    #[arg(long, value_parser = whole("latent_dim"), value_name = "N", help_heading = "Model")]
    pub latent_dim: Option<usize>,

    /// Channels that arch residual has at full size; each halving doubles them, up to 16 times
    #[arg(long, value_parser = whole("width"), value_name = "N", help_heading = "Model")]
    pub width: Option<usize>,

    /// Passes over the training images, at most
    #[arg(long, value_parser = whole("epochs"), value_name = "N", help_heading = "Training")]
    pub epochs: Option<usize>,

    /// Images in one optimizer step
    #[arg(long, value_parser = whole("batch_size"), value_name = "N", help_heading = "Training")]
    pub batch_size: Option<usize>,

    /// Step size of the optimizer, at its highest
    #[arg(long, value_parser = real("learning_rate"), value_name = "RATE", help_heading = "Training")]
    pub learning_rate: Option<f64>,

    /// How the learning rate changes: not at all, down to zero along a cosine, or up and down
    #[arg(long, value_enum, help_heading = "Training")]
    pub schedule: Option<Schedule>,

    /// Share of all steps over which the learning rate rises, such as 0.1; with one-cycle, 0 means 0.15
    #[arg(long, value_parser = real("warmup"), value_name = "SHARE", help_heading = "Training")]
    pub warmup: Option<f64>,

    /// Optimizer
    #[arg(long, value_enum, help_heading = "Training")]
    pub optimizer: Option<Optimizer>,

    /// Scale gradients down whose norm, of all together, is larger; 0 for no limit
    #[arg(long, value_parser = real("clip_norm"), value_name = "NORM", help_heading = "Training")]
    pub clip_norm: Option<f64>,

    /// Validate and keep a running mean of the weights, of which so much is kept in a step, such as 0.99; 0 for the
    /// weights themselves
    #[arg(long, value_parser = real("ema"), value_name = "SHARE", help_heading = "Training")]
    pub ema: Option<f64>,

    /// What training minimises: bce, mse, l1, psnr, ssim, ms-ssim, or a sum such as 0.8*ssim+0.2*l1
    ///
    /// The sum's terms are NAME or WEIGHT*NAME, each name once, with weights above 0:
    /// - bce:     Binary cross-entropy
    /// - mse:     Mean squared error
    /// - l1:      Mean absolute error
    /// - psnr:    1 − PSNR / 60 dB
    /// - ssim:    1 − SSIM, by the conventions of --ssim-preset
    /// - ms-ssim: 1 − multi-scale SSIM, by the same
    #[arg(
        long,
        value_parser = parsed::<Loss>,
        allow_hyphen_values = true,
        value_name = "TERMS",
        verbatim_doc_comment,
        help_heading = "Training"
    )]
    pub loss: Option<Loss>,

    /// Steps of L-BFGS that improve each latent vector on the loss; 0 for the encoder's own
    #[arg(long, value_parser = whole("refine"), value_name = "STEPS", help_heading = "Training")]
    pub refine: Option<usize>,

    /// Whose conventions SSIM follows, in every score and in the loss
    #[arg(long, value_name = "LIBRARY", value_enum, help_heading = "Training")]
    pub ssim_preset: Option<Preset>,

    /// How training images are varied, against overfitting
    #[arg(long, value_enum, help_heading = "Training")]
    pub augment: Option<Augment>,

    /// Spoil images before they are encoded, for a model that restores such ones: gaussian:DEVIATION, mask:SHARE or
    /// salt:SHARE, such as gaussian:0.2; codes aren't refined then
    #[arg(long, value_parser = parsed::<Corruption>, value_name = "KIND:AMOUNT", help_heading = "Training")]
    pub corrupt: Option<Corruption>,

    /// What a byte of an image's code costs in the loss, such as 0.001, for a model that `trainer compress` packs
    /// small; codes are rounded then, and not refined
    #[arg(long, value_parser = real("rate"), value_name = "WEIGHT", help_heading = "Training")]
    pub rate: Option<f64>,

    /// Stop after so many epochs without a better validation loss
    #[arg(long, value_parser = whole("patience"), value_name = "EPOCHS", help_heading = "Training")]
    pub patience: Option<usize>,

    /// How much lower a validation loss must be to count as better
    #[arg(long, value_parser = real("min_delta"), value_name = "LOSS", help_heading = "Training")]
    pub min_delta: Option<f64>,

    /// What to do when the loss diverges: when it is NaN or infinite, or an epoch's is ten times the
    /// lowest so far
    #[arg(long, value_enum, help_heading = "Training")]
    pub on_nan: Option<OnNan>,

    /// Start from the weights of another model of the same architecture, latent size and image shape: a
    /// model file, or a run by its folder, its folder's name, or `latest`
    #[arg(long, value_name = "MODEL", help_heading = "Training")]
    #[serde(with = "crate::path_text")]
    pub init: Option<PathBuf>,

    /// How often to save what `trainer resume` continues from, besides at each epoch's end: steps, or
    /// minutes with an m
    #[arg(long, value_parser = parsed::<Interval>, allow_hyphen_values = true, value_name = "STEPS|MINUTESm", help_heading = "Output")]
    pub checkpoint_every: Option<Interval>,

    /// Seed of every random draw: split, order, initial weights, dropout
    #[arg(long, value_parser = whole_u64("seed"), value_name = "N", help_heading = "Training")]
    pub seed: Option<u64>,

    /// Classes to train on: names or numbers joined by commas, or all; auto takes all, except of Fashion-MNIST:
    /// t-shirt and trouser
    #[arg(long, value_parser = parsed::<ClassSelection>, allow_hyphen_values = true, value_name = "LIST", help_heading = "Data")]
    pub classes: Option<ClassSelection>,

    /// Shares of the training, validation and test images
    #[arg(long, value_parser = parsed::<SplitFractions>, allow_hyphen_values = true, value_name = "SHARES", help_heading = "Data")]
    pub split: Option<SplitFractions>,

    /// Use only N images, for a quick try [default: all]
    #[arg(long, value_parser = whole("limit"), value_name = "N", help_heading = "Data")]
    pub limit: Option<usize>,

    /// Folder with images, in folders by class or without, or below train, val and test; or with the four
    /// IDX files of MNIST and its kin [default: Fashion-MNIST]
    #[arg(long, value_name = "DIR", env = "TRAINER_DATA", help_heading = "Data")]
    #[serde(with = "crate::path_text")]
    pub data: Option<PathBuf>,

    #[command(flatten)]
    #[serde(flatten)]
    pub images: ImageArgs,

    /// Images that the run's pictures show
    #[arg(long, value_parser = whole("samples"), value_name = "N", help_heading = "Output")]
    pub samples: Option<usize>,

    /// Leave out the comparison with PCA
    #[arg(long, help_heading = "Output")]
    #[serde(skip)]
    pub no_pca: bool,
}

/// How image files are read.
#[derive(Args, Clone, Debug, Default, Serialize)]
pub struct ImageArgs {
    /// Table (CSV) with the columns path and class, instead of folders by class
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    #[serde(with = "crate::path_text")]
    pub labels: Option<PathBuf>,

    /// Grey (1) or colour (3); auto is grey if every image is
    #[arg(long, value_enum, help_heading = "Data")]
    pub channels: Option<Channels>,

    /// Size of the images: a side, or WIDTHxHEIGHT; auto is their own if all have the same and no side is
    /// above 128, else 64
    #[arg(long, value_parser = parsed::<Size>, value_name = "N|WxH", help_heading = "Data")]
    pub size: Option<Size>,

    /// How a picture of another aspect ratio is made to fit
    #[arg(long, value_enum, help_heading = "Data")]
    pub fit: Option<Fit>,

    /// What is behind transparent pixels: white, black, grey or #rrggbb; without it, images with such
    /// pixels are skipped
    #[arg(long, value_parser = parsed::<Background>, value_name = "COLOUR", help_heading = "Data")]
    pub background: Option<Background>,

    /// Stop at the first file that can't be read, instead of skipping it
    #[arg(long, help_heading = "Data")]
    #[serde(skip)]
    pub strict: bool,

    /// Don't keep decoded images for the next time
    #[arg(long, help_heading = "Data")]
    #[serde(skip)]
    pub no_cache: bool,
}

impl SettingsArgs {
    /// What was given, by key.
    ///
    /// # Errors
    ///
    /// Where a value has no form in TOML.
    pub fn given(&self) -> Result<Table, ConfigError> {
        let mut table = Table::try_from(self).map_err(|error| ConfigError::Malformed {
            path: PathBuf::from("the command line"),
            message: error.to_string(),
        })?;
        if self.no_pca {
            table.insert("pca".to_owned(), false.into());
        }
        if self.images.strict {
            table.insert("strict".to_owned(), true.into());
        }
        if self.images.no_cache {
            table.insert("cache".to_owned(), false.into());
        }
        Ok(table)
    }

    /// The complete settings: what was given goes before what is in `file`, and that before the
    /// architecture's defaults.
    ///
    /// # Errors
    ///
    /// As [`TrainConfig::layered`].
    pub fn resolve(&self, file: Option<&Path>) -> Result<TrainConfig, ConfigError> {
        TrainConfig::layered(file, self.given()?)
    }

    /// Has `init` name a model file or a run's folder, where it is the name of one of `runs`.
    ///
    /// # Errors
    ///
    /// Where there is neither.
    pub fn find_init(&mut self, runs: &Path) -> anyhow::Result<()> {
        if let Some(init) = &mut self.init {
            *init = find_model(init, runs)
                .with_context(|| format!("--init {}", printable(&path_text(&init))))?;
        }
        Ok(())
    }
}

/// Adds the defaults to the help of every command that takes settings: those of the default
/// architecture, and of others where they differ.
pub(super) fn show_defaults(command: Command) -> Command {
    let by_arch = defaults();
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let ids: Vec<String> = command
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .collect();
    // Only commands that train take it; others have settings of their own, such as --backend.
    let command = if ids.iter().any(|id| id == "checkpoint_every") {
        let keys = ROLES.iter().map(|(key, _)| *key);
        keys.filter(|key| ids.iter().any(|id| id == key))
            .fold(command, |command, key| match words(key, &by_arch) {
                Some(words) => command.mut_arg(key, |argument| {
                    let short = argument.get_help().map(ToString::to_string);
                    let long = argument.get_long_help().map(ToString::to_string);
                    let argument = match short {
                        Some(help) => argument.help(format!("{help} [default: {words}]")),
                        None => argument,
                    };
                    match long {
                        Some(help) => argument.long_help(format!("{help}\n\n[default: {words}]")),
                        None => argument,
                    }
                }),
                None => command,
            })
    } else {
        command
    };
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, show_defaults)
    })
}

/// Complete settings by architecture, the default one first.
fn defaults() -> Vec<(&'static str, Table)> {
    use clap::ValueEnum;
    let mut archs = Architecture::value_variants().to_vec();
    archs.sort_by_key(|&arch| arch != Architecture::default());
    archs
        .into_iter()
        .map(|arch| {
            let config = TrainConfig::for_arch(arch);
            (arch.name(), config.settings(|_| true))
        })
        .collect()
}

/// `20; 50 for baseline and modified`; none for a setting without a default.
fn words(key: &str, by_arch: &[(&'static str, Table)]) -> Option<String> {
    let value = |table: &Table| {
        table.get(key).map(|value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        })
    };
    let (_, first) = by_arch.first()?;
    let first = value(first)?;
    let mut others: Vec<(String, Vec<&str>)> = Vec::new();
    for (arch, table) in by_arch {
        let Some(value) = value(table).filter(|value| *value != first) else {
            continue;
        };
        match others.iter_mut().find(|(known, _)| *known == value) {
            Some((_, archs)) => archs.push(arch),
            None => others.push((value, vec![arch])),
        }
    }
    // An architecture is its own default.
    others.retain(|_| key != "arch");
    let others = others
        .into_iter()
        .map(|(value, archs)| format!("; {value} for {}", archs.join(" and ")));
    Some([first].into_iter().chain(others).collect())
}
