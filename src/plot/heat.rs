//! Errors as heat over an image, and the colours of heat.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel positions and channels, far below the limits of u32 and f32"
)]

use image::{Rgb, RgbImage};

use super::raster::{Raster, Scale, color};
use super::style::{BACKGROUND, FOREGROUND, GAP, LARGEST, MUTED, NO_VALUE, SMALL_SIZE, TARGET};
use super::text::{self, Align};
use crate::image::ImageShape;

/// Around the picture, which often is one of many.
const MARGIN: u32 = 12;
/// Above an image: what it shows.
const CAPTION: u32 = 20;
/// A narrower column would have no room for a caption.
const NARROWEST_COLUMN: u32 = 128;
/// The inferno colour map (matplotlib, CC0) at nine even steps: its brightness rises evenly, in
/// grey and for colour-blind eyes too.
const INFERNO: [[u8; 3]; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

/// Errors of an image's pixels.
#[derive(Clone, Copy, Debug)]
pub struct Heat<'a> {
    /// What they are, to stand above them.
    pub name: &'a str,
    /// `[H, W]`
    pub errors: &'a [f32],
    /// From where on they have the brightest colour.
    pub limit: f32,
}

/// Draws an image, what a model makes of it, both `[C, H, W]` in [0, 1], and the image once for each kind of error,
/// which is laid over it: where it is small, the image is seen, and from half of its limit on, its colour alone.
///
/// Sides are enlarged by an integer up to 128 pixels, and reduced to 256 if they are longer.
#[must_use]
pub fn heat_map(
    title: &str,
    original: &[f32],
    restored: &[f32],
    shape: ImageShape,
    heats: &[Heat],
) -> RgbImage {
    let scale = Scale::fit(shape.height.max(shape.width), TARGET, LARGEST);
    let (height, width) = (scale.of(shape.height) as u32, scale.of(shape.width) as u32);
    let column = width.max(NARROWEST_COLUMN);
    let columns = 2 + heats.len() as u32;
    let top = MARGIN + 2 * CAPTION;
    let mut picture = RgbImage::from_pixel(
        2 * MARGIN + columns * (column + GAP) - GAP,
        top + height + MARGIN,
        BACKGROUND,
    );
    let room = picture.width() - 2 * MARGIN;
    let shown = text::fit(title, SMALL_SIZE, room);
    let corner = (MARGIN, MARGIN + 12);
    text::draw(
        &mut picture,
        &shown,
        corner,
        Align::Left,
        SMALL_SIZE,
        FOREGROUND,
    );
    let mut panel = |place: u32, name: &str, raster: &Raster, color: &dyn Fn(&[f32]) -> Rgb<u8>| {
        let x = MARGIN + place * (column + GAP);
        let caption = (x + column / 2, MARGIN + CAPTION + 13);
        let name = text::fit(name, SMALL_SIZE, column);
        text::draw(
            &mut picture,
            &name,
            caption,
            Align::Centre,
            SMALL_SIZE,
            MUTED,
        );
        raster.draw(&mut picture, (x + (column - width) / 2, top), scale, color);
    };
    panel(0, "original", &Raster::of(original, shape), &color);
    panel(1, "reconstruction", &Raster::of(restored, shape), &color);
    for (place, heat) in heats.iter().enumerate() {
        let raster = Raster::of(original, shape).with_plane(heat.errors);
        let name = format!("{}, to {}", heat.name, heat.limit);
        panel(2 + place as u32, &name, &raster, &|values| {
            let (error, pixel) = values.split_last().expect("it has the errors' plane");
            over(color(pixel), error / heat.limit)
        });
    }
    picture
}

/// A pixel with heat over it.
fn over(Rgb(pixel): Rgb<u8>, heat: f32) -> Rgb<u8> {
    /// Below it, colours are so dark that the image would seem to be.
    const DARKEST: f32 = 0.4;
    if heat.is_nan() {
        return NO_VALUE;
    }
    let heat = heat.clamp(0.0, 1.0);
    let Rgb(hot) = inferno(DARKEST + (1.0 - DARKEST) * heat);
    // From half of the limit on, the colour alone.
    let share = (2.0 * heat).min(1.0);
    Rgb(std::array::from_fn(|channel| {
        let (cold, hot) = (f32::from(pixel[channel]), f32::from(hot[channel]));
        (cold + share * (hot - cold)).round() as u8
    }))
}

/// The colour of a number from 0 to 1.
pub(super) fn inferno(value: f32) -> Rgb<u8> {
    if value.is_nan() {
        return NO_VALUE;
    }
    let position = value.clamp(0.0, 1.0) * (INFERNO.len() - 1) as f32;
    let lower = (position as usize).min(INFERNO.len() - 2);
    let fraction = position - lower as f32;
    Rgb(std::array::from_fn(|channel| {
        let [from, to] = [lower, lower + 1].map(|step| f32::from(INFERNO[step][channel]));
        (from + fraction * (to - from)).round() as u8
    }))
}
