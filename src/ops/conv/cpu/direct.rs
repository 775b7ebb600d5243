//! A convolution of padded planes, and its adjoints: sums over taps that are read where they stand.

use super::geometry::Geometry;
use super::planes::{Grid, Phases};
use super::product::{self, Packed, Rows};

const SIDE: usize = 3;
const TAPS: usize = SIDE * SIDE;

/// One image's convolution, without bias or anything around it.
pub(super) struct Direct {
    in_channels: usize,
    out_channels: usize,
    /// Of the result.
    grid: Grid,
    input: Input,
    /// `[C_out, C_in·9]`
    weight: Packed,
    /// Where the row of each of the `C_in·9` taps begins in the padded input.
    starts: Vec<usize>,
}

/// How an image is padded.
#[derive(Clone, Copy)]
enum Input {
    Plain(Grid),
    /// For a stride of 2.
    Phases(Phases),
}

impl Direct {
    /// With weights `[C_out, C_in, 3, 3]`.
    pub fn new(g: &Geometry, weight: &[f32]) -> Self {
        let input = Grid::new(g.input);
        let input = if g.options.halve {
            Input::Phases(Phases::of(input))
        } else {
            Input::Plain(input)
        };
        let columns = g.in_channels * TAPS;
        let starts = (0..columns).map(|column| {
            let (channel, tap) = (column / TAPS, column % TAPS);
            let (ky, kx) = (tap / SIDE, tap % SIDE);
            match input {
                Input::Plain(grid) => channel * grid.padded().plane + grid.start(ky, kx),
                // Tap 0 reads the odd pixels before, tap 1 the even ones beside, tap 2 the odd ones beside.
                Input::Phases(Phases { grid, .. }) => {
                    let phase = 2 * usize::from(ky != 1) + usize::from(kx != 1);
                    let start = grid.start(ky.min(1), kx.min(1));
                    (channel * Phases::COUNT + phase) * grid.padded().plane + start
                }
            }
        });
        Self {
            in_channels: g.in_channels,
            out_channels: g.out_channels,
            grid: g.grid(),
            input,
            weight: Packed::new(g.out_channels, columns, |row, column| {
                weight[row * columns + column]
            }),
            starts: starts.collect(),
        }
    }

    /// Values of a padded image.
    pub fn padded_len(&self) -> usize {
        match self.input {
            Input::Plain(grid) => self.in_channels * grid.padded().plane,
            Input::Phases(phases) => self.in_channels * Phases::COUNT * phases.grid.padded().plane,
        }
    }

    /// Values of a result, as a product leaves it.
    pub fn product_len(&self) -> usize {
        self.out_channels * self.grid.run()
    }

    /// Values of a padded gradient of the result.
    pub fn gradient_len(&self) -> usize {
        self.out_channels * self.grid.padded().plane
    }

    /// An image `[C_in, H, W]` with a border; `padded` has zeros where the border is. With `activate`, negative
    /// values become zero.
    pub fn pad(&self, image: &[f32], activate: bool, padded: &mut [f32]) {
        match (self.input, activate) {
            (Input::Plain(grid), _) => {
                let (from, to) = ((image, grid.plain()), (padded, grid.padded()));
                if activate {
                    grid.copy(from, to, |source, target| {
                        for (target, value) in target.iter_mut().zip(source) {
                            *target = active(*value);
                        }
                    });
                } else {
                    grid.copy(from, to, |source, target| target.copy_from_slice(source));
                }
            }
            (Input::Phases(phases), true) => phases.divide(image, padded, active),
            (Input::Phases(phases), false) => phases.divide(image, padded, |value| value),
        }
    }

    /// The result of a padded image, in the product's layout.
    pub fn convolve(&self, padded: &[f32], result: &mut [f32]) {
        product::multiply(&self.weight, &self.starts, padded, result);
    }

