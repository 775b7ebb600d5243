//! Colours, sizes and the title that pictures have in common. Lengths are in pixels.

use image::{Rgb, RgbImage};

use super::text::{self, Align};

pub(super) const BACKGROUND: Rgb<u8> = Rgb([250, 250, 248]);
/// Titles, labels and axes' numbers.
pub(super) const FOREGROUND: Rgb<u8> = Rgb([34, 34, 34]);
/// What stands back: scores below images, axes.
pub(super) const MUTED: Rgb<u8> = Rgb([95, 95, 95]);
/// Where a value is missing or not a number. No grey and no difference has this colour.
pub(super) const NO_VALUE: Rgb<u8> = Rgb([0, 158, 255]);

// From the palette of Okabe and Ito, which colour-blind eyes can tell apart.
pub(super) const BLUE: Rgb<u8> = Rgb([0, 114, 178]);
pub(super) const VERMILION: Rgb<u8> = Rgb([213, 94, 0]);
pub(super) const GREEN: Rgb<u8> = Rgb([0, 135, 100]);
/// Of lines, in their order; after the same palette, darker where it is too pale on paper.
const LINE_COLORS: [Rgb<u8>; 8] = [
    VERMILION,
    BLUE,
    GREEN,
    Rgb([204, 121, 167]),
    Rgb([196, 138, 0]),
    Rgb([86, 180, 233]),
    Rgb([117, 79, 160]),
    Rgb([133, 88, 42]),
];

pub(super) const TITLE_SIZE: u32 = 24;
pub(super) const LABEL_SIZE: u32 = 16;
pub(super) const LEGEND_SIZE: u32 = 15;
pub(super) const SMALL_SIZE: u32 = 14;

/// Around the picture.
pub(super) const MARGIN: u32 = 20;
/// Between images.
pub(super) const GAP: u32 = 8;
/// From the top of a picture with a legend to the end of its title.
pub(super) const HEADER: u32 = 44;
/// From one entry of a legend to the one below it.
pub(super) const LEGEND_ROW: u32 = 24;

/// Images are enlarged by an integer as far as they stay within this: 28 pixels become 112.
pub(super) const TARGET: usize = 128;
/// Images with a longer side are reduced to it.
pub(super) const LARGEST: usize = 256;

/// The colour of a plot's line number `index`, from 0, and whether the line is dashed: where colours come again.
pub(super) fn line_style(index: usize) -> (Rgb<u8>, bool) {
    let count = LINE_COLORS.len();
    (LINE_COLORS[index % count], index / count % 2 == 1)
}

/// The title of a picture, in its first [`HEADER`] pixels, shortened if it is wider than the picture.
pub(super) fn draw_title(image: &mut RgbImage, title: &str) {
    /// Leaves room below letters such as g.
    const BASELINE: u32 = 32;
    let room = image.width().saturating_sub(2 * MARGIN);
    let title = text::fit(title, TITLE_SIZE, room);
    let corner = (MARGIN, BASELINE);
    text::draw(image, &title, corner, Align::Left, TITLE_SIZE, FOREGROUND);
}
