//! `trainer data DIR`: what training would get from a folder, without training.

pub(super) mod describe;
mod outputs;

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use super::loading::watched;
use super::numbers::{parsed, whole_u64};
use super::settings::ImageArgs;
use super::table::{Column, printable};
use super::{Exit, log, output, targets};
use crate::config::{DataConfig, TrainConfig};
use crate::data::{ClassSelection, Collection, Images, Inputs, Skipped, Split, SplitFractions};
use crate::path_text::path_text;
use crate::run::SplitSizes;
use crate::words::count;

/// Shows what training would get from a folder of images: classes, sizes, files that can't be read
///
/// Files that can't be read are named, and the rest is shown; with --strict, the first one is an error.
#[derive(Args, Debug)]
pub(super) struct DataArgs {
    /// The folder, as for --data of a training [default: Fashion-MNIST]
    #[arg(value_name = "DIR", env = "TRAINER_DATA")]
    data: Option<PathBuf>,

    /// Classes to take: names or numbers joined by commas, or all; auto takes all, except of Fashion-MNIST:
    /// t-shirt and trouser
    #[arg(long, value_parser = parsed::<ClassSelection>, allow_hyphen_values = true, value_name = "LIST", default_value = "auto")]
    classes: ClassSelection,

    /// Shares of the training, validation and test images
    #[arg(long, value_parser = parsed::<SplitFractions>, allow_hyphen_values = true, value_name = "SHARES", default_value = "0.8,0.1,0.1")]
    split: SplitFractions,

    /// Seed of the split
    #[arg(long, value_parser = whole_u64("seed"), value_name = "N", default_value = "0")]
    seed: u64,

    #[command(flatten)]
    images: ImageArgs,

    /// Draw a contact sheet of the images, as the network sees them, as PNG
    #[arg(long, value_name = "FILE.png", value_parser = output::file())]
    sheet: Option<PathBuf>,

    /// Write the images as the network sees them, bytes [N, C, H, W], in NumPy's format, and a table of
    /// their files beside it (FILE.csv)
    #[arg(long, value_name = "FILE.npy", value_parser = output::file())]
    save: Option<PathBuf>,

    /// Replace files that are there already
    #[arg(long)]
    force: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Serialize)]
struct Found {
    data: Option<String>,
    images: usize,
    skipped: Vec<Skipped>,
    /// How many other files there are.
    ignored: usize,
    duplicates: usize,
    classes: Map<String, Value>,
    channels: usize,
    width: usize,
    height: usize,
    /// How many images are of each kind of pixels, by Pillow's names.
    modes: Map<String, Value>,
    /// Width and height of the smallest and of the largest picture.
    sizes: Option<[[usize; 2]; 2]>,
    split: Option<SplitSizes>,
    /// Of the images in memory, or in the cache's file where there are too many for that.
    bytes: usize,
    sha256: String,
    warnings: Vec<String>,
}

pub(super) fn run(args: &DataArgs) -> anyhow::Result<Exit> {
    log::start(args.quiet);
    let config = args.config();
    let table = args.save.as_deref().map(outputs::table_of);
    let written = [&args.save, &table, &args.sheet].into_iter().flatten();
    let read = args.images.labels.iter();
    let mut read: HashSet<PathBuf> = read.filter_map(|path| path.canonicalize().ok()).collect();
    if let Some(data) = &args.data
        && written.clone().any(|path| path.exists())
    {
        // What is wrong with them is told when they are loaded.
        let inputs = Inputs::open(std::slice::from_ref(data));
        read.extend(inputs.iter().flat_map(Inputs::files));
    }
    targets::check(written.map(PathBuf::as_path), &read, args.force)?;
    let images = watched(args.quiet, |watch| config.load(watch))?;
    // A folder of few images can be looked at, if not trained on.
    let split = Split::of(&images, &args.split, args.seed, None).ok();
    if let Some(path) = &args.save {
        outputs::save(path, &images, split.as_ref())?;
    }
    if let Some(path) = &args.sheet {
        outputs::draw_sheet(path, &images)?;
    }
    if args.json {
        output::json(&found(args, &images, split.as_ref()))?;
    } else {
        print(&images, split.as_ref())?;
        for path in args.save.iter().chain(&args.sheet) {
            output::path(path)?;
        }
    }
    Ok(Exit::Done)
}

