//! The small files of a run folder, one by one: each is written whole and atomically, and read only if
//! it is a regular file of a sensible size. [`RunRecord`](super::RunRecord) reads all of them at once.

use std::error::Error;

use std::io::{self, ErrorKind};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Meta, RunDir, RunError, Status, Summary, read_regular, write_atomically};

/// The largest `config.toml`, `meta.json`, `status.json` or `summary.json` that is read, in bytes.
/// They have a few kilobytes; a file that isn't one of them mustn't fill the memory.
const LARGEST_OBJECT: u64 = 1 << 20;
/// The largest `metrics.csv` or `test.csv` that is read, in bytes: two million rows.
pub(super) const LARGEST_TABLE: u64 = 1 << 28;

impl RunDir {
    /// Writes `config.toml`.
    ///
    /// # Errors
    /// [`RunError::Write`], as for every `write_*` here.
    pub fn write_config(&self, toml: &str) -> Result<(), RunError> {
        write_atomically(&self.config_path(), toml.as_bytes())
    }

    /// Reads `config.toml` as text; what it means is for the caller to say.
    ///
    /// # Errors
    /// [`RunError::Read`] if it is missing or isn't UTF-8.
    pub fn read_config(&self) -> Result<String, RunError> {
        let path = self.config_path();
        let bytes = read(&path, LARGEST_OBJECT)?;
        String::from_utf8(bytes).map_err(|error| RunError::Read {
            path,
            source: io::Error::new(ErrorKind::InvalidData, error.utf8_error()),
        })
    }

    /// Writes `meta.json`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_meta(&self, meta: &Meta) -> Result<(), RunError> {
        write_json(&self.meta_path(), meta)
    }

    /// Reads `meta.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`], as for every `read_*` here.
    pub fn read_meta(&self) -> Result<Meta, RunError> {
        self.read_of_meta()
    }

    /// Reads those fields of `meta.json` that `T` has.
    pub(super) fn read_of_meta<T: DeserializeOwned>(&self) -> Result<T, RunError> {
        read_json(
            &self.meta_path(),
            "a JSON object with the circumstances of a run",
        )
    }

    /// Writes `status.json`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_status(&self, status: &Status) -> Result<(), RunError> {
        write_json(&self.status_path(), status)
    }

    /// Reads `status.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_status(&self) -> Result<Status, RunError> {
        read_json(
            &self.status_path(),
            "a JSON object with the status of a run",
        )
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_summary(&self, summary: &Summary) -> Result<(), RunError> {
        write_json(&self.summary_path(), summary)
    }

    /// Reads `summary.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_summary(&self) -> Result<Summary, RunError> {
        read_json(
            &self.summary_path(),
            "a JSON object with the summary of a run",
        )
    }

    /// Refuses what a newer version wrote, whose files may mean something else.
    ///
    /// # Errors
    /// [`RunError::Newer`].
    pub(super) fn check_version(&self) -> Result<(), RunError> {
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        // Whoever needs the file reports what is wrong with it.
        let Ok(Version { version }) = self.read_of_meta() else {
            return Ok(());
        };
        let own = env!("CARGO_PKG_VERSION");
        if numbers(&version) <= numbers(own) {
            return Ok(());
        }
        Err(RunError::Newer {
            path: self.path().to_owned(),
            version,
            own,
        })
    }
}

/// A version such as 0.12.3 as numbers that can be compared.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '-', '+'])
        .map_while(|number| number.parse().ok())
        .collect()
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|source| RunError::Encode {
        path: path.to_owned(),
        source: source.into(),
    })?;
    bytes.push(b'\n');
    write_atomically(path, &bytes)
}

fn read_json<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T, RunError> {
    serde_json::from_slice(&read(path, LARGEST_OBJECT)?).map_err(|source| RunError::Parse {
        path: path.to_owned(),
        expected,
        source: source.into(),
    })
}

/// The rows of a CSV file with a header, in which the column `key` must be.
pub(super) fn table<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    expected: &'static str,
    key: &str,
) -> Result<Vec<T>, RunError> {
    let wrong = |source: Box<dyn Error + Send + Sync>| RunError::Parse {
        path: path.to_owned(),
        expected,
        source,
    };
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|source| wrong(source.into()))?;
    if header.is_empty() {
        return Err(wrong("it is empty".into()));
    }
    // Without a row, nothing else would miss it.
    if !header.iter().any(|name| name == key) {
        return Err(wrong(format!("it has no column `{key}`").into()));
    }
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|source: csv::Error| wrong(source.into()))
}

pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, RunError> {
    read_regular(path, limit).map_err(|source| RunError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Writes a table, one row for each of `rows`, under a header of their fields' names.
pub(super) fn write_table<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), RunError> {
    let encode = || -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.serialize(row)?;
        }
        let bytes = writer.into_inner();
        bytes.map_err(|error| error.into_error().into())
    };
    let bytes = encode().map_err(|source| RunError::Encode {
        path: path.to_owned(),
        source: source.into(),
    })?;
    write_atomically(path, &bytes)
}
