//! A folder with the four IDX files of MNIST and its kin: training and test images, with labels.
//!
//! The division into training and test files isn't kept: all images are one pool, which `--split`
//! divides.

use std::collections::BTreeSet;
use std::io::Read;
use std::mem;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::checked::CHECKSUMS;
use super::classes::{CLASS_NAMES, ClassSelection};
use super::error::DataError;
use super::images::{ImageParts, Images, Labels};
use super::{FILE_STEMS, idx};
use crate::image::ImageShape;
use crate::path_text::path_text;

/// What the two pairs of files hold.
const PAIRS: [&str; 2] = ["train", "test"];

/// Where torchvision keeps data sets of this format, below the folder that it is given.
const TORCHVISION: [&str; 4] = ["raw", "FashionMNIST/raw", "MNIST/raw", "KMNIST/raw"];

/// Loads the images of `classes` from the files in `dir`, or below it where torchvision puts them,
/// `[N, 1, H, W]`, less exact duplicates; none if there are no such files.
///
/// # Errors
/// [`DataError::MissingFiles`] if there are only some of the four; [`DataError::SeveralSets`] if there are
/// several data sets; any error of the format if a file isn't as it should be.
pub(super) fn load(dir: &Path, classes: &ClassSelection) -> Result<Option<Images>, DataError> {
    match pairs_of(dir)? {
        Some(set) => selected(&set.pairs, classes)?
            .into_images(&path_text(&set.place))
            .map(Some),
        None => Ok(None),
    }
}

/// The same with all images of all classes, duplicates among them, in the order of the files; and the files.
pub(super) fn load_all(dir: &Path) -> Result<Option<(ImageParts, Vec<PathBuf>)>, DataError> {
    match pairs_of(dir)? {
        Some(set) => {
            let parts = selected(&set.pairs, &ClassSelection::All)?.parts;
            Ok(Some((parts, set.files)))
        }
        None => Ok(None),
    }
}

/// A data set: where it is, its files, and what they hold.
struct Set {
    place: PathBuf,
    files: Vec<PathBuf>,
    pairs: Vec<Pair>,
}

impl Set {
    fn read(place: PathBuf, files: Vec<PathBuf>) -> Result<Self, DataError> {
        Ok(Self {
            place,
            pairs: read_pairs(open(&files)?)?,
            files,
        })
    }
}

/// The data set in `dir`.
fn pairs_of(dir: &Path) -> Result<Option<Set>, DataError> {
    let missing = match find(dir) {
        Ok(files) => return Set::read(dir.to_owned(), files).map(Some),
        Err(missing) => missing,
    };
    if let Some((place, files)) = emnist(dir)? {
        let mut set = Set::read(place, files)?;
        set.pairs = upright(set.pairs);
        return Ok(Some(set));
    }
    let below = TORCHVISION.map(|place| dir.join(place));
    let mut found: Vec<_> = below
        .into_iter()
        .filter_map(|place| Some((find(&place).ok()?, place)))
        .collect();
    match found.as_mut_slice() {
        [] if missing.len() == FILE_STEMS.len() => Ok(None),
        [] => Err(DataError::MissingFiles {
            dir: dir.to_owned(),
            expected: FILE_STEMS,
            missing,
        }),
        [(files, place)] => Set::read(mem::take(place), mem::take(files)).map(Some),
        several => Err(DataError::SeveralSets {
            dir: dir.to_owned(),
            found: several
                .iter()
                .map(|(_, place)| place.display().to_string())
                .collect(),
        }),
    }
}

/// EMNIST's sets, each of which has its name in those of its files.
const EMNIST: [&str; 6] = [
    "balanced", "byclass", "bymerge", "digits", "letters", "mnist",
];

