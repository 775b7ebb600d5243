//! `trainer decompress MODEL FILE -o DIR`: the images of a compressed file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use serde::Serialize;

use super::decode::{check_numbers, save};
use super::{ModelArgs, WritingArgs, targets};
use crate::apply::{Compressor, write_array_header, write_codes_header};
use crate::cli::loading::watched;
use crate::cli::signals::{check_stop, stop_on_signal};
use crate::cli::{Exit, log, output};
use crate::codec::{Block, CodedImage, Reader};
use crate::data::Preparation;
use crate::image::to_levels;
use crate::model::Model;
use crate::path_text::path_text;
use crate::run::write_output_with;
use crate::words::count;

/// Whether a name is that of an array's file.
fn is_array(path: &Path) -> bool {
    path.extension()
        .is_some_and(|word| word.eq_ignore_ascii_case("npy"))
}

/// Reads the name of a folder, or of an array's file.
fn folder_or_array() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path: PathBuf| {
        if is_array(&path) {
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

    /// The folder to write them into; a name that ends in .npy gets their codes [N, latent_dim] instead, and a table
    /// of the same name (.csv) their paths
    #[arg(long, short, value_name = "DIR|FILE.npy", value_parser = folder_or_array())]
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
    let is_array = is_array(&args.output);
    if is_array {
        work.write_codes(&kept, images)?;
    } else {
        work.write_pictures(&kept, images)?;
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

    /// Writes the images as PNG.
    fn write_pictures(&self, kept: &[CodedImage], images: usize) -> anyhow::Result<()> {
        let info = self.model.info();
        let numbers: Vec<String> = (0..images).map(|row| format!("{row:06}")).collect();
        let names: Vec<&str> = if kept.is_empty() {
            numbers.iter().map(String::as_str).collect()
        } else {
            kept.iter().map(|image| image.path.as_str()).collect()
        };
        let paths = targets::png_paths(&self.args.output, names.into_iter());
        let outputs = paths.iter().map(PathBuf::as_path);
        targets::check(outputs, &HashSet::new(), self.args.writing.force)?;
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
                    watch.tell("decompressing", done, images);
                }
                Ok(())
            })
        })
    }

    /// Writes the codes, and a table of the images if the file names them.
    fn write_codes(&self, kept: &[CodedImage], images: usize) -> anyhow::Result<()> {
        let table = self.args.output.with_extension("csv");
        let has_table = !kept.is_empty();
        let outputs = [
            Some(self.args.output.as_path()),
            has_table.then_some(&table),
        ];
        targets::check(
            outputs.into_iter().flatten(),
            &HashSet::new(),
            self.args.writing.force,
        )?;
        let mut codes = io::BufWriter::new(tempfile::tempfile()?);
        write_array_header(&mut codes, images, self.model.info().latent_dim)?;
        self.each_block(|block, step| {
            for value in self.compressor.codes(&block.values, step) {
                codes.write_all(&value.to_le_bytes())?;
            }
            Ok(())
        })?;
        let mut codes = codes.into_inner()?;
        targets::write_from(&self.args.output, &mut codes)?;
        if has_table {
            write_output_with(&table, &mut |mut output| {
                write_codes_header(&mut output, 0)?;
                let mut rows = csv::Writer::from_writer(output);
                for (row, image) in kept.iter().enumerate() {
                    rows.write_record([&row.to_string(), &image.path, ""])?;
                }
                rows.flush()
            })?;
        }
        Ok(())
    }
}
