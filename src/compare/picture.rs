//! PNG files as planes of numbers in [0, 1].
//!
//! Samples are divided by the largest one of their depth, 255 or 65535, and compared as they are:
//! a gamma or a colour profile in the file isn't applied, but noted. Palettes and depths below 8 bits are
//! expanded, and a palette counts as colour. The alpha channel is dropped if it's opaque everywhere;
//! otherwise what is seen depends on a background that the file doesn't name, so that there is
//! nothing to compare.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use super::CompareError;
use crate::decode::{Decoded, Fault, Format, HEAD, Largest, Note, Samples, decode_png, describe};
use crate::ssim::SsimConfig;

/// 256 MiB a plane in f32.
const LARGEST: Largest = Largest {
    side: 16_384,
    area: 1 << 26,
};

/// An image of one channel or three.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Grey, or red, green and blue: row-major `[height * width]` values in [0, 1] each.
    pub planes: Vec<Vec<f32>>,
    /// What the user should know of it.
    pub notes: Vec<Note>,
}

impl Picture {
    /// Reads a PNG file.
    ///
    /// # Errors
    ///
    /// Where the file can't be read, isn't PNG, is broken or too large, or is transparent somewhere.
    pub fn read(path: &Path) -> Result<Self, CompareError> {
        let image = read_png(path).map_err(|fault| error(path, fault))?;
        let mut planes = planes(&image);
        if image.has_alpha {
            let alpha = planes.pop().unwrap_or_default();
            if alpha.iter().any(|&opacity| opacity < 1.0) {
                return Err(CompareError::Transparent {
                    path: path.to_owned(),
                });
            }
        }
        Ok(Self {
            height: image.height,
            width: image.width,
            planes,
            notes: image.notes,
        })
    }

    /// A grey image gets three equal channels.
    fn into_color(mut self) -> Self {
        if let [grey] = self.planes.as_slice() {
            self.planes = vec![grey.clone(); 3];
        }
        self
    }
}

fn read_png(path: &Path) -> Result<Decoded, Fault> {
    let mut file = BufReader::new(File::open(path).map_err(Fault::Unreadable)?);
    let start = start(&mut file).map_err(Fault::Unreadable)?;
    if Format::of_content(&start) != Some(Format::Png) {
        let why = describe(&start)
            .unwrap_or("it doesn't begin as PNG files do; convert it to PNG, or take another copy");
        return Err(Fault::Broken(why.to_owned()));
    }
    decode_png(file, LARGEST)
}

fn start(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start)
}

fn error(path: &Path, fault: Fault) -> CompareError {
    let path = path.to_owned();
    match fault {
        Fault::Unreadable(source) => CompareError::Unreadable { path, source },
        Fault::Broken(why) => CompareError::NotPng { path, why },
        Fault::TooLarge(Largest { side, area }) => CompareError::TooLarge {
            path,
            largest_side: side,
            largest_area: area,
        },
        Fault::Transparent => CompareError::Transparent { path },
    }
}

/// Every channel, alpha among them.
fn planes(image: &Decoded) -> Vec<Vec<f32>> {
    let channel = |first| -> Vec<f32> {
        match &image.samples {
            Samples::Bytes(bytes) => {
                let samples = bytes.iter().skip(first).step_by(image.channels);
                let value = |&sample| f32::from(sample) / f32::from(u8::MAX);
                samples.map(value).collect()
            }
            Samples::Words(bytes) => {
                let samples = bytes.as_chunks().0.iter();
                let samples = samples.skip(first).step_by(image.channels);
                let value = |&sample| f32::from(u16::from_be_bytes(sample)) / f32::from(u16::MAX);
                samples.map(value).collect()
            }
        }
    };
    (0..image.channels).map(channel).collect()
}

/// Two images of one size, with as many channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    a: Picture,
    b: Picture,
}

impl Pair {
    /// Reads two PNG files. If one is grey and the other isn't, both count as colour.
    ///
    /// # Errors
    ///
    /// As for [`Picture::read`], and where they can't be compared: the sizes differ, or are too small
    /// for a window of `config`.
    pub fn read(path_a: &Path, path_b: &Path, config: &SsimConfig) -> Result<Self, CompareError> {
        let a = Picture::read(path_a)?;
        let b = Picture::read(path_b)?;
        let sizes = [[a.height, a.width], [b.height, b.width]];
        if sizes[0] != sizes[1] {
            return Err(CompareError::Sizes {
                a: path_a.to_owned(),
                b: path_b.to_owned(),
                sizes,
            });
        }
        let shape = [1, 1, a.height, a.width];
        config
            .check(shape, shape)
            .map_err(|source| CompareError::Pair {
                a: path_a.to_owned(),
                b: path_b.to_owned(),
                source,
            })?;
        if a.planes.len() == b.planes.len() {
            return Ok(Self { a, b });
        }
        Ok(Self {
            a: a.into_color(),
            b: b.into_color(),
        })
    }

    /// Rows of pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.a.height
    }

    /// Columns of pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.a.width
    }

    /// One or three.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.a.planes.len()
    }

    /// Pixels of all planes of one side.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.channels() * self.height() * self.width()
    }

    /// What the user should know of each side.
    #[must_use]
    pub fn notes(&self) -> [&[Note]; 2] {
        [&self.a.notes, &self.b.notes]
    }

    /// The planes of both sides that belong together.
    pub fn planes(&self) -> impl Iterator<Item = [&[f32]; 2]> {
        let (a, b) = (self.a.planes.iter(), self.b.planes.iter());
        a.zip(b).map(|(a, b)| [a.as_slice(), b.as_slice()])
    }
}
