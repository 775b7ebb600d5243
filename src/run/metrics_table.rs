//! `metrics.csv`: one row an epoch. Unlike other files it grows in place, so that `tail -f` follows a run;
//! what a crash leaves of a row is no row, and the next epoch, or resuming, replaces it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::files::{LARGEST_TABLE, read, table};
use super::{EpochMetrics, RunDir, RunError, write_atomically};

impl RunDir {
    /// Makes `metrics.csv` hold these epochs: rows that are there already stay as they are, and others
    /// are appended, or removed. They are on the disk when this returns.
    ///
    /// # Errors
    /// [`RunError::Write`]; a row that couldn't be written as a whole isn't there.
    pub fn write_metrics(&self, history: &[EpochMetrics]) -> Result<(), RunError> {
        let path = self.metrics_path();
        let bytes = metrics_csv(history).map_err(|source| RunError::Encode {
            path: path.clone(),
            source: source.into(),
        })?;
        if let Some(mut file) = open_own(&path) {
            let grown = grow(&mut file, &bytes).map_err(|source| RunError::Write {
                path: path.clone(),
                source,
            })?;
            if grown {
                return Ok(());
            }
        }
        write_atomically(&path, &bytes)
    }

    /// Reads `metrics.csv` by the names in its header. Only the column `epoch` is required: numbers
    /// of other columns that are missing are NaN (`step` is 0), and unknown columns are ignored, so
    /// that runs of other versions can be read.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_metrics(&self) -> Result<Vec<EpochMetrics>, RunError> {
        let path = self.metrics_path();
        let bytes = read(&path, LARGEST_TABLE)?;
        table(
            &path,
            whole_lines(&bytes),
            "a table with one row of numbers for each epoch",
            "epoch",
        )
    }
}

/// The table without a last line that is being written, or was cut off by a crash.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n');
    // A single line is the header, which is written as a whole.
    end.map_or(bytes, |end| &bytes[..=end])
}

fn metrics_csv(history: &[EpochMetrics]) -> Result<Vec<u8>, csv::Error> {
    // The header is written by hand: a table of no epochs needs one, too.
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.write_record(EpochMetrics::COLUMNS)?;
    for row in history {
        writer.serialize(row)?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

/// The file, if it can be written in place: a regular one, which is this folder's alone. A copy of the
/// folder made of links must keep its content.
fn open_own(path: &Path) -> Option<File> {
    let metadata = path.symlink_metadata().ok()?;
    let is_own = metadata.is_file() && metadata.len() <= LARGEST_TABLE && !is_shared(&metadata);
    let file = is_own.then(|| File::options().read(true).write(true).open(path));
    file?.ok()
}

#[cfg(unix)]
fn is_shared(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn is_shared(_: &Metadata) -> bool {
    false
}

/// Makes the file's content `bytes` by appending to the lines that it shares with them, and brings it to
/// the disk. False if it shares none, and is left as it is.
fn grow(file: &mut File, bytes: &[u8]) -> io::Result<bool> {
    let mut present = Vec::new();
    file.read_to_end(&mut present)?;
    let pairs = present.iter().zip(bytes);
    let same = pairs.take_while(|(a, b)| a == b).count();
    let Some(end) = bytes[..same].iter().rposition(|&byte| byte == b'\n') else {
        return Ok(false);
    };
    let kept = end + 1;
    if kept < present.len() {
        file.set_len(kept as u64)?;
    }
    file.seek(SeekFrom::Start(kept as u64))?;
    if let Err(error) = file.write_all(&bytes[kept..]) {
        // Half a row isn't read, and yet nobody should find one.
        let _ = file.set_len(kept as u64);
        return Err(error);
    }
    file.sync_data()?;
    Ok(true)
}
