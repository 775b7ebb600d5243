//! Pictures: what they show of images of any shape, and of any numbers.

mod comparison;
mod curves;
mod grid;
mod sheet;

use image::{Rgb, RgbImage};
use sha2::{Digest, Sha256};
use trainer::image::ImageShape;

fn shape(channels: usize, height: usize, width: usize) -> ImageShape {
    ImageShape {
        channels,
        height,
        width,
    }
}

const GREY_28: ImageShape = ImageShape {
    channels: 1,
    height: 28,
    width: 28,
};

/// Bytes of an image in which pixels differ from their neighbours, and channels from each other.
fn levels(shape: ImageShape, seed: usize) -> Vec<u8> {
    let level = |i: usize| (i * 37 + i / shape.pixels() * 5 + seed * 11) % 256;
    (0..shape.len())
        .map(|i| u8::try_from(level(i)).unwrap())
        .collect()
}

/// The same, in [0, 1].
fn pattern(shape: ImageShape, seed: usize) -> Vec<f32> {
    let levels = levels(shape, seed);
    levels
        .iter()
        .map(|level| f32::from(*level) / 255.0)
        .collect()
}

/// How an image is seen, each pixel enlarged to a square of `factor` pixels along its side.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 255, and small pictures"
)]
fn shown(pixels: &[f32], shape: ImageShape, factor: u32) -> RgbImage {
    let (width, height) = (shape.width as u32 * factor, shape.height as u32 * factor);
    RgbImage::from_fn(width, height, |x, y| {
        let pixel = (y / factor) as usize * shape.width + (x / factor) as usize;
        let level =
            |channel: usize| (pixels[channel * shape.pixels() + pixel] * 255.0).round() as u8;
        match shape.channels {
            1 => Rgb([level(0); 3]),
            _ => Rgb([level(0), level(1), level(2)]),
        }
    })
}

/// The corners at which a picture has a part.
fn find(picture: &RgbImage, part: &RgbImage) -> Vec<(u32, u32)> {
    let is_at = |x: u32, y: u32| {
        part.enumerate_pixels()
            .all(|(dx, dy, pixel)| picture.get_pixel(x + dx, y + dy) == pixel)
    };
    let columns = (picture.width() + 1).saturating_sub(part.width());
    let rows = (picture.height() + 1).saturating_sub(part.height());
    let corners = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
    corners.filter(|(x, y)| is_at(*x, *y)).collect()
}

/// Whether any pixel has the colour of missing values, which no grey and no difference has.
fn shows_missing(picture: &RgbImage) -> bool {
    picture
        .pixels()
        .any(|pixel| pixel.0[2] == 255 && pixel.0[0] == 0)
}

fn sha256(picture: &RgbImage) -> String {
    format!("{:x}", Sha256::digest(picture.as_raw()))
}
