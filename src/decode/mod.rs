//! Image files to pixels.
//!
//! ```text
//! first bytes → Format         by content, whatever the name         (format, foreign)
//! bytes       → Decoded        samples as the file has them          (png, jpeg, other)
//!             → Upright        8 bits, grey or RGB, opaque, turned as it is to be seen, in sRGB (upright)
//! ```
//!
//! A file is read as a whole or not at all: what is cut off, damaged or of an unknown kind is a [`Fault`]
//! that says so in words, never a picture with a part made up.

mod foreign;
mod format;
mod jpeg;
mod notes;
mod other;
mod png;
mod samples;
mod tiff;
mod upright;

use std::io::{self, BufRead, Cursor, Seek};

use image::metadata::Orientation;

pub use foreign::{HEAD, describe};
pub use format::Format;
pub use notes::{Note, NotedFiles};
pub use samples::Samples;
pub use upright::{Background, Upright};

/// An image as its file has it, with palettes and depths below 8 bits expanded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Samples of a pixel: grey, or red, green and blue, and perhaps alpha.
    pub channels: usize,
    /// Whether the last one is alpha.
    pub has_alpha: bool,
    /// `[height, width, channels]`
    pub samples: Samples,
    /// The pixels' kind by Pillow's names, such as `RGB` or `I;16`.
    pub mode: &'static str,
    /// How to turn it for looking at it.
    pub orientation: Orientation,
    /// The colour profile (ICC), if there is one.
    pub profile: Option<Vec<u8>>,
    /// What a user should know of it.
    pub notes: Vec<Note>,
}

/// The largest image that is read. It bounds the memory that a small file can ask for: one of a few
/// kilobytes may claim any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Largest {
    /// Height and width, in pixels.
    pub side: u32,
    /// Their product.
    pub area: u64,
}

impl Largest {
    fn check(self, height: u32, width: u32) -> Result<(), Fault> {
        if height == 0 || width == 0 {
            return Err(Fault::Broken(
                "it has no pixels; take another copy".to_owned(),
            ));
        }
        if height.max(width) > self.side || u64::from(height) * u64::from(width) > self.area {
            return Err(Fault::TooLarge(self));
        }
        Ok(())
    }

    /// Bytes of such an image, in whatever format.
    fn bytes(self) -> u64 {
        /// Four samples of two bytes.
        const PIXEL: u64 = 8;
        // A decoder has rows and tables of its own besides.
        2 * PIXEL * self.area
    }
}

/// Why a file is no image. Each is the end of a sentence that began with the file's name.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refuses it.
    #[error("it can't be read ({0})")]
    Unreadable(io::Error),
    /// It is something else, or damaged.
    #[error("{0}")]
    Broken(String),
    /// It has too many pixels.
    #[error(
        "it is too large, with more than {} pixels a side or {} megapixels in all; scale it down",
        .0.side, .0.area / 1_000_000
    )]
    TooLarge(Largest),
    /// What is seen depends on what is behind it.
    #[error("it has transparent pixels, and there is no background for them")]
    Transparent,
}

/// Decodes a file of a format that is read.
///
/// # Errors
///
/// Where it's of no such format, damaged, or too large.
pub fn decode(bytes: &[u8], largest: Largest) -> Result<Decoded, Fault> {
    match format(bytes)? {
        Format::Png => png::decode(Cursor::new(bytes), largest),
        Format::Jpeg => jpeg::decode(bytes, largest),
        format => other::decode(bytes, format, largest),
    }
}

/// Decodes a PNG file.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_png(file: impl BufRead + Seek, largest: Largest) -> Result<Decoded, Fault> {
    png::decode(file, largest)
}

/// The height and width that an image has when it is turned as it's to be seen, without decoding it.
///
/// # Errors
///
/// As [`decode`]; but not all damage shows.
pub fn upright_size(bytes: &[u8], largest: Largest) -> Result<[usize; 2], Fault> {
    let (size, orientation) = match format(bytes)? {
        Format::Png => png::header(Cursor::new(bytes), largest)?,
        Format::Jpeg => jpeg::header(bytes, largest)?,
        format => other::header(bytes, format, largest)?,
    };
    Ok(upright::turned_size(size, orientation))
}

fn format(bytes: &[u8]) -> Result<Format, Fault> {
    Format::of_content(bytes).ok_or_else(|| {
        let start = &bytes[..bytes.len().min(HEAD)];
        let why =
            describe(start).unwrap_or("it doesn't begin like an image of any format that is read");
        Fault::Broken(why.to_owned())
    })
}
