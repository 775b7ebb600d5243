//! Comparing PNG files by SSIM: what `trainer ssim` does.
//!
//! Files → [`Pair`]s of images, a plane `[H, W]` a channel, values in [0, 1] → batches
//! `[P, 1, H, W]` of planes of one size → one score a plane → their mean, one score a pair.
//!
//! - [`Matches::find`]: which files of two folders belong together; [`Pair::read`]: two files.
//! - [`Comparer`]: scores of pairs, and maps of scores; [`joins_batch`]: which pairs it takes at once.

mod error;
mod files;
mod names;
mod picture;

use burn::tensor::{Device, Tensor, TensorData};

pub use error::CompareError;
pub use files::{Matches, Unreadable};
pub use names::{Difference, LookAlike};
pub use picture::{Pair, Picture};

pub use crate::decode::Note;
use crate::metrics::mean;
use crate::ssim::{self, SsimConfig};

/// Pixels in a batch on each side, 4 MiB in f32: enough to keep a GPU busy, and little enough for
/// the dozen intermediate results of that size that a CPU backend keeps. A larger plane is a batch
/// of its own.
const BATCH_PIXELS: usize = 1 << 20;

/// Compares images by one SSIM configuration, on one device.
#[derive(Clone, Debug)]
pub struct Comparer {
    /// Where.
    pub device: Device,
    /// How, for values in [0, 1].
    pub config: SsimConfig,
}

impl Comparer {
    /// The score of each pair: the mean over its windows and channels. All have the same size.
    ///
    /// # Errors
    ///
    /// Where the device can't compare by this configuration, or has no room for images of this size.
    pub fn scores(&self, pairs: &[Pair]) -> Result<Vec<f64>, CompareError> {
        let Some(first) = pairs.first() else {
            return Ok(Vec::new());
        };
        let size = [first.height(), first.width()];
        let planes: Vec<[&[f32]; 2]> = pairs.iter().flat_map(Pair::planes).collect();
        let mut plane_scores = Vec::with_capacity(planes.len());
        for batch in planes.chunks((BATCH_PIXELS / (size[0] * size[1])).max(1)) {
            let [x, y] = self.upload(batch, size);
            plane_scores.extend(download(ssim::ssim(x, y, &self.config)?, size)?);
        }
        let mut rest = plane_scores.as_slice();
        Ok(pairs
            .iter()
            .map(|pair| {
                let (of_pair, others) = rest.split_at(pair.channels());
                rest = others;
                mean(of_pair.iter().map(|&score| f64::from(score)))
            })
            .collect())
    }

    /// The score of a pair, as [`scores`](Self::scores) has it but for rounding, and the score of each
    /// window, averaged over the channels, in one pass.
    ///
    /// # Errors
    ///
    /// As for [`scores`](Self::scores).
    pub fn map(&self, pair: &Pair) -> Result<ScoreMap, CompareError> {
        let size = [pair.height(), pair.width()];
        let [height, width] = self.config.map_size(size[0], size[1]);
        let mut windows = vec![0.0; height * width];
        let mut plane_scores = Vec::with_capacity(pair.channels());
        #[expect(clippy::cast_precision_loss, reason = "one or three")]
        let channels = pair.channels() as f32;
        for plane in pair.planes() {
            let [x, y] = self.upload(&[plane], size);
            let of_plane = download(ssim::ssim_map(x, y, &self.config)?, size)?;
            plane_scores.push(mean(of_plane.iter().map(|&score| f64::from(score))));
            for (sum, window) in windows.iter_mut().zip(of_plane) {
                *sum += window / channels;
            }
        }
        Ok(ScoreMap {
            score: mean(plane_scores.into_iter()),
            windows,
            size: [height, width],
        })
    }

    /// Both sides of some planes: `[P, 1, H, W]` each.
    fn upload(&self, planes: &[[&[f32]; 2]], [height, width]: [usize; 2]) -> [Tensor<4>; 2] {
        [0, 1].map(|side| {
            let values: Vec<f32> = planes.iter().flat_map(|pair| pair[side]).copied().collect();
            let shape = [planes.len(), 1, height, width];
            Tensor::from_data(TensorData::new(values, shape), &self.device)
        })
    }
}

/// Where a pair differs.
#[derive(Clone, Debug)]
pub struct ScoreMap {
    /// The mean of all windows.
    pub score: f64,
    /// `[height * width]` scores.
    pub windows: Vec<f32>,
    /// Height and width, which are [`SsimConfig::map_size`].
    pub size: [usize; 2],
}

/// Whether one more pair can be compared along with others: it has their size, and the batch isn't
/// full.
#[must_use]
pub fn joins_batch(batch: &[Pair], pair: &Pair) -> bool {
    let same_size = batch
        .first()
        .is_none_or(|first| (first.height(), first.width()) == (pair.height(), pair.width()));
    let pixels: usize = batch.iter().chain([pair]).map(Pair::pixels).sum();
    same_size && (batch.is_empty() || pixels <= BATCH_PIXELS)
}

/// Waits for the device, which tells only now whether it could do what it was given.
fn download<const D: usize>(
    tensor: Tensor<D>,
    [height, width]: [usize; 2],
) -> Result<Vec<f32>, CompareError> {
    tensor.try_into_vec_as().map_err(|error| {
        tracing::debug!("{error}");
        CompareError::Device { height, width }
    })
}
