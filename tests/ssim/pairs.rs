//! Pairs of images: scores and gradients by `trainer::ssim` and by an oracle in f64, and the stored
//! cases.

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;
use trainer::ssim::{SsimConfig, ssim};

const WINDOW: usize = 11;

/// The step of the finite differences: their own error is about `STEP²` and `1e-16 / STEP`.
const STEP: f64 = 1e-5;

/// Two grey images of one size.
#[derive(Clone, Debug)]
pub struct Pair {
    pub height: usize,
    pub width: usize,
    pub x: Vec<f32>,
    pub y: Vec<f32>,
}

impl Pair {
    pub fn new(size: [usize; 2], pixel: impl Fn(usize, usize) -> [f32; 2]) -> Self {
        let [height, width] = size;
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let (x, y) = pixels
            .map(|(row, column)| pixel(row, column).into())
            .unzip();
        Self {
            height,
            width,
            x,
            y,
        }
    }

    pub fn swapped(&self) -> Self {
        Self {
            x: self.y.clone(),
            y: self.x.clone(),
            ..*self
        }
    }

    pub fn with_itself(&self) -> Self {
        Self {
            y: self.x.clone(),
            ..self.clone()
        }
    }

    pub fn tensors(&self, device: &Device) -> [Tensor<4>; 2] {
        stack(std::slice::from_ref(self), device)
    }

    pub fn score(&self, device: &Device) -> f64 {
        scores(std::slice::from_ref(self), device)[0]
    }

    /// The score in f64.
    pub fn oracle(&self) -> f64 {
        let wide = |image: &[f32]| image.iter().map(|&value| value.into()).collect::<Vec<_>>();
        oracle([self.height, self.width], &wide(&self.x), &wide(&self.y))
    }

    /// The derivatives of the score by each pixel of x, by central differences in f64.
    pub fn finite_differences(&self) -> Vec<f64> {
        let wide = |image: &[f32]| image.iter().map(|&value| value.into()).collect::<Vec<_>>();
        let (mut x, y): (Vec<f64>, Vec<f64>) = (wide(&self.x), wide(&self.y));
        (0..x.len())
            .map(|index| {
                let value = x[index];
                let mut at = |moved| {
                    x[index] = moved;
                    oracle([self.height, self.width], &x, &y)
                };
                let difference = at(value + STEP) - at(value - STEP);
                at(value);
                difference / (2.0 * STEP)
            })
            .collect()
    }

    /// The derivatives of the score by each pixel of x, and of y, by autodiff.
    pub fn gradients(&self, device: &Device) -> [Vec<f32>; 2] {
        gradients(std::slice::from_ref(self), &[1.0], device)
    }
}

/// Pairs of one size → `[N, 1, H, W]`, twice.
pub fn stack(pairs: &[Pair], device: &Device) -> [Tensor<4>; 2] {
    let shape = [pairs.len(), 1, pairs[0].height, pairs[0].width];
    let tensor = |image: fn(&Pair) -> &Vec<f32>| {
        let values: Vec<f32> = pairs.iter().flat_map(image).copied().collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    };
    [tensor(|pair| &pair.x), tensor(|pair| &pair.y)]
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

pub fn scores(pairs: &[Pair], device: &Device) -> Vec<f64> {
    let [x, y] = stack(pairs, device);
    values(ssim(x, y, &SsimConfig::default()).unwrap())
        .into_iter()
        .map(f64::from)
        .collect()
}

/// The derivatives of `Σ weight · score` by x and by y.
pub fn gradients(pairs: &[Pair], weights: &[f32], device: &Device) -> [Vec<f32>; 2] {
    let device = device.clone().autodiff();
    let [x, y] = stack(pairs, &device).map(Tensor::require_grad);
    let weights = Tensor::<1>::from_floats(weights, &device);
    let sum = (ssim(x.clone(), y.clone(), &SsimConfig::default()).unwrap() * weights).sum();
    let all = sum.backward();
    [x, y].map(|image| values(image.grad(&all).expect("both images have a gradient")))
}

/// SSIM by its formula, window by window; images `[H, W]` with values in [0, 1].
pub fn oracle([height, width]: [usize; 2], x: &[f64], y: &[f64]) -> f64 {
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let window = gaussian_window();
    let mut sum = 0.0;
    let mut positions = 0.0;
    for top in 0..=height - WINDOW {
        for left in 0..=width - WINDOW {
            let [mut mean_x, mut mean_y, mut xx, mut yy, mut xy] = [0.0; 5];
            for (row, weights) in window.iter().enumerate() {
                let start = (top + row) * width + left;
                let row = x[start..][..WINDOW].iter().zip(&y[start..][..WINDOW]);
                for (weight, (x, y)) in weights.iter().zip(row) {
                    mean_x += weight * x;
                    mean_y += weight * y;
                    xx += weight * x * x;
                    yy += weight * y * y;
                    xy += weight * x * y;
                }
            }
            let variances = xx - mean_x * mean_x + yy - mean_y * mean_y;
            let covariance = xy - mean_x * mean_y;
            sum += (2.0 * mean_x * mean_y + C1) * (2.0 * covariance + C2)
                / ((mean_x * mean_x + mean_y * mean_y + C1) * (variances + C2));
            positions += 1.0;
        }
    }
    sum / positions
}

/// The 11×11 Gaussian window with σ = 1.5; its sum is 1.
pub fn gaussian_window() -> [[f64; 11]; 11] {
    let distances = [5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0_f64];
    let mut window = [[0.0; 11]; 11];
    let mut sum = 0.0;
    for (row, weights) in window.iter_mut().enumerate() {
        for (column, weight) in weights.iter_mut().enumerate() {
            let squares = distances[row].powi(2) + distances[column].powi(2);
            *weight = (-squares / (2.0 * 1.5 * 1.5)).exp();
            sum += *weight;
        }
    }
    window.map(|weights| weights.map(|weight| weight / sum))
}

/// One pair of `ssim_cases.json`.
#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    pub ssim: f64,
    pub height: usize,
    pub width: usize,
    /// A pixel's value is its integer over this.
    scale: f32,
    x: Vec<u32>,
    y: Vec<u32>,
}

impl Case {
    pub fn pair(&self) -> Pair {
        #[expect(clippy::cast_precision_loss, reason = "pixels are at most 65,536")]
        let image = |pixels: &[u32]| {
            pixels
                .iter()
                .map(|&pixel| pixel as f32 / self.scale)
                .collect()
        };
        Pair {
            height: self.height,
            width: self.width,
            x: image(&self.x),
            y: image(&self.y),
        }
    }
}

pub fn cases() -> Vec<Case> {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }
    let file: File = serde_json::from_str(include_str!("../reference/ssim_cases.json")).unwrap();
    assert!(!file.cases.is_empty());
    file.cases
}

pub fn case(name: &str) -> Pair {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == name);
    case.unwrap_or_else(|| panic!("no case {name}")).pair()
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
