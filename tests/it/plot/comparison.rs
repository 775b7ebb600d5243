//! The grid of what several models make of the same images.

use image::RgbImage;
use trainer::image::ImageShape;
use trainer::plot::{GridColumn, Originals, comparison_grid};

use super::{GREY_28, find, pattern, sha256, shape, shown, shows_missing};

/// Two images, and a column for each of so many models, with patterns of their own.
fn grid(shape: ImageShape, models: usize, labels: [Option<&str>; 2]) -> RgbImage {
    let pair = |seed| [pattern(shape, seed), pattern(shape, seed + 1)].concat();
    let columns: Vec<_> = (1..=models)
        .map(|model| GridColumn {
            name: format!("model {model}"),
            heading: model.to_string(),
            pixels: pair(2 * model),
            ssim: vec![0.25, 0.75],
        })
        .collect();
    let originals = Originals {
        pixels: &pair(0),
        labels: labels.to_vec(),
        shape,
    };
    comparison_grid("title", &originals, &columns)
}

const LABELS: [Option<&str>; 2] = [Some("Shirt"), Some("a class name that is too long")];

#[test]
fn a_comparison_of_28_by_28_images_is_drawn_as_ever() {
    let picture = grid(GREY_28, 3, LABELS);
    assert_eq!(
        sha256(&picture),
        "e4f40810039ca5d629615ee2fed990b346b14936c03a54db1bbc5e026dd63194"
    );
}

#[test]
fn a_row_has_the_original_and_what_each_model_made_of_it() {
    for (shape, factor) in [
        (GREY_28, 4),
        (shape(3, 40, 24), 3),
        (shape(3, 96, 96), 1),
        (shape(1, 256, 256), 1),
    ] {
        let picture = grid(shape, 2, LABELS);
        let corner = |seed| {
            let found = find(&picture, &shown(&pattern(shape, seed), shape, factor));
            assert_eq!(found.len(), 1, "{shape}, {seed}");
            found[0]
        };
        // Seeds of originals, of the first model's images, and of the second's.
        for (left, right) in [(0, 2), (2, 4), (1, 3), (3, 5)] {
            let (left, right) = (corner(left), corner(right));
            assert!(left.1 == right.1 && left.0 < right.0, "{shape}");
        }
        assert!(corner(0).1 < corner(1).1, "{shape}");
    }
}

#[test]
fn many_columns_of_large_images_are_reduced_until_they_fit_on_a_screen() {
    for (height, width) in [(256, 256), (700, 500), (8, 512), (512, 8)] {
        for models in [1, 3, 6, 9] {
            let shape = shape(3, height, width);
            let picture = grid(shape, models, LABELS);
            let size = picture.dimensions();
            assert!(size.0 <= 1400, "{shape}, {models}: {size:?}");
            assert!(size.1 <= 900, "{shape}, {models}: {size:?}");
            assert!(!shows_missing(&picture), "{shape}, {models}");
        }
    }
    // With a column each, 256 pixels have room.
    assert!(
        grid(shape(1, 256, 256), 9, LABELS).height() < grid(shape(1, 256, 256), 1, LABELS).height()
    );
}

#[test]
fn without_labels_there_is_no_room_for_them() {
    let bare = grid(GREY_28, 6, [None, None]);
    let labelled = grid(GREY_28, 6, LABELS);
    assert!(bare.width() < labelled.width());
    assert_eq!(
        grid(GREY_28, 6, [None, LABELS[1]]).width(),
        labelled.width()
    );
}

#[test]
fn images_that_are_too_short_are_drawn_as_missing() {
    let original = pattern(GREY_28, 0);
    let column = GridColumn {
        name: String::new(),
        heading: String::new(),
        pixels: vec![0.5; 30],
        ssim: Vec::new(),
    };
    let originals = Originals {
        pixels: &original,
        labels: vec![None; 2],
        shape: GREY_28,
    };
    assert!(shows_missing(&comparison_grid("", &originals, &[column])));
    assert!(comparison_grid("", &originals, &[]).width() > 0);
}
