//! The files that codes are written to, as they are made: an array and a table, one table, or a table in Parquet.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::targets;
use crate::apply::{CodeRow, CodesFormat, ParquetCodes, write_array_header, write_codes_header};
use crate::cli::bail_usage;
use crate::run::write_output_with;

/// What the names of files of codes end in.
const EXTENSIONS: &str = ".npy, .csv or .parquet";

/// Codes on their way into files, which appear when all are there.
pub(super) struct CodeFiles {
    path: PathBuf,
    content: Content,
    latent_dim: usize,
    count: usize,
}

enum Content {
    /// How many rows there are, which an array begins with, is known in the end.
    Array {
        values: BufWriter<File>,
        rows: csv::Writer<File>,
    },
    Table(csv::Writer<File>),
    Parquet(ParquetCodes<File>),
}

/// How the file of this name, which `flag` gives, holds codes.
pub(super) fn format(path: &Path, flag: &str) -> anyhow::Result<CodesFormat> {
    let Some(format) = CodesFormat::of(path) else {
        bail_usage!(
            "{flag} {}: expected a name that ends in {EXTENSIONS}",
            targets::shown(path)
        );
    };
    Ok(format)
}

/// The files that codes in `path` are written to, the last of which tells their images.
pub(super) fn files(path: &Path, format: CodesFormat) -> Vec<PathBuf> {
    match format {
        CodesFormat::Array => vec![path.to_owned(), path.with_extension("csv")],
        CodesFormat::Table | CodesFormat::Parquet => vec![path.to_owned()],
    }
}

impl CodeFiles {
    /// For codes of `latent_dim` values; with `begins`, a table in text has its columns' names.
    pub fn new(
        path: &Path,
        format: CodesFormat,
        latent_dim: usize,
        begins: bool,
    ) -> anyhow::Result<Self> {
        let temporary = || tempfile::tempfile().context("can't make a temporary file");
        let rows = |latent_dim| {
            let mut rows = temporary()?;
            if begins {
                write_codes_header(&mut rows, latent_dim)?;
            }
            anyhow::Ok(csv::Writer::from_writer(rows))
        };
        let content = match format {
            CodesFormat::Array => Content::Array {
                values: BufWriter::new(temporary()?),
                rows: rows(0)?,
            },
            CodesFormat::Table => Content::Table(rows(latent_dim)?),
            CodesFormat::Parquet => Content::Parquet(ParquetCodes::new(temporary()?, latent_dim)?),
        };
        Ok(Self {
            path: path.to_owned(),
            content,
            latent_dim,
            count: 0,
        })
    }

    /// Adds the code of an image, with its number among all images.
    pub fn write(&mut self, number: usize, image: &CodeRow, code: &[f32]) -> anyhow::Result<()> {
        let record = || {
            let class = image.class.clone().unwrap_or_default();
            vec![number.to_string(), image.path.clone(), class]
        };
        match &mut self.content {
            Content::Array { values, rows } => {
                for value in code {
                    values.write_all(&value.to_le_bytes())?;
                }
                rows.write_record(record())?;
            }
            Content::Table(rows) => {
                let values = code.iter().map(ToString::to_string);
                rows.write_record(record().into_iter().chain(values))?;
            }
            Content::Parquet(codes) => codes.write(number, image, code)?,
        }
        self.count += 1;
        Ok(())
    }

    /// Puts the files into their places.
    pub fn finish(self) -> anyhow::Result<()> {
        let kept = "can't write a temporary file";
        match self.content {
            Content::Array { values, rows } => {
                let mut values = values.into_inner().context(kept)?;
                values.seek(SeekFrom::Start(0))?;
                write_output_with(&self.path, &mut |mut output| {
                    write_array_header(&mut output, self.count, self.latent_dim)?;
                    io::copy(&mut values, &mut output).map(|_| ())
                })?;
                let mut rows = rows.into_inner().context(kept)?;
                targets::write_from(&self.path.with_extension("csv"), &mut rows)
            }
            Content::Table(rows) => {
                let mut rows = rows.into_inner().context(kept)?;
                targets::write_from(&self.path, &mut rows)
            }
            Content::Parquet(codes) => {
                let mut codes = codes.finish().context(kept)?;
                targets::write_from(&self.path, &mut codes)
            }
        }
    }
}
