//! What can go wrong when files are compared. Messages name the file, what was expected and what to
//! do; a cause below them (an I/O error, say) is the error's `source`. Sizes are height×width.

use std::io;
use std::path::PathBuf;

use super::names::Difference;
use crate::ssim::SsimError;
use crate::words::count;

/// Why two files or folders can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A file or folder that isn't there, or can't be read.
    #[error(
        "can't read {}; give two PNG files or two folders that are there and readable",
        path.display()
    )]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },

    /// A file on one side, a folder on the other.
    #[error(
        "{} is a folder and {} isn't; give two PNG files or two folders",
        folder.display(),
        other.display()
    )]
    FileAndFolder {
        /// The folder.
        folder: PathBuf,
        /// The other one.
        other: PathBuf,
    },

    /// Not PNG, or broken.
    #[error(
        "{} isn't a whole PNG image: {why}", path.display()
    )]
    NotPng {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, or what it is instead, and what to do.
        why: String,
    },

    /// More pixels than there should be room for.
    #[error(
        "{} is too large; expected at most {largest_side} pixels a side and {} megapixels in all. \
         Cut or scale both images",
        path.display(),
        largest_area / 1_000_000
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit of height and width, in pixels.
        largest_side: u32,
        /// The limit of their product.
        largest_area: u64,
    },

    /// An alpha channel that isn't opaque.
    #[error(
        "{} has transparent pixels, whose look depends on what is behind them; expected an opaque \
         image. Put it on a background first, such as with ImageMagick: magick IN -background \
         white -flatten OUT",
        path.display()
    )]
    Transparent {
        /// The file.
        path: PathBuf,
    },

    /// Two sizes.
    #[error(
        "{} has {}×{} pixels (height×width) and {} has {}×{}; expected the same size. Cut or scale \
         one of them",
        a.display(), sizes[0][0], sizes[0][1], b.display(), sizes[1][0], sizes[1][1]
    )]
    Sizes {
        /// The first file.
        a: PathBuf,
        /// The second file.
        b: PathBuf,
        /// Height and width of each.
        sizes: [[usize; 2]; 2],
    },

    /// Images that SSIM can't compare.
    #[error("can't compare {} with {}{}", a.display(), b.display(), remedy(source))]
    Pair {
        /// The first file.
        a: PathBuf,
        /// The second file.
        b: PathBuf,
        /// What doesn't fit.
        source: SsimError,
    },

    /// Conventions that the device can't compare by.
    #[error(transparent)]
    Ssim(#[from] SsimError),

    /// A device that failed.
    #[error(
        "the device can't compare images of {height}×{width} pixels: its buffers or its memory are \
         too small. Take --backend flex, or smaller images"
    )]
    Device {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },

    /// Folders without a common file.
    #[error(
        "no PNG file has the same name in {} ({}) and {} ({files_in_b}); files are paired by their path \
         below the folder, such as dog/1.png{}",
        a.display(),
        count(*files_in_a, "PNG file"),
        b.display(),
        look_alike.map_or(String::new(), |difference| {
            format!(", in the same characters; here, {difference}")
        })
    )]
    NoPairs {
        /// The first folder.
        a: PathBuf,
        /// How many it has.
        files_in_a: usize,
        /// The second folder.
        b: PathBuf,
        /// How many it has.
        files_in_b: usize,
        /// In what some differ that may have the same name.
        look_alike: Option<Difference>,
    },

    /// A map of more than a pair.
    #[error(
        "--map {}: a map shows one pair, but {} and {} are folders; give two PNG files",
        map.display(), a.display(), b.display()
    )]
    MapOfFolders {
        /// The map's file.
        map: PathBuf,
        /// The first folder.
        a: PathBuf,
        /// The second folder.
        b: PathBuf,
    },

    /// A map in place of an image.
    #[error("--map {} would replace {}, which is to be compared; give another name", map.display(), image.display())]
    MapOverImage {
        /// The map's file.
        map: PathBuf,
        /// The image that it is.
        image: PathBuf,
    },
}

impl CompareError {
    /// Whether the arguments can't work together, whatever the files hold.
    #[must_use]
    pub fn is_wrong_usage(&self) -> bool {
        matches!(
            self,
            Self::FileAndFolder { .. } | Self::MapOfFolders { .. } | Self::MapOverImage { .. }
        )
    }
}

/// What to do about a pair, if something is to be done.
fn remedy(problem: &SsimError) -> &'static str {
    match problem {
        SsimError::SmallImage { .. } => " (`ssim_preset` same takes images of any size)",
        _ => "",
    }
}
