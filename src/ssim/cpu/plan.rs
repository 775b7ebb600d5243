//! What all planes of a batch have in common, and the buffers that a thread works in.
//!
//! What a window sees beyond the image is written around it, so that all borders are one case. The
//! four moments of a row lie side by side, and a blur is one pass over all rows as if they were a
//! single line: of `stride` 1 along rows, of a line's length down columns. What it mixes at the ends of
//! rows belongs to no window. The transpose is the same pass, since the weights are symmetric, over
//! values with zeros around them.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `Part::call` isn't compiled for wider vectors"
)]

use super::lanes::LANES;
use crate::ssim::comparison::{Comparison, Term};
use crate::ssim::config::Border;

/// x, y, x² + y² and (x − y)²
pub(super) const MOMENTS: usize = 4;

/// What is the same for all planes.
pub(super) struct Plan {
    /// Height and width of a plane.
    pub size: [usize; 2],
    /// Rows and columns around the image on each side.
    pub margin: usize,
    /// Rows with the margin, and the length of a row, which has room for it.
    pub padded: [usize; 2],
    /// Rows of windows, and windows in a row.
    pub map: [usize; 2],
    /// A window's weight in the mean, by its column; 0 where there is none. `[w]`
    pub shares: Vec<f32>,
    border: Border,
    /// The factors of the luminance's loss, the structure's loss and, subtracted, their product in the
    /// term's loss, which is 1 − term. Numbers, since a branch would be taken one window at a time.
    pub parts: [f32; 3],
    /// The window's, along one axis.
    pub weights: Vec<f32>,
    pub c1: f32,
    pub c2: f32,
    /// What multiplies population covariances.
    pub covariance_factor: f32,
}

/// Intermediate results. `R` are the padded rows, `r` those of windows, `w` is the length of a row,
/// `t` the window's size minus 1.
pub(super) struct Scratch {
    /// `[R, w]`, minus the pivots
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    /// `[R, 4, w]`
    pub moments: Vec<f32>,
    /// The moments blurred down columns: `[r, 4, w]`, and `t` more
    pub down: Vec<f32>,
    /// And along rows: `[r, 4, w]`
    pub means: Vec<f32>,
    /// `t` zeros, then `[r, G + 2, w]`, zeros where there are no windows
    pub coefficients: Vec<f32>,
    /// The coefficients blurred along rows: `[t + r + t, G + 2, w]`, the first and last `t` lines zeros
    pub across: Vec<f32>,
    /// And down columns: `[R, G + 2, w]`
    pub sums: Vec<f32>,
    /// `[w]`
    pub row: Vec<f32>,
}

impl Scratch {
    pub fn new(plan: &Plan, gradients: usize) -> Self {
        let [rows, width] = plan.padded;
        let [windows, _] = plan.map;
        let taps = plan.weights.len() - 1;
        let (line, results) = (MOMENTS * width, (gradients + 2) * width);
        Self {
            x: vec![0.0; rows * width],
            y: vec![0.0; rows * width],
            moments: vec![0.0; rows * line],
            down: vec![0.0; windows * line + taps],
            means: vec![0.0; windows * line],
            coefficients: vec![0.0; taps + windows * results],
            across: vec![0.0; (windows + 2 * taps) * results],
            sums: vec![0.0; rows * results],
            row: vec![0.0; width],
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
#[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
impl Plan {
    pub fn new(height: usize, width: usize, comparison: &Comparison) -> Self {
        let config = &comparison.config;
        let weights = config.window.weights();
        let margin = match config.border {
            Border::Valid => 0,
            Border::Zero | Border::Reflect => weights.len() / 2,
        };
        let [c1, c2] = config.constants().map(|constant| constant as f32);
        let length = (width + 2 * margin).next_multiple_of(LANES);
        let map = config.map_size(height, width);
        let share = 1.0 / map.iter().product::<usize>() as f32;
        let share = |column| if column < map[1] { share } else { 0.0 };
        Self {
            size: [height, width],
            margin,
            padded: [height + 2 * margin, length],
            map,
            shares: (0..length).map(share).collect(),
            border: config.border,
            parts: match comparison.term {
                Term::Similarity => [1.0, 1.0, 1.0],
                Term::Luminance => [1.0, 0.0, 0.0],
                Term::ContrastStructure => [0.0, 1.0, 0.0],
            },
            weights: weights.into_iter().map(|weight| weight as f32).collect(),
            c1,
            c2,
            covariance_factor: config.covariance_factor() as f32,
        }
    }

    /// The pixel at a padded place along an axis of `side` pixels; none beyond a border of zeros.
    #[inline(always)]
    pub fn source(&self, place: usize, side: usize) -> Option<usize> {
        let reflects = self.border == Border::Reflect;
        match place.checked_sub(self.margin) {
            Some(pixel) if pixel < side => Some(pixel),
            Some(pixel) if reflects => Some(2 * (side - 1) - pixel),
            None if reflects => Some(self.margin - place),
            _ => None,
        }
    }

    /// The places of a row that lie beyond the image.
    #[inline(always)]
    pub fn beside(&self) -> impl Iterator<Item = usize> + use<> {
        let end = self.margin + self.size[1];
        (0..self.margin).chain(end..end + self.margin)
    }
}
