//! Codes in files: an array in NumPy's format with a table of their images beside it, one table with both, or the same
//! in Parquet; and a record of what made them.

mod array;
#[cfg(feature = "parquet")]
mod parquet;
mod record;
mod table;

use std::io;
use std::path::{Path, PathBuf};

pub use array::write_array_header;
#[cfg(feature = "parquet")]
pub use parquet::ParquetCodes;
pub use record::CodesRecord;
pub use table::write_codes_header;

use crate::model::ModelError;

/// How a file holds codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodesFormat {
    /// An array `[N, latent_dim]` in NumPy's format, `.npy`; a table beside it may tell the images.
    Array,
    /// A table of the images with a column for each value, `.csv`.
    Table,
    /// A table of the images with a column of lists, `.parquet`.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl CodesFormat {
    /// What a file's name says; none if it ends otherwise.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "npy" => Some(Self::Array),
            "csv" => Some(Self::Table),
            #[cfg(feature = "parquet")]
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Which image a code is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeRow {
    /// Its path, as [`InputImage::path`](crate::data::InputImage::path).
    pub path: String,
    /// Its class, if it has one.
    pub class: Option<String>,
}

/// Why a file of codes can't be read.
#[derive(Debug, thiserror::Error)]
pub enum CodesError {
    /// The system refuses it.
    #[error("can't read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It isn't one.
    #[error(
        "{} isn't a file of codes: {problem}. Take a file that `trainer encode` wrote, or an array (.npy) \
         of floats [N, latent_dim]",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What shows it.
        problem: String,
    },
    /// They are of another model.
    #[error(
        "{} has codes of {found} values, and the model's have {expected}: they are another model's",
        path.display()
    )]
    Width {
        /// The file.
        path: PathBuf,
        /// Values of a code of the model.
        expected: usize,
        /// Values of a code in the file.
        found: usize,
    },
    /// They are of another model.
    #[error(
        "{} has codes of a model whose tensors' SHA-256 is {found}, as {} says, and this model's is {expected}: take the \
         model that made them",
        path.display(), CodesRecord::path(path).display()
    )]
    Model {
        /// The file.
        path: PathBuf,
        /// SHA-256 of this model.
        expected: String,
        /// SHA-256 of theirs.
        found: String,
    },
    /// They were refined in another number of steps than codes that are held against them.
    #[error(
        "{} has codes that were refined in {found} steps, as {} says, and those beside them are in {expected}: \
         give `refine` {found}",
        path.display(), CodesRecord::path(path).display()
    )]
    Refined {
        /// The file.
        path: PathBuf,
        /// Steps of the codes beside them.
        expected: usize,
        /// Theirs.
        found: usize,
    },
    /// The model can't be read from its device.
    #[error(transparent)]
    Device(#[from] ModelError),
}

/// The codes in a file, `[N, width]`, and their images, if a table tells.
///
/// # Errors
///
/// Where the file can't be read, isn't one of codes, or they have another width.
pub fn read_codes(
    path: &Path,
    width: usize,
) -> Result<(Vec<f32>, Option<Vec<CodeRow>>), CodesError> {
    let Found { codes, rows, .. } = read(path, width, true)?;
    Ok((codes, rows))
}

/// The codes in a file alone, `[N, width]`.
///
/// # Errors
///
/// As [`read_codes`].
pub fn read_code_values(path: &Path, width: usize) -> Result<Vec<f32>, CodesError> {
    Ok(read(path, width, false)?.codes)
}

/// What a file holds.
struct Found {
    /// `[N, width]`
    codes: Vec<f32>,
    width: usize,
    /// Their images, if it tells them.
    rows: Option<Vec<CodeRow>>,
}

fn read(path: &Path, width: usize, wants_rows: bool) -> Result<Found, CodesError> {
    let Found {
        codes,
        width: found,
        rows,
    } = match CodesFormat::of(path) {
        Some(CodesFormat::Table) => table::read_codes(path)?,
        #[cfg(feature = "parquet")]
        Some(CodesFormat::Parquet) => parquet::read(path)?,
        Some(CodesFormat::Array) | None => {
            let (codes, width) = array::read(path)?;
            let table = path.with_extension("csv");
            let rows = (wants_rows && table.is_file()).then(|| table::read_rows(&table));
            Found {
                codes,
                width,
                rows: rows.transpose()?,
            }
        }
    };
    if found != width {
        return Err(CodesError::Width {
            path: path.to_owned(),
            expected: width,
            found,
        });
    }
    let count = codes.len() / width;
    if let Some(rows) = &rows
        && rows.len() != count
    {
        return Err(malformed(
            path,
            format!(
                "it has {count} codes, and the table beside it {} rows",
                rows.len()
            ),
        ));
    }
    if let Some(place) = codes.iter().position(|value| !value.is_finite()) {
        return Err(malformed(
            path,
            format!(
                "value {} of code {} is {}, both counted from 0",
                place % width,
                place / width,
                codes[place]
            ),
        ));
    }
    Ok(Found { codes, width, rows })
}

fn malformed(path: &Path, problem: impl Into<String>) -> CodesError {
    CodesError::Malformed {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

fn unreadable(path: &Path, source: io::Error) -> CodesError {
    CodesError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
