//! Codes in files: NumPy's format, with a table of their images beside it, or one table with both; and a record of what
//! made them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{Model, ModelError};
use crate::npy;

/// Columns of a table of codes before the codes themselves.
const COLUMNS: [&str; 3] = ["row", "path", "class"];

/// What the columns of values are called, before their numbers from 0 on.
const VALUE: &str = "code_";

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
        "{} isn't a file of codes: {problem}. Take a .npy or .csv file that `trainer encode` wrote, or one of \
         floats [N, latent_dim]",
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
        "{} has codes that were refined in {found} steps, as {} says, and those beside them are in {expected}: give \
         --refine {found}",
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

/// What made a file of codes. It stands beside the file, under its name with `.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodesRecord {
    /// SHA-256 of the model's tensors, as [`Model::sha256`].
    pub model: String,
    /// Steps of refinement for each code.
    pub refine: usize,
    /// Values of a code.
    pub latent_dim: usize,
    /// Version of this library.
    pub trainer: String,
}

impl CodesRecord {
    /// The record of `model`'s codes.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn new(model: &Model, refine: usize) -> Result<Self, ModelError> {
        Ok(Self {
            model: model.sha256()?,
            refine,
            latent_dim: model.info().latent_dim,
            trainer: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// Where the record of a file of codes stands.
    #[must_use]
    pub fn path(codes: &Path) -> PathBuf {
        codes.with_extension("json")
    }

    /// The record beside a file of codes, if there is one.
    #[must_use]
    pub fn beside(codes: &Path) -> Option<Self> {
        // Another file that happens to have that name is none.
        serde_json::from_slice(&std::fs::read(Self::path(codes)).ok()?).ok()
    }

    /// Refuses codes whose record says that they are of another model than `model`, or of another number of steps than
    /// `refine`. Those without a record may be anyone's.
    ///
    /// # Errors
    ///
    /// [`CodesError::Model`] and [`CodesError::Refined`], and where the device fails.
    pub fn check(codes: &Path, model: &Model, refine: Option<usize>) -> Result<(), CodesError> {
        let Some(record) = Self::beside(codes) else {
            return Ok(());
        };
        let expected = model.sha256()?;
        if record.model != expected {
            return Err(CodesError::Model {
                path: codes.to_owned(),
                expected,
                found: record.model,
            });
        }
        match refine {
            Some(expected) if expected != record.refine => Err(CodesError::Refined {
                path: codes.to_owned(),
                expected,
                found: record.refine,
            }),
            _ => Ok(()),
        }
    }
}

/// Begins a table of codes: the images' columns, and one for each of `latent_dim` values.
///
/// # Errors
///
/// Where `out` can't be written.
pub fn write_codes_header(out: &mut impl Write, latent_dim: usize) -> io::Result<()> {
    let names = (0..latent_dim).map(|index| format!("{VALUE}{index}"));
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS.iter().map(|name| (*name).to_owned()).chain(names))?;
    writer.flush()
}

/// Begins an array of codes `[rows, latent_dim]` in NumPy's format; the codes follow, as little-endian `f32`.
///
/// # Errors
///
/// Where `out` can't be written.
pub fn write_array_header(out: &mut impl Write, rows: usize, latent_dim: usize) -> io::Result<()> {
    npy::write_header(out, "<f4", &[rows, latent_dim])
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
    read(path, width, true)
}

/// The codes in a file alone, `[N, width]`.
///
/// # Errors
///
/// As [`read_codes`].
pub fn read_code_values(path: &Path, width: usize) -> Result<Vec<f32>, CodesError> {
    let (codes, _) = read(path, width, false)?;
    Ok(codes)
}

fn read(
    path: &Path,
    width: usize,
    wants_rows: bool,
) -> Result<(Vec<f32>, Option<Vec<CodeRow>>), CodesError> {
    let malformed = |problem: String| CodesError::Malformed {
        path: path.to_owned(),
        problem,
    };
    let is_table = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let (codes, found, rows) = if is_table {
        let (rows, codes, found) = read_table(path, false)?;
        if found == 0 {
            return Err(malformed(
                "it is the table beside an array of codes, without codes itself; give the array"
                    .to_owned(),
            ));
        }
        (codes, found, Some(rows))
    } else {
        let (codes, found) = read_array(path)?;
        let table = path.with_extension("csv");
        let rows = (wants_rows && table.is_file()).then(|| read_table(&table, true));
        let rows = rows.transpose()?.map(|(rows, ..)| rows);
        (codes, found, rows)
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
        return Err(malformed(format!(
            "it has {count} codes, and the table beside it {} rows",
            rows.len()
        )));
    }
    if let Some(place) = codes.iter().position(|value| !value.is_finite()) {
        return Err(malformed(format!(
            "value {} of code {} is {}, both counted from 0",
            place % width,
            place / width,
            codes[place]
        )));
    }
    Ok((codes, rows))
}

/// The values of an array, and how many a row has.
fn read_array(path: &Path) -> Result<(Vec<f32>, usize), CodesError> {
    let unreadable = |source| CodesError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let malformed = |problem: String| CodesError::Malformed {
        path: path.to_owned(),
        problem,
    };
    let (header, values) = npy::read_header(&bytes).ok_or_else(|| {
        malformed("it doesn't begin like a file in NumPy's format, version 1 or 2".to_owned())
    })?;
    let [rows, width] = header.shape[..] else {
        return Err(malformed(format!(
            "its array is of shape {:?}",
            header.shape
        )));
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "codes are in single precision"
    )]
    let (values, is_whole): (Vec<f32>, bool) = match header.element.as_str() {
        "<f4" => {
            let (values, rest) = values.as_chunks();
            let values = values.iter().copied().map(f32::from_le_bytes);
            (values.collect(), rest.is_empty())
        }
        // What NumPy makes of most arithmetic.
        "<f8" => {
            let (values, rest) = values.as_chunks();
            let values = values
                .iter()
                .copied()
                .map(|value| f64::from_le_bytes(value) as f32);
            (values.collect(), rest.is_empty())
        }
        other => return Err(malformed(format!("its elements are {other}"))),
    };
    if !is_whole || Some(values.len()) != rows.checked_mul(width) || width == 0 {
        return Err(malformed(format!(
            "it has {} values instead of {rows} × {width}",
            values.len()
        )));
    }
    if header.is_fortran {
        let by_rows = (0..rows).flat_map(|row| (0..width).map(move |column| column * rows + row));
        return Ok((by_rows.map(|place| values[place]).collect(), width));
    }
    Ok((values, width))
}

