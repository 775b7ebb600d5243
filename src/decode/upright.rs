//! From samples to pixels as they're to be seen: 8 bits, in sRGB, opaque, turned.

use std::fmt;
use std::str::FromStr;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use serde::{Deserialize, Serialize};

use super::notes::Note;
use super::{Decoded, Fault};
use crate::image::ImageShape;

/// What is behind transparent pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Background(pub [u8; 3]);

impl Background {
    /// The usual choice.
    pub const WHITE: Self = Self([255; 3]);
}

/// Colours by name.
const COLOURS: [(&str, [u8; 3]); 4] = [
    ("black", [0; 3]),
    ("white", [255; 3]),
    ("grey", [128; 3]),
    ("gray", [128; 3]),
];

impl fmt::Display for Background {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let named = COLOURS.iter().find(|(_, colour)| *colour == self.0);
        let [red, green, blue] = self.0;
        match named {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

impl FromStr for Background {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.trim().to_ascii_lowercase();
        if let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == word) {
            return Ok(Self(*colour));
        }
        let digits = word.strip_prefix('#').filter(|digits| digits.len() == 6);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match number {
            Some(number) => {
                let [_, red, green, blue] = number.to_be_bytes();
                Ok(Self([red, green, blue]))
            }
            None => Err("expected white, black, grey, or red, green and blue as in #ff8800"),
        }
    }
}

impl TryFrom<String> for Background {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Background> for String {
    fn from(background: Background) -> Self {
        background.to_string()
    }
}

/// An image as it's to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upright {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// 1 for grey, however the file has it; 3 for red, green and blue.
    pub channels: usize,
    /// `[height, width, channels]`, 0 to 255, in sRGB.
    pub pixels: Vec<u8>,
    /// The file's kind of pixels, by Pillow's names.
    pub mode: &'static str,
    /// What a user should know of it.
    pub notes: Vec<Note>,
}

impl Upright {
    /// Pixels `[height, width, channels]` that came from elsewhere than a file of their own.
    pub(crate) fn of(shape: ImageShape, pixels: Vec<u8>) -> Self {
        let ImageShape {
            channels,
            height,
            width,
        } = shape;
        Self {
            height,
            width,
            channels,
            pixels,
            mode: if channels == 1 { "L" } else { "RGB" },
            notes: Vec::new(),
        }
    }
}

impl Decoded {
    /// The image as it's to be seen. Samples of 16 bits are rounded to 8; colours of another profile are
    /// converted to sRGB; alpha is dropped where it's opaque, and elsewhere the image is put on
    /// `background`, by values as they are in sRGB; at last it's turned.
    ///
    /// # Errors
    ///
    /// [`Fault::Transparent`] where something is transparent, and there is no background.
    pub fn upright(self, background: Option<Background>) -> Result<Upright, Fault> {
        let Self {
            height,
            width,
            channels,
            has_alpha,
            samples,
            mode,
            orientation,
            profile,
            mut notes,
        } = self;
        let mut pixels = samples.into_bytes();
        let mut alpha = Vec::new();
        let mut channels = channels;
        if has_alpha {
            alpha = pixels
                .iter()
                .skip(channels - 1)
                .step_by(channels)
                .copied()
                .collect();
            let colours = pixels
                .chunks_exact(channels)
                .flat_map(|pixel| &pixel[..channels - 1]);
            pixels = colours.copied().collect();
            channels -= 1;
        }
        if let Some(profile) = profile
            && notes.iter().any(|note| matches!(note, Note::Profile(_)))
            && let Some(converted) = in_srgb(&profile, &pixels, channels)
        {
            pixels = converted;
            notes.retain(|note| !matches!(note, Note::Profile(_)));
        }
        if alpha.iter().any(|&alpha| alpha < u8::MAX) {
            let Background(behind) = background.ok_or(Fault::Transparent)?;
            // On a background that isn't grey, a grey image isn't any more.
            if channels == 1 && behind != [behind[0]; 3] {
                pixels = pixels.iter().flat_map(|&grey| [grey; 3]).collect();
                channels = 3;
            }
            for (pixel, &alpha) in pixels.chunks_exact_mut(channels).zip(&alpha) {
                for (value, behind) in pixel.iter_mut().zip(behind) {
                    *value = mixed(*value, behind, alpha);
                }
            }
        }
        if channels == 3
            && pixels
                .as_chunks()
                .0
                .iter()
                .all(|[red, green, blue]| red == green && green == blue)
        {
            pixels = pixels.iter().step_by(channels).copied().collect();
            channels = 1;
        }
        let (pixels, [height, width]) = turned(pixels, [height, width], channels, orientation);
        Ok(Upright {
            height,
            width,
            channels,
            pixels,
            mode,
            notes,
        })
    }
}

/// `value` before `behind`, rounded.
fn mixed(value: u8, behind: u8, alpha: u8) -> u8 {
    let full = u32::from(u8::MAX);
    let alpha = u32::from(alpha);
    let sum = u32::from(value) * alpha + u32::from(behind) * (full - alpha);
    u8::try_from((sum + full / 2) / full).unwrap_or(u8::MAX)
}

/// Pixels of a colour profile (ICC) in sRGB; none where that can't be done.
fn in_srgb(profile: &[u8], pixels: &[u8], channels: usize) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (space, layout) = match channels {
        3 => (DataColorSpace::Rgb, Layout::Rgb),
        _ => return None,
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform = profile
        .create_transform_8bit(layout, &srgb, layout, TransformOptions::default())
        .ok()?;
    let mut converted = vec![0; pixels.len()];
    transform.transform(pixels, &mut converted).ok()?;
    Some(converted)
}

/// Height and width after turning.
pub(super) fn turned_size([height, width]: [usize; 2], orientation: Orientation) -> [usize; 2] {
    match orientation {
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => [height, width],
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => [width, height],
    }
}

fn turned(
    pixels: Vec<u8>,
    size: [usize; 2],
    channels: usize,
    orientation: Orientation,
) -> (Vec<u8>, [usize; 2]) {
    if orientation == Orientation::NoTransforms {
        return (pixels, size);
    }
    let [height, width] = size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let image = if channels == 1 {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    let mut image = image.expect("as many pixels as the size has");
    image.apply_orientation(orientation);
    (image.into_bytes(), turned_size(size, orientation))
}
