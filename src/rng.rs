//! Every random draw of a run, as a function of (seed, stream, index).
//!
//! A draw never depends on how many draws came before it, so the order of an epoch, a dropout mask
//! or an initial weight can be made again from the config alone, on every backend and platform.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// What a generator is for. Streams of one seed are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Shuffling images into training, validation and test split; index: the class.
    Split,
    /// The order of the training images; index: the epoch.
    Order,
    /// Initial weights; index: the layer.
    Init,
    /// Dropout masks; index: the training step.
    Dropout,
    /// Which training images are varied; index: the training step.
    Augment,
    /// Choosing the images that pictures show; index: 0 for the samples, 1 for the
    /// thumbnails. 2 starts the search for the axes of the latent space.
    Samples,
    /// The subspace from which principal components are searched; index: 0.
    Subspace,
    /// How training images are spoilt; index: the training step.
    Corruption,
    /// How images are spoilt that are scored; index: the image's place in the data set.
    ScoredCorruption,
    /// What rounding might add to codes; index: the training step.
    CodeNoise,
}

/// A `ChaCha8` generator for draw number `index` of `stream`.
#[must_use]
pub fn rng(seed: u64, stream: Stream, index: u64) -> ChaCha8Rng {
    // The 256-bit key holds all three numbers, so no two draws share a key stream.
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}
