//! `trainer info MODEL`: what a model file says of its model.

use clap::Args;
use serde::Serialize;

use super::ModelArgs;
use crate::cli::{Exit, log, output};
use crate::model::{ModelInfo, parameters};
use crate::path_text::path_text;
use crate::words::{count, refined};

/// Shows what a model is: its architecture, images, loss and classes
#[derive(Args, Debug)]
pub(in crate::cli) struct InfoArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    model: String,
    parameters: usize,
    /// Images by whose scores thresholds go.
    usual_images: Option<usize>,
    #[serde(flatten)]
    info: &'a ModelInfo,
}

/// What a byte cost in training, and what follows for codes.
fn rate_words(info: &ModelInfo) -> String {
    if info.rate == 0.0 {
        return "none: codes aren't rounded".to_owned();
    }
    format!("{} for each byte of a code; codes are rounded", info.rate)
}

pub(in crate::cli) fn run(args: &InfoArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let path = args.model.path()?;
    let model = args.model.open()?;
    let info = model.info();
    let parameters = parameters(&info.design(), info.latent_dim);
    if args.json {
        output::json(&Shown {
            model: path_text(&path),
            parameters,
            usual_images: model.calibration().map(|usual| usual.scores.images),
            info,
        })?;
        return Ok(Exit::Done);
    }
    let usual = model.calibration().map_or(
        "not known: `trainer score` needs --calibrate or --threshold".to_owned(),
        |calibration| {
            let images = count(calibration.scores.images, "validation image");
            format!("scores of {images}, for `trainer score`")
        },
    );
    output::path(&path)?;
    for (name, value) in [
        (
            "arch",
            format!("{}, {parameters} parameters", info.arch_words()),
        ),
        ("latent_dim", info.latent_dim.to_string()),
        ("images", info.image.to_string()),
        ("fit", info.fit_words()),
        (
            "loss",
            format!("{}; codes {}", info.loss, refined(info.refine)),
        ),
        ("corrupt", info.corrupt.to_string()),
        ("rate", rate_words(info)),
        ("ssim_preset", info.ssim_preset.name().to_owned()),
        ("classes", info.class_words()),
        ("usual", usual),
        ("made by", format!("trainer {}", info.version)),
    ] {
        output::line(crate::cli::table::printable(&format!("{name:<12} {value}")))?;
    }
    Ok(Exit::Done)
}
