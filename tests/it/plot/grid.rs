//! The grid of originals, reconstructions and differences.

use image::{Rgb, RgbImage};
use trainer::image::ImageShape;
use trainer::plot::{Tile, reconstruction_grid};

use super::{GREY_28, find, pattern, sha256, shape, shown, shows_missing};

/// As wide as a picture may become, in pixels.
const SCREEN: u32 = 1400;

fn tile<'a>(original: &'a [f32], reconstruction: &'a [f32]) -> Tile<'a> {
    Tile {
        original,
        reconstruction,
        shape: GREY_28,
        ssim: 0.5,
        label: Some("Shirt"),
    }
}

/// Where a 28×28 image is, enlarged to 112×112.
fn find_grey(picture: &RgbImage, image: &[f32]) -> Vec<(u32, u32)> {
    find(picture, &shown(image, GREY_28, 4))
}

#[test]
fn a_grid_shows_each_original_above_its_reconstruction() {
    let images: Vec<_> = (0..6).map(|seed| pattern(GREY_28, seed)).collect();
    let tiles: Vec<_> = images
        .chunks(2)
        .map(|pair| tile(&pair[0], &pair[1]))
        .collect();
    let picture = reconstruction_grid("title", &tiles);

    let mut last_x = 0;
    for pair in images.chunks(2) {
        let (original, reconstruction) =
            (find_grey(&picture, &pair[0]), find_grey(&picture, &pair[1]));
        assert_eq!((original.len(), reconstruction.len()), (1, 1));
        assert_eq!(original[0].0, reconstruction[0].0, "in one column");
        assert!(
            reconstruction[0].1 >= original[0].1 + 112,
            "below, without overlap"
        );
        assert!(original[0].0 > last_x, "from left to right");
        last_x = original[0].0;
    }
}

/// Text included, so that the picture of a run can be compared with those of earlier versions.
#[test]
fn a_grid_of_28_by_28_images_is_drawn_as_ever() {
    let images: Vec<_> = (0..24).map(|seed| pattern(GREY_28, seed)).collect();
    let labels = ["Shirt", "Ankle boot", "a name too long for it", "ÄÖ", ""];
    let tiles: Vec<_> = images
        .chunks(2)
        .zip(labels.iter().cycle().zip(0_u8..))
        .map(|(pair, (label, index))| Tile {
            ssim: f32::from(index) / 11.0,
            label: Some(label),
            ..tile(&pair[0], &pair[1])
        })
        .collect();
    let picture = reconstruction_grid("linear, 128 latent values", &tiles);
    assert_eq!(picture.dimensions(), (1368, 888));
    assert_eq!(
        sha256(&picture),
        "72cdb31389516c104dd2c0fac0b2782ae933911f128fc33f003eeb7ea26bc4cc"
    );
}

#[test]
fn differences_are_black_where_there_are_none_and_bright_where_they_are_large() {
    let original = vec![1.0; 28 * 28];
    let mut reconstruction = pattern(GREY_28, 0);
    reconstruction[0] = 1.0;
    reconstruction[1] = 0.75;
    reconstruction[2] = 0.0;
    let picture = reconstruction_grid("", &[tile(&original, &reconstruction)]);
    let brightness = |column: u32| -> u32 {
        let pixel = difference_at(&picture, &original, &reconstruction, GREY_28, 4, column);
        pixel.0.iter().map(|level| u32::from(*level)).sum()
    };
    assert!(brightness(0) < 10);
    assert!(brightness(0) < brightness(1) && brightness(1) < brightness(2));
}

/// The colour of the difference in row 0 of a grid's only tile.
fn difference_at(
    picture: &RgbImage,
    original: &[f32],
    reconstruction: &[f32],
    shape: ImageShape,
    factor: u32,
    column: u32,
) -> Rgb<u8> {
    let above = find(picture, &shown(original, shape, factor))[0];
    let below = find(picture, &shown(reconstruction, shape, factor))[0];
    // The rows are evenly spaced.
    let y = below.1 + (below.1 - above.1);
    *picture.get_pixel(below.0 + factor * column, y)
}

