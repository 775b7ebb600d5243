//! The contact sheet.

use image::{DynamicImage, Rgb};
use trainer::plot::{sheet, thumbnail_shape};

use super::{GREY_28, find, levels, pattern, shape, shown};

#[test]
fn grey_images_of_28_by_28_lie_side_by_side_as_they_are() {
    let images: Vec<_> = (0..41).map(|seed| levels(GREY_28, seed)).collect();
    let sheet = sheet(images.iter().map(Vec::as_slice), GREY_28, 40);
    let DynamicImage::ImageLuma8(sheet) = sheet else {
        panic!("grey images have a grey sheet");
    };
    assert_eq!(sheet.dimensions(), (40 * 28, 2 * 28));
    for (x, y, pixel) in sheet.enumerate_pixels() {
        let tile = (y / 28 * 40 + x / 28) as usize;
        let place = (y % 28 * 28 + x % 28) as usize;
        // Beyond the last image, paper.
        let expected = images.get(tile).map_or(250, |image| image[place]);
        assert_eq!(pixel.0[0], expected, "tile {tile}, pixel {place}");
    }
}

#[test]
fn colors_stay() {
    let shape = shape(3, 40, 24);
    let images: Vec<_> = (0..3).map(|seed| levels(shape, seed)).collect();
    let sheet = sheet(images.iter().map(Vec::as_slice), shape, 2);
    let DynamicImage::ImageRgb8(sheet) = sheet else {
        panic!("RGB images have an RGB sheet");
    };
    assert_eq!(sheet.dimensions(), (48, 80));
    for (seed, corner) in [(0, (0, 0)), (1, (24, 0)), (2, (0, 40))] {
        let image = shown(&pattern(shape, seed), shape, 1);
        assert_eq!(find(&sheet, &image), [corner]);
    }
}

#[test]
fn thumbnails_are_64_pixels_at_most() {
    for ((height, width), expected) in [
        ((28, 28), (28, 28)),
        ((40, 24), (24, 40)),
        ((64, 64), (64, 64)),
        ((96, 96), (64, 64)),
        ((256, 128), (32, 64)),
        ((8, 512), (64, 1)),
        ((1, 5000), (64, 1)),
    ] {
        let shape = shape(3, height, width);
        assert_eq!(thumbnail_shape(shape), expected, "{shape}");
    }

    let shape = shape(3, 96, 96);
    let stripes: Vec<u8> = (0..shape.len())
        .map(|i| if i / 96 % 3 == 0 { 90 } else { 180 })
        .collect();
    let sheet = sheet((0..1000).map(|_| stripes.as_slice()), shape, 40).into_rgb8();
    assert_eq!(sheet.dimensions(), (40 * 64, 25 * 64));
    // A thumbnail's row covers one and a half of the image's: 90, 180, 180 in turn.
    assert_eq!(*sheet.get_pixel(70, 64), Rgb([120; 3]));
    assert_eq!(*sheet.get_pixel(70, 65), Rgb([180; 3]));
}

#[test]
fn odd_input_is_drawn_all_the_same() {
    assert_eq!(sheet([].into_iter(), GREY_28, 40).width(), 0);
    let short = [255_u8; 30];
    let one = sheet([short.as_slice()].into_iter(), GREY_28, 0).into_rgb8();
    assert_eq!(one.dimensions(), (28, 28));
    assert_eq!(*one.get_pixel(27, 0), Rgb([255; 3]));
    assert_eq!(*one.get_pixel(27, 27), Rgb([0; 3]));
}