    /// Adds to the weights' gradient `[C_out, C_in·9]` what padded images and gradients of the result, one after
    /// another, come to.
    pub fn weight_gradient(&self, padded: &[f32], gradients: &[f32], sums: &mut [f32]) {
        let layout = self.grid.padded();
        let rows = Rows {
            values: gradients,
            images: gradients.len() / self.gradient_len(),
            image_stride: self.gradient_len(),
            first: layout.first,
            stride: layout.plane,
            length: self.grid.run(),
        };
        product::accumulate(rows, &self.starts, padded, self.padded_len(), sums);
    }
}

/// `ReLU`. Not `max`, which would turn a NaN into a harmless zero.
pub(super) fn active(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

/// From the gradient of a result to that of the image.
pub(super) struct Adjoint {
    grid: Grid,
    input: Input,
    parts: Vec<Part>,
}

/// A part of the image's pixels, with the taps that read them.
struct Part {
    /// `[C_in, C_out·taps]`
    weight: Packed,
    starts: Vec<usize>,
}

impl Adjoint {
    /// That of the convolution with weights `[C_out, C_in, 3, 3]`.
    pub fn new(direct: &Direct, weight: &[f32]) -> Self {
        let Direct {
            in_channels,
            out_channels,
            grid,
            input,
            ..
        } = *direct;
        let plane = grid.padded().plane;
        // Of each tap in one direction: itself, and the place in the gradient that it reads.
        let part = |taps: [Vec<(usize, usize)>; 2]| {
            let [rows, columns] = &taps;
            let pairs = rows
                .iter()
                .flat_map(|row| columns.iter().map(move |column| (*row, *column)));
            let taps: Vec<(usize, usize)> = pairs
                .map(|((ky, row), (kx, column))| (SIDE * ky + kx, grid.start(row, column)))
                .collect();
            let element = |row: usize, column: usize| {
                let (tap, _) = taps[column % taps.len()];
                weight[(column / taps.len() * in_channels + row) * TAPS + tap]
            };
            let starts = (0..out_channels)
                .flat_map(|channel| taps.iter().map(move |(_, start)| channel * plane + start));
            Part {
                weight: Packed::new(in_channels, out_channels * taps.len(), element),
                starts: starts.collect(),
            }
        };
        let parts = match input {
            Input::Plain(_) => {
                let taps = || (0..SIDE).map(|tap| (tap, SIDE - 1 - tap)).collect();
                vec![part([taps(), taps()])]
            }
            Input::Phases(_) => {
                // Even pixels are read by tap 1 of the pixel beside, odd ones by tap 2 of it and by tap 0 of the next.
                let taps = |phase| match phase {
                    0 => vec![(1, 1)],
                    _ => vec![(2, 1), (0, 2)],
                };
                let phases = (0..Phases::COUNT).map(|phase| [phase / 2, phase % 2]);
                phases.map(|phase| part(phase.map(taps))).collect()
            }
        };
        Self { grid, input, parts }
    }

    /// Values of the parts that are put together at once, as products leave them.
    pub fn product_len(&self) -> usize {
        let rows = self.parts.iter().take(2).map(|part| part.weight.rows());
        rows.sum::<usize>() * self.grid.run()
    }

    /// The image's gradient `[C_in, H, W]`, of a padded gradient of the result. `product` is written over.
    pub fn image_gradient(&self, padded: &[f32], product: &mut [f32], gradient: &mut [f32]) {
        let multiply = |part: &Part, product: &mut [f32]| {
            product::multiply(&part.weight, &part.starts, padded, product);
        };
        match self.input {
            Input::Plain(grid) => {
                for part in &self.parts {
                    multiply(part, product);
                    grid.copy(
                        (&*product, grid.product()),
                        (&mut *gradient, grid.plain()),
                        |source, target| target.copy_from_slice(source),
                    );
                }
            }
            Input::Phases(phases) => {
                let (evens, odds) = product.split_at_mut(product.len() / 2);
                for (row, [even, odd]) in self.parts.as_chunks().0.iter().enumerate() {
                    multiply(even, evens);
                    multiply(odd, odds);
                    phases.join([&*evens, &*odds], row, gradient);
                }
            }
        }
    }
}
