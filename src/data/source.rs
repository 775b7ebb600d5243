//! Where images come from: one enum, so that whoever loads them needn't know.

use std::fs;
use std::path::{Path, PathBuf};

use super::classes::ClassSelection;
use super::error::DataError;
use super::fashion_mnist::{self, Sources};
use super::folder::{self, FolderOptions};
use super::idx_folder;
use super::images::Images;
use super::preparation::ImageOptions;
use super::watch::Watch;

/// Where images come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Fashion-MNIST, wherever it is.
    FashionMnist(Sources),
    /// A folder with the four files of MNIST and its kin, or with image files.
    Folder(PathBuf, FolderOptions),
}

impl Default for Source {
    fn default() -> Self {
        Self::FashionMnist(Sources::default())
    }
}

impl Source {
    /// The source that `--data` names: a folder, or without one Fashion-MNIST.
    #[must_use]
    pub fn of(data: Option<&Path>, options: FolderOptions) -> Self {
        match data {
            Some(folder) => Self::Folder(folder.to_owned(), options),
            None => Self::default(),
        }
    }

    /// Loads the images of `classes`.
    ///
    /// # Errors
    ///
    /// Where files are missing or damaged, or a class is unknown.
    pub fn load(&self, classes: &ClassSelection, watch: &Watch) -> Result<Images, DataError> {
        match self {
            Self::FashionMnist(sources) => sources.load(classes, !watch.shows_download),
            Self::Folder(folder, options) => {
                if !idx_folder::names_emnist(folder) {
                    fs::read_dir(folder).map_err(|error| folder::not_listed(folder, &error))?;
                }
                match idx_folder::load(folder, classes)? {
                    Some(images) => Ok(images),
                    None => folder::load(folder, options, classes, watch),
                }
            }
        }
    }
}

impl Images {
    /// Fashion-MNIST's images of some classes. T-shirts and trousers are part of the library; other
    /// classes need the data set's files, which are looked for in the user's cache folder and where
    /// Debian's package puts them, and otherwise downloaded (with the feature `cli`).
    ///
    /// # Errors
    ///
    /// Where a class is unknown, or the files aren't there and can't be downloaded.
    pub fn fashion_mnist(classes: &ClassSelection) -> Result<Self, DataError> {
        Source::default().load(classes, &Watch::NONE)
    }

    /// Those of Fashion-MNIST's images that a pair of its files holds: the images and their labels, in the format IDX,
    /// plain or compressed by gzip.
    ///
    /// # Errors
    ///
    /// Where they aren't such files, or are damaged.
    pub fn fashion_mnist_files(images: &[u8], labels: &[u8]) -> Result<Self, DataError> {
        fashion_mnist::read_pair(images, labels, &ClassSelection::All, "given")
    }

    /// The images in a folder: PNG, JPEG, WebP, BMP, GIF, TIFF, PNM and QOI of any size and colour, in one
    /// folder, in a folder for each class, or below `train`, `val` and `test`; or a data set in the four IDX
    /// files of MNIST and its kin. Files that can't be read are left out, as [`Images::collection`] tells.
    ///
    /// ```
    /// use trainer::Images;
    /// use trainer::data::ImageOptions;
    /// # let home = tempfile::tempdir()?;
    /// # let photos = home.path();
    /// # image::RgbImage::from_fn(80, 60, |x, y| image::Rgb([x, y, 99].map(|v| v as u8))).save(photos.join("a.png"))?;
    ///
    /// let images = Images::folder(photos, ImageOptions::default())?;
    /// println!("{} images of {}", images.len(), images.shape());
    /// # assert_eq!(images.shape().to_string(), "3×60×80");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where there is no such folder, or no image in it that can be read.
    pub fn folder(path: impl AsRef<Path>, options: ImageOptions) -> Result<Self, DataError> {
        let options = FolderOptions {
            images: options,
            ..FolderOptions::default()
        };
        let source = Source::of(Some(path.as_ref()), options);
        source.load(&ClassSelection::All, &Watch::NONE)
    }

    /// As [`Images::folder`], of files in memory: each file's path with `/` below the folder that they would be in, and
    /// its content. IDX files aren't among them.
    ///
    /// ```
    /// use trainer::Images;
    /// use trainer::data::ImageOptions;
    ///
    /// let picture = b"P5 2 2 255 \x00\x40\x80\xff".to_vec(); // a portable graymap
    /// let images = Images::files(vec![("a.pgm".to_owned(), picture)], ImageOptions::default())?;
    /// assert_eq!(images.values(), [0x00, 0x40, 0x80, 0xff]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where none of them is an image that can be read.
    pub fn files(files: Vec<(String, Vec<u8>)>, options: ImageOptions) -> Result<Self, DataError> {
        let options = FolderOptions {
            images: options,
            ..FolderOptions::default()
        };
        folder::load_files(files, &options)
    }
}
