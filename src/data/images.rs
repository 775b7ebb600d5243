//! The images of a run, in memory.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::classes::ClassSelection;
use super::collection::Collection;
use super::error::DataError;
use super::preparation::{Channels, ImageOptions, Size};
use super::values::Values;
use crate::decode::Upright;
use crate::image::ImageShape;

/// The shape of Fashion-MNIST's images.
const FASHION_MNIST: ImageShape = ImageShape {
    channels: 1,
    height: 28,
    width: 28,
};

/// Images of one shape, with their classes if they have any.
///
/// Of images that come from one file, exact duplicates (the same values, whatever the class) are dropped
/// when a data set is made, and the first is kept, so that no image can be in two splits. Fashion-MNIST
/// itself has none: 0 of the 14,000 images of its first two classes, 0 of its 70,000 images. Images that come
/// from files of their own are all kept, and a split keeps equal ones together.
#[derive(Clone, Debug)]
pub struct Images {
    /// `[N, C, H, W]`, row-major. Shared, since clones are made for a thread or a device.
    values: Arc<Values>,
    shape: ImageShape,
    labels: Option<Labels>,
    /// `[N]`
    manifest: Arc<Vec<String>>,
    source: String,
    sha256: String,
    duplicates: usize,
    collection: Option<Arc<Collection>>,
}

/// The class of each image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// `[N]`, places in `names`.
    pub ids: Vec<u32>,
    /// The classes, those without an image included.
    pub names: Vec<String>,
}

impl Labels {
    /// The class of one image, by its name.
    ///
    /// # Panics
    ///
    /// Where there is no such image, as indexing a slice does.
    #[must_use]
    pub fn name(&self, index: usize) -> &str {
        &self.names[self.ids[index] as usize]
    }
}

/// What [`Images::new`] is made of.
#[derive(Clone, Debug)]
pub struct ImageParts {
    /// `[N, C, H, W]`, row-major, 0 to 255.
    pub values: Vec<u8>,
    /// Of every image.
    pub shape: ImageShape,
    /// The class of each image, if there are classes.
    pub labels: Option<Labels>,
    /// `[N]`, where each image comes from: a path with `/`, or a place in a file.
    pub manifest: Vec<String>,
    /// Where all of them come from, for people to read.
    pub source: String,
}

impl Images {
    /// Some images, less exact duplicates.
    ///
    /// # Errors
    ///
    /// [`DataError::NoImages`] if there is none; [`DataError::PixelCount`] if the lengths disagree.
    pub fn new(parts: ImageParts) -> Result<Self, DataError> {
        let ImageParts {
            mut values,
            shape,
            mut labels,
            mut manifest,
            source,
        } = parts;
        let count = manifest.len();
        if count == 0 {
            return Err(DataError::NoImages { dataset: source });
        }
        let labels_agree = labels.as_ref().is_none_or(|labels| {
            labels.ids.len() == count
                && labels
                    .ids
                    .iter()
                    .all(|&id| (id as usize) < labels.names.len())
        });
        if shape.len() == 0 || values.len() != count * shape.len() || !labels_agree {
            return Err(DataError::PixelCount {
                dataset: source,
                values: values.len(),
                images: count,
                shape,
            });
        }

        let mut seen = HashSet::with_capacity(count);
        let is_first: Vec<bool> = values
            .chunks_exact(shape.len())
            .map(|image| seen.insert(image))
            .collect();
        let duplicates = count - seen.len();
        if duplicates > 0 {
            let images = values.chunks_exact(shape.len()).zip(&is_first);
            values = images
                .filter(|(_, first)| **first)
                .flat_map(|(image, _)| image.to_vec())
                .collect();
            retain(&mut manifest, &is_first);
            if let Some(labels) = &mut labels {
                retain(&mut labels.ids, &is_first);
            }
        }
        let sha256 = fingerprint(&values, shape, labels.as_ref());
        Ok(Self {
            values: Arc::new(Values::Memory(values)),
            shape,
            labels,
            manifest: Arc::new(manifest),
            source,
            sha256,
            duplicates,
            collection: None,
        })
    }

    /// Images that come from files of their own, all of which are kept.
    pub(super) fn of_files(
        values: Values,
        shape: ImageShape,
        labels: Option<Labels>,
        manifest: Vec<String>,
        source: String,
        collection: Collection,
    ) -> Self {
        let hashes = collection.files.iter().map(|file| file.sha256.as_str());
        let different: HashSet<&str> = hashes.clone().collect();
        let duplicates = manifest.len() - different.len();
        let mut hash = Sha256::new();
        hash.update(shape.to_string());
        hash_labels(&mut hash, labels.as_ref());
        hashes.for_each(|sha256| hash.update(sha256));
        // The same files without such folders are split in another way.
        let parts = collection.files.iter().filter_map(|file| file.part);
        parts.for_each(|part| hash.update(part.name()));
        Self {
            values: Arc::new(values),
            shape,
            labels,
            manifest: Arc::new(manifest),
            source,
            sha256: format!("{:x}", hash.finalize()),
            duplicates,
            collection: Some(Arc::new(collection)),
        }
    }

