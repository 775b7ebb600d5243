//! Where Fashion-MNIST comes from: the embedded two classes, a directory, or a download.
//!
//! `embedded/` holds all 14,000 images of the classes `t-shirt` and `trouser`, training file first,
//! then test file, in the format of the official files. `tests/reference/make_embedded.py` makes
//! it from those. Fashion-MNIST is MIT-licensed by Zalando SE; `embedded/LICENSE` is its notice.
//!
//! The official division into 60,000 and 10,000 images is not kept: all 70,000 are one pool, which
//! `--split` divides.

use std::path::{Path, PathBuf};

use super::classes::ClassSelection;
use super::dataset::Dataset;
use super::download;
use super::error::DataError;
use super::idx::{self, SIDE};

/// The four files, without the `.gz` that they may end in: images and labels, twice.
pub const FILE_STEMS: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// SHA-256 of each file's content after decompression, so that recompressed copies pass too.
///
/// Taken from the content of the files whose MD5 the Fashion-MNIST README lists.
const CHECKSUMS: [&str; 4] = [
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
];

const EMBEDDED_IMAGES: &[u8] = include_bytes!("embedded/images-idx3-ubyte.gz");
const EMBEDDED_LABELS: &[u8] = include_bytes!("embedded/labels-idx1-ubyte.gz");

/// Loads the images of `classes`, from the usual [`Sources`]; see [`Sources::load`].
///
/// # Errors
/// As [`Sources::load`].
pub fn load(
    classes: &ClassSelection,
    data_dir: Option<&Path>,
    quiet: bool,
) -> Result<Dataset, DataError> {
    Sources::default().load(classes, data_dir, quiet)
}

/// The places that hold Fashion-MNIST, besides the executable itself and `--data`.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Searched first, and where downloads go; none if the user has no cache directory.
    pub cache_dir: Option<PathBuf>,
    /// Searched second: where Debian's package `dataset-fashion-mnist` puts the files.
    pub system_dir: PathBuf,
    /// URLs, each ending in `/`, that serve the four files with `.gz`; tried in this order.
    pub mirrors: Vec<String>,
    /// SHA-256 in hexadecimal of the content of each of [`FILE_STEMS`], after decompression.
    pub checksums: [String; 4],
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            cache_dir: dirs::cache_dir().map(|dir| dir.join("trainer/fashion-mnist")),
            system_dir: PathBuf::from("/usr/share/datasets/fashion-mnist"),
            mirrors: [
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                // Without TLS, as its owner serves it; the checksums are what guards the content.
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ]
            .map(String::from)
            .to_vec(),
            checksums: CHECKSUMS.map(String::from),
        }
    }
}

impl Sources {
    /// Loads the images of `classes`, `[N, 28, 28]`, less exact duplicates.
    ///
    /// With `data_dir` (`--data`), from there and nowhere else; any IDX files of 28x28 images with
    /// labels 0 to 9 will do. Without it, `t-shirt` and `trouser` are embedded; other classes come
    /// from the cache directory, else the system directory, else they are downloaded into the
    /// cache directory, with a progress bar on stderr unless `quiet` or stderr is no terminal.
    ///
    /// # Errors
    /// [`DataError::MissingFiles`] if `data_dir` lacks a file; [`DataError::NotFound`] if there is
    /// no copy and no mirror serves one; [`DataError::Store`] if the cache cannot be written; any
    /// error of the format if a file found is not as it should be.
    pub fn load(
        &self,
        classes: &ClassSelection,
        data_dir: Option<&Path>,
        quiet: bool,
    ) -> Result<Dataset, DataError> {
        if let Some(dir) = data_dir {
            return match find(dir) {
                Ok(files) => read(dir, &files, classes),
                Err(missing) => Err(DataError::MissingFiles {
                    dir: dir.to_owned(),
                    missing,
                }),
            };
        }
        // The default selection is exactly what is embedded.
        if classes.is_subset(&ClassSelection::default()) {
            return read_embedded(classes);
        }
        let searched: Vec<&Path> = self
            .cache_dir
            .iter()
            .map(PathBuf::as_path)
            .chain([self.system_dir.as_path()])
            .collect();
        for dir in &searched {
            if let Ok(files) = find(dir) {
                return read(dir, &files, classes);
            }
        }
        let looked_in = searched
            .iter()
            .map(|dir| dir.display().to_string())
            .collect();
        let Some(cache_dir) = &self.cache_dir else {
            let failures =
                vec!["no download, for want of a cache directory ($HOME is unset)".into()];
            return Err(DataError::NotFound {
                looked_in,
                failures,
            });
        };
        for (stem, checksum) in FILE_STEMS.iter().zip(&self.checksums) {
            // A download cut short before may have left some files, each of them whole.
            if locate(cache_dir, stem).is_none() {
                let found = download::fetch(&self.mirrors, stem, checksum, cache_dir, quiet)?;
                if let Err(failures) = found {
                    return Err(DataError::NotFound {
                        looked_in,
                        failures,
                    });
                }
            }
        }
        match find(cache_dir) {
            Ok(files) => read(cache_dir, &files, classes),
            Err(missing) => Err(DataError::MissingFiles {
                dir: cache_dir.clone(),
                missing,
            }),
        }
    }
}

