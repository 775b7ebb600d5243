//! A folder with the four IDX files of MNIST and its kin: training and test images, with labels.
//!
//! The division into training and test files isn't kept: all images are one pool, which `--split`
//! divides.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::classes::{CLASS_NAMES, ClassSelection};
use super::error::DataError;
use super::images::{ImageParts, Images, Labels};
use super::{FILE_STEMS, idx};
use crate::image::ImageShape;
use crate::path_text::path_text;

/// What the two pairs of files hold.
const PARTS: [&str; 2] = ["train", "test"];

/// Where torchvision keeps data sets of this format, below the folder that it is given.
const TORCHVISION: [&str; 4] = ["raw", "FashionMNIST/raw", "MNIST/raw", "KMNIST/raw"];

/// Loads the images of `classes` from the files in `dir`, or below it where torchvision puts them,
/// `[N, 1, H, W]`, less exact duplicates.
///
/// # Errors
/// [`DataError::NoFolder`] if `dir` isn't one; [`DataError::MissingFiles`] if it lacks a file;
/// [`DataError::SeveralSets`] if it holds several data sets; any error of the format if a file isn't as
/// it should be.
pub(super) fn load(dir: &Path, classes: &ClassSelection) -> Result<Images, DataError> {
    check_folder(dir)?;
    let missing = match find(dir) {
        Ok(files) => return read(dir, open(&files)?, classes),
        Err(missing) => missing,
    };
    let below = TORCHVISION.map(|place| dir.join(place));
    let found: Vec<_> = below
        .iter()
        .filter_map(|place| Some((place, find(place).ok()?)))
        .collect();
    match found.as_slice() {
        [] => Err(DataError::MissingFiles {
            dir: dir.to_owned(),
            expected: FILE_STEMS,
            missing,
        }),
        [(place, files)] => read(place, open(files)?, classes),
        several => Err(DataError::SeveralSets {
            dir: dir.to_owned(),
            found: several
                .iter()
                .map(|(place, _)| place.display().to_string())
                .collect(),
        }),
    }
}

/// Says what is wrong with a path that should be a folder's.
fn check_folder(dir: &Path) -> Result<(), DataError> {
    let Err(error) = fs::read_dir(dir) else {
        return Ok(());
    };
    let problem = match error.kind() {
        ErrorKind::NotFound => "doesn't exist".to_owned(),
        ErrorKind::NotADirectory => "is a file".to_owned(),
        _ => format!("can't be opened ({error})"),
    };
    Err(DataError::NoFolder {
        dir: dir.to_owned(),
        problem,
    })
}

/// The path of one file in `dir`: with or without `.gz`, and with a dot for the second hyphen, as some
/// mirrors of MNIST have it.
pub(super) fn locate(dir: &Path, stem: &str) -> Option<PathBuf> {
    let dotted = stem.replace("-idx", ".idx");
    [
        format!("{stem}.gz"),
        stem.to_owned(),
        format!("{dotted}.gz"),
        dotted,
    ]
    .into_iter()
    .map(|name| dir.join(name))
    .find(|path| path.is_file())
}

/// The paths of the four files in `dir`, or the stems of those that it lacks.
pub(super) fn find(dir: &Path) -> Result<Vec<PathBuf>, Vec<&'static str>> {
    let missing: Vec<_> = FILE_STEMS
        .into_iter()
        .filter(|stem| locate(dir, stem).is_none())
        .collect();
    if missing.is_empty() {
        Ok(FILE_STEMS
            .iter()
            .filter_map(|stem| locate(dir, stem))
            .collect())
    } else {
        Err(missing)
    }
}

/// A file's name for errors, and its content after decompression.
pub(super) type Named<T> = (String, T);