/// Images, codes and how many values each has (none in a table without them), from columns that are told by their names.
/// With `is_beside`, of an array whose rows are in the order in which they were written.
fn read_table(path: &Path, is_beside: bool) -> Result<(Vec<CodeRow>, Vec<f32>, usize), CodesError> {
    let malformed = |problem: String| CodesError::Malformed {
        path: path.to_owned(),
        problem,
    };
    let file = File::open(path).map_err(|source| CodesError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut reader = csv::Reader::from_reader(BufReader::new(file));
    let header = reader
        .headers()
        .map_err(|error| malformed(error.to_string()))?;
    let places: HashMap<&str, usize> = header.iter().zip(0..).collect();
    let [Some(&row), Some(&image), Some(&class)] = COLUMNS.map(|name| places.get(name)) else {
        return Err(malformed(format!(
            "it has no columns {}, or it is a later part of several, whose tables are to be appended to the first one's",
            COLUMNS.join(", ")
        )));
    };
    let is_value = |name: &&str| {
        let number = name.strip_prefix(VALUE);
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let width = header.iter().filter(is_value).count();
    let values: Option<Vec<usize>> = (0..width)
        .map(|index| places.get(format!("{VALUE}{index}").as_str()).copied())
        .collect();
    let values = values.ok_or_else(|| {
        malformed(format!(
            "its {width} columns of values aren't {VALUE}0 and those that follow"
        ))
    })?;
    let (mut rows, mut codes) = (Vec::new(), Vec::new());
    let mut next = 0;
    for record in reader.records() {
        let record = record.map_err(|error| malformed(error.to_string()))?;
        if is_beside {
            // A file that couldn't be used leaves its number out.
            let number = record[row].parse::<usize>();
            let number = number.ok().filter(|&number| number >= next);
            next = 1 + number.ok_or_else(|| {
                malformed(format!(
                    "row {} of the table beside it stands where one from {next} on should: it has been sorted, so \
                     that it can't be told which code is whose",
                    &record[row]
                ))
            })?;
        }
        let class = record[class].to_owned();
        rows.push(CodeRow {
            path: record[image].to_owned(),
            class: (!class.is_empty()).then_some(class),
        });
        for value in values.iter().map(|&place| &record[place]) {
            let number = value.trim().parse::<f32>();
            codes.push(number.map_err(|_| malformed(format!("`{value}` is no number")))?);
        }
    }
    Ok((rows, codes, width))
}
