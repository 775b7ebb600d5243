//! Pairs of images: scores and gradients of them by `trainer::ssim` and by the oracle, and those
//! that are stored with the values of other libraries.

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use trainer::ssim::{SsimConfig, ssim};

use super::oracle;

/// The step of the finite differences: their own error is about `STEP²` and `1e-16 / STEP`.
const STEP: f64 = 1e-5;

/// Two images of one size.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Channels, rows, columns.
    pub size: [usize; 3],
    pub x: Vec<f32>,
    pub y: Vec<f32>,
}

impl Pair {
    /// Grey images from the values of x and y at a row and a column.
    pub fn new([height, width]: [usize; 2], pixel: impl Fn(usize, usize) -> [f32; 2]) -> Self {
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let (x, y) = pixels
            .map(|(row, column)| pixel(row, column).into())
            .unzip();
        Self {
            size: [1, height, width],
            x,
            y,
        }
    }

    pub fn swapped(&self) -> Self {
        Self {
            size: self.size,
            x: self.y.clone(),
            y: self.x.clone(),
        }
    }

    pub fn with_itself(&self) -> Self {
        Self {
            y: self.x.clone(),
            ..self.clone()
        }
    }

    /// Whether images of this size can be compared with these settings.
    pub fn fits(&self, config: &SsimConfig) -> bool {
        let [channels, height, width] = self.size;
        let shape = [1, channels, height, width];
        config.check(shape, shape).is_ok()
    }

    pub fn tensors(&self, device: &Device) -> [Tensor<4>; 2] {
        stack(std::slice::from_ref(self), device)
    }

    pub fn score(&self, config: &SsimConfig, device: &Device) -> f64 {
        scores(std::slice::from_ref(self), config, device)[0]
    }

    /// The score in f64.
    pub fn oracle(&self, config: &SsimConfig) -> f64 {
        oracle::score(config, self.size, &wide(&self.x), &wide(&self.y))
    }

    /// The derivatives of the score with respect to each pixel of x, by central differences in f64.
    pub fn finite_differences(&self, config: &SsimConfig) -> Vec<f64> {
        let (mut x, y) = (wide(&self.x), wide(&self.y));
        (0..x.len())
            .map(|index| {
                let value = x[index];
                let mut at = |moved| {
                    x[index] = moved;
                    oracle::score(config, self.size, &x, &y)
                };
                let difference = at(value + STEP) - at(value - STEP);
                at(value);
                difference / (2.0 * STEP)
            })
            .collect()
    }

    /// The derivatives of the score with respect to each pixel of x, and of y, by autodiff.
    pub fn gradients(&self, config: &SsimConfig, device: &Device) -> [Vec<f32>; 2] {
        gradients(std::slice::from_ref(self), &[1.0], config, device)
    }
}

pub fn wide(image: &[f32]) -> Vec<f64> {
    image.iter().map(|&value| value.into()).collect()
}

/// Pairs of one size → `[N, C, H, W]`, twice.
pub fn stack(pairs: &[Pair], device: &Device) -> [Tensor<4>; 2] {
    let [channels, height, width] = pairs[0].size;
    let shape = [pairs.len(), channels, height, width];
    let tensor = |image: fn(&Pair) -> &Vec<f32>| {
        let values: Vec<f32> = pairs.iter().flat_map(image).copied().collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    };
    [tensor(|pair| &pair.x), tensor(|pair| &pair.y)]
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

pub fn scores(pairs: &[Pair], config: &SsimConfig, device: &Device) -> Vec<f64> {
    let [x, y] = stack(pairs, device);
    wide(&values(ssim(x, y, config).unwrap()))
}

/// The derivatives of `Σ weight · score` with respect to x and to y.
pub fn gradients(
    pairs: &[Pair],
    weights: &[f32],
    config: &SsimConfig,
    device: &Device,
) -> [Vec<f32>; 2] {
    let device = device.clone().autodiff();
    let [x, y] = stack(pairs, &device).map(Tensor::require_grad);
    let weights = Tensor::<1>::from_floats(weights, &device);
    let sum = (ssim(x.clone(), y.clone(), config).unwrap() * weights).sum();
    let all = sum.backward();
    [x, y].map(|image| values(image.grad(&all).expect("both images have a gradient")))
}

/// A pair as it is stored in the files of `reference/`.
#[derive(Deserialize)]
pub struct Stored {
    pub name: String,
    channels: usize,
    height: usize,
    width: usize,
    /// A pixel's value is its integer over this.
    scale: f32,
    x: Vec<i32>,
    y: Vec<i32>,
}

impl Stored {
    pub fn pair(&self) -> Pair {
        #[expect(clippy::cast_precision_loss, reason = "pixels are at most 65,536")]
        let image = |pixels: &[i32]| {
            pixels
                .iter()
                .map(|&pixel| pixel as f32 / self.scale)
                .collect()
        };
        Pair {
            size: [self.channels, self.height, self.width],
            x: image(&self.x),
            y: image(&self.y),
        }
    }
}

/// The cases of a file of `reference/`.
pub fn read<T: DeserializeOwned>(json: &str) -> Vec<T> {
    #[derive(Deserialize)]
    struct File<T> {
        cases: Vec<T>,
    }
    let file: File<T> = serde_json::from_str(json).unwrap();
    assert!(!file.cases.is_empty());
    file.cases
}

/// Images with some structure, alike but not equal.
pub fn waves(size: [usize; 2], phase: f32) -> Pair {
    #[expect(clippy::cast_precision_loss, reason = "sides are far below 2^24")]
    Pair::new(size, |row, column| {
        let (row, column) = (row as f32, column as f32);
        let x = 0.5 + 0.4 * (0.5 * row + phase).sin() * (0.3 * column).cos();
        let y = 0.45 + 0.3 * (0.5 * row + 0.4).sin() * (0.35 * column - phase).cos();
        [x, y]
    })
}

pub fn constants(x: f32, y: f32) -> Pair {
    Pair::new([14, 15], |_, _| [x, y])
}

/// The largest difference, over the largest value that was expected.
pub fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let differences = found
        .iter()
        .zip(expected)
        .map(|(&a, &b)| (f64::from(a) - b).abs());
    // `f64::max` would hide a NaN; in the total order it's the largest.
    let worst = differences.max_by(f64::total_cmp).unwrap();
    worst / largest
}
