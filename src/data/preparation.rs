//! How images become what a network takes: channels, size, and how a picture of another shape is made to fit.

use std::fmt;
use std::str::FromStr;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::decode::{Background, Upright};
use crate::image::ImageShape;

/// The longest side that images are made to have.
pub const LARGEST_SIDE: usize = 4096;

/// Grey or colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Channels {
    /// Grey if every image is, else colour
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Grey
    #[serde(rename = "1")]
    #[cfg_attr(feature = "cli", value(name = "1"))]
    Grey,
    /// Red, green and blue
    #[serde(rename = "3")]
    #[cfg_attr(feature = "cli", value(name = "3"))]
    Rgb,
}

/// The size that images are made to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Size {
    /// The images' own size if all have the same one and no side is above [`Size::LARGEST_OWN`], else
    /// [`Size::USUAL`].
    #[default]
    Auto,
    /// This one, in pixels.
    Of {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
}

impl Size {
    /// The longest side of images that keep their size.
    pub const LARGEST_OWN: usize = 128;
    /// Height and width of others.
    pub const USUAL: usize = 64;
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Of { width, height } if width == height => write!(f, "{width}"),
            Self::Of { width, height } => write!(f, "{width}x{height}"),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let word = word.trim();
        if word == "auto" {
            return Ok(Self::Auto);
        }
        let (width, height) = word.split_once(['x', '×']).unwrap_or((word, word));
        let side = |digits: &str| {
            let side = digits.parse().ok();
            side.filter(|side| (1..=LARGEST_SIDE).contains(side))
        };
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self::Of { width, height }),
            _ => Err(format!(
                "expected a side in pixels such as 64, a width and a height such as 64x48, or auto; sides \
                 are from 1 to {LARGEST_SIDE}"
            )),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

/// How a picture of another aspect ratio is made to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Fill the size, and cut off what is beyond it on both sides
    #[default]
    Crop,
    /// Show all of it, between two bars
    Pad,
    /// Stretch it
    Stretch,
}

/// What images are made into, as far as it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageOptions {
    /// Grey or colour.
    pub channels: Channels,
    /// The size.
    pub size: Size,
    /// How it is come to.
    pub fit: Fit,
    /// What is behind transparent pixels, and beside pictures that are padded (black without it).
    pub background: Option<Background>,
}

impl ImageOptions {
    /// How pictures are made into the shape that is asked for.
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        Preparation {
            fit: self.fit,
            background: self.background,
            ..Preparation::default()
        }
    }
}

/// How the pictures of files become what a network takes; a model file tells it.
///
/// Resizing is by a bicubic filter (a = −0.5) whose support grows with the factor of reduction, as Pillow's,
/// on values as they are in sRGB, not linear in light: as the libraries do by which other networks are fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    /// What each value, 0 to 255, is divided by.
    pub divisor: u32,
    /// How a picture of another size is made to fit.
    #[serde(default)]
    pub fit: Fit,
    /// What is behind transparent pixels, and beside pictures that are padded (black without it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
}

impl Default for Preparation {
    fn default() -> Self {
        Self {
            divisor: 255,
            fit: Fit::default(),
            background: None,
        }
    }
}

impl Preparation {
    /// Makes a picture into an image of `shape`: `[C, H, W]`, row-major.
    ///
    /// # Panics
    ///
    /// Never: sides are from 1 to 65535.
    #[must_use]
    pub fn apply(&self, picture: &Upright, shape: ImageShape) -> Vec<u8> {
        let size = [picture.height, picture.width];
        let (pixels, channels) = if size == [shape.height, shape.width] {
            (picture.pixels.clone(), picture.channels)
        } else {
            self.resized(picture, shape)
        };
        match (channels, shape.channels) {
            (1, 1) => pixels,
            (1, _) => pixels.repeat(shape.channels),
            (_, 1) => pixels
                .as_chunks()
                .0
                .iter()
                .map(|&pixel| luma(pixel))
                .collect(),
            _ => (0..channels)
                .flat_map(|channel| pixels.iter().skip(channel).step_by(channels).copied())
                .collect(),
        }
    }