/// The place and the files of the one set of EMNIST that `dir` has, or that `dir` names, as in
/// `gzip/emnist-letters`; none if there is none.
fn emnist(dir: &Path) -> Result<Option<(PathBuf, Vec<PathBuf>)>, DataError> {
    let files = |folder: &Path, set: &str| -> Option<Vec<PathBuf>> {
        let stems = FILE_STEMS.map(|stem| format!("emnist-{set}-{}", stem.replace("t10k", "test")));
        stems.iter().map(|stem| locate(folder, stem)).collect()
    };
    let named = dir
        .file_name()
        .and_then(|name| name.to_str()?.strip_prefix("emnist-"));
    if let (Some(set), Some(folder)) = (named, dir.parent())
        && let Some(files) = files(folder, set)
    {
        return Ok(Some((dir.to_owned(), files)));
    }
    let places = ["", "gzip", "EMNIST/raw", "raw"].map(|place| dir.join(place));
    let sets = places.iter().flat_map(|place| {
        EMNIST
            .iter()
            .filter_map(|set| Some((place.join(format!("emnist-{set}")), files(place, set)?)))
    });
    let mut sets: Vec<(PathBuf, Vec<PathBuf>)> = sets.collect();
    if sets.len() > 1 {
        return Err(DataError::SeveralSets {
            dir: dir.to_owned(),
            found: sets
                .iter()
                .map(|(set, _)| set.display().to_string())
                .collect(),
        });
    }
    Ok(sets.pop())
}

/// Images that were stored column by column, as EMNIST's, row by row.
fn upright(pairs: Vec<Pair>) -> Vec<Pair> {
    let turned = |pair: Pair| {
        let Pair {
            shape,
            values,
            labels,
        } = pair;
        let images = values.chunks_exact(shape.len());
        let values = images.flat_map(|image| {
            let columns = 0..shape.width;
            columns.flat_map(|x| image.iter().skip(x).step_by(shape.width).copied())
        });
        let upright = ImageShape {
            height: shape.width,
            width: shape.height,
            ..shape
        };
        Pair {
            shape: upright,
            values: values.collect(),
            labels,
        }
    };
    pairs.into_iter().map(turned).collect()
}

/// Whether `dir` names a set of EMNIST in the folder that it would be in.
pub(super) fn names_emnist(dir: &Path) -> bool {
    !dir.exists() && emnist(dir).is_ok_and(|set| set.is_some())
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

/// What an image file and the label file that belongs to it hold.
struct Pair {
    shape: ImageShape,
    /// `[N, H, W]`
    values: Vec<u8>,
    /// `[N]`
    labels: Vec<u8>,
}

/// Reads the four `files` of the data set in `dir`.
pub(super) fn read(
    dir: &Path,
    files: Vec<Named<impl Read>>,
    classes: &ClassSelection,
) -> Result<Images, DataError> {
    selected(&read_pairs(files)?, classes)?.into_images(&path_text(dir))
}

fn read_pairs(files: Vec<Named<impl Read>>) -> Result<Vec<Pair>, DataError> {
    let mut pairs: Vec<Pair> = Vec::new();
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
        if let Some(Pair {
            shape: expected, ..
        }) = pairs.first()
            && *expected != shape
        {
            return Err(DataError::OtherShape {
                file: image_file,
                found: shape,
                expected: *expected,
            });
        }
        pairs.push(Pair {
            shape,
            values,
            labels,
        });
    }
    Ok(pairs)
}

/// The images of `classes` of a data set's files.
fn selected(pairs: &[Pair], classes: &ClassSelection) -> Result<Selected, DataError> {
    let shape = pairs[0].shape;
    let labels = pairs.iter().flat_map(|pair| &pair.labels);
    let largest = labels.max().copied().unwrap_or(0);
    let is_fashion_mnist = is_fashion_mnist(pairs);
    let names = if is_fashion_mnist {
        CLASS_NAMES.map(str::to_owned).to_vec()
    } else {
        (0..=largest).map(|label| label.to_string()).collect()
    };
    let classes = if is_fashion_mnist {
        &classes.of_fashion_mnist()
    } else {
        classes
    };
    let mut selected = Selected::new(shape, names, classes)?;
    for (name, pair) in PAIRS.iter().zip(pairs) {
        selected.add(name, &pair.values, &pair.labels);
    }
    Ok(selected)
}

/// Whether images and labels are Fashion-MNIST's, by the checksums of its files.
fn is_fashion_mnist(pairs: &[Pair]) -> bool {
    let hash = |header: Vec<u8>, rest: &[u8]| {
        let hash = Sha256::new().chain_update(header).chain_update(rest);
        format!("{:x}", hash.finalize())
    };
    let hashes = pairs.iter().flat_map(|pair| {
        let count = pair.labels.len();
        [
            hash(idx::image_header(count, pair.shape), &pair.values),
            hash(idx::label_header(count), &pair.labels),
        ]
    });
    hashes.eq(CHECKSUMS)
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
