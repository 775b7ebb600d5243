//! 2×2 blocks of a convolution's result: their maxima, or four planes that become the pixels of one; and back.

use super::geometry::Geometry;
use super::planes::{Grid, Layout};

/// Marks a pooled output whose window had no positive value, so that no gradient flows.
const INACTIVE: u8 = 4;

/// The four pixels of 2×2 block `(y, x)` of a plane: top left, top right, bottom left, bottom right.
fn window(y: usize, x: usize, layout: Layout) -> [usize; 4] {
    let corner = layout.first + 2 * y * layout.stride + 2 * x;
    [
        corner,
        corner + 1,
        corner + layout.stride,
        corner + layout.stride + 1,
    ]
}

/// 2×2 maxima of each plane; the first of equal values wins.
pub(super) fn pool(
    g: &Geometry,
    conv: &[f32],
    layout: Layout,
    output: &mut [f32],
    winners: &mut [u8],
) {
    let [height, width] = g.output;
    let planes = conv.chunks_exact(layout.plane);
    let targets = output.chunks_exact_mut(height * width);
    let winners = winners.chunks_exact_mut(height * width);
    for ((plane, target), winner) in planes.zip(targets).zip(winners) {
        for y in 0..height {
            for x in 0..width {
                let mut best = (f32::NEG_INFINITY, 0);
                for (index, position) in (0..).zip(window(y, x, layout)) {
                    if plane[position] > best.0 {
                        best = (plane[position], index);
                    }
                }
                let pixel = y * width + x;
                // NaNs are never greater: where there is nothing else, one is let through, for the loss to show it.
                target[pixel] = if best.0 == f32::NEG_INFINITY {
                    f32::NAN
                } else {
                    best.0
                };
                winner[pixel] = if g.options.relu && best.0 <= 0.0 {
                    INACTIVE
                } else {
                    best.1
                };
            }
        }
    }
}

/// The gradient before pooling (and `ReLU`): each output's gradient goes to its winner.
pub(super) fn unpool(
    g: &Geometry,
    output_gradient: &[f32],
    winners: &[u8],
    gradient: &mut [f32],
    layout: Layout,
) {
    let [height, width] = g.output;
    gradient.fill(0.0);
    let sources = output_gradient.chunks_exact(height * width);
    let winners = winners.chunks_exact(height * width);
    let planes = gradient.chunks_exact_mut(layout.plane);
    for ((plane, source), winner) in planes.zip(sources).zip(winners) {
        for y in 0..height {
            for x in 0..width {
                let pixel = y * width + x;
                if winner[pixel] != INACTIVE {
                    plane[window(y, x, layout)[usize::from(winner[pixel])]] = source[pixel];
                }
            }
        }
    }
}

/// Four planes become the pixels of 2×2 blocks of one: `[4·C, H, W]` → `[C, 2H, 2W]`.
pub(super) fn shuffle(grid: Grid, conv: &[f32], layout: Layout, output: &mut [f32]) {
    let Grid { height, width } = grid;
    let fours = conv.chunks_exact(4 * layout.plane);
    for (four, plane) in fours.zip(output.chunks_exact_mut(4 * height * width)) {
        for (y, row) in plane.chunks_exact_mut(2 * width).enumerate() {
            let start = 2 * (y % 2) * layout.plane + layout.first + y / 2 * layout.stride;
            let evens = &four[start..][..width];
            let odds = &four[start + layout.plane..][..width];
            for (pair, values) in row.as_chunks_mut().0.iter_mut().zip(evens.iter().zip(odds)) {
                *pair = [*values.0, *values.1];
            }
        }
    }
}

/// The inverse of [`shuffle`].
pub(super) fn unshuffle(grid: Grid, planes: &[f32], gradient: &mut [f32], layout: Layout) {
    let Grid { height, width } = grid;
    let fours = gradient.chunks_exact_mut(4 * layout.plane);
    for (four, plane) in fours.zip(planes.chunks_exact(4 * height * width)) {
        for (y, row) in plane.chunks_exact(2 * width).enumerate() {
            let start = 2 * (y % 2) * layout.plane + layout.first + y / 2 * layout.stride;
            for (x, [even, odd]) in row.as_chunks().0.iter().enumerate() {
                four[start + x] = *even;
                four[start + layout.plane + x] = *odd;
            }
        }
    }
}
