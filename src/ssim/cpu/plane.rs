//! The passes over one plane: padding, moments, blur, windows, and the blur's transpose.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `Part::call` isn't compiled for wider vectors"
)]

use super::lanes::{LANES, blur, each, lanes, lanes_mut, segments_mut, sum};
use super::plan::{MOMENTS, Plan, Scratch};

#[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
impl Plan {
    /// One plane's score. `gradients` are `G` planes of zeros.
    #[inline(always)]
    pub fn differentiate<const G: usize>(
        &self,
        planes: [&[f32]; 2],
        gradients: &mut [f32],
        scratch: &mut Scratch,
    ) -> f32 {
        let pivots = planes.map(|plane| sum(plane) / plane.len() as f32);
        self.pad(planes[0], pivots[0], &mut scratch.x);
        self.pad(planes[1], pivots[1], &mut scratch.y);
        self.moments(scratch);
        let [_, width] = self.padded;
        let (line, results) = (MOMENTS * width, (G + 2) * width);
        blur(&scratch.moments, line, &self.weights, &mut scratch.down);
        blur(&scratch.down, 1, &self.weights, &mut scratch.means);

        let loss = self.compare::<G>(pivots, scratch);
        let above = (self.weights.len() - 1) * results;
        let inner = &mut scratch.across[above..][..self.map[0] * results];
        blur(&scratch.coefficients, 1, &self.weights, inner);
        blur(&scratch.across, results, &self.weights, &mut scratch.sums);
        for (side, gradient) in gradients.chunks_exact_mut(planes[0].len()).enumerate() {
            self.gather::<G>(side, scratch, gradient);
        }
        1.0 - loss
    }

    /// A plane minus its pivot, with what windows see beyond its border.
    #[inline(always)]
    fn pad(&self, plane: &[f32], pivot: f32, padded: &mut [f32]) {
        let [height, width] = self.size;
        for (place, row) in padded.chunks_exact_mut(self.padded[1]).enumerate() {
            let Some(source) = self.source(place, height) else {
                row.fill(-pivot);
                continue;
            };
            let source = &plane[source * width..][..width];
            for (value, pixel) in row[self.margin..].iter_mut().zip(source) {
                *value = pixel - pivot;
            }
            for place in self.beside() {
                let pixel = self.source(place, width);
                row[place] = pixel.map_or(0.0, |pixel| source[pixel]) - pivot;
            }
        }
    }

    /// Each pixel's values, of which the blur makes a window's moments.
    #[inline(always)]
    fn moments(&self, scratch: &mut Scratch) {
        let [_, width] = self.padded;
        let rows = scratch
            .x
            .chunks_exact(width)
            .zip(scratch.y.chunks_exact(width));
        for ((x, y), line) in rows.zip(scratch.moments.chunks_exact_mut(MOMENTS * width)) {
            let [first, second, squares, squared_differences] = segments_mut(line);
            for place in 0..width / LANES {
                let (x, y) = (lanes(x)[place], lanes(y)[place]);
                first[place] = x;
                second[place] = y;
                squares[place] = each(|lane| x[lane] * x[lane] + y[lane] * y[lane]);
                squared_differences[place] = each(|lane| (x[lane] - y[lane]) * (x[lane] - y[lane]));
            }
        }
    }

    /// Writes the coefficients of each window, for `G` gradients, and returns the mean loss.
    #[inline(always)]
    fn compare<const G: usize>(&self, pivots: [f32; 2], scratch: &mut Scratch) -> f32 {
        let [_, width] = self.padded;
        let inner = &mut scratch.coefficients[self.weights.len() - 1..];
        let means = scratch.means.chunks_exact(MOMENTS * width);
        let mut losses = [0.0; LANES];
        for (means, results) in means.zip(inner.chunks_exact_mut((G + 2) * width)) {
            for (place, share) in lanes(&self.shares).iter().enumerate() {
                let [mean_x, mean_y, squares, squared_differences] =
                    [0, 1, 2, 3].map(|moment| lanes(&means[moment * width..])[place]);
                let mut coefficients = [[0.0; LANES]; 4];
                for lane in 0..LANES {
                    let window = self.window(
                        [mean_x[lane], mean_y[lane]],
                        pivots,
                        squares[lane],
                        squared_differences[lane],
                    );
                    // At a row's end there are no windows, and what stands there for their moments may be too large to
                    // be squared.
                    let counted = |value: f32| match share[lane] {
                        0.0 => 0.0,
                        share => share * value,
                    };
                    losses[lane] += counted(window.loss);
                    coefficients[0][lane] = counted(window.grad_means[0]);
                    coefficients[1][lane] = counted(window.grad_means[1]);
                    coefficients[2][lane] = counted(window.grad_difference);
                    coefficients[3][lane] = counted(window.grad_variances);
                }
                for side in 0..G {
                    lanes_mut(&mut results[side * width..])[place] = coefficients[side];
                }
                lanes_mut(&mut results[G * width..])[place] = coefficients[2];
                lanes_mut(&mut results[(G + 1) * width..])[place] = coefficients[3];
            }
        }
        losses.iter().sum()
    }

    /// The gradient with respect to one of `G` images: each padded place's contribution goes to the
    /// pixel that is seen there.
    #[inline(always)]
    fn gather<const G: usize>(&self, side: usize, scratch: &mut Scratch, gradient: &mut [f32]) {
        let [height, width] = self.size;
        let [_, length] = self.padded;
        let (own, other) = match side {
            0 => (&scratch.x, &scratch.y),
            _ => (&scratch.y, &scratch.x),
        };
        let rows = own.chunks_exact(length).zip(other.chunks_exact(length));
        let sums = scratch.sums.chunks_exact((G + 2) * length);
        for (place, ((own, other), sums)) in rows.zip(sums).enumerate() {
            let Some(row) = self.source(place, height) else {
                continue;
            };
            for (place, contribution) in lanes_mut(&mut scratch.row).iter_mut().enumerate() {
                let [grad_mean, grad_difference, grad_variances] =
                    [side, G, G + 1].map(|result| lanes(&sums[result * length..])[place]);
                let (own, other) = (lanes(own)[place], lanes(other)[place]);
                *contribution = each(|lane| {
                    grad_mean[lane] - (own[lane] - other[lane]) * grad_difference[lane]
                        + own[lane] * grad_variances[lane]
                });
            }
            let row = &mut gradient[row * width..][..width];
            for (value, contribution) in row.iter_mut().zip(&scratch.row[self.margin..]) {
                *value += contribution;
            }
            for place in self.beside() {
                if let Some(column) = self.source(place, width) {
                    row[column] += scratch.row[place];
                }
            }
        }
    }
}
