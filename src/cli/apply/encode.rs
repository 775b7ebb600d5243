//! `trainer encode MODEL IMAGES…`: the codes of images, in a file.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::code_files::{self, CodeFiles};
use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, require_some, targets, tell_unused,
};
use crate::apply::{Applied, CodeRow, CodesRecord};
use crate::cli::loading::watched;
use crate::cli::table::printable;
use crate::cli::{Exit, log, output};
use crate::data::{InputBatch, Skipped};
use crate::path_text::path_text;
use crate::run::write_output;
use crate::words::{count, refined};

/// Writes the codes of images: a row for each, in the order of their paths
///
/// A file .npy gets an array of 32-bit floats [N, latent_dim], and a table of the same name (.csv) the images'
/// paths and classes. A file .csv gets all in one table, with a column for each value, and a file .parquet in one whose
/// column `code` has lists. A file .json of the same name tells the model and the steps of refinement, by which other
/// commands know whose codes they are.
#[derive(Args, Debug)]
pub(in crate::cli) struct EncodeArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// The file to write [default: codes.npy; with --shard 2/4, codes-2-of-4.npy]
    #[arg(long, short, value_name = "FILE.npy|.csv|.parquet", value_parser = output::file())]
    output: Option<PathBuf>,

    #[command(flatten)]
    codes: CodeArgs,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Encoded {
    codes: String,
    table: String,
    record: String,
    images: usize,
    latent_dim: usize,
    /// Steps for each code.
    refine: usize,
    skipped: Vec<Skipped>,
}

pub(in crate::cli) fn run(args: &EncodeArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    let named = args.output.clone();
    let output_path = named.unwrap_or_else(|| args.images.file_name("codes", "npy").into());
    let format = code_files::format(&output_path, "--output")?;
    let inputs = args.images.open()?;
    let files = code_files::files(&output_path, format);
    let record = CodesRecord::path(&output_path);
    let outputs = files.iter().chain([&record]).map(PathBuf::as_path);
    targets::check(
        outputs,
        &args.images.files(&inputs, &args.model)?,
        args.writing.force,
    )?;
    let model = args.model.open()?;
    let info = model.info();
    let applied = Applied::new(&model, args.codes.refine(info)?);

    let begins = args.images.begins_tables();
    let mut codes = CodeFiles::new(&output_path, format, info.latent_dim, begins)?;
    let mut fitted = Fitted::default();
    let unused = watched(args.writing.quiet, |watch| {
        let (shape, size) = (info.image, applied.batch_size());
        inputs.read(shape, info.preparation, size, watch, |batch| {
            let InputBatch { images, values } = batch;
            let found = applied.encode(&values)?;
            for (image, code) in images.iter().zip(found.chunks_exact(info.latent_dim)) {
                if code.iter().any(|value| !value.is_finite()) {
                    bail!(
                        "the code of {} has values that are no numbers: the model has diverged",
                        printable(&image.path)
                    );
                }
                let row = CodeRow {
                    path: image.path.clone(),
                    class: image.class.clone(),
                };
                codes.write(image.row, &row, code)?;
                fitted.add(image, shape);
            }
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;

    codes.finish()?;
    let origin = serde_json::to_string_pretty(&CodesRecord::new(&model, applied.refine())?)?;
    write_output(&record, (origin + "\n").as_bytes())?;

    if args.writing.json {
        output::json(&Encoded {
            codes: path_text(&output_path),
            table: path_text(files.last().expect("at least one")),
            record: path_text(&record),
            images: fitted.images,
            latent_dim: info.latent_dim,
            refine: applied.refine(),
            skipped: unused.skipped,
        })?;
    } else {
        let how = refined(applied.refine());
        output::line(format_args!(
            "{} encoded to {} values each, {how}",
            count(fitted.images, "image"),
            info.latent_dim
        ))?;
        for path in files.iter().chain([&record]) {
            output::path(path)?;
        }
    }
    Ok(Exit::Done)
}
