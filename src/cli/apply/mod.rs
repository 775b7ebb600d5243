//! The commands that use a trained model: `info`, `encode`, `decode`, `reconstruct`, `compress`, `decompress`,
//! `score`, `neighbours`, `explore`, `export`. What they share: the model and the images that they are given, and the files
//! that they write.

mod code_files;
pub(super) mod compress;
pub(super) mod decode;
pub(super) mod decompress;
mod detections;
pub(super) mod encode;
pub(super) mod explore;
pub(super) mod export;
pub(super) mod info;
pub(super) mod neighbours;
pub(super) mod reconstruct;
pub(super) mod score;
mod usual;

use std::collections::HashSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::numbers::{parsed, whole};
use super::runs_folder::RunsFolder;
use super::table::printable;
use super::targets;
use crate::data::{Background, DataError, Inputs, Skipped, Unused};
use crate::device::{Backend, select};
use crate::image::ImageShape;
use crate::model::{Model, ModelInfo};
use crate::path_text::path_text;
use crate::train::open_model;
use crate::words::count;

/// `MODEL`, and where to compute with it.
#[derive(Args, Debug)]
pub(super) struct ModelArgs {
    /// The model: a model file, or a run by its folder, its folder's name, or `latest`
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    runs: RunsFolder,

    /// Where to compute: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(long, value_enum, env = "TRAINER_BACKEND", default_value = "auto")]
    backend: Backend,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_parser = whole("device"), value_name = "N", default_value = "0")]
    device: usize,
}

impl ModelArgs {
    /// The file, or the folder of the run.
    fn path(&self) -> anyhow::Result<PathBuf> {
        Ok(self.runs.find_model(&self.model)?)
    }

    /// The model file, if one is named: as the system knows it.
    fn files(&self) -> anyhow::Result<HashSet<PathBuf>> {
        Ok(self.path()?.canonicalize().into_iter().collect())
    }

    fn open(&self) -> anyhow::Result<Model> {
        // Looked for first: a GPU takes a while to start.
        let path = self.path()?;
        let device = select(self.backend, self.device)?;
        Ok(open_model(&path, &device.device)?)
    }
}

/// `IMAGES…`
#[derive(Args, Debug)]
pub(super) struct InputArgs {
    /// Image files, folders of them, or folders with the IDX files of MNIST and its kin
    #[arg(value_name = "IMAGES", required_unless_present = "files_from")]
    images: Vec<PathBuf>,

    /// Take the paths in a file, one a line, as well; `-` for those on standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,

    /// Work on part I of N only, for one of N processes: the sorted files are cut into N parts. Only the first part's
    /// tables have a header, so that all of them can be joined by cat; a part of `compress` is decompressed by itself
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,

    /// What is behind transparent pixels: white, black, grey or #rrggbb [default: as in training; where that had none,
    /// images with such pixels are skipped]
    #[arg(long, value_name = "COLOUR", value_parser = parsed::<Background>)]
    background: Option<Background>,
}

/// A part of the images, counted from 1.
#[derive(Clone, Copy, Debug)]
struct Shard {
    number: usize,
    count: usize,
}

fn shard(word: &str) -> Result<Shard, String> {
    let parsed = word.split_once('/').and_then(|(number, count)| {
        let (number, count) = (number.parse().ok()?, count.parse().ok()?);
        (1..=count)
            .contains(&number)
            .then_some(Shard { number, count })
    });
    parsed.ok_or_else(|| "expected a part and how many there are, such as 1/4 to 4/4".to_owned())
}

/// How codes are found.
#[derive(Args, Debug)]
pub(super) struct CodeArgs {
    /// Steps by which each code is improved on the model's loss; 0 for the encoder's own [default: as in training]
    #[arg(long, value_name = "STEPS", value_parser = whole("refine"))]
    refine: Option<usize>,
}

impl CodeArgs {
    fn refine(&self, info: &ModelInfo) -> anyhow::Result<Option<usize>> {
        check_refinement(self.refine, info)
    }
}

/// Refuses steps of refinement that are asked for where they do harm.
pub(super) fn check_refinement(
    steps: Option<usize>,
    info: &ModelInfo,
) -> anyhow::Result<Option<usize>> {
    if steps.is_some_and(|steps| steps > 0) && !info.corrupt.is_none() {
        bail!(
            "--refine: the model was trained to restore spoilt images, and steps of refinement would bring back what \
             spoils them; leave it out"
        );
    }
    Ok(steps)
}

/// What becomes of results.
#[derive(Args, Debug)]
pub(super) struct WritingArgs {
    /// Replace files that are there already
    #[arg(long)]
    force: bool,

