//! Images with a border of zeros, laid out so that each tap of a 3×3 convolution is a row of values that
//! begins somewhere: nothing is copied for it.
//!
//! A padded plane has rows of one value more than the image is wide. It is zero and stands for what is
//! beyond the border on both sides: right of its own row and left of the next one. A row of zeros is above,
//! one below, and one zero before all. So the value that tap `(ky, kx)` reads for pixel `p`, counted in such
//! rows, is at `ky · (width + 1) + kx + p`. What is computed for the zeros' own places means nothing.

use super::product::LANES;

/// Height and width of planes, and how they are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub height: usize,
    pub width: usize,
}

/// Where the pixels of planes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The first pixel of a plane.
    pub first: usize,
    /// From a row to the next.
    pub stride: usize,
    /// From a plane to the next.
    pub plane: usize,
}

impl Grid {
    pub fn new([height, width]: [usize; 2]) -> Self {
        Self { height, width }
    }

    /// Values from the first pixel to the last, in whole vectors.
    pub fn run(self) -> usize {
        (self.height * (self.width + 1)).next_multiple_of(LANES)
    }

    /// Where the row of values begins that a tap reads in a padded plane.
    pub fn start(self, ky: usize, kx: usize) -> usize {
        ky * (self.width + 1) + kx
    }

    /// Planes as they are.
    pub fn plain(self) -> Layout {
        Layout {
            first: 0,
            stride: self.width,
            plane: self.height * self.width,
        }
    }

    /// Padded planes. The last tap may be read to the end of its run.
    pub fn padded(self) -> Layout {
        Layout {
            first: self.start(1, 1),
            stride: self.width + 1,
            plane: (self.run() + self.start(2, 2)).next_multiple_of(LANES),
        }
    }

    /// What products of padded planes are.
    pub fn product(self) -> Layout {
        Layout {
            first: 0,
            stride: self.width + 1,
            plane: self.run(),
        }
    }

    /// The rows of planes, read in one layout and written in another by `write`; rows without gaps as one.
    pub fn copy(
        self,
        (source, from): (&[f32], Layout),
        (target, to): (&mut [f32], Layout),
        write: impl Fn(&[f32], &mut [f32]) + Copy,
    ) {
        let sources = source.chunks_exact(from.plane);
        let plain = self.plain().stride;
        if from.stride == plain && to.stride == plain {
            let len = self.height * self.width;
            for (source, target) in sources.zip(target.chunks_exact_mut(to.plane)) {
                write(&source[from.first..][..len], &mut target[to.first..][..len]);
            }
            return;
        }
        for (source, target) in sources.zip(target.chunks_exact_mut(to.plane)) {
            let rows = source[from.first..].chunks(from.stride);
            let targets = target[to.first..].chunks_mut(to.stride);
            for (row, target) in rows.zip(targets).take(self.height) {
                write(&row[..self.width], &mut target[..self.width]);
            }
        }
    }
}

/// Planes that are divided into four each, of even and odd rows and columns: `[C, H, W]` →
/// `[C·4, ⌈H/2⌉, ⌈W/2⌉]`. Phase `2·a + b` has the pixels at `(2y + a, 2x + b)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    /// Of the undivided planes.
    pub whole: Grid,
    /// Of each phase.
    pub grid: Grid,
}

impl Phases {
    pub const COUNT: usize = 4;

    pub fn of(whole: Grid) -> Self {
        let half = [whole.height, whole.width].map(|side| side.div_ceil(2));
        Self {
            whole,
            grid: Grid::new(half),
        }
    }

    /// Each value of planes `[C, H, W]` to its place in padded phases.
    pub fn divide(self, planes: &[f32], phases: &mut [f32], value: impl Fn(f32) -> f32 + Copy) {
        let Layout {
            first,
            stride,
            plane,
        } = self.grid.padded();
        let Grid { height, width } = self.whole;
        let wholes = planes.chunks_exact(height * width);
        for (whole, phases) in wholes.zip(phases.chunks_exact_mut(Self::COUNT * plane)) {
            for (y, row) in whole.chunks_exact(width).enumerate() {
                let pair = &mut phases[2 * (y % 2) * plane..][..2 * plane];
                let (evens, odds) = pair.split_at_mut(plane);
                let place = first + (y / 2) * stride;
                let (evens, odds) = (&mut evens[place..], &mut odds[place..]);
                let (pairs, last) = row.as_chunks();
                for ([even, odd], targets) in pairs.iter().zip(evens.iter_mut().zip(odds)) {
                    *targets.0 = value(*even);
                    *targets.1 = value(*odd);
                }
                if let Some(last) = last.first() {
                    evens[pairs.len()] = value(*last);
                }
            }
        }
    }

    /// Each value of the phases of even or odd rows, `a`, of even and odd columns, as products made them, `[C, run]`, to
    /// its place in planes `[C, H, W]`.
    pub fn join(self, [evens, odds]: [&[f32]; 2], a: usize, planes: &mut [f32]) {
        let Layout { stride, plane, .. } = self.grid.product();
        let Grid { height, width } = self.whole;
        let wholes = planes.chunks_exact_mut(height * width);
        let phases = evens.chunks_exact(plane).zip(odds.chunks_exact(plane));
        for (whole, (evens, odds)) in wholes.zip(phases) {
            let targets = whole.chunks_exact_mut(width).skip(a).step_by(2);
            let rows = evens.chunks(stride).zip(odds.chunks(stride));
            for ((evens, odds), target) in rows.zip(targets) {
                let (pairs, last) = target.as_chunks_mut();
                let count = pairs.len();
                for (pair, values) in pairs.iter_mut().zip(evens.iter().zip(odds)) {
                    *pair = [*values.0, *values.1];
                }
                if let Some(last) = last.first_mut() {
                    *last = evens[count];
                }
            }
        }
    }
}
