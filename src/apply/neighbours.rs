//! The codes that are nearest to others, exactly, of as many as memory has room for.
//!
//! Products of matrices on the device give all distances, of which only the least of each group of codes is read
//! back. The K nearest codes are in the K groups whose least distances are smallest: were one of them in another
//! group, each of those K would have a code that is nearer. So the host has only those to look at, and what rounding
//! can't tell from them.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::host::block_on;
use crate::model::ModelError;
use crate::readback::Readback;

/// Codes of which the least distance is read.
const GROUP: usize = 64;
/// Codes and queries whose distances are on the device at once: 64 MB of them.
const CODES_AT_ONCE: usize = 1 << 15;
const QUERIES_AT_ONCE: usize = 512;

/// Codes to look for the nearest of.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// `[N, width]`
    codes: Vec<f32>,
    width: usize,
    /// What is taken from all codes before they are multiplied, for less rounding: their mean.
    centre: Vec<f32>,
    /// The longest code's length from there.
    reach: f32,
    /// By as many as are used at once: `[width, n]`, and half the squared lengths `[1, n]`.
    blocks: Vec<(Tensor<2>, Tensor<2>)>,
    device: Device,
}

/// One of the nearest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Its place among the codes.
    pub row: usize,
    /// The Euclidean distance.
    pub distance: f32,
}

impl Neighbours {
    /// Of `codes` `[N, width]`, on `device`.
    ///
    /// # Panics
    ///
    /// Where there is no code, or a part of one.
    #[must_use]
    pub fn new(codes: Vec<f32>, width: usize, device: &Device) -> Self {
        assert!(
            width > 0 && !codes.is_empty() && codes.len().is_multiple_of(width),
            "whole codes"
        );
        let centre = mean(&codes, width);
        let mut longest = 0.0_f32;
        let blocks = codes.chunks(CODES_AT_ONCE * width).map(|codes| {
            let mut centred = less(codes, &centre);
            let halves = centred.chunks_exact(width);
            let mut halves: Vec<f32> = halves
                .map(|code| code.iter().map(|value| value * value).sum::<f32>() / 2.0)
                .collect();
            longest = halves.iter().copied().fold(longest, f32::max);
            let rows = halves.len().next_multiple_of(GROUP);
            centred.resize(rows * width, 0.0);
            // No code, and so never near.
            halves.resize(rows, f32::MAX);
            let codes: Tensor<2> =
                Tensor::from_data(TensorData::new(centred, [rows, width]), device);
            let halves = Tensor::from_data(TensorData::new(halves, [1, rows]), device);
            (codes.transpose(), halves)
        });
        let blocks = blocks.collect();
        Self {
            blocks,
            reach: (2.0 * longest).sqrt(),
            codes,
            width,
            centre,
            device: device.clone(),
        }
    }

    /// How many codes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len() / self.width
    }

    /// Never, as [`Neighbours::new`] has it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The `count` nearest codes to each of `queries` `[n, width]`, the nearest first. Of equally near ones, it may be
    /// any that are taken.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where there is a part of a query.
    pub fn nearest(
        &self,
        queries: &[f32],
        count: usize,
    ) -> Result<Vec<Vec<Neighbour>>, ModelError> {
        assert!(queries.len().is_multiple_of(self.width), "whole codes");
        let mut found = Vec::with_capacity(queries.len() / self.width);
        for queries in queries.chunks(QUERIES_AT_ONCE * self.width) {
            let least = self.least_by_group(queries)?;
            let groups = least.len() / (queries.len() / self.width);
            let each = queries
                .par_chunks_exact(self.width)
                .zip(least.par_chunks_exact(groups));
            found.par_extend(each.map(|(query, least)| self.among_groups(query, least, count)));
        }
        Ok(found)
    }

    /// The same of the codes at `rows`, of which none is its own neighbour.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where there is no such row.
    pub fn nearest_of_own(
        &self,
        rows: &[usize],
        count: usize,
    ) -> Result<Vec<Vec<Neighbour>>, ModelError> {
        let codes = rows.iter().flat_map(|row| self.code(*row));
        let queries: Vec<f32> = codes.copied().collect();
        let mut found = self.nearest(&queries, count + 1)?;
        for (row, nearest) in rows.iter().zip(&mut found) {
            let own = nearest.iter().position(|neighbour| neighbour.row == *row);
            // Among many equal codes, it may not be one of the first.
            nearest.remove(own.unwrap_or(nearest.len() - 1));
        }
        Ok(found)
    }

    fn code(&self, row: usize) -> &[f32] {
        &self.codes[row * self.width..][..self.width]
    }

    /// Of each query and group: the least of |c|² / 2 − q·c, which grows with the distance. `[n, groups]`
    fn least_by_group(&self, queries: &[f32]) -> Result<Vec<f32>, ModelError> {
        let count = queries.len() / self.width;
        let queries = TensorData::new(less(queries, &self.centre), [count, self.width]);
        let queries: Tensor<2> = Tensor::from_data(queries, &self.device);
        let least = self.blocks.iter().map(|(codes, halves)| {
            let [_, rows] = halves.dims();
            let products = queries.clone().matmul(codes.clone());
            let distances = halves.clone() - products;
            let grouped = distances.reshape([count, rows / GROUP, GROUP]);
            grouped.min_dim(2).reshape([count, rows / GROUP])
        });
        let mut readback = Readback::default();
        readback.add(Tensor::<2>::cat(least.collect(), 1));
        Ok(block_on(readback.read())?.take())
    }

    /// By how much products of the query with codes may be wrong.
    fn rounding(&self, query: &[f32]) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let sums = (self.width + 4) as f32;
        let query = length(&less(query, &self.centre));
        sums * f32::EPSILON * self.reach * (self.reach / 2.0 + query)
    }

    /// The nearest codes of those groups that can have them.
    fn among_groups(&self, query: &[f32], least: &[f32], count: usize) -> Vec<Neighbour> {
        let count = count.min(self.len());
        let mut sorted = least.to_vec();
        let needed = count.clamp(1, sorted.len()) - 1;
        let (_, &mut farthest, _) = sorted.select_nth_unstable_by(needed, f32::total_cmp);
        let limit = farthest + 2.0 * self.rounding(query);
        // All blocks but the last have a whole number of groups, so that groups follow each other.
        // Of lengths beyond single precision nothing is known, so that all groups are looked at.
        let groups = (0..least.len()).filter(|&group| limit.is_nan() || least[group] <= limit);
        let rows = groups.flat_map(|group| group * GROUP..((group + 1) * GROUP).min(self.len()));
        let mut nearest: Vec<Neighbour> = rows
            .map(|row| Neighbour {
                row,
                distance: distance(query, self.code(row)),
            })
            .collect();
        nearest.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
        nearest.truncate(count);
        nearest
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "codes are in single precision"
)]
fn length(code: &[f32]) -> f32 {
    let squares = code.iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt() as f32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "codes are in single precision"
)]
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    squares.sum::<f64>().sqrt() as f32
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "codes are in single precision"
)]
fn mean(codes: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; width];
    for code in codes.chunks_exact(width) {
        for (sum, &value) in sums.iter_mut().zip(code) {
            *sum += f64::from(value);
        }
    }
    let count = (codes.len() / width) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// Codes less one.
fn less(codes: &[f32], centre: &[f32]) -> Vec<f32> {
    let rows = codes.chunks_exact(centre.len());
    rows.flat_map(|code| {
        code.iter()
            .zip(centre)
            .map(|(value, centre)| value - centre)
    })
    .collect()
}
