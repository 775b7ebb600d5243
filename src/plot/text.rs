//! Lines of text in pictures, with smooth edges.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel positions and channels, far below the limits of i32"
)]

use image::{Rgb, RgbImage};

use super::font;

/// Large pixels along one pixel of the picture.
const FINENESS: u32 = 4;

/// Where the given x lies in the text.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// The width of a text in pixels.
pub(super) fn width(text: &str, size: u32) -> u32 {
    font::width(text, size * FINENESS).div_ceil(FINENESS)
}

/// The text, shortened with `…` where it is wider than `limit`.
pub(super) fn fit(text: &str, size: u32, limit: u32) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut shortened: Vec<char> = text.chars().collect();
    loop {
        shortened.pop();
        let candidate: String = shortened.iter().chain(&['…']).collect();
        if shortened.is_empty() || width(&candidate, size) <= limit {
            return candidate;
        }
    }
}

/// Draws one line of text with its baseline at `y`. What lies outside of the image is left out.
///
/// Every glyph stands on a whole pixel, which makes small text uneven. So the text is drawn
/// [`FINENESS`] times larger, and each pixel of the picture is as dark as the large pixels in it are
/// on average.
pub(super) fn draw(
    image: &mut RgbImage,
    text: &str,
    (x, y): (u32, u32),
    align: Align,
    size: u32,
    color: Rgb<u8>,
) {
    let text_width = width(text, size);
    // Twice the font's height holds every glyph, wherever the baseline is; half of it to the right
    // holds what the last glyph shows beyond its advance.
    let (canvas_width, canvas_height) = (text_width + size / 2, 2 * size);
    let mut coverage = vec![0.0_f32; (canvas_width * canvas_height) as usize];
    font::rasterize(text, size * FINENESS, |x, y, share| {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) {
            let (x, y) = (x / FINENESS, y / FINENESS);
            if x < canvas_width && y < canvas_height {
                coverage[(y * canvas_width + x) as usize] += share / (FINENESS * FINENESS) as f32;
            }
        }
    });

    let left = x as i32
        - match align {
            Align::Left => 0,
            Align::Centre => (text_width / 2) as i32,
            Align::Right => text_width as i32,
        };
    // The baseline is so far below the top of the canvas.
    let top = y as i32 - (size + size / 2) as i32;
    for (index, share) in (0_u32..).zip(&coverage) {
        let x = left + (index % canvas_width) as i32;
        let y = top + (index / canvas_width) as i32;
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = image.get_pixel_mut_checked(x, y)
        {
            for (channel, text_color) in pixel.0.iter_mut().zip(color.0) {
                let behind = f32::from(*channel);
                let mixed = behind + share.min(1.0) * (f32::from(text_color) - behind);
                *channel = mixed.round() as u8;
            }
        }
    }
}