impl DataArgs {
    fn config(&self) -> DataConfig {
        let ImageArgs {
            labels,
            channels,
            size,
            fit,
            background,
            strict,
            no_cache,
        } = self.images.clone();
        let defaults = TrainConfig::default().data;
        DataConfig {
            classes: self.classes.clone(),
            split: self.split,
            limit: None,
            data: self.data.clone(),
            labels,
            channels: channels.unwrap_or(defaults.channels),
            size: size.unwrap_or(defaults.size),
            fit: fit.unwrap_or(defaults.fit),
            background,
            strict,
            cache: !no_cache,
        }
    }
}

fn found(args: &DataArgs, images: &Images, split: Option<&Split>) -> Found {
    let shape = images.shape();
    let collection = images.collection();
    let numbers = |pairs: Vec<(String, usize)>| {
        let pairs = pairs.into_iter();
        pairs.map(|(name, number)| (name, number.into())).collect()
    };
    Found {
        data: args.data.as_ref().map(path_text),
        images: images.len(),
        skipped: collection.map_or(Vec::new(), |it| it.skipped.clone()),
        ignored: collection.map_or(0, Collection::ignored),
        duplicates: images.duplicates(),
        classes: numbers(describe::classes(images)),
        channels: shape.channels,
        width: shape.width,
        height: shape.height,
        modes: numbers(describe::modes(images).into_iter().collect()),
        sizes: describe::sizes(images),
        split: split.map(Into::into),
        bytes: images.values().len(),
        sha256: images.sha256().to_owned(),
        warnings: collection.map_or(Vec::new(), |it| it.warnings.clone()),
    }
}

fn print(images: &Images, split: Option<&Split>) -> anyhow::Result<()> {
    /// In the table; more classes are in the JSON.
    const MOST_CLASSES: usize = 60;
    for warning in describe::warnings(images) {
        tracing::warn!("{warning}");
    }
    output::line(format_args!(
        "{}  {}",
        printable(images.source()),
        count(images.len(), "image")
    ))?;
    if let Some(preparation) = describe::preparation(images) {
        output::line(preparation)?;
    }
    if let Some(collection) = images.collection() {
        let modes = describe::modes(images);
        let modes: Vec<String> = modes
            .iter()
            .map(|(mode, number)| format!("{mode} {number}"))
            .collect();
        output::line(format_args!("modes  {}", modes.join(", ")))?;
        let ignored = &collection.ignored;
        if !ignored.is_empty() {
            let kinds: Vec<String> = ignored
                .iter()
                .map(|(kind, number)| format!("{number} {kind}"))
                .collect();
            output::line(format_args!("ignored  {}", printable(&kinds.join(", "))))?;
        }
    }
    if images.duplicates() > 0 {
        let what = if images.collection().is_some() {
            "kept, on one side of the split"
        } else {
            "left out"
        };
        output::line(format_args!(
            "{} {what}",
            count(images.duplicates(), "duplicate")
        ))?;
    }
    #[expect(clippy::cast_precision_loss, reason = "rounded anyhow")]
    let megabytes = images.values().len() as f64 / 1e6;
    let split = split.map_or(
        "too few images to be divided for training".to_owned(),
        describe::split,
    );
    output::line(format_args!("{split}; {megabytes:.1} MB"))?;
    let classes = describe::classes(images);
    if !classes.is_empty() {
        output::line("")?;
        let (names, counts): (Vec<String>, Vec<String>) = classes
            .iter()
            .take(MOST_CLASSES)
            .map(|(name, count)| (printable(name), count.to_string()))
            .unzip();
        let column = |heading: &str, figures, cells| Column {
            heading: heading.to_owned(),
            figures,
            cells,
        };
        output::table(&[
            column("class", false, names),
            column("images", true, counts),
        ])?;
        if classes.len() > MOST_CLASSES {
            let more = classes.len() - MOST_CLASSES;
            output::line(format_args!("and {more} more; --json has all"))?;
        }
    }
    let skipped = images.collection().map_or(&[][..], |it| &it.skipped);
    if !skipped.is_empty() {
        output::line("")?;
        output::line(format_args!("skipped, {}", count(skipped.len(), "file")))?;
        for file in skipped {
            output::line(printable(&file.to_string()))?;
        }
    }
    Ok(())
}
