//! `trainer bench scale`: how time and memory grow.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::common::{CommonArgs, Machine, Spread};
use super::training::{Measured, measured_settings};
use crate::bench::scale::{ScalePoint, draw_scale};
use crate::cli::numbers::whole;
use crate::cli::{Exit, log, output};
use crate::data::{Split, Watch};
use crate::run::export_png;

#[derive(Args, Debug)]
pub(in crate::cli) struct ScaleArgs {
    /// Numbers of images, of all splits together
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = whole("limit"),
        allow_hyphen_values = true,
        default_value = "1750,3500,7000,14000"
    )]
    images: Vec<usize>,

    /// Numbers of images in a batch, of all of which the largest number of images is trained on
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = whole("batch_size"),
        allow_hyphen_values = true,
        default_value = "32,64,128,256"
    )]
    batches: Vec<usize>,

    /// Draw time and memory here, as PNG
    #[arg(long, value_name = "FILE", value_parser = output::file())]
    plot: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: ScaleArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let config = measured_settings(&args.common)?;
    let machine = Machine::of(&config, args.common.trials)?;
    // A number that is listed twice is measured once.
    let sorted = |numbers: &[usize]| numbers.iter().copied().collect::<BTreeSet<usize>>();
    let (images, batches) = (sorted(&args.images), sorted(&args.batches));
    let most = images.last().copied().unwrap_or_default();
    let set = config.data.load(&Watch::NONE)?;
    let there = set.len();
    if most > there {
        bail!("--images {most}: there are {there}; give smaller numbers, or more --classes");
    }
    // Images, how many of them are trained on, and a batch, which is never larger than that.
    let mut sizes = Vec::new();
    let mut largest = 0;
    for &images in &images {
        let (split, seed) = (&config.data.split, config.training.seed);
        largest = Split::of(&set, split, seed, Some(images))?.train.len();
        sizes.push((images, largest, config.training.batch_size.min(largest)));
    }
    let batches = batches.into_iter().map(|batch| batch.min(largest));
    let batches: BTreeSet<usize> = batches.collect();
    for batch in batches {
        let size = (most, largest, batch);
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    let mut points = Vec::new();
    for (images, training, batch) in sizes {
        let mut config = config.clone();
        config.data.limit = Some(images);
        config.training.batch_size = batch;
        config.validate()?;
        let mut measured = Measured::default();
        for _ in 0..args.common.trials {
            measured.add(&config)?;
        }
        let median = |trials: &[f64]| Spread::of(trials).map(|spread| spread.median);
        let rate = median(&measured.training).unwrap_or(f64::NAN);
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        let point = ScalePoint {
            images,
            batch,
            epoch_seconds: training as f64 / rate,
            images_per_second: rate,
            peak_megabytes: median(&measured.peak),
        };
        tracing::info!("{images} images, batches of {batch}: {rate:.0} images/s");
        points.push(point);
    }
    if let Some(path) = &args.plot {
        let picture = draw_scale(&points, images.len())?;
        export_png(&picture, path)?;
    }
    if args.common.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            points: Vec<ScalePoint>,
        }
        output::json(&Report { machine, points })?;
        return Ok(Exit::Done);
    }
    machine.print()?;
    output::line(format_args!(
        "{:>10}{:>10}{:>16}{:>12}{:>12}",
        "images", "batch", "s an epoch", "images/s", "peak MB"
    ))?;
    for point in &points {
        let peak = match point.peak_megabytes {
            Some(peak) => format!("{peak:.0}"),
            None => "not known".to_owned(),
        };
        output::line(format_args!(
            "{:>10}{:>10}{:>16.2}{:>12.0}{peak:>12}",
            point.images, point.batch, point.epoch_seconds, point.images_per_second
        ))?;
    }
    Ok(Exit::Done)
}
