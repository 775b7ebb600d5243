//! What the pictures of a run folder show.

mod common;

use image::{Rgb, RgbImage};
use trainer::run::{Tile, draw_curves, reconstruction_grid, save_png};

use common::folder::{Outcome, history, names_in, new_run};

/// An image in which every pixel has another grey than its neighbours.
fn pattern(seed: u8) -> Vec<f32> {
    (0..28 * 28_u16)
        .map(|i| f32::from((i * 37 + u16::from(seed) * 11) % 256) / 255.0)
        .collect()
}

fn tile<'a>(original: &'a [f32], reconstruction: &'a [f32]) -> Tile<'a> {
    Tile {
        original,
        reconstruction,
        height: 28,
        width: 28,
        ssim: 0.5,
        label: "Shirt",
    }
}

/// Where the image is found in grey, each pixel enlarged to 4 × 4.
fn find(picture: &RgbImage, image: &[f32]) -> Vec<(u32, u32)> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 255"
    )]
    let levels: Vec<u8> = image
        .iter()
        .map(|value| (value * 255.0).round() as u8)
        .collect();
    let matches_at = |x: u32, y: u32| {
        let pixels = (0..112).flat_map(|dy| (0..112).map(move |dx| (dx, dy)));
        pixels.into_iter().all(|(dx, dy)| {
            let level = levels[(dy / 4 * 28 + dx / 4) as usize];
            *picture.get_pixel(x + dx, y + dy) == Rgb([level; 3])
        })
    };
    let (width, height) = picture.dimensions();
    let corners = (0..height - 111).flat_map(|y| (0..width - 111).map(move |x| (x, y)));
    corners.filter(|(x, y)| matches_at(*x, *y)).collect()
}

