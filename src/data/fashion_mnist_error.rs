//! Why Fashion-MNIST isn't there, and how to get it.

use std::path::PathBuf;

use super::FILE_STEMS;

/// Why Fashion-MNIST isn't there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FashionMnistError {
    /// A download could not be stored.
    #[error(
        "{}: cannot store the download: make room or make the directory writable, or put the four \
         files into a directory of your own and pass `data` DIR",
        dir.display()
    )]
    Store {
        /// The cache directory.
        dir: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },

    /// The files are nowhere on this machine and no mirror has served them.
    #[error(
        "Fashion-MNIST was not found and could not be downloaded.\n\
         Looked in:{}\n\
         Tried:{}\n\
         Do one of these:\n  \
         - on Debian or Ubuntu: apt install dataset-fashion-mnist\n  \
         - put {} (each plain or with .gz) into a directory, and pass `data` DIR or set \
         $TRAINER_DATA\n  \
         - train with `classes` t-shirt,trouser, which are embedded and need no files",
        bullets(looked_in), bullets(failures), FILE_STEMS.join(", ")
    )]
    NotFound {
        /// Every directory looked in.
        looked_in: Vec<String>,
        /// Why each mirror failed.
        failures: Vec<String>,
    },
}

/// Each line on a line of its own.
fn bullets(lines: &[String]) -> String {
    let bullet = "\n  - ";
    bullet.to_owned() + &lines.join(bullet)
}
