//! Images that are spoilt, for a model to learn what they were: Vincent et al., "Extracting and composing robust
//! features with denoising autoencoders", ICML 2008.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{Stream, rng};

/// How images are spoilt before they are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Corruption {
    /// Not at all.
    #[default]
    None,
    /// Normal noise of this standard deviation on each value, which stays in [0, 1].
    Gaussian(f64),
    /// This share of the pixels is black.
    Mask(f64),
    /// This share of the pixels is black or white.
    Salt(f64),
}

impl fmt::Display for Corruption {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::Gaussian(deviation) => write!(formatter, "gaussian:{deviation}"),
            Self::Mask(share) => write!(formatter, "mask:{share}"),
            Self::Salt(share) => write!(formatter, "salt:{share}"),
        }
    }
}

impl FromStr for Corruption {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let amount = |least_wrong: f64, of: fn(f64) -> Self| {
            let (_, amount) = word.split_once(':')?;
            let amount = amount.parse().ok();
            let amount = amount.filter(|&amount: &f64| amount > 0.0 && amount < least_wrong)?;
            Some(of(amount))
        };
        let corruption = match word.split(':').next() {
            Some("none") if word == "none" => Some(Self::None),
            Some("gaussian") => amount(10.0, Self::Gaussian),
            Some("mask") => amount(1.0, Self::Mask),
            Some("salt") => amount(1.0, Self::Salt),
            _ => None,
        };
        corruption.ok_or(
            "expected none, gaussian:DEVIATION, mask:SHARE or salt:SHARE, such as gaussian:0.2 or mask:0.25",
        )
    }
}

impl TryFrom<String> for Corruption {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Corruption> for String {
    fn from(corruption: Corruption) -> Self {
        corruption.to_string()
    }
}

impl Corruption {
    /// Whether images stay as they are.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Spoils images `[n, C, H, W]` in [0, 1], as the generator draws: on every device alike.
    fn apply(self, images: Tensor<4>, rng: &mut ChaCha8Rng) -> Tensor<4> {
        let [count, channels, height, width] = images.dims();
        let device = images.device();
        let on_device = |values: Vec<f32>, channels: usize| {
            let shape = [count, channels, height, width];
            Tensor::<4>::from_data(TensorData::new(values, shape), &device)
        };
        let pixels = count * height * width;
        match self {
            Self::None => images,
            Self::Gaussian(deviation) => {
                let noise = normal(pixels * channels, deviation, rng);
                (images + on_device(noise, channels)).clamp(0.0, 1.0)
            }
            Self::Mask(share) => {
                let kept = draws(pixels, rng).map(|draw| if draw < share { 0.0 } else { 1.0 });
                images * on_device(kept.collect(), 1)
            }
            Self::Salt(share) => {
                let draws: Vec<f64> = draws(pixels, rng).collect();
                let of = |value: fn(f64, f64) -> f32| -> Vec<f32> {
                    draws.iter().map(|&draw| value(draw, share)).collect()
                };
                let kept = of(|draw, share| if draw < share { 0.0 } else { 1.0 });
                let white = of(|draw, share| if draw < share / 2.0 { 1.0 } else { 0.0 });
                images * on_device(kept, 1) + on_device(white, 1)
            }
        }
    }
}

/// Numbers from 0 to below 1.
fn draws(count: usize, rng: &mut ChaCha8Rng) -> impl Iterator<Item = f64> + use<> {
    let mut bytes = vec![0; 4 * count];
    rng.fill_bytes(&mut bytes);
    let words: Vec<u32> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| u32::from_le_bytes(bytes))
        .collect();
    words
        .into_iter()
        .map(|word| f64::from(word) / 2_f64.powi(32))
}

/// Numbers of a normal distribution about zero, two from two uniform ones (Box and Muller, 1958).
fn normal(count: usize, deviation: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let draws: Vec<f64> = draws(count.next_multiple_of(2), rng).collect();
    let pairs = draws.as_chunks().0.iter().flat_map(|&[a, b]| {
        // Not of zero.
        let radius = deviation * (-2.0 * (1.0 - a).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * b).sin_cos();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "pixels are in single precision"
        )]
        [radius * cosine, radius * sine].map(|value| value as f32)
    });
    pairs.take(count).collect()
}

/// A corruption that is drawn from a seed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InputNoise {
    /// How images are spoilt.
    pub corruption: Corruption,
    /// Of all draws.
    pub seed: u64,
}

impl InputNoise {
    /// What the encoder sees of a training batch: a function of the seed and the step.
    #[must_use]
    pub fn in_training(&self, images: Tensor<4>, step: u64) -> Tensor<4> {
        self.drawn(images, Stream::Corruption, step)
    }

    /// What it sees of batch number `batch` of those that are scored: the same each time.
    #[must_use]
    pub fn in_scoring(&self, images: Tensor<4>, batch: usize) -> Tensor<4> {
        self.drawn(images, Stream::ScoredCorruption, batch as u64)
    }

    fn drawn(&self, images: Tensor<4>, stream: Stream, index: u64) -> Tensor<4> {
        if self.corruption.is_none() {
            return images;
        }
        let mut rng = rng(self.seed, stream, index);
        self.corruption.apply(images, &mut rng)
    }
}
