//! What is known of images that come from files of their own: each file's place, size and kind, and those
//! that were left out, with the reason.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::preparation::Preparation;
use crate::decode::Fault;

/// What is known of images that come from files of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// `[N]`, one for each image.
    pub files: Vec<ImageFile>,
    /// Files that should have been images, and can't be used.
    pub skipped: Vec<Skipped>,
    /// How many other files there are, by their kind, such as `.txt` or `hidden`.
    pub ignored: BTreeMap<String, usize>,
    /// What should be said of the whole.
    pub warnings: Vec<String>,
    /// How files became images.
    pub preparation: Preparation,
}

/// The file that an image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// SHA-256 in hexadecimal of the image's values, `[C, H, W]`.
    pub sha256: String,
    /// Columns of the picture in the file, upright.
    pub width: usize,
    /// Rows of the picture in the file, upright.
    pub height: usize,
    /// The picture's kind of pixels by Pillow's names, such as `RGB` or `I;16`.
    pub mode: String,
    /// What it is for, where folders say so.
    pub part: Option<Part>,
}

/// A file that should have been an image, and can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Below the folder, with `/`.
    pub path: String,
    /// Why, as the end of a sentence that began with the path.
    pub reason: String,
}

impl Skipped {
    /// Whether a background is all that it lacks.
    pub(crate) fn is_transparent(&self) -> bool {
        self.reason == Fault::Transparent.to_string()
    }
}

impl Collection {
    /// The largest share of files that training does without.
    pub const MOST_SKIPPED: f64 = 0.05;

    /// How many files were passed over.
    #[must_use]
    pub fn ignored(&self) -> usize {
        self.ignored.values().sum()
    }

    /// Whether more than [`Self::MOST_SKIPPED`] of the files can't be used.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of files")]
    pub fn lacks_many(&self) -> bool {
        let skipped = self.skipped.len() as f64;
        let files = skipped + self.files.len() as f64;
        skipped > Self::MOST_SKIPPED * files
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}
