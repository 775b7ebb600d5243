//! `trainer score MODEL IMAGES…`: how unusual images are, and which of them are too unusual.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::decode::check_numbers;
use super::detections::{Detections, Known, tell};
use super::usual::{Found, Usual};
use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, require_some, targets, tell_unused,
};
use crate::anomaly::{Aggregate, AnomalyScore, Measure, PixelErrors, USUAL_SHARE};
use crate::cli::loading::watched;
use crate::cli::numbers::number;
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::table::printable;
use crate::cli::{Exit, bail_usage, log, output};
use crate::data::{InputBatch, Inputs, Skipped};
use crate::image::{ImageShape, from_levels};
use crate::path_text::path_text;
use crate::plot::{Heat, heat_map};
use crate::run::{export_png, write_output};
use crate::words::count;

/// Gives images anomaly scores, and says which are above a threshold
///
/// The threshold is a quantile of the scores of images that the model wasn't trained on, which training leaves in
/// the model file. The table has path, score, threshold and whether the image is anomalous.
#[derive(Args, Debug)]
pub(in crate::cli) struct ScoreArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// The table to write [default: scores.csv; with --shard 2/4, scores-2-of-4.csv]
    #[arg(long, short, value_name = "FILE.csv", value_parser = output::file())]
    output: Option<PathBuf>,

    /// What is measured
    #[arg(long, value_enum, default_value = "ssim+l1")]
    by: By,

    /// What of an image's pixels counts [default: worst]
    #[arg(long, value_enum)]
    over: Option<Aggregate>,

    /// The share of usual images that stay below the threshold
    #[arg(long, value_name = "SHARE", value_parser = number(|share: f64| (0.0..=1.0).contains(&share), "expected a number from 0 to 1, such as 0.99"), default_value_t = USUAL_SHARE)]
    quantile: f64,

    /// The threshold itself
    #[arg(long, value_name = "SCORE", value_parser = number(f64::is_finite, "expected a finite number, such as 0.5"), conflicts_with = "quantile")]
    threshold: Option<f64>,

    /// A file or folder of usual images, for the threshold, in place of the model's validation images; may be given
    /// several times
    #[arg(long, value_name = "PATH")]
    calibrate: Vec<PathBuf>,

    /// Codes of usual images, which `trainer encode` wrote: with `--by latent`, the mean distance to the five nearest
    #[arg(long, value_name = "FILE")]
    codes: Option<PathBuf>,

    /// Classes that are usual: tells how well the others are found, and how well PCA finds them
    #[arg(
        long,
        value_name = "CLASS",
        value_delimiter = ',',
        conflicts_with = "shard"
    )]
    normal: Vec<String>,

    /// Take the classes from a CSV file with the columns path and class
    #[arg(long, value_name = "FILE.csv", requires = "normal")]
    labels: Option<PathBuf>,

    /// Write each image with its errors as heat over it, as PNG
    #[arg(long, value_name = "DIR", value_parser = output::folder())]
    maps: Option<PathBuf>,

    #[command(flatten)]
    refinement: CodeArgs,

    #[command(flatten)]
    writing: WritingArgs,
}

impl ScoreArgs {
    /// Refuses what doesn't go together.
    fn check(&self) -> anyhow::Result<()> {
        if self.codes.is_some() && self.by != By::Latent {
            bail_usage!("--codes goes with --by latent, not with scores of pixels");
        }
        if self.over.is_some() && self.by == By::Latent {
            bail_usage!("--over goes with scores of pixels, and --by latent has none");
        }
        Ok(())
    }