    /// An image of `shape`, `[C, H, W]`, as large as what was left of a picture of height and width `size` when it
    /// was made into one: all of it, or with [`Fit::Crop`] the part that isn't cut off.
    ///
    /// # Panics
    ///
    /// Where there are fewer values, or `size` has a side of 0 or of more than 65535.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sides are below 2^16, and positive"
    )]
    pub fn undo(&self, image: &[u8], shape: ImageShape, size: [usize; 2]) -> Upright {
        let pixels = shape.pixels();
        let interleaved = (0..pixels).flat_map(|pixel| {
            let channels = 0..shape.channels;
            channels.map(move |channel| image[channel * pixels + pixel])
        });
        let picture = Upright::of(shape, interleaved.collect());
        let (height, width) = (shape.height as f64, shape.width as f64);
        let [to_height, to_width] = size.map(|side| side as f64);
        let whole = [0.0, 0.0, width, height];
        let (part, to) = match self.fit {
            Fit::Stretch => (whole, size),
            Fit::Crop => {
                let scale = (to_width / width).min(to_height / height);
                let scaled = |side: f64| ((side * scale).round() as usize).max(1);
                (whole, [scaled(height), scaled(width)])
            }
            Fit::Pad => {
                let scale = (width / to_width).min(height / to_height);
                let scaled = |side: f64, most: f64| (side * scale).round().clamp(1.0, most);
                let inner = [scaled(to_width, width), scaled(to_height, height)];
                // Whole pixels, as when they were added.
                let [left, top] = [
                    ((width - inner[0]) / 2.0).floor(),
                    ((height - inner[1]) / 2.0).floor(),
                ];
                ([left, top, inner[0], inner[1]], size)
            }
        };
        let shape = ImageShape {
            height: to[0],
            width: to[1],
            ..shape
        };
        Upright::of(shape, resize(&picture, part, to))
    }

    /// `[height, width, channels]` of the picture, and how many channels these are.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sides are below 2^16, and positive"
    )]
    fn resized(&self, picture: &Upright, shape: ImageShape) -> (Vec<u8>, usize) {
        let channels = picture.channels;
        let ImageShape { height, width, .. } = shape;
        let (to_width, to_height) = (width as f64, height as f64);
        let (from_width, from_height) = (picture.width as f64, picture.height as f64);
        let pixels = match self.fit {
            Fit::Stretch => resize(
                picture,
                [0.0, 0.0, from_width, from_height],
                [height, width],
            ),
            Fit::Crop => {
                // The largest box of the right shape, in the centre.
                let scale = (from_width / to_width).min(from_height / to_height);
                let [box_width, box_height] = [to_width * scale, to_height * scale];
                let left = (from_width - box_width) / 2.0;
                let top = (from_height - box_height) / 2.0;
                resize(picture, [left, top, box_width, box_height], [height, width])
            }
            Fit::Pad => {
                let scale = (to_width / from_width).min(to_height / from_height);
                let side =
                    |length: f64, most: usize| ((length * scale).round() as usize).clamp(1, most);
                let inner = [side(from_height, height), side(from_width, width)];
                let mut pixels = resize(picture, [0.0, 0.0, from_width, from_height], inner);
                let Background(colour) = self.background.unwrap_or(Background([0; 3]));
                // Beside bars of a colour, a grey picture isn't grey any more.
                let is_grey = channels == 1 && (shape.channels == 1 || colour == [colour[0]; 3]);
                let channels = if is_grey { 1 } else { 3 };
                if channels != picture.channels {
                    pixels = pixels.iter().flat_map(|&grey| [grey; 3]).collect();
                }
                let behind: Vec<u8> = if channels == 1 {
                    vec![luma(colour)]
                } else {
                    colour.to_vec()
                };
                let mut padded = behind.repeat(height * width);
                let [top, left] = [(height - inner[0]) / 2, (width - inner[1]) / 2];
                for (row, line) in pixels.chunks_exact(inner[1] * channels).enumerate() {
                    let start = ((top + row) * width + left) * channels;
                    padded[start..start + line.len()].copy_from_slice(line);
                }
                return (padded, channels);
            }
        };
        (pixels, channels)
    }
}

/// A part of a picture (left, top, width, height) in another size (height, width).
fn resize(picture: &Upright, [left, top, width, height]: [f64; 4], to: [usize; 2]) -> Vec<u8> {
    let side = |side: usize| u32::try_from(side).expect("sides are below 2^32");
    let kind = if picture.channels == 1 {
        PixelType::U8
    } else {
        PixelType::U8x3
    };
    let source = ImageRef::new(
        side(picture.width),
        side(picture.height),
        &picture.pixels,
        kind,
    );
    let source = source.expect("as many pixels as the size has");
    let mut result = Image::new(side(to[1]), side(to[0]), kind);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .crop(left, top, width, height);
    let done = Resizer::new().resize(&source, &mut result, &options);
    done.expect("the box lies within the picture");
    result.into_vec()
}

/// The brightness of a pixel, by the weights of ITU-R BT.601 as Pillow has them, rounded. A grey one keeps
/// its value.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    u8::try_from((sum + (1 << 15)) >> 16).unwrap_or(u8::MAX)
}