/// The `files` that [`find`] found.
fn open(files: &[PathBuf]) -> Result<Vec<Named<Box<dyn Read>>>, DataError> {
    let open = |path: &PathBuf| {
        let file = path.display().to_string();
        match idx::open(path) {
            Ok(content) => Ok((file, content)),
            Err(source) => Err(DataError::Unreadable { file, source }),
        }
    };
    files.iter().map(open).collect()
}

/// Reads the four `files` of the data set in `dir`.
pub(super) fn read(
    dir: &Path,
    files: Vec<Named<impl Read>>,
    classes: &ClassSelection,
) -> Result<Images, DataError> {
    let mut parts: Vec<(ImageShape, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut files = files.into_iter();
    while let (Some((image_file, images)), Some((label_file, labels))) =
        (files.next(), files.next())
    {
        let (shape, values) = idx::read_images(images, &image_file)?;
        let labels = idx::read_labels(labels, &label_file)?;
        if labels.len() * shape.len() != values.len() {
            return Err(DataError::LabelCount {
                image_file,
                images: values.len() / shape.len(),
                label_file,
                labels: labels.len(),
            });
        }
        if let Some((expected, ..)) = parts.first()
            && *expected != shape
        {
            return Err(DataError::OtherShape {
                file: image_file,
                found: shape,
                expected: *expected,
            });
        }
        parts.push((shape, values, labels));
    }
    let shape = parts[0].0;
    let labels = parts.iter().flat_map(|(_, _, labels)| labels);
    let largest = labels.max().copied().unwrap_or(0);
    let mut selected = Selected::new(shape, class_names(shape, largest), classes)?;
    for (part, (_, values, labels)) in PARTS.iter().zip(&parts) {
        selected.add(part, values, labels);
    }
    selected.into_images(&path_text(dir))
}

/// Names for the labels 0 to `largest`: Fashion-MNIST's where they can be those, else numbers.
fn class_names(shape: ImageShape, largest: u8) -> Vec<String> {
    let can_be_fashion_mnist =
        (shape.height, shape.width) == (28, 28) && usize::from(largest) < CLASS_NAMES.len();
    if can_be_fashion_mnist {
        CLASS_NAMES.map(str::to_owned).to_vec()
    } else {
        (0..=largest).map(|label| label.to_string()).collect()
    }
}

/// The images of the chosen classes, file by file.
pub(super) struct Selected {
    chosen: BTreeSet<u32>,
    classes: ClassSelection,
    parts: ImageParts,
}

impl Selected {
    pub fn new(
        shape: ImageShape,
        names: Vec<String>,
        classes: &ClassSelection,
    ) -> Result<Self, DataError> {
        Ok(Self {
            chosen: classes.resolve(&names)?,
            classes: classes.canonical(&names)?,
            parts: ImageParts {
                values: Vec::new(),
                shape,
                labels: Some(Labels {
                    ids: Vec::new(),
                    names,
                }),
                manifest: Vec::new(),
                source: String::new(),
            },
        })
    }

    /// Adds those of `values` `[N, H, W]` whose one of `labels` `[N]` is chosen; `part` names the file.
    pub fn add(&mut self, part: &str, values: &[u8], labels: &[u8]) {
        let images = values.chunks_exact(self.parts.shape.len()).zip(labels);
        for (index, (image, &label)) in images.enumerate() {
            let id = u32::from(label);
            if self.chosen.contains(&id) {
                self.parts.values.extend_from_slice(image);
                self.parts.manifest.push(format!("{part}/{index:05}"));
                if let Some(labels) = &mut self.parts.labels {
                    labels.ids.push(id);
                }
            }
        }
    }

    pub fn into_images(mut self, place: &str) -> Result<Images, DataError> {
        let classes = self.classes.to_string().replace(',', ", ");
        self.parts.source = format!("{place} ({classes})");
        let images = Images::new(self.parts)?;
        tracing::debug!(
            source = images.source(),
            images = images.len(),
            duplicates = images.duplicates(),
            sha256 = images.sha256(),
            "data loaded"
        );
        Ok(images)
    }
}
