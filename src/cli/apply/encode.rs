//! `trainer encode MODEL IMAGES…`: the codes of images, in a file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, require_some, targets, tell_unused,
};
use crate::apply::{Applied, CodesRecord, write_array_header, write_codes_header};
use crate::cli::loading::watched;
use crate::cli::table::printable;
use crate::cli::{Exit, log, output};
use crate::data::{InputBatch, Skipped};
use crate::path_text::path_text;
use crate::run::{write_output, write_output_with};
use crate::words::{count, refined};

/// Writes the codes of images: a row for each, in the order of their paths
///
/// A file .npy gets an array of 32-bit floats [N, latent_dim], and a table of the same name (.csv) the images'
/// paths and classes; a file .csv gets all in one table. A file .json of the same name tells the model and the steps of
/// refinement, by which other commands know whose codes they are.
#[derive(Args, Debug)]
pub(in crate::cli) struct EncodeArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// The file to write [default: codes.npy; with --shard 2/4, codes-2-of-4.npy]
    #[arg(long, short, value_name = "FILE.npy|FILE.csv", value_parser = output::file())]
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
    let ends_in = |wanted: &str| {
        let extension = output_path.extension();
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
    };
    let is_array = ends_in("npy");
    if !is_array && !ends_in("csv") {
        bail!(
            "--output {}: expected a name that ends in .npy or .csv",
            path_text(&output_path)
        );
    }
    let table = if is_array {
        output_path.with_extension("csv")
    } else {
        output_path.clone()
    };
    let inputs = args.images.open()?;
    let array = is_array.then_some(output_path.as_path());
    let record = CodesRecord::path(&output_path);
    let outputs = array.into_iter().chain([table.as_path(), record.as_path()]);
    targets::check(outputs, &inputs.files(), args.writing.force)?;
    let model = args.model.open()?;
    let info = model.info();
    let applied = Applied::new(&model, args.codes.refine(info)?);

    // How many rows there are, which an array begins with, is known in the end.
    let temporary = || tempfile::tempfile().context("can't make a temporary file");
    let (mut codes, mut rows) = (io::BufWriter::new(temporary()?), temporary()?);
    if args.images.begins_tables() {
        write_codes_header(&mut rows, if is_array { 0 } else { info.latent_dim })?;
    }
    let mut rows = csv::Writer::from_writer(rows);
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
                let class = image.class.clone().unwrap_or_default();
                let mut record = vec![image.row.to_string(), image.path.clone(), class];
                if is_array {
                    for value in code {
                        codes.write_all(&value.to_le_bytes())?;
                    }
                } else {
                    record.extend(code.iter().map(ToString::to_string));
                }
                rows.write_record(&record)?;
                fitted.add(image, shape);
            }
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(fitted.images, &unused)?;

    if is_array {
        let codes = codes.into_inner().context("can't write a temporary file")?;
        write_array(&output_path, codes, fitted.images, info.latent_dim)?;
    }
    let mut rows = rows.into_inner().context("can't write a temporary file")?;
    targets::write_from(&table, &mut rows)?;
    let origin = serde_json::to_string_pretty(&CodesRecord::new(&model, applied.refine())?)?;
    write_output(&record, (origin + "\n").as_bytes())?;

    if args.writing.json {
        output::json(&Encoded {
            codes: path_text(&output_path),
            table: path_text(&table),
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
        output::path(&output_path)?;
        if is_array {
            output::path(&table)?;
        }
        output::path(&record)?;
    }
    Ok(Exit::Done)
}

/// The array `[rows, width]` in `path`, of the values in a temporary file.
fn write_array(path: &Path, mut values: File, rows: usize, width: usize) -> anyhow::Result<()> {
    values.seek(SeekFrom::Start(0))?;
    write_output_with(path, &mut |mut output| {
        write_array_header(&mut output, rows, width)?;
        io::copy(&mut values, &mut output).map(|_| ())
    })?;
    Ok(())
}