/// The path of one file in `dir`, with or without `.gz`.
fn locate(dir: &Path, stem: &str) -> Option<PathBuf> {
    [format!("{stem}.gz"), stem.to_owned()]
        .into_iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
}

/// The paths of the four files in `dir`, or the stems of those that it lacks.
fn find(dir: &Path) -> Result<Vec<PathBuf>, Vec<&'static str>> {
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

fn read(dir: &Path, files: &[PathBuf], classes: &ClassSelection) -> Result<Dataset, DataError> {
    let mut chosen = Chosen::default();
    for pair in files.chunks_exact(2) {
        let [image_file, label_file] = [0, 1].map(|i| pair[i].display().to_string());
        let unreadable = |file: &str| {
            let file = file.to_owned();
            |source| DataError::Unreadable { file, source }
        };
        let images = idx::open(&pair[0]).map_err(unreadable(&image_file))?;
        let pixels = idx::read_images(images, &image_file)?;
        let labels = idx::open(&pair[1]).map_err(unreadable(&label_file))?;
        let labels = idx::read_labels(labels, &label_file)?;
        if labels.len() * SIDE * SIDE != pixels.len() {
            return Err(DataError::LabelCount {
                image_file,
                images: pixels.len() / (SIDE * SIDE),
                label_file,
                labels: labels.len(),
            });
        }
        chosen.add(&pixels, &labels, classes);
    }
    chosen.into_dataset(&dir.display().to_string(), classes)
}

fn read_embedded(classes: &ClassSelection) -> Result<Dataset, DataError> {
    let file = "embedded Fashion-MNIST";
    let unreadable = |source| DataError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let pixels = idx::decompressed(EMBEDDED_IMAGES).map_err(unreadable)?;
    let labels = idx::decompressed(EMBEDDED_LABELS).map_err(unreadable)?;
    let mut chosen = Chosen::default();
    chosen.add(
        &idx::read_images(pixels, file)?,
        &idx::read_labels(labels, file)?,
        classes,
    );
    chosen.into_dataset(file, classes)
}

/// The images of the chosen classes so far.
#[derive(Default)]
struct Chosen {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Chosen {
    fn add(&mut self, pixels: &[u8], labels: &[u8], classes: &ClassSelection) {
        for (image, label) in pixels.chunks_exact(SIDE * SIDE).zip(labels) {
            if classes.contains(*label) {
                self.pixels.extend_from_slice(image);
                self.labels.push(*label);
            }
        }
    }

    fn into_dataset(self, place: &str, classes: &ClassSelection) -> Result<Dataset, DataError> {
        let source = format!("{place} ({})", classes.to_string().replace(',', ", "));
        let dataset = Dataset::new(self.pixels, self.labels, SIDE, SIDE, source)?;
        tracing::debug!(
            source = dataset.source,
            images = dataset.len(),
            duplicates = dataset.duplicates,
            sha256 = dataset.sha256,
            "data loaded"
        );
        Ok(dataset)
    }
}
