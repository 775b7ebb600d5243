//! Text in pictures, with a font that travels in the binary: pictures look the same everywhere,
//! and a machine without fonts draws them too.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel positions and channels, far below the limits of i32"
)]

use std::convert::Infallible;
use std::sync::LazyLock;

use image::{Rgb, RgbImage};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The name that the font has in plotters' register.
const FAMILY: &str = "trainer-sans";

/// Large pixels along one pixel of the picture.
const FINENESS: u32 = 4;

static REGISTERED: LazyLock<()> = LazyLock::new(|| {
    // The bytes are part of the binary and every picture in the tests is drawn with them. Were
    // they bad, text would be missing from pictures; that isn't worth losing a run for.
    if register_font(
        FAMILY,
        FontStyle::Normal,
        include_bytes!("font/DejaVuSans-subset.ttf"),
    )
    .is_err()
    {
        tracing::error!("the built-in font can't be read: pictures will have no text");
    }
});

/// Where the given x lies in the text.
#[derive(Clone, Copy)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// The font in a size in pixels, from the highest ascender to the lowest descender.
pub fn font(size: u32) -> FontDesc<'static> {
    LazyLock::force(&REGISTERED);
    FontDesc::new(FontFamily::Name(FAMILY), f64::from(size), FontStyle::Normal)
}

/// The width of a text in pixels.
pub fn width(text: &str, size: u32) -> u32 {
    let fine = font(size * FINENESS)
        .box_size(text)
        .map_or(0, |(width, _)| width);
    fine.div_ceil(FINENESS)
}

/// The text, shortened with `…` where it is wider than `limit`.
pub fn fit(text: &str, size: u32, limit: u32) -> String {
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
/// plotters moves every glyph to a whole pixel, which makes small text uneven. So the text is
/// drawn [`FINENESS`] times larger, and each pixel of the picture is as dark as the large pixels
/// in it are on average.
pub fn draw(
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
    let add = |x: i32, y: i32, share: f32| -> Result<(), Infallible> {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) {
            let (x, y) = (x / FINENESS, y / FINENESS);
            if x < canvas_width && y < canvas_height {
                coverage[(y * canvas_width + x) as usize] += share / (FINENESS * FINENESS) as f32;
            }
        }
        Ok(())
    };
    // plotters puts the baseline half a font size below the position that it is given: here, that
    // is one and a half sizes below the top of the canvas. Drawing fails only for a font that
    // isn't registered, which was reported above.
    let _ = font(size * FINENESS).draw(text, (0, (size * FINENESS) as i32), add);

    let left = x as i32
        - match align {
            Align::Left => 0,
            Align::Centre => (text_width / 2) as i32,
            Align::Right => text_width as i32,
        };
    let top = y as i32 - (size + size / 2) as i32;
    for (index, share) in (0_u32..).zip(&coverage) {
        let x = left + (index % canvas_width) as i32;
        let y = top + (index / canvas_width) as i32;
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = image.get_pixel_mut_checked(x, y)
        {
            for (channel, ink) in pixel.0.iter_mut().zip(color.0) {
                let paper = f32::from(*channel);
                *channel = (paper + share.min(1.0) * (f32::from(ink) - paper)).round() as u8;
            }
        }
    }
}
