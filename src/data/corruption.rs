//! Images that are spoilt, for a model to learn what they were: Vincent et al., "Extracting and composing robust
//! features with denoising autoencoders", ICML 2008.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::image::ImageShape;
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
    /// Salt and pepper: this share of the pixels is black or white.
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
            "expected none, gaussian:DEVIATION, mask:SHARE or salt:SHARE, such as gaussian:0.2 or mask:0.25: a deviation \
             above 0 and below 10, a share between 0 and 1",
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

    /// Draws how an image is spoilt, `[C, H, W]`: what its values are multiplied by, and what is added then.
    fn draw(
        self,
        shape: ImageShape,
        rng: &mut ChaCha8Rng,
        factors: &mut Vec<f32>,
        terms: &mut Vec<f32>,
    ) {
        let (pixels, channels) = (shape.pixels(), shape.channels);
        // A pixel is spoilt in all its channels.
        let mut extend = |factor: &[f32], term: &[f32]| {
            for _ in 0..channels {
                factors.extend(factor);
                terms.extend(term);
            }
        };
        let kept = |draws: &[f64], share: f64| -> Vec<f32> {
            let draws = draws.iter();
            let kept = draws.map(|&draw| if draw < share { 0.0 } else { 1.0 });
            kept.collect()
        };
        match self {
            Self::None => extend(&vec![1.0; pixels], &vec![0.0; pixels]),
            Self::Gaussian(deviation) => {
                factors.extend(std::iter::repeat_n(1.0, shape.len()));
                terms.extend(normal(shape.len(), deviation, rng));
            }
            Self::Mask(part) => extend(&kept(&draws(pixels, rng), part), &vec![0.0; pixels]),
            Self::Salt(part) => {
                let draws = draws(pixels, rng);
                let white = draws.iter();
                let white = white.map(|&draw| if draw < part / 2.0 { 1.0 } else { 0.0 });
                extend(&kept(&draws, part), &white.collect::<Vec<f32>>());
            }
        }
    }
}

/// Numbers from 0 to below 1.
fn draws(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut bytes = vec![0; 4 * count];
    rng.fill_bytes(&mut bytes);
    let (words, _) = bytes.as_chunks();
    let words = words.iter().map(|&bytes| u32::from_le_bytes(bytes));
    words.map(|word| f64::from(word) / 2_f64.powi(32)).collect()
}

/// Numbers of a normal distribution about zero, two from two uniform ones (Box and Muller, 1958).
fn normal(count: usize, deviation: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let draws = draws(count.next_multiple_of(2), rng);
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
        let mut rng = rng(self.seed, Stream::Corruption, step);
        self.drawn(images, |_, draw| draw(&mut rng))
    }

    /// What it sees of the images at `indices` that are scored: the same each time, whatever is scored with them.
    ///
    /// # Panics
    ///
    /// Where there are fewer indices than images.
    #[must_use]
    pub fn in_scoring(&self, images: Tensor<4>, indices: &[u32]) -> Tensor<4> {
        self.drawn(images, |image, draw| {
            let index = u64::from(indices[image]);
            draw(&mut rng(self.seed, Stream::ScoredCorruption, index));
        })
    }

    /// Images `[n, C, H, W]` in [0, 1], each spoilt as the generator draws that `give` gives for its place: on every
    /// device alike.
    fn drawn(
        &self,
        images: Tensor<4>,
        mut give: impl FnMut(usize, &mut dyn FnMut(&mut ChaCha8Rng)),
    ) -> Tensor<4> {
        if self.corruption.is_none() {
            return images;
        }
        let [count, channels, height, width] = images.dims();
        let shape = ImageShape {
            channels,
            height,
            width,
        };
        let (mut factors, mut terms) = (Vec::new(), Vec::new());
        for image in 0..count {
            give(image, &mut |rng| {
                self.corruption.draw(shape, rng, &mut factors, &mut terms);
            });
        }
        let device = images.device();
        let on_device =
            |values| Tensor::<4>::from_data(TensorData::new(values, shape.batch(count)), &device);
        (images * on_device(factors) + on_device(terms)).clamp(0.0, 1.0)
    }
}
