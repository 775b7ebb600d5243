//! The font, which travels in the binary: pictures look the same everywhere, and a machine without
//! fonts draws them too.
//!
//! plotters rasterises it, for its axes and for [`text`](super::text) alike. Nothing but this file
//! has to change for text by another library.

use std::convert::Infallible;
use std::sync::LazyLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The name that the font has in plotters' register.
const FAMILY: &str = "trainer-sans";

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

/// The font for plotters' axes, in a size in pixels from the highest ascender to the lowest descender.
pub(super) fn plotters_font(size: u32) -> FontDesc<'static> {
    LazyLock::force(&REGISTERED);
    FontDesc::new(FontFamily::Name(FAMILY), f64::from(size), FontStyle::Normal)
}

/// The width of a line of text in pixels.
pub(super) fn width(text: &str, size: u32) -> u32 {
    plotters_font(size)
        .box_size(text)
        .map_or(0, |(width, _)| width)
}

/// Calls `add` with column, row and the covered share of each pixel that a line of text touches. The
/// line begins in column 0; its baseline is one and a half sizes below row 0.
pub(super) fn rasterize(text: &str, size: u32, mut add: impl FnMut(i32, i32, f32)) {
    let add = |x, y, share| -> Result<(), Infallible> {
        add(x, y, share);
        Ok(())
    };
    // plotters puts the baseline half a size below the position that it is given.
    let position = (0, i32::try_from(size).unwrap_or(i32::MAX));
    // Drawing fails only for a font that isn't registered, which was reported above.
    let _ = plotters_font(size).draw(text, position, add);
}
