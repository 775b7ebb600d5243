//! Where Fashion-MNIST comes from: the embedded two classes, a folder, or a download.
//!
//! `embedded/`, which is part of the library with the feature `embedded`, holds all 14,000 images of the classes `t-shirt` and `trouser`, training file first,
//! then test file, in the format of the official files. `tests/reference/make_embedded.py` makes
//! it from those. Fashion-MNIST is MIT-licensed by Zalando SE; `embedded/LICENSE` is its notice.
//!
//! The official division into 60,000 and 10,000 images is not kept: all 70,000 are one pool, which
//! `--split` divides.

use std::io::Cursor;
use std::path::{Path, PathBuf};

#[cfg(feature = "cli")]
use super::FILE_STEMS;
use super::checked::{self, CHECKSUMS};
use super::classes::{CLASS_NAMES, ClassSelection};
use super::error::DataError;
use super::fashion_mnist_error::FashionMnistError;
use super::idx;
use super::idx_folder::{self, Named, Selected};
use super::images::Images;

/// The places that hold Fashion-MNIST, besides the program itself.
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

type FileInMemory = Named<Cursor<Vec<u8>>>;

impl Sources {
    /// Loads the images of `classes`, `[N, 1, 28, 28]`, less exact duplicates.
    ///
    /// `t-shirt` and `trouser` are embedded; other classes come from the cache directory, else the
    /// system directory, whichever holds all files whole, else they are downloaded into the cache directory (with the feature `cli`),
    /// with a progress bar on stderr unless `quiet` or stderr is no terminal.
    ///
    /// # Errors
    /// [`FashionMnistError::NotFound`] if there is no copy and no mirror serves one;
    /// [`FashionMnistError::Store`] if the cache can't be written; any error of the format if a file
    /// that was found isn't as it should be.
    pub fn load(&self, classes: &ClassSelection, quiet: bool) -> Result<Images, DataError> {
        let classes = &classes.of_fashion_mnist();
        if let Some(images) = embedded(classes)? {
            return Ok(images);
        }
        let searched: Vec<&Path> = self
            .cache_dir
            .iter()
            .map(PathBuf::as_path)
            .chain([self.system_dir.as_path()])
            .collect();
        let mut looked_in = Vec::new();
        for dir in &searched {
            match self.whole_files(dir) {
                Ok(Some(files)) => return idx_folder::read(dir, files, classes),
                Ok(None) => looked_in.push(dir.display().to_string()),
                Err(fault) => {
                    tracing::warn!("{fault}; looking for another copy");
                    looked_in.push(fault);
                }
            }
        }
        let Some(cache_dir) = &self.cache_dir else {
            let failures =
                vec!["no download, for want of a cache directory ($HOME is unset)".into()];
            return Err(not_found(looked_in, failures));
        };
        if let Err(failures) = self.download_into(cache_dir, quiet)? {
            return Err(not_found(looked_in, failures));
        }
        match self.whole_files(cache_dir) {
            Ok(Some(files)) => idx_folder::read(cache_dir, files, classes),
            Ok(None) => Err(not_found(looked_in, vec!["it is gone again".to_owned()])),
            Err(fault) => Err(not_found(looked_in, vec![fault])),
        }
    }

    /// The names and contents of the four files in `dir`; none if one isn't there. The error is what is
    /// wrong with one that isn't Fashion-MNIST's: other data has its place, which is `data`.
    fn whole_files(&self, dir: &Path) -> Result<Option<Vec<FileInMemory>>, String> {
        let Ok(paths) = idx_folder::find(dir) else {
            return Ok(None);
        };
        let whole = paths.iter().zip(&self.checksums).map(|(path, checksum)| {
            let name = path.display().to_string();
            match checked::read(path, checksum) {
                Ok(content) => Ok((name, Cursor::new(content))),
                Err(fault) => Err(format!(
                    "{name} isn't Fashion-MNIST's file: {fault} (other data is given by `data`)"
                )),
            }
        });
        whole.collect::<Result<_, _>>().map(Some)
    }

    /// Downloads the files that `dir` lacks, or has in no whole copy: a download that was cut short may
    /// have left some. The inner error is why each mirror failed.
    #[cfg(feature = "cli")]
    fn download_into(
        &self,
        dir: &Path,
        quiet: bool,
    ) -> Result<Result<(), Vec<String>>, FashionMnistError> {
        for (stem, checksum) in FILE_STEMS.iter().zip(&self.checksums) {
            let there = idx_folder::locate(dir, stem);
            if there.is_none_or(|path| checked::read(&path, checksum).is_err()) {
                let found = super::download::fetch(&self.mirrors, stem, checksum, dir, quiet)?;
                if found.is_err() {
                    return Ok(found);
                }
            }
        }
        Ok(Ok(()))
    }

    #[cfg(not(feature = "cli"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as above")]
    fn download_into(
        &self,
        _: &Path,
        _: bool,
    ) -> Result<Result<(), Vec<String>>, FashionMnistError> {
        Ok(Err(vec![
            "no download: this program was built without it (trainer's feature cli)".to_owned(),
        ]))
    }
}

fn not_found(looked_in: Vec<String>, failures: Vec<String>) -> DataError {
    FashionMnistError::NotFound {
        looked_in,
        failures,
    }
    .into()
}

/// The images of `classes`, if all of them are embedded.
#[cfg(feature = "embedded")]
fn embedded(classes: &ClassSelection) -> Result<Option<Images>, DataError> {
    const IMAGES: &[u8] = include_bytes!("embedded/images-idx3-ubyte.gz");
    const LABELS: &[u8] = include_bytes!("embedded/labels-idx1-ubyte.gz");
    let names = CLASS_NAMES.map(str::to_owned);
    let embedded = ClassSelection::Auto.of_fashion_mnist().resolve(&names)?;
    if !classes.resolve(&names)?.is_subset(&embedded) {
        return Ok(None);
    }
    read_pair(IMAGES, LABELS, classes, "embedded").map(Some)
}

#[cfg(not(feature = "embedded"))]
#[expect(clippy::unnecessary_wraps, reason = "as above")]
fn embedded(_: &ClassSelection) -> Result<Option<Images>, DataError> {
    Ok(None)
}

/// The images of `classes` in an IDX file and the file of its labels, plain or compressed by gzip, which are called
/// `part` in the images' manifest.
pub(super) fn read_pair(
    images: &[u8],
    labels: &[u8],
    classes: &ClassSelection,
    part: &str,
) -> Result<Images, DataError> {
    let file = format!("{part} Fashion-MNIST");
    let unreadable = |source| DataError::Unreadable {
        file: file.clone(),
        source,
    };
    let values = idx::decompressed(images).map_err(unreadable)?;
    let labels = idx::decompressed(labels).map_err(unreadable)?;
    let (shape, values) = idx::read_images(values, &file)?;
    let mut selected = Selected::new(shape, CLASS_NAMES.map(str::to_owned).to_vec(), classes)?;
    selected.add(part, &values, &idx::read_labels(labels, &file)?);
    selected.into_images(&file)
}
