//! What can be wrong with the data, and how to mend it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::FILE_STEMS;
use super::collection::{Collection, Skipped};
use super::fashion_mnist_error::FashionMnistError;
use crate::image::ImageShape;
use crate::limits::NO_THREAD;
use crate::words::count;

/// An example of the folders in which torchvision keeps what it downloads.
const TORCHVISION: &str = "FashionMNIST/raw";

/// Why the data could not be loaded, split or batched. The message names the setting or file, what was
/// expected, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// `classes` names a class that the images don't have.
    #[error(
        "`classes`: unknown class `{name}`: expected `all`, numbers from 0 to {}, or names among \
         {}, separated by commas",
        names.len().saturating_sub(1), names.join(", ")
    )]
    UnknownClass {
        /// The name as given.
        name: String,
        /// The classes that there are.
        names: Vec<String>,
    },

    /// `classes` names no class at all.
    #[error("`classes`: no class given: name at least one, such as `t-shirt`, or `all`")]
    NoClasses,

    /// `split` is not three fractions of a whole.
    #[error(
        "{problem}; `split` takes the fractions for training, validation and test, each between 0 and 1, \
         which sum to 1, such as 0.8,0.1,0.1"
    )]
    Fractions {
        /// Which rule they break.
        problem: String,
    },

    /// A part of the split would hold no image.
    #[error(
        "`split` {fractions} of {}{} leaves {training} for training, {validation} for validation and \
         {test} for test, and none may be empty: raise `limit` or the empty part's fraction in `split`, \
         or take more images",
        count(*images, "image"), left_out(*duplicates)
    )]
    EmptySplit {
        /// The fractions asked for.
        fractions: String,
        /// The number of images to split, after `limit`.
        images: usize,
        /// Images that the training split would get.
        training: usize,
        /// Images that the validation split would get.
        validation: usize,
        /// Images that the test split would get.
        test: usize,
        /// Images that don't count, because an earlier one has the same values.
        duplicates: usize,
    },

    /// Batches of 0 images.
    #[error("`batch_size`: 0 images make no batch: give 1 or more")]
    ZeroBatchSize,

    /// An index beyond the data set, as from a split of another data set.
    #[error(
        "image {index} was asked for, but {dataset} has {}: the split was made from other data",
        count(*images, "image")
    )]
    IndexRange {
        /// The index asked for.
        index: u32,
        /// The source of the data set.
        dataset: String,
        /// The number of images in the data set.
        images: usize,
    },

    /// The thread that makes batches could not start.
    #[error("can't start the thread that prepares batches ({0}): {NO_THREAD}")]
    Thread(io::Error),

    /// A file could not be opened or read, or its compression is damaged.
    #[error(
        "{file}: cannot be read as an IDX file, plain or gzip'd: replace it, or mend its permissions"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system or the decompressor says.
        source: io::Error,
    },

    /// A file is of another format than its name says.
    #[error("{file}: not an IDX file, plain or gzip'd; it is {what}: {remedy}")]
    OtherFormat {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// A file ends too early.
    #[error(
        "{file}: truncated: expected {expected} bytes after decompression, found {found}: replace \
         it by the official file"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Bytes that the header promises, itself included.
        expected: usize,
        /// Bytes found.
        found: usize,
    },

    /// A file is longer than its header declares.
    #[error(
        "{file}: longer than the {expected} bytes that its header declares: replace it by the \
         official file"
    )]
    TooLong {
        /// The file.
        file: String,
        /// Bytes that the header promises, itself included.
        expected: usize,
    },

    /// A file is not the kind of IDX file expected in its place.
    #[error(
        "{file}: magic number is {found:#010x}, expected {expected:#010x} ({kind}): check that images \
         and labels are not swapped, or replace it by the official file"
    )]
    Magic {
        /// The file.
        file: String,
        /// The magic number of `kind`.
        expected: u32,
        /// The file's first four bytes, big-endian.
        found: u32,
        /// What was expected, in words.
        kind: &'static str,
    },

    /// The header declares images without pixels, or larger ones than are read.
    #[error("{file}: images are {width}x{height} pixels, expected sides from 1 to {limit}")]
    ImageSize {
        /// The file.
        file: String,
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
        /// The longest side that is read.
        limit: u32,
    },

    /// Two files of a data set hold images of different sizes.
    #[error(
        "{file}: images are {found}, and those of the files before {expected}: use files of one data set"
    )]
    OtherShape {
        /// The file.
        file: String,
        /// The shape of its images.
        found: ImageShape,
        /// The shape of those before.
        expected: ImageShape,
    },

    /// The header declares no item, or more than any file of this kind holds.
    #[error(
        "{file}: the header declares {count} items, expected 1 to {limit}: replace it by the \
         official file"
    )]
    Count {
        /// The file.
        file: String,
        /// Items declared.
        count: u32,
        /// The most that is read.
        limit: u32,
    },

    /// An image file and its label file do not belong together.
    #[error(
        "{image_file} holds {}, but {label_file} holds {}: use files of the same set",
        count(*images, "image"), count(*labels, "label")
    )]
    LabelCount {
        /// The image file.
        image_file: String,
        /// Images in it.
        images: usize,
        /// The label file.
        label_file: String,
        /// Labels in it.
        labels: usize,
    },

    /// What images are made of doesn't fit together.
    #[error(
        "{dataset}: {} are not {} of {shape} (channels, height, width), or there isn't one class from the \
         list of names for each",
        count(*values, "value"), count(*images, "image")
    )]
    PixelCount {
        /// The source of the images.
        dataset: String,
        /// Values given.
        values: usize,
        /// Images, as the manifest has them.
        images: usize,
        /// Their shape.
        shape: ImageShape,
    },

    /// No image is of a chosen class.
    #[error("{dataset}: no image is of a chosen class: choose others with `classes`")]
    NoImages {
        /// The source of the data set.
        dataset: String,
    },

    /// The directory given isn't one.
    #[error(
        "`data` (or $TRAINER_DATA): {} {problem}: give a folder that holds images, or a data set's four IDX \
         files",
        dir.display()
    )]
    NoFolder {
        /// The directory given.
        dir: PathBuf,
        /// Such as "doesn't exist".
        problem: String,
    },

    /// The directory given holds several data sets.
    #[error(
        "`data` (or $TRAINER_DATA): {} holds several data sets: give the folder of one of them: {}",
        dir.display(), found.join(", ")
    )]
    SeveralSets {
        /// The directory given.
        dir: PathBuf,
        /// The folders in it that have all files.
        found: Vec<String>,
    },

    /// The directory given lacks some of the four files.
    #[error(
        "`data` (or $TRAINER_DATA): {} lacks {}: expected {}, each plain or with .gz, there or where \
         torchvision puts them ({TORCHVISION})",
        dir.display(), missing.join(", "), expected.join(", ")
    )]
    MissingFiles {
        /// The directory given.
        dir: PathBuf,
        /// Stems of the files that should be there.
        expected: [&'static str; 4],
        /// Stems of the files that are not there.
        missing: Vec<&'static str>,
    },

    /// Folders that were named hold no image.
    #[error("no image in {}: expected image files in it, or in folders below", path.display())]
    NoInputs {
        /// The first of them.
        path: PathBuf,
    },
    /// An image file or a folder that was named isn't there.
    #[error("can't read {}: expected an image file, or a folder of them", path.display())]
    NoInput {
        /// What was named.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory given holds no image.
    #[error(
        "`data` (or $TRAINER_DATA): no image in {}{}: give a folder that holds images (PNG, JPEG, WebP, BMP, \
         GIF, TIFF, PNM or QOI), or a data set's four IDX files ({})",
        dir.display(),
        if ignored.is_empty() { String::new() } else { format!(" (but {ignored})") },
        FILE_STEMS.join(", ")
    )]
    NoImageFiles {
        /// The directory given.
        dir: PathBuf,
        /// What it holds instead.
        ignored: String,
    },

    /// No image in the directory can be used.
    #[error(
        "`data` (or $TRAINER_DATA): none of the {} in {} can be used; the first, {first}{}",
        count(*files, "image"), dir.display(), advice(first)
    )]
    AllSkipped {
        /// The directory given.
        dir: PathBuf,
        /// How many there are.
        files: usize,
        /// The first, and why it can't be used.
        first: Skipped,
    },

    /// Files in memory hold no image that can be used.
    #[error(
        "{}: expected PNG, JPEG, WebP, BMP, GIF, TIFF, PNM or QOI",
        first.as_ref().map_or_else(|| "none of the files is an image".to_owned(), |first| {
            format!("none of the files can be used; the first, {first}")
        })
    )]
    NoImagesGiven {
        /// The first that is an image by its name, and why it can't be used.
        first: Option<Skipped>,
    },

    /// A file that can't be used, where all have to be.
    #[error("{0}; without `strict` it would be skipped")]
    Skipped(Skipped),

    /// Too many files that can't be used.
    #[error(
        "{skipped} of {} can't be used, which is more than {:.0} %; the first, {first}. `trainer data` lists \
         them all; mend them or take them away{}",
        count(*files, "image"), 100.0 * Collection::MOST_SKIPPED, advice(first)
    )]
    ManySkipped {
        /// Files that can't be used.
        skipped: usize,
        /// All image files.
        files: usize,
        /// The first, and why it can't be used.
        first: Skipped,
    },

    /// The table of classes isn't as it should be.
    #[error(
        "`labels`: {}: {problem}; expected a CSV file with the columns `path` (below the folder of the \
         images) and `class`",
        file.display()
    )]
    Labels {
        /// The table.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },

    /// Classes are asked for, and the images have none.
    #[error(
        "`classes`: unknown class `{name}`: the images have no classes; put each class into a folder of its \
         own, or name a table of them by `labels`"
    )]
    WithoutClasses {
        /// What was asked for.
        name: String,
    },

    /// Images that don't fit into memory can't be written to a file.
    #[error(
        "can't write the decoded images, which are too many for memory: give the folder for them ($XDG_CACHE_HOME, or \
         $TMPDIR without a cache) more room, or take a smaller `size`"
    )]
    Cache(#[source] io::Error),

    /// Fashion-MNIST's files can't be found.
    #[error(transparent)]
    FashionMnist(#[from] FashionMnistError),
}

impl DataError {
    /// The same error, for a split of images of which so many were left out.
    #[must_use]
    pub(crate) fn with_duplicates(mut self, left_out: usize) -> Self {
        if let Self::EmptySplit { duplicates, .. } = &mut self {
            *duplicates = left_out;
        }
        self
    }
}

/// What became of images that aren't counted, in parentheses.
fn left_out(duplicates: usize) -> String {
    match duplicates {
        0 => String::new(),
        number => format!(" ({} left out)", count(number, "exact duplicate")),
    }
}

/// What may help, with a set of which this file is the first that can't be used.
fn advice(first: &Skipped) -> &'static str {
    if first.is_transparent() {
        "; `background` white puts them on white"
    } else {
        ""
    }
}
