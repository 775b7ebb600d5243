//! `trainer score MODEL IMAGES…`: how unusual images are, and which of them are too unusual.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::decode::check_numbers;
use super::usual::Usual;
use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, require_some, targets, tell_unused,
};
use crate::anomaly::{Aggregate, AnomalyScore, Detection, Measure, PixelErrors};
use crate::cli::loading::watched;
use crate::cli::table::{Column, printable};
use crate::cli::{Exit, log, output};
use crate::data::{InputBatch, Skipped};
use crate::image::ImageShape;
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
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.99")]
    quantile: f64,

    /// The threshold itself
    #[arg(long, value_name = "SCORE", value_parser = finite, conflicts_with = "quantile")]
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
    /// The Mahalanobis distance of the image's code from those of the training images
    Latent,
}

impl By {
    fn score(self, over: Aggregate) -> AnomalyScore {
        match self {
            Self::Mse => AnomalyScore::Pixels(Measure::Mse, over),
            Self::Ssim => AnomalyScore::Pixels(Measure::Ssim, over),
            Self::SsimL1 => AnomalyScore::Pixels(Measure::SsimL1, over),
            Self::Latent => AnomalyScore::Latent,
        }
    }
}

fn share(word: &str) -> Result<f64, String> {
    let number = word.parse().ok();
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "expected a number from 0 to 1, such as 0.99".to_owned())
}

fn finite(word: &str) -> Result<f64, String> {
    let number = word.parse().ok();
    number
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| "expected a finite number, such as 0.5".to_owned())
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

#[derive(Serialize)]
struct Detections {
    usual: usize,
    anomalous: usize,
    model: Detection,
    #[serde(skip_serializing_if = "Option::is_none")]
    pca: Option<Detection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_pca: Option<String>,
    #[serde(skip)]
    components: usize,
}

/// The scores of images of which it's known whether they are usual.
#[derive(Default)]
struct Known {
    is_anomalous: Vec<bool>,
    model: Vec<f32>,
    pca: Vec<f32>,
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
    if args.codes.is_some() && args.by != By::Latent {
        bail!("--codes goes with --by latent, not with scores of pixels");
    }
    if args.over.is_some() && args.by == By::Latent {
        bail!("--over goes with scores of pixels, and --by latent has none");
    }
    let mut read = inputs.files();
    let others = [&args.codes, &args.labels].into_iter().flatten();
    read.extend(
        others
            .chain(&args.calibrate)
            .filter_map(|path| path.canonicalize().ok()),
    );
    let check = || {
        let outputs = maps.get(inputs.part()).unwrap_or_default();
        let outputs = outputs.iter().map(PathBuf::as_path);
        let outputs = outputs.chain([output_path.as_path()]);
        targets::check(outputs, &read, args.writing.force)
    };
    check()?;

    let model = args.model.open()?;
    let info = model.info();
    let score = args.by.score(args.over.unwrap_or_default());
    let usual = Usual {
        model: &model,
        place: args.model.path()?,
        backend: args.model.backend,
        device: args.model.device,
        score,
        refine: args.refinement.refine,
        calibrate: &args.calibrate,
        codes: args.codes.as_deref(),
        quiet: args.writing.quiet,
    };
    let wants_threshold = args.threshold.is_none();
    let found = usual.find(wants_threshold, !normal.is_empty())?;
    let (threshold, meaning) = match args.threshold {
        Some(threshold) => (threshold, "as given".to_owned()),
        None => found.threshold(args.quantile)?,
    };
    let applied = &found.applied;