#[test]
fn a_grid_shows_each_original_above_its_reconstruction() {
    let images: Vec<_> = (0..6).map(pattern).collect();
    let tiles: Vec<_> = images
        .chunks(2)
        .map(|pair| tile(&pair[0], &pair[1]))
        .collect();
    let picture = reconstruction_grid("title", &tiles);

    let mut last_x = 0;
    for pair in images.chunks(2) {
        let (original, reconstruction) = (find(&picture, &pair[0]), find(&picture, &pair[1]));
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

#[test]
fn differences_are_black_where_there_are_none_and_bright_where_they_are_large() {
    let original = vec![1.0; 28 * 28];
    let mut reconstruction = pattern(0);
    reconstruction[0] = 1.0;
    reconstruction[1] = 0.75;
    reconstruction[2] = 0.0;
    let picture = reconstruction_grid("", &[tile(&original, &reconstruction)]);
    let above = find(&picture, &original)[0];
    let below = find(&picture, &reconstruction)[0];
    // The rows are evenly spaced.
    let y = below.1 + (below.1 - above.1);
    let brightness = |column: u32| -> u32 {
        picture
            .get_pixel(below.0 + 4 * column, y)
            .0
            .iter()
            .map(|level| u32::from(*level))
            .sum()
    };
    assert!(brightness(0) < 10);
    assert!(brightness(0) < brightness(1) && brightness(1) < brightness(2));
}

#[test]
fn more_than_ten_columns_wrap_into_another_block() {
    let images: Vec<_> = (0..20).map(pattern).collect();
    let tiles: Vec<_> = images.iter().map(|image| tile(image, image)).collect();
    let ten = reconstruction_grid("title", &tiles[..10]);
    let eleven = reconstruction_grid("title", &tiles[..11]);
    let twenty = reconstruction_grid("title", &tiles);
    assert_eq!(ten.width(), eleven.width());
    assert!(eleven.height() > ten.height() + 3 * 112);
    assert_eq!(eleven.dimensions(), twenty.dimensions());

    let first = find(&eleven, &images[0]);
    let wrapped = find(&eleven, &images[10]);
    assert_eq!(first[0].0, wrapped[0].0);
    assert!(wrapped[0].1 > first[0].1 + 3 * 112);
}

#[test]
fn a_grid_of_odd_input_is_drawn_all_the_same() {
    assert!(reconstruction_grid("no images", &[]).width() > 0);
    let (short, nan, far) = (vec![0.5; 10], vec![f32::NAN; 28 * 28], vec![7.5; 28 * 28]);
    let ssim = f32::NAN;
    let label = "a class name that is far too long for a column";
    let odd = Tile {
        ssim,
        label,
        ..tile(&short, &nan)
    };
    let large = Tile {
        height: 200,
        width: 1,
        ..tile(&far, &short)
    };
    let empty = Tile {
        height: 0,
        width: 0,
        ..tile(&[], &[])
    };
    for tiles in [&[odd][..], &[large], &[empty], &[odd, large, empty]] {
        let picture = reconstruction_grid("\u{1F455} sign that the font lacks", tiles);
        assert!(picture.width() > 0 && picture.height() > 0);
    }
    // What isn't a number looks like no number: it is neither grey nor on the scale.
    let missing = reconstruction_grid("", &[odd]);
    assert!(
        missing
            .pixels()
            .any(|pixel| pixel.0[2] == 255 && pixel.0[0] == 0)
    );
    let whole = pattern(0);
    let nothing_missing = reconstruction_grid("", &[tile(&whole, &whole)]);
    assert!(
        !nothing_missing
            .pixels()
            .any(|pixel| pixel.0[2] == 255 && pixel.0[0] == 0)
    );
}

#[test]
fn titles_and_captions_are_drawn() {
    let image = pattern(0);
    let plain = reconstruction_grid(
        "",
        &[Tile {
            label: "",
            ..tile(&image, &image)
        }],
    );
    let titled = reconstruction_grid(
        "Title",
        &[Tile {
            label: "",
            ..tile(&image, &image)
        }],
    );
    let labelled = reconstruction_grid("", &[tile(&image, &image)]);
    assert_eq!(plain.dimensions(), titled.dimensions());
    assert_ne!(plain, titled);
    assert_ne!(plain, labelled);
}

/// Pixels of about this colour, in one half of the picture.
fn count(picture: &RgbImage, right: bool, color: [u8; 3]) -> usize {
    let half = picture.width() / 2;
    // The legend has samples of every colour, so only the plot below it counts.
    let plot = picture
        .enumerate_pixels()
        .filter(|(x, y, _)| (*x >= half) == right && *y > 104);
    plot.filter(|(_, _, pixel)| {
        pixel
            .0
            .iter()
            .zip(color)
            .all(|(level, wanted)| level.abs_diff(wanted) < 12)
    })
    .count()
}

const BLUE: [u8; 3] = [0, 114, 178];
const VERMILION: [u8; 3] = [213, 94, 0];
const GREEN: [u8; 3] = [0, 135, 100];

#[test]
fn curves_show_losses_left_and_ssim_with_pca_right() -> Outcome {
    for epochs in [1, 2, 50] {
        let best = Some(usize::from(epochs));
        let picture = draw_curves("title", &history(epochs), Some((64, 0.8)), best)?;
        assert_eq!(picture.dimensions(), (1200, 480));
        assert!(count(&picture, false, BLUE) > 20, "{epochs} epochs");
        assert!(count(&picture, false, VERMILION) > 20, "{epochs} epochs");
        assert!(count(&picture, true, GREEN) > 200, "{epochs} epochs");
        assert_eq!(count(&picture, false, GREEN), 0);

        let without = draw_curves("title", &history(epochs), None, None)?;
        assert_eq!(count(&without, true, GREEN), 0);
        assert!(count(&without, true, VERMILION) > 20, "{epochs} epochs");
    }
    Ok(())
}

#[test]
fn the_best_epoch_is_marked() -> Outcome {
    let plain = draw_curves("title", &history(50), None, None)?;
    let marked = draw_curves("title", &history(50), None, Some(30))?;
    let ink = [34, 34, 34];
    assert!(count(&marked, true, ink) > count(&plain, true, ink) + 20);
    // An epoch that isn't in the history can't be marked.
    assert_eq!(draw_curves("title", &history(50), None, Some(99))?, plain);
    Ok(())
}

#[test]
fn curves_of_no_epochs_are_empty_axes() -> Outcome {
    let picture = draw_curves("title", &[], Some((64, f64::NAN)), Some(3))?;
    assert_eq!(picture.dimensions(), (1200, 480));
    assert_eq!(count(&picture, false, BLUE), 0);
    Ok(())
}

#[test]
fn values_that_are_not_finite_leave_gaps() -> Outcome {
    let whole = draw_curves("title", &history(50), None, None)?;
    let mut rows = history(50);
    for row in &mut rows[10..30] {
        row.train_loss = f64::NAN;
        row.validation_ssim = f64::INFINITY;
    }
    let gaps = draw_curves("title", &rows, Some((64, f64::NEG_INFINITY)), Some(20))?;
    assert!(count(&gaps, false, BLUE) < count(&whole, false, BLUE));
    assert!(count(&gaps, true, VERMILION) < count(&whole, true, VERMILION));

    for extreme in [
        f64::NAN,
        f64::INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        1e11,
        0.0,
    ] {
        for row in &mut rows {
            row.train_loss = extreme;
            row.validation_loss = -extreme;
            row.validation_ssim = extreme;
        }
        draw_curves("title", &rows, Some((64, extreme)), Some(20))?;
    }
    Ok(())
}

#[test]
fn a_saved_picture_reads_back_the_same() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let image = pattern(3);
    let picture = reconstruction_grid("title", &[tile(&image, &image)]);
    save_png(&picture, &run.epoch_picture(1))?;
    assert_eq!(image::open(run.epoch_picture(1))?.to_rgb8(), picture);
    assert_eq!(names_in(&run.reconstructions()), ["epoch-0001.png"]);

    let error = save_png(&picture, &home.path().join("missing/p.png")).unwrap_err();
    assert!(error.to_string().contains("p.png"), "{error}");
    Ok(())
}