#[test]
fn more_than_ten_columns_wrap_into_another_block() {
    let images: Vec<_> = (0..20).map(|seed| pattern(GREY_28, seed)).collect();
    let tiles: Vec<_> = images.iter().map(|image| tile(image, image)).collect();
    let ten = reconstruction_grid("title", &tiles[..10]);
    let eleven = reconstruction_grid("title", &tiles[..11]);
    let twenty = reconstruction_grid("title", &tiles);
    assert_eq!(ten.width(), eleven.width());
    assert!(eleven.height() > ten.height() + 3 * 112);
    assert_eq!(eleven.dimensions(), twenty.dimensions());

    let first = find_grey(&eleven, &images[0]);
    let wrapped = find_grey(&eleven, &images[10]);
    assert_eq!(first[0].0, wrapped[0].0);
    assert!(wrapped[0].1 > first[0].1 + 3 * 112);
}

#[test]
fn wide_images_form_equal_blocks() {
    let shape = shape(3, 64, 64);
    let images: Vec<_> = (0..10).map(|seed| pattern(shape, seed)).collect();
    let tiles: Vec<_> = images
        .iter()
        .map(|image| Tile {
            shape,
            ..tile(image, image)
        })
        .collect();
    let eight = reconstruction_grid("title", &tiles[..8]);
    let ten = reconstruction_grid("title", &tiles);
    assert!(ten.height() > eight.height() + 3 * 128);
    // The first of the second block is below the first of all, the last below the fifth.
    for (above, below) in [(0, 5), (4, 9)] {
        let corner = |index: usize| find(&ten, &shown(&images[index], shape, 2))[0];
        assert_eq!(corner(above).0, corner(below).0);
        assert!(corner(above).1 < corner(below).1);
    }
}

#[test]
fn a_red_image_is_red() {
    let shape = shape(3, 28, 28);
    let red: Vec<f32> = [1.0, 0.0, 0.0]
        .iter()
        .flat_map(|value| [*value; 28 * 28])
        .collect();
    let black = vec![0.0; shape.len()];
    let picture = reconstruction_grid(
        "",
        &[Tile {
            shape,
            ..tile(&red, &black)
        }],
    );
    let area = RgbImage::from_pixel(112, 112, Rgb([255, 0, 0]));
    assert_eq!(find(&picture, &area).len(), 1);

    // One channel of three is wrong, by 1: as bright as a third in grey.
    let (third, zero) = (vec![1.0 / 3.0; 28 * 28], vec![0.0; 28 * 28]);
    let grey = reconstruction_grid("", &[tile(&third, &zero)]);
    assert_eq!(
        difference_at(&picture, &red, &black, shape, 4, 0),
        difference_at(&grey, &third, &zero, GREY_28, 4, 0)
    );
}

#[test]
fn images_up_to_256_pixels_are_enlarged_by_an_integer_or_shown_as_they_are() {
    for (shape, factor) in [
        (shape(1, 28, 28), 4),
        (shape(3, 28, 28), 4),
        (shape(1, 32, 32), 4),
        (shape(3, 40, 24), 3),
        (shape(3, 64, 64), 2),
        (shape(1, 96, 96), 1),
        (shape(3, 17, 250), 1),
        (shape(1, 256, 256), 1),
        (shape(3, 256, 256), 1),
    ] {
        let (original, reconstruction) = (pattern(shape, 0), pattern(shape, 1));
        let tiles = [Tile {
            shape,
            ..tile(&original, &reconstruction)
        }];
        let picture = reconstruction_grid("title", &tiles);
        for image in [&original, &reconstruction] {
            let found = find(&picture, &shown(image, shape, factor));
            assert_eq!(found.len(), 1, "{shape}");
        }
    }
}

#[test]
fn larger_images_are_reduced_to_the_averages_of_their_areas() {
    // Columns of black and white by turns: two make a grey one.
    for shape in [shape(1, 512, 512), shape(3, 8, 512)] {
        let stripes: Vec<f32> = (0..shape.len()).map(|i| f32::from(i % 2 == 1)).collect();
        let grid = |reconstruction: &[f32]| {
            let tiles = [Tile {
                shape,
                ..tile(&stripes, reconstruction)
            }];
            reconstruction_grid("title", &tiles)
        };
        let picture = grid(&stripes);
        let height = u32::try_from(shape.height / 2).unwrap();
        let grey = RgbImage::from_pixel(256, height, Rgb([128; 3]));
        assert_eq!(find(&picture, &grey).len(), 2, "{shape}");

        // Where every value is wrong, averages are equal; the difference isn't zero for that.
        let swapped: Vec<f32> = stripes.iter().map(|value| 1.0 - value).collect();
        assert_ne!(grid(&swapped), picture, "{shape}");
        // A value that isn't a number is seen though its area has others.
        let mut broken = stripes.clone();
        broken[3 * 512 + 100] = f32::NAN;
        assert!(!shows_missing(&picture), "{shape}");
        assert!(shows_missing(&grid(&broken)), "{shape}");
    }
}