    let mut fitted = Fitted::default();
    let mut known = Known::default();
    let mut anomalous = 0;
    let mut rows = csv::Writer::from_writer(Vec::new());
    if args.images.begins_tables() {
        rows.write_record(["path", "score", "threshold", "anomalous"])?;
    }
    let unused = watched(args.writing.quiet, |watch| {
        let (shape, size) = (info.image, applied.batch_size());
        inputs.read(shape, info.preparation, size, watch, |batch| {
            let InputBatch { images, values } = batch;
            let (scores, measured) = if args.maps.is_some() {
                let measured = applied.measure(&values)?;
                (found.scorer.of(&measured)?, Some(measured))
            } else {
                found.scorer.of_images(applied, &values)?
            };
            let pca = match &found.pca {
                Some(pca) => pca.scorer.of_images(&pca.applied, &values)?.0,
                None => Vec::new(),
            };
            for (index, (image, &score)) in images.iter().zip(&scores).enumerate() {
                if !score.is_finite() {
                    bail!(
                        "the score of {} is no number: the model has diverged",
                        printable(&image.path)
                    );
                }
                let is_anomalous = f64::from(score) > threshold;
                anomalous += usize::from(is_anomalous);
                rows.write_record([
                    image.path.clone(),
                    score.to_string(),
                    threshold.to_string(),
                    is_anomalous.to_string(),
                ])?;
                if let (false, Some(class)) = (normal.is_empty(), &image.class) {
                    known.is_anomalous.push(!normal.contains(class.as_str()));
                    known.model.push(score);
                    known.pca.extend(pca.get(index));
                }
                if let Some(measured) = &measured
                    && args.maps.is_some()
                {
                    let of_image = |values: &[f32]| -> Vec<f32> {
                        values[index * shape.len()..][..shape.len()].to_vec()
                    };
                    let restored = of_image(&measured.restored);
                    check_numbers(&restored)?;
                    let original = values[index * shape.len()..][..shape.len()].iter();
                    let original: Vec<f32> =
                        original.map(|&value| f32::from(value) / 255.0).collect();
                    let title = format!("{score:.4}  {}", image.path);
                    let errors = &measured.errors[index];
                    let picture = drawn(&title, &original, &restored, shape, errors);
                    let path = &maps[image.row];
                    targets::make_folder_of(path)?;
                    export_png(&picture, path)?;
                }
                fitted.add(image, shape);
            }
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;
    let table = rows.into_inner().context("can't make the table")?;
    if !args.writing.force && output_path.symlink_metadata().is_ok() {
        bail!(
            "{} has been written meanwhile, by another process: name another place, or replace it by --force",
            shown(&output_path)
        );
    }
    write_output(&output_path, &table)?;

    let components = found.pca.as_ref().map_or(0, |pca| pca.applied.latent_dim());
    let detection = known.detections(components, &found.why_no_pca);
    if detection.is_none() && !normal.is_empty() {
        tracing::warn!("all images are usual, or none is: there is nothing to tell apart");
    }
    let result = Scored {
        scores: path_text(&output_path),
        score: found.name.clone(),
        threshold,
        threshold_is: meaning,
        images: fitted.images,
        anomalous,
        refine: applied.refine(),
        detection,
        skipped: unused.skipped,
    };
    if args.writing.json {
        output::json(&result)?;
        return Ok(Exit::Done);
    }
    output::line(format_args!("score        {}", result.score))?;
    output::line(format_args!(
        "threshold    {:.6}: {}",
        result.threshold, result.threshold_is
    ))?;
    output::line(format_args!(
        "anomalous    {} of {}",
        result.anomalous,
        count(result.images, "image")
    ))?;
    if let Some(detection) = &result.detection {
        tell(detection, info.latent_dim)?;
    }
    output::path(&output_path)?;
    Ok(Exit::Done)
}

/// The classes that were named; an error where no image has one of them.
fn usual_classes(named: &[String], classes: &BTreeSet<&str>) -> anyhow::Result<BTreeSet<String>> {
    for name in named {
        if !classes.contains(name.as_str()) {
            let there: Vec<&str> = classes.iter().copied().collect();
            bail!(
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

fn drawn(
    title: &str,
    original: &[f32],
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
    heat_map(title, original, restored, shape, &heats)
}

impl Known {
    fn detections(&self, components: usize, why_no_pca: &str) -> Option<Detections> {
        let anomalous = self.is_anomalous.iter().filter(|&&is| is).count();
        Some(Detections {
            usual: self.is_anomalous.len() - anomalous,
            anomalous,
            model: Detection::of(&self.model, &self.is_anomalous)?,
            pca: if self.pca.is_empty() {
                None
            } else {
                Detection::of(&self.pca, &self.is_anomalous)
            },
            no_pca: self.pca.is_empty().then(|| why_no_pca.to_owned()),
            components,
        })
    }
}

fn tell(detections: &Detections, latent_dim: usize) -> anyhow::Result<()> {
    output::line(format_args!(
        "\n{} against {} usual ones",
        count(detections.anomalous, "anomalous image"),
        detections.usual
    ))?;
    let rows = [Some(&detections.model), detections.pca.as_ref()];
    let rows: Vec<&Detection> = rows.into_iter().flatten().collect();
    let names = [
        format!("model, {latent_dim} latent values"),
        format!("PCA, {} components", detections.components),
    ];
    let figures = |heading: &str, figure: fn(&Detection) -> f64| Column {
        heading: heading.to_owned(),
        figures: true,
        cells: rows
            .iter()
            .map(|row| format!("{:.4}", figure(row)))
            .collect(),
    };
    output::table(&[
        Column {
            heading: String::new(),
            figures: false,
            cells: names.into_iter().take(rows.len()).collect(),
        },
        figures("AUROC", |row| row.auroc),
        figures("average precision", |row| row.average_precision),
        figures("best F1", |row| row.best_f1),
    ])?;
    if let Some(why) = &detections.no_pca {
        output::line(why)?;
    }
    output::line("")?;
    Ok(())
}

/// As a path in an error.
pub(super) fn shown(path: &Path) -> String {
    printable(&path_text(path))
}
