//! SSIM by its formula in f64, for any settings: it agrees with scikit-image, torchmetrics and scipy to
//! 1e-9, so it can check what these libraries have no values for.

use trainer::ssim::{Border, Covariance, SsimConfig, Window};

/// The score of an image of `channels` planes.
pub fn score(config: &SsimConfig, size: [usize; 3], x: &[f64], y: &[f64]) -> f64 {
    let [channels, height, width] = size;
    let planes = x
        .chunks_exact(height * width)
        .zip(y.chunks_exact(height * width));
    let sum: f64 = planes
        .map(|(x, y)| mean(&map(config, [height, width], x, y)))
        .sum();
    sum / as_f64(channels)
}

/// One score per window of a plane.
pub fn map(config: &SsimConfig, [height, width]: [usize; 2], x: &[f64], y: &[f64]) -> Vec<f64> {
    let blur = |pixel: &dyn Fn(usize) -> f64| {
        let plane: Vec<f64> = (0..height * width).map(pixel).collect();
        blurred(config, [height, width], &plane)
    };
    let [mean_x, mean_y] = [blur(&|i| x[i]), blur(&|i| y[i])];
    let [xx, yy, xy] = [
        blur(&|i| x[i] * x[i]),
        blur(&|i| y[i] * y[i]),
        blur(&|i| x[i] * y[i]),
    ];
    let area = as_f64(config.window.size().pow(2));
    let factor = match config.covariance {
        Covariance::Population => 1.0,
        Covariance::Sample => area / (area - 1.0),
    };
    let c1 = (config.k1 * config.data_range).powi(2);
    let c2 = (config.k2 * config.data_range).powi(2);
    (0..mean_x.len())
        .map(|i| {
            let (mx, my) = (mean_x[i], mean_y[i]);
            let variances = factor * (xx[i] - mx * mx + yy[i] - my * my);
            let covariance = factor * (xy[i] - mx * my);
            (2.0 * mx * my + c1) * (2.0 * covariance + c2)
                / ((mx * mx + my * my + c1) * (variances + c2))
        })
        .collect()
}

/// The means over the window, first along rows, then down columns.
fn blurred(config: &SsimConfig, [height, width]: [usize; 2], plane: &[f64]) -> Vec<f64> {
    let columns = along(config, width, |position, pixel| position * width + pixel);
    let rows: Vec<f64> = (0..height).flat_map(|row| columns(plane, row)).collect();
    let map_width = rows.len() / height;
    let down = along(config, height, |column, pixel| pixel * map_width + column);
    let turned: Vec<Vec<f64>> = (0..map_width).map(|column| down(&rows, column)).collect();
    let map_height = turned[0].len();
    (0..map_height)
        .flat_map(|row| turned.iter().map(move |column| column[row]))
        .collect()
}

/// The blur of one line of a plane: `index` finds the line's pixels.
fn along(
    config: &SsimConfig,
    side: usize,
    index: impl Fn(usize, usize) -> usize,
) -> impl Fn(&[f64], usize) -> Vec<f64> {
    let weights = window(config.window);
    let radius = weights.len() / 2;
    let (positions, origin) = match config.border {
        Border::Valid => (side - 2 * radius, 0),
        Border::Zero | Border::Reflect => (side, radius),
    };
    let reflects = config.border == Border::Reflect;
    move |plane, line| {
        let value = |place: isize| {
            let last = side.cast_signed() - 1;
            let place = if reflects {
                last - (last - place.abs()).abs()
            } else {
                place
            };
            let inside = usize::try_from(place).ok().filter(|&place| place < side);
            inside.map_or(0.0, |place| plane[index(line, place)])
        };
        (0..positions)
            .map(|position| {
                let first = position.cast_signed() - origin.cast_signed();
                let taps = weights.iter().zip(first..);
                taps.map(|(weight, place)| weight * value(place)).sum()
            })
            .collect()
    }
}

/// The window's weights along one axis; their sum is 1.
fn window(window: Window) -> Vec<f64> {
    let weights: Vec<f64> = match window {
        Window::Uniform { size } => vec![1.0; size],
        Window::Gaussian { size, sigma } => (0..size)
            .map(|index| {
                let distance = as_f64(index) - as_f64(size / 2);
                (-distance * distance / (2.0 * sigma * sigma)).exp()
            })
            .collect(),
    };
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / as_f64(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