    /// These images in the size and colour that is asked for. Those that have files of their own have it
    /// already.
    ///
    /// # Errors
    ///
    /// As [`Images::new`].
    pub fn made(self, options: &ImageOptions) -> Result<Self, DataError> {
        let own = self.shape;
        let (height, width) = match options.size {
            Size::Of { width, height } => (height, width),
            Size::Auto => (own.height, own.width),
        };
        let channels = match options.channels {
            Channels::Auto => own.channels,
            Channels::Grey => 1,
            Channels::Rgb => 3,
        };
        let shape = ImageShape {
            channels,
            height,
            width,
        };
        if shape == own || self.collection.is_some() {
            return Ok(self);
        }
        let preparation = options.preparation();
        let values = self.values.chunks_exact(own.len()).flat_map(|image| {
            let interleaved = (0..own.pixels()).flat_map(|pixel| {
                let samples = image.iter().skip(pixel).step_by(own.pixels());
                samples.copied()
            });
            let picture = Upright::of(own, interleaved.collect());
            preparation.apply(&picture, shape)
        });
        let made = Self::new(ImageParts {
            values: values.collect(),
            shape,
            labels: self.labels,
            manifest: self.manifest.to_vec(),
            source: self.source,
        })?;
        Ok(Self {
            duplicates: self.duplicates + made.duplicates,
            ..made
        })
    }

    /// The number of images, `N`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.manifest.len()
    }

    /// Whether there is no image, which is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.manifest.is_empty()
    }

    /// The shape of each image.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All values, `[N, C, H, W]`, row-major, 0 to 255.
    #[must_use]
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// The values of image `index`, `[C, H, W]`, row-major.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`Images::len`], as indexing a slice does.
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.values[index * self.shape.len()..][..self.shape.len()]
    }

    /// The values of several images, `[n, C, H, W]`.
    ///
    /// # Panics
    ///
    /// As [`Images::image`].
    #[must_use]
    pub fn of_rows(&self, rows: &[u32]) -> Vec<u8> {
        let images = rows.iter().map(|&row| self.image(row as usize));
        images.flat_map(<[u8]>::to_vec).collect()
    }

    /// Has the system begin to read these images, where they aren't in memory.
    pub(super) fn prefetch(&self, indices: &[u32]) {
        for &index in indices {
            let length = self.shape.len();
            self.values.prefetch(index as usize * length, length);
        }
    }

    /// The class of each image, if they have classes.
    #[must_use]
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// The class of image `index` by its name, if it has one.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`Images::len`].
    #[must_use]
    pub fn class(&self, index: usize) -> Option<&str> {
        self.labels.as_ref().map(|labels| labels.name(index))
    }

    /// The classes that images have, as a choice among all: of images without classes, all.
    #[must_use]
    pub fn classes(&self) -> ClassSelection {
        let Some(labels) = &self.labels else {
            return ClassSelection::All;
        };
        let used = labels.ids.iter().copied().collect();
        ClassSelection::of_ids(&used, &labels.names)
    }

    /// The names of the classes; none if there are no classes.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        self.labels.as_ref().map_or(&[], |labels| &labels.names)
    }

    /// Where each image comes from, `[N]`: a path with `/`, or a place in a file.
    #[must_use]
    pub fn manifest(&self) -> &[String] {
        &self.manifest
    }

    /// Where all images come from, for people to read.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// SHA-256 in hexadecimal over classes and values; of a folder's files, over the hash of each one's values, and over
    /// the part of the split whose folder it is in.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How many images there were whose values an earlier one has, too. They were dropped, unless each image
    /// has a file of its own.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// What is known of the files, if each image has one of its own.
    #[must_use]
    pub fn collection(&self) -> Option<&Collection> {
        self.collection.as_deref()
    }
}

/// Keeps the items whose place in `keep` says so.
fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next() == Some(&true));
}

/// The shape comes first, but for Fashion-MNIST's: the hashes of its runs stay what they were before
/// there were other shapes. Ids take a byte as long as that is enough, for the same reason.
fn fingerprint(values: &[u8], shape: ImageShape, labels: Option<&Labels>) -> String {
    let mut hash = Sha256::new();
    if shape != FASHION_MNIST {
        hash.update(shape.to_string());
    }
    hash_labels(&mut hash, labels);
    hash.update(values);
    format!("{:x}", hash.finalize())
}

fn hash_labels(hash: &mut Sha256, labels: Option<&Labels>) {
    let Some(labels) = labels else {
        return;
    };
    let bytes: Result<Vec<u8>, _> = labels.ids.iter().map(|&id| u8::try_from(id)).collect();
    match bytes {
        Ok(bytes) => hash.update(bytes),
        Err(_) => labels
            .ids
            .iter()
            .for_each(|id| hash.update(id.to_le_bytes())),
    }
}
