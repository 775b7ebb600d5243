//! Curves and charts, by the colours of their lines.

use image::RgbImage;
use trainer::plot::{
    EpochPoint, RateQuality, SizeChart, draw_by_size, draw_curves, draw_histories,
    draw_rate_quality,
};

use crate::common::folder::Outcome;

fn history(epochs: u8) -> Vec<EpochPoint> {
    let point = |epoch| {
        let x = f64::from(epoch);
        EpochPoint {
            epoch: usize::from(epoch),
            train_loss: 0.1 + 0.4 / x,
            validation_loss: 0.12 + 0.4 / x,
            validation_ssim: 0.9 - 0.5 / x,
        }
    };
    (1..=epochs).map(point).collect()
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
fn several_histories_have_a_line_each() -> Outcome {
    let named = |runs: usize| -> Vec<_> {
        (1..=runs)
            .map(|run| (format!("run {run}"), history(20)))
            .collect()
    };
    let few = draw_histories("title", &named(2))?;
    // The lines of equal histories cover each other: the last is seen.
    assert!(count(&few, true, BLUE) > 100);
    assert_eq!(count(&few, true, GREEN), 0);
    let more = draw_histories("title", &named(3))?;
    assert!(count(&more, true, GREEN) > 100);
    assert!(more.height() > few.height(), "room for the legend");
    assert!(draw_histories("title", &[])?.width() > 0);
    Ok(())
}

#[test]
fn costs_of_one_name_have_one_color() -> Outcome {
    let chart = |title: &str, name: &str, points: &[(usize, f64)]| SizeChart {
        title: title.to_owned(),
        axis: "images".to_owned(),
        name: name.to_owned(),
        points: points.to_vec(),
    };
    let points = [(100, 1.0), (200, 2.0), (usize::MAX, 3.0)];
    let pair = |right: &str| {
        let charts = [chart("a", "training", &points), chart("b", right, &points)];
        draw_by_size("title", &charts)
    };
    let (same, other) = (pair("training")?, pair("process")?);
    assert!(count(&same, true, VERMILION) > 100);
    assert_eq!(count(&same, true, BLUE), 0);
    assert!(count(&other, true, BLUE) > 100);
    assert_eq!(count(&other, true, VERMILION), 0);

    // Nothing measured, nothing known, and nothing but zero.
    draw_by_size("title", &[])?;
    for value in [f64::NAN, 0.0, -1.0] {
        draw_by_size("title", &[chart("a", "b", &[(0, value), (1, value)])])?;
    }
    Ok(())
}

#[test]
fn a_legend_that_is_wider_than_its_plot_takes_several_rows() -> Outcome {
    let methods = |count: usize, name: &str| -> Vec<RateQuality> {
        let method = |index| RateQuality {
            name: format!("{name} {index}"),
            points: vec![(8, 0.8, 20.0), (16, 0.9, 24.0)],
        };
        (0..count).map(method).collect()
    };
    let few = draw_rate_quality("title", &methods(2, "short"))?;
    assert_eq!(few.dimensions(), (1200, 520));
    let many = draw_rate_quality("title", &methods(8, "residual, 0.8*ssim+0.2*l1"))?;
    assert!(many.height() > few.height());
    // Between the panels, and at the right, nothing is covered.
    let paper = *many.get_pixel(0, 0);
    let margin = |x: u32| (0..many.height()).all(|y| *many.get_pixel(x, y) == paper);
    assert!(margin(600) && margin(1199));
    draw_rate_quality("title", &methods(2, &"name ".repeat(100)))?;
    Ok(())
}
