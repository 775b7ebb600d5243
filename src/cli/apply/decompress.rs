//! `trainer decompress MODEL FILE -o DIR`: the images of a compressed file.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use serde::Serialize;

use super::code_files::{self, CodeFiles};
use super::decode::{check_numbers, save};
use super::{ModelArgs, WritingArgs, targets};
use crate::apply::{CodeRow, CodesFormat, CodesRecord, Compressor};
use crate::cli::loading::watched;
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::{Exit, log, output};
use crate::codec::{Block, CodedImage, Reader};
use crate::data::Preparation;
use crate::image::to_levels;
use crate::model::Model;
use crate::path_text::path_text;
use crate::words::count;

/// Reads the name of a folder, or of a file of codes.
fn folder_or_codes() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path: PathBuf| {
        if CodesFormat::of(&path).is_some() {
            output::file_to_write(path)
        } else {
            output::folder_to_write(path)
        }
    })
}

/// Writes the images of a compressed file, as PNG, or their codes
///
/// They have the names and sizes of the originals, or of what cropping left of them. Without names in the file they are
/// numbered, and as large as the model makes them.
#[derive(Args, Debug)]
pub(in crate::cli) struct DecompressArgs {
    #[command(flatten)]
    model: ModelArgs,

    /// The file, as `trainer compress` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The folder to write them into; a name that ends in .npy, .csv or .parquet gets their codes instead, with a table
    /// of paths; without the .json that `trainer encode` writes, so that other commands check their width only
    #[arg(long, short, value_name = "DIR|FILE.npy", value_parser = folder_or_codes())]
    output: PathBuf,

    /// Write them as large as the model makes them
    #[arg(long)]
    model_size: bool,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Decompressed {
    output: String,
    images: usize,
}

pub(in crate::cli) fn run(args: &DecompressArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    stop_on_signal()?;
    let model = args.model.open()?;
    let work = Work {
        args,
        compressor: Compressor::new(&model, Some(0)),
        sha256: model.sha256()?,
        model: &model,
    };
    // All of it is read before anything is written, and then again, block by block.
    let mut images = 0;
    let mut kept: Vec<CodedImage> = Vec::new();
    let shown = targets::shown(&args.file);
    work.each_block(|block, _| {
        check_stop()?;
        images += block.values.len() / model.info().latent_dim;
        kept.extend(block.images.into_iter().flatten());
        Ok(())
    })?;
    if images == 0 {
        bail!("{shown} has no images");
    }
    let names: Vec<String> = if kept.is_empty() {
        (0..images).map(|row| format!("{row:06}")).collect()
    } else {
        kept.iter().map(|image| image.path.clone()).collect()
    };
    match CodesFormat::of(&args.output) {
        Some(format) => work.write_codes(&names, format)?,
        None => work.write_pictures(&names, &kept)?,
    }
    if args.writing.json {
        output::json(&Decompressed {
            output: path_text(&args.output),
            images,
        })?;
    } else {
        output::line(format_args!("{} decompressed", count(images, "image")))?;
        output::path(&args.output)?;
    }
    Ok(Exit::Done)
}

/// What there is to do, and with which model.
struct Work<'a> {
    args: &'a DecompressArgs,
    model: &'a Model,
    compressor: Compressor<'a>,
    /// Of the model's tensors.
    sha256: String,
}

impl Work<'_> {
    /// Hands each block of the file to `take`, with the step of its codes.
    fn each_block(
        &self,
        mut take: impl FnMut(Block, f32) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let about = || targets::shown(&self.args.file);
        let file =
            File::open(&self.args.file).with_context(|| format!("can't read {}", about()))?;
        let mut reader = Reader::new(BufReader::new(file)).with_context(about)?;
        let header = reader.header().clone();
        if header.model != self.sha256 || header.latent_dim != self.model.info().latent_dim {
            bail!(
                "{} was compressed with another model: its codes are of the one whose tensors have the SHA-256 {}, and \
                 {} has {}. Give the model that made it",
                about(),
                header.model,
                targets::shown(&self.args.model.model),
                self.sha256
            );
        }
        let mut symbols = self.compressor.symbols(header.step);
        while let Some(block) = reader.next_block(&mut symbols).with_context(about)? {
            take(block, header.step)?;
        }
        Ok(())
    }

    /// Writes the images as PNG, in their own sizes if these are known.
    fn write_pictures(&self, names: &[String], kept: &[CodedImage]) -> anyhow::Result<()> {
        let info = self.model.info();
        let paths = targets::png_paths(&self.args.output, names.iter().map(String::as_str));
        let outputs = paths.iter().map(PathBuf::as_path);
        targets::check(outputs, &self.read()?, self.args.writing.force)?;
        let own_size = [info.image.height, info.image.width];
        watched(self.args.writing.quiet, |watch| {
            let mut done = 0;
            self.each_block(|block, step| {
                for values in block
                    .values
                    .chunks(self.compressor.batch_size() * info.latent_dim)
                {
                    let restored = self.compressor.decode(values, step)?;
                    check_numbers(&restored)?;
                    for restored in restored.chunks_exact(info.image.len()) {
                        check_stop()?;
                        let levels = to_levels(restored);
                        let picture = match kept.get(done) {
                            Some(image) if !self.args.model_size => {
                                info.preparation.undo(&levels, info.image, image.size)
                            }
                            _ => Preparation::default().undo(&levels, info.image, own_size),
                        };
                        save(picture, &paths[done])?;
                        done += 1;
                    }
                    watch.tell("decompressing", done, names.len());
                }
                Ok(())
            })
        })
    }

    /// Writes the codes.
    fn write_codes(&self, names: &[String], format: CodesFormat) -> anyhow::Result<()> {
        let path = &self.args.output;
        let files = code_files::files(path, format);
        let record = CodesRecord::path(path);
        let outputs = files.iter().chain([&record]).map(PathBuf::as_path);
        targets::check(outputs, &self.read()?, self.args.writing.force)?;
        let latent_dim = self.model.info().latent_dim;
        let mut codes = CodeFiles::new(path, format, latent_dim, true)?;
        let mut rows = names.iter().enumerate();
        self.each_block(|block, step| {
            let found = self.compressor.codes(&block.values, step);
            for (code, (number, path)) in found.chunks_exact(latent_dim).zip(&mut rows) {
                let row = CodeRow {
                    path: path.clone(),
                    class: None,
                };
                codes.write(number, &row, code)?;
            }
            Ok(())
        })?;
        codes.finish()?;
        // It would say that these are the codes that were here before.
        if record.exists() {
            fs::remove_file(&record)
                .with_context(|| format!("can't remove {}", targets::shown(&record)))?;
        }
        Ok(())
    }

    /// Files that are read, as the system knows them.
    fn read(&self) -> anyhow::Result<HashSet<PathBuf>> {
        let mut read = self.args.model.files()?;
        read.extend(self.args.file.canonicalize().ok());
        Ok(read)
    }
}