    /// All files that are read, as the system knows them.
    fn files_read(
        &self,
        inputs: &Inputs,
        calibrate: Option<&Inputs>,
    ) -> anyhow::Result<HashSet<PathBuf>> {
        let mut read = self.images.files(inputs, &self.model)?;
        if let Some(calibrate) = calibrate {
            let usual = calibrate.files();
            let both = read.intersection(&usual).count();
            if both > 0 {
                tracing::warn!(
                    "{} of --calibrate {} scored, too: usual ones will seem more usual than they are",
                    count(both, "file"),
                    if both == 1 { "is" } else { "are" }
                );
            }
            read.extend(usual);
        }
        let tables = [&self.codes, &self.labels].into_iter().flatten();
        read.extend(tables.filter_map(|path| path.canonicalize().ok()));
        Ok(read)
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// The squared difference of image and reconstruction
    Mse,
    /// 1 − SSIM of image and reconstruction
    Ssim,
    /// 1 − SSIM plus the absolute difference
    #[value(name = "ssim+l1")]
    SsimL1,
    /// The difference of local means, relative to the image's brightness
    Relative,
    /// The squared difference of the local means of square roots
    Sqrt,
    /// The Mahalanobis distance of the image's code from those of the training images
    Latent,
}

impl By {
    fn score(self, over: Aggregate) -> AnomalyScore {
        match self {
            Self::Mse => AnomalyScore::Pixels(Measure::Mse, over),
            Self::Ssim => AnomalyScore::Pixels(Measure::Ssim, over),
            Self::SsimL1 => AnomalyScore::Pixels(Measure::SsimL1, over),
            Self::Relative => AnomalyScore::Pixels(Measure::Relative, over),
            Self::Sqrt => AnomalyScore::Pixels(Measure::Sqrt, over),
            Self::Latent => AnomalyScore::Latent,
        }
    }
}

#[derive(Serialize)]
struct Scored {
    scores: String,
    score: String,
    threshold: f64,
    /// What it is.
    threshold_is: String,
    images: usize,
    anomalous: usize,
    /// Steps for each code.
    refine: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    detection: Option<Detections>,
    skipped: Vec<Skipped>,
}

pub(in crate::cli) fn run(args: &ScoreArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    let named = args.output.clone();
    let output_path = named.unwrap_or_else(|| args.images.file_name("scores", "csv").into());
    let mut inputs = args.images.open()?;
    if let Some(table) = &args.labels {
        inputs.label(table)?;
    }
    let normal = usual_classes(&args.normal, &inputs.classes())?;
    let maps: Vec<PathBuf> = match &args.maps {
        Some(folder) => targets::png_paths(folder, inputs.paths()),
        None => Vec::new(),
    };
    args.check()?;
    let calibrate = match args.calibrate.as_slice() {
        [] => None,
        paths => Some(args.images.open_others(paths).context("--calibrate")?),
    };
    let read = args.files_read(&inputs, calibrate.as_ref())?;
    let outputs = maps.get(inputs.part()).unwrap_or_default();
    let outputs = outputs.iter().map(PathBuf::as_path);
    let outputs = outputs.chain([output_path.as_path()]);
    targets::check(outputs, &read, args.writing.force)?;

    let model = args.model.open()?;
    let info = model.info();
    let score = args.by.score(args.over.unwrap_or_default());
    let usual = Usual {
        model: &model,
        place: args.model.path()?,
        backend: args.model.backend,
        device: args.model.device,
        score,
        refine: args.refinement.refine(info)?,
        calibrate,
        codes: args.codes.as_deref(),
        quiet: args.writing.quiet,
    };
    let wants_threshold = args.threshold.is_none();
    let found = usual.find(wants_threshold, !normal.is_empty())?;
    let (threshold, meaning) = match args.threshold {
        Some(threshold) => (threshold, "as given".to_owned()),
        None => found.threshold(args.quantile)?,
    };

    // From here on, there is something to clear away.
    stop_on_signal()?;
    let mut scoring = Scoring {
        found: &found,
        threshold,
        normal: &normal,
        maps: &maps,
        shape: info.image,
        rows: csv::Writer::from_writer(Vec::new()),
        known: Known::default(),
        anomalous: 0,
    };
    if args.images.begins_tables() {
        let head = ["path", "score", "threshold", "anomalous"];
        scoring.rows.write_record(head)?;
    }
    let mut fitted = Fitted::default();
    let unused = watched(args.writing.quiet, |watch| {
        let (shape, size) = (info.image, found.applied.batch_size());
        inputs.read(shape, info.preparation, size, watch, |batch| {
            scoring.add(&batch)?;
            let images = batch.images.iter();
            images.for_each(|image| fitted.add(image, shape));
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;
    let table = scoring.rows.into_inner().context("can't make the table")?;
    write_output(&output_path, &table)?;

    let components = found.pca.as_ref().map_or(0, |pca| pca.applied.latent_dim());
    let detection = scoring.known.detections(components, &found.why_no_pca);
    if detection.is_none() && !normal.is_empty() {
        tracing::warn!("all images are usual, or none is: there is nothing to tell apart");
    }
    let result = Scored {
        scores: path_text(&output_path),
        score: found.name.clone(),
        threshold,
        threshold_is: meaning,
        images: fitted.images,
        anomalous: scoring.anomalous,
        refine: found.applied.refine(),
        detection,
        skipped: unused.skipped,
    };
    result.tell(args.writing.json, info.latent_dim)?;
    if !args.writing.json {
        output::path(&output_path)?;
    }
    Ok(Exit::Done)
}

impl Scored {
    fn tell(&self, as_json: bool, latent_dim: usize) -> anyhow::Result<()> {
        if as_json {
            return Ok(output::json(self)?);
        }
        output::line(format_args!("score        {}", self.score))?;
        output::line(format_args!(
            "threshold    {:.6}: {}",
            self.threshold, self.threshold_is
        ))?;
        output::line(format_args!(
            "anomalous    {} of {}",
            self.anomalous,
            count(self.images, "image")
        ))?;
        match &self.detection {
            Some(detection) => tell(detection, latent_dim),
            None => Ok(()),
        }
    }
}

/// The classes that were named; an error where no image has one of them.
fn usual_classes(named: &[String], classes: &BTreeSet<&str>) -> anyhow::Result<BTreeSet<String>> {
    for name in named {
        if !classes.contains(name.as_str()) {
            let there: Vec<&str> = classes.iter().copied().collect();
            bail_usage!(
                "--normal {}: no image is of that class; {}",
                printable(name),
                if there.is_empty() {
                    "none has one: classes are the folders in the folder that is named, or come from --labels".to_owned()
                } else {
                    format!("they are of {}", printable(&there.join(", ")))
                }
            );
        }
    }
    Ok(named.iter().cloned().collect())
}

/// The table as it grows, and what is counted meanwhile.
struct Scoring<'a> {
    found: &'a Found<'a>,
    threshold: f64,
    /// Classes that are usual; none if that isn't asked.
    normal: &'a BTreeSet<String>,
    /// Where heat maps go, by the images' rows; none if they aren't asked for.
    maps: &'a [PathBuf],
    shape: ImageShape,
    rows: csv::Writer<Vec<u8>>,
    known: Known,
    anomalous: usize,
}

impl Scoring<'_> {
    fn add(&mut self, batch: &InputBatch) -> anyhow::Result<()> {
        let InputBatch { images, values } = batch;
        let Found {
            applied,
            scorer: by,
            ..
        } = self.found;
        let (scores, measured) = if self.maps.is_empty() {
            by.of_images(applied, values)?
        } else {
            let measured = applied.measure(values)?;
            (by.of(&measured)?, Some(measured))
        };
        let pca = match &self.found.pca {
            Some(pca) => pca.scorer.of_images(&pca.applied, values)?.0,
            None => Vec::new(),
        };
        for (index, (image, &score)) in images.iter().zip(&scores).enumerate() {
            check_stop()?;
            if !score.is_finite() {
                bail!(
                    "the score of {} is no number: the model has diverged",
                    printable(&image.path)
                );
            }
            let is_anomalous = f64::from(score) > self.threshold;
            self.anomalous += usize::from(is_anomalous);
            self.rows.write_record([
                image.path.clone(),
                score.to_string(),
                self.threshold.to_string(),
                is_anomalous.to_string(),
            ])?;
            if let (false, Some(class)) = (self.normal.is_empty(), &image.class) {
                self.known.is_anomalous.push(!self.normal.contains(class));
                self.known.model.push(score);
                self.known.pca.extend(pca.get(index));
            }
            if let (Some(path), Some(measured)) = (self.maps.get(image.row), &measured) {
                let length = self.shape.len();
                let original = &values[index * length..][..length];
                let restored = &measured.restored[index * length..][..length];
                check_numbers(restored)?;
                let title = format!("{score:.4}  {}", image.path);
                let errors = &measured.errors[index];
                targets::make_folder_of(path)?;
                export_png(&drawn(&title, original, restored, self.shape, errors), path)?;
            }
        }
        Ok(())
    }
}

fn drawn(
    title: &str,
    original: &[u8],
    restored: &[f32],
    shape: ImageShape,
    errors: &PixelErrors,
) -> image::RgbImage {
    let heats = [
        Heat {
            name: "|difference|",
            errors: errors.absolute(),
            limit: 0.5,
        },
        Heat {
            name: "1 − SSIM",
            errors: &errors.map(Measure::Ssim),
            limit: 1.0,
        },
    ];
    heat_map(title, &from_levels(original), restored, shape, &heats)
}
