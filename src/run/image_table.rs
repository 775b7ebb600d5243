//! `images.csv`: one row for each image that has a file of its own, so that results can be tied to files, and
//! changes of the files be noticed; and `skipped.csv`: the files that can't be used, and why.

use serde::{Deserialize, Serialize};

use super::files::{LARGEST_TABLE, read, table, write_table};
use super::{RunDir, RunError};
use crate::data::Skipped;

/// An image of a run, and its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRow {
    /// Its place in the data set.
    pub row: usize,
    /// The file's path below the folder of the images, with `/`.
    pub path: String,
    /// SHA-256 in hexadecimal of the values that the network gets, `[C, H, W]`.
    pub sha256: String,
    /// Its class, if the images have classes.
    pub class: Option<String>,
    /// `train`, `validation` or `test`; none if it isn't used.
    pub split: Option<String>,
    /// Columns of the picture in the file, upright.
    pub width: usize,
    /// Rows of the picture in the file, upright.
    pub height: usize,
    /// The picture's kind of pixels by Pillow's names, such as `RGB` or `I;16`.
    pub mode: String,
}

impl RunDir {
    /// Writes `images.csv`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_images(&self, rows: &[ImageRow]) -> Result<(), RunError> {
        write_table(&self.images_path(), rows)
    }

    /// Reads `images.csv`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_images(&self) -> Result<Vec<ImageRow>, RunError> {
        let path = self.images_path();
        table(
            &path,
            &read(&path, LARGEST_TABLE)?,
            "a table with one row for each image",
            "path",
        )
    }

    /// Writes `skipped.csv`, where there is something to write.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_skipped(&self, rows: &[Skipped]) -> Result<(), RunError> {
        if rows.is_empty() {
            return Ok(());
        }
        write_table(&self.skipped_path(), rows)
    }
}