#[test]
fn pictures_of_many_images_stay_as_wide_as_a_screen_whatever_their_shape() {
    for (height, width) in [
        (1, 1),
        (28, 28),
        (64, 64),
        (96, 96),
        (128, 128),
        (256, 256),
        (1000, 700),
        (8, 512),
        (512, 8),
        (1, 2000),
    ] {
        let shape = shape(3, height, width);
        let image = vec![0.5; shape.len()];
        let tiles = [Tile {
            shape,
            ..tile(&image, &image)
        }; 20];
        let picture = reconstruction_grid("title", &tiles);
        assert!(picture.width() <= SCREEN, "{shape}: {}", picture.width());
        // A block is three images of 256 pixels and their captions high.
        let blocks = 20_u32.div_ceil((SCREEN - 200) / (256 + 8));
        assert!(picture.height() <= blocks * 880, "{shape}");
    }
}

#[test]
fn without_labels_there_is_no_room_for_them() {
    let image = pattern(GREY_28, 0);
    let labelled = tile(&image, &image);
    let bare = Tile {
        label: None,
        ..labelled
    };
    let picture = |tiles: &[Tile]| reconstruction_grid("title", tiles);
    assert!(picture(&[bare, bare]).height() < picture(&[labelled, labelled]).height());
    // One without a label beside one with it keeps its SSIM on the same line.
    let empty = Tile {
        label: Some(""),
        ..labelled
    };
    assert_eq!(picture(&[labelled, bare]), picture(&[labelled, empty]));
}

#[test]
fn a_grid_of_odd_input_is_drawn_all_the_same() {
    assert!(reconstruction_grid("no images", &[]).width() > 0);
    let (short, nan, far) = (vec![0.5; 10], vec![f32::NAN; 28 * 28], vec![7.5; 28 * 28]);
    let odd = Tile {
        ssim: f32::NAN,
        label: Some("a class name that is far too long for a column"),
        ..tile(&short, &nan)
    };
    let large = Tile {
        shape: shape(1, 200, 1),
        ..tile(&far, &short)
    };
    let reduced = Tile {
        shape: shape(3, 700, 1),
        ..tile(&far, &short)
    };
    let empty = Tile {
        shape: shape(1, 0, 0),
        ..tile(&[], &[])
    };
    let flat = Tile {
        shape: shape(3, 0, 700),
        ..tile(&[], &[])
    };
    let channels = [0, 2, 4].map(|channels| Tile {
        shape: shape(channels, 28, 28),
        ..tile(&far, &far)
    });
    for tiles in [
        &[odd][..],
        &[large],
        &[reduced],
        &[empty],
        &[flat],
        &channels,
        &[odd, large, empty],
        &[odd, reduced, flat],
    ] {
        let picture = reconstruction_grid("\u{1F455} sign that the font lacks", tiles);
        assert!(picture.width() > 0 && picture.height() > 0);
    }
    // What isn't a number looks like no number: it is neither grey nor on the scale.
    assert!(shows_missing(&reconstruction_grid("", &[odd])));
    for tile in channels {
        assert!(shows_missing(&reconstruction_grid("", &[tile])));
    }
    let whole = pattern(GREY_28, 0);
    assert!(!shows_missing(&reconstruction_grid(
        "",
        &[tile(&whole, &whole)]
    )));
}

#[test]
fn titles_and_captions_are_drawn() {
    let image = pattern(GREY_28, 0);
    let unnamed = Tile {
        label: Some(""),
        ..tile(&image, &image)
    };
    let plain = reconstruction_grid("", &[unnamed]);
    let titled = reconstruction_grid("Title", &[unnamed]);
    let labelled = reconstruction_grid("", &[tile(&image, &image)]);
    assert_eq!(plain.dimensions(), titled.dimensions());
    assert_ne!(plain, titled);
    assert_ne!(plain, labelled);
}