    /// Print what was done as JSON
    #[arg(long)]
    json: bool,

    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

impl InputArgs {
    fn open(&self) -> anyhow::Result<Inputs> {
        let mut paths = self.images.clone();
        if let Some(list) = &self.files_from {
            let shown = printable(&path_text(list));
            let lines: Box<dyn BufRead> = if list == Path::new("-") {
                Box::new(std::io::stdin().lock())
            } else {
                let file = std::fs::File::open(list);
                let file = file.with_context(|| format!("--files-from {shown}: can't read it"))?;
                Box::new(std::io::BufReader::new(file))
            };
            for line in lines.split(b'\n') {
                let line = line.with_context(|| format!("--files-from {shown}: can't read it"))?;
                let line = String::from_utf8(line);
                let Ok(line) = line else {
                    bail!(
                        "--files-from {shown}: a line isn't UTF-8; name that file on the command line"
                    );
                };
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    paths.push(PathBuf::from(line));
                }
            }
            if paths.is_empty() {
                bail!("--files-from {shown}: no paths in it; give one a line");
            }
        }
        let inputs = self.open_others(&paths)?;
        Ok(match self.shard {
            Some(Shard { number, count }) => inputs.shard(number, count),
            None => inputs,
        })
    }

    /// Images besides these, read in the same way.
    fn open_others(&self, paths: &[PathBuf]) -> Result<Inputs, DataError> {
        Ok(Inputs::open(paths)?.on(self.background))
    }

    /// The files that are read for some of its images with a model, as the system knows them.
    fn files(&self, inputs: &Inputs, model: &ModelArgs) -> anyhow::Result<HashSet<PathBuf>> {
        let mut read = inputs.files();
        read.extend(model.files()?);
        let list = self.files_from.iter();
        read.extend(list.filter_map(|list| list.canonicalize().ok()));
        Ok(read)
    }

    /// Whether a table begins with a header: that of a later part is to be appended to the first one's.
    fn begins_tables(&self) -> bool {
        self.shard.is_none_or(|shard| shard.number == 1)
    }

    /// The name of a file beside those of all parts.
    fn file_name(&self, stem: &str, extension: &str) -> String {
        match self.shard {
            // With zeros before it, so that the order of names is that of parts.
            Some(Shard { number, count }) => {
                let digits = count.to_string().len();
                format!("{stem}-{number:0digits$}-of-{count}.{extension}")
            }
            None => format!("{stem}.{extension}"),
        }
    }
}

/// How many images of a shape are kept in memory: `most`, or as many as half a gigabyte holds.
fn affordable(most: usize, shape: ImageShape) -> usize {
    const BYTES: usize = 512 << 20;
    most.min(BYTES / shape.len()).max(1)
}

/// Says how pictures were made to fit, where they had to be.
#[derive(Default)]
struct Fitted {
    other_size: usize,
    other_colour: usize,
    images: usize,
}

impl Fitted {
    fn add(&mut self, image: &crate::data::InputImage, shape: ImageShape) {
        self.images += 1;
        self.other_size += usize::from(image.size != [shape.height, shape.width]);
        self.other_colour += usize::from(image.is_grey != (shape.channels == 1));
    }

    fn tell(&self, info: &ModelInfo) {
        let ImageShape {
            channels,
            height,
            width,
        } = info.image;
        if self.other_size > 0 {
            let fit = format!("{:?}", info.preparation.fit).to_lowercase();
            tracing::info!(
                "{} of {} resized to {width}×{height} ({fit}), as the model takes them",
                self.other_size,
                count(self.images, "image")
            );
        }
        if self.other_colour > 0 {
            let colour = if channels == 1 { "grey" } else { "RGB" };
            tracing::info!(
                "{} of {} made {colour}, as the model takes them",
                self.other_colour,
                count(self.images, "image")
            );
        }
    }
}

/// Warns of what could not be used.
fn tell_unused(unused: &Unused) {
    /// More are only counted.
    const MOST: usize = 10;
    for warning in &unused.warnings {
        tracing::warn!("{}", printable(warning));
    }
    for Skipped { path, reason } in unused.skipped.iter().take(MOST) {
        tracing::warn!("skipped {}: {}", printable(path), printable(reason));
    }
    if unused.skipped.len() > MOST {
        tracing::warn!("and {} more skipped", unused.skipped.len() - MOST);
    }
    if unused.skipped.iter().any(Skipped::is_transparent) {
        tracing::warn!("--background white puts transparent images on white");
    }
}

/// An error where nothing was left to work on.
fn require_some(images: usize, unused: &Unused) -> anyhow::Result<()> {
    match unused.skipped.first() {
        Some(first) if images == 0 => bail!(
            "none of the {} can be used; the first: {}: {}",
            count(unused.skipped.len(), "file"),
            printable(&first.path),
            printable(&first.reason)
        ),
        _ => Ok(()),
    }
}
