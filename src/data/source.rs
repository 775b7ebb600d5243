//! Where images come from: one enum, so that whoever loads them needn't know.

use std::path::{Path, PathBuf};

use super::classes::ClassSelection;
use super::error::DataError;
use super::fashion_mnist::Sources;
use super::idx_folder;
use super::images::Images;

/// Where images come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Fashion-MNIST, wherever it is.
    FashionMnist(Sources),
    /// A folder with the four files of MNIST and its kin.
    Idx(PathBuf),
}

impl Default for Source {
    fn default() -> Self {
        Self::FashionMnist(Sources::default())
    }
}

impl Source {
    /// The source that `--data` names: a folder, or without one Fashion-MNIST.
    #[must_use]
    pub fn of(data: Option<&Path>) -> Self {
        match data {
            Some(folder) => Self::Idx(folder.to_owned()),
            None => Self::default(),
        }
    }

    /// Loads the images of `classes`, less exact duplicates. A download shows its progress unless
    /// `quiet`.
    ///
    /// # Errors
    ///
    /// Where files are missing or damaged, or a class is unknown.
    pub fn load(&self, classes: &ClassSelection, quiet: bool) -> Result<Images, DataError> {
        match self {
            Self::FashionMnist(sources) => sources.load(classes, quiet),
            Self::Idx(folder) => idx_folder::load(folder, classes),
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
        Source::default().load(classes, true)
    }
}
