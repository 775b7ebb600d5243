//! PNG files as planes of numbers in [0, 1].
//!
//! Samples are divided by the largest one of their depth, 255 or 65535, and compared as they are:
//! a gamma or a colour profile in the file isn't applied. Palettes and depths below 8 bits are
//! expanded, and a palette counts as colour. The alpha channel is dropped if it's opaque everywhere;
//! otherwise what is seen depends on a background that the file doesn't name, so that there is
//! nothing to compare.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::CompareError;
use crate::ssim::SsimConfig;

/// The largest height and width. It bounds, with [`LARGEST_AREA`], the memory that a small file can
/// ask for: a PNG of a few kilobytes may claim any size.
const LARGEST_SIDE: u32 = 16_384;
/// The most pixels: 256 MiB a plane in f32.
const LARGEST_AREA: u64 = 1 << 26;
/// Bytes of a decoded pixel: 16 bits of red, green, blue and alpha.
const LARGEST_PIXEL: u64 = 8;

/// An image of one channel or three.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Grey, or red, green and blue: row-major `[height * width]` values in [0, 1] each.
    pub planes: Vec<Vec<f32>>,
}

impl Picture {
    /// Reads a PNG file.
    ///
    /// # Errors
    ///
    /// Where the file can't be read, isn't PNG, is broken or too large, or is transparent somewhere.
    pub fn read(path: &Path) -> Result<Self, CompareError> {
        let unreadable = |source| CompareError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let too_large = || CompareError::TooLarge {
            path: path.to_owned(),
            largest_side: LARGEST_SIDE,
            largest_area: LARGEST_AREA,
        };
        let undecodable = |source| match source {
            ImageError::Limits(_) => too_large(),
            // A file that ends too early is broken, not unreadable.
            ImageError::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
                unreadable(source)
            }
            source => CompareError::NotPng {
                path: path.to_owned(),
                source,
            },
        };
        let file = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut reader = ImageReader::with_format(file, ImageFormat::Png);
        let mut limits = Limits::default();
        limits.max_image_height = Some(LARGEST_SIDE);
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_alloc = Some(LARGEST_AREA * LARGEST_PIXEL);
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(undecodable)?;
        let (width, height) = decoder.dimensions();
        if u64::from(height) * u64::from(width) > LARGEST_AREA {
            return Err(too_large());
        }
        let image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
        let mut planes = planes(&image);
        let color = image.color();
        if color.has_alpha() {
            let alpha = planes.pop().unwrap_or_default();
            if alpha.iter().any(|&opacity| opacity < 1.0) {
                return Err(CompareError::Transparent {
                    path: path.to_owned(),
                });
            }
        }
        Ok(Self {
            height: height as usize,
            width: width as usize,
            planes,
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

/// Every channel, alpha among them.
fn planes(image: &DynamicImage) -> Vec<Vec<f32>> {
    let bytes = image.as_bytes();
    let channels = usize::from(image.color().channel_count());
    let sample_bytes = usize::from(image.color().bytes_per_pixel()) / channels;
    let value = |sample: &[u8]| match *sample {
        [low, high] => f32::from(u16::from_ne_bytes([low, high])) / f32::from(u16::MAX),
        [sample] => f32::from(sample) / f32::from(u8::MAX),
        // PNG has no other depths.
        _ => f32::NAN,
    };
    let plane = |channel| {
        let samples = bytes.chunks_exact(sample_bytes);
        samples.skip(channel).step_by(channels).map(value).collect()
    };
    (0..channels).map(plane).collect()
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

    /// The planes of both sides that belong together.
    pub fn planes(&self) -> impl Iterator<Item = [&[f32]; 2]> {
        let (a, b) = (self.a.planes.iter(), self.b.planes.iter());
        a.zip(b).map(|(a, b)| [a.as_slice(), b.as_slice()])
    }
}
