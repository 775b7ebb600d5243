//! How fast SSIM is: by [`crate::ssim::ssim`], which is the kernels on a GPU; by the same in plain
//! tensor operations; and in burn-train's way, by convolutions.
//!
//! Images are `[N, C, H, W]` in f32. The backward pass is that of training: the gradient of the mean
//! score by the first image only. A rate in GB/s counts what has to move at least, both images read
//! and the gradient written, so its share of the rate of a copy tells what is left to gain.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, Distribution, Tensor, TensorReadError};
use serde::Serialize;

use super::convolution::ConvolutionSsim;
use super::timing::{Effort, Repetition, Timing, measure};
use crate::config::Backend;
use crate::device::{Selection, catch_panics, cpu_name};
use crate::ssim::{Preset, SsimConfig, ssim, ssim_composed};

/// Bytes of an f32.
const F32: usize = 4;
/// A copy of 256 MiB: more than a GPU's caches hold. It's measured in images of 4 MiB, fewer of them
/// where one buffer can't hold so much.
const COPY_IMAGES: usize = 64;
const COPY_SIDE: usize = 1024;
/// The largest image: half a GiB, of which SSIM by tensor operations needs dozens.
const LARGEST_IMAGE: usize = 1 << 27;
/// What the check before the measurements compares: so many images, of sides up to this, which keeps
/// small images small and large ones large, as far as the choice of kernels goes.
const CHECKED_IMAGES: usize = 2;
const CHECKED_SIDE: usize = 128;
/// How far scores and gradients may lie apart, see [`deviation`].
const TOLERANCE: f64 = 1e-4;
/// The same for burn-train's way, in which variances cancel.
const CONVOLUTION_TOLERANCE: f64 = 1e-3;
const SEED: u64 = 0;
/// Why SSIM can't refuse images here.
const CHECKED: &str = "every shape was checked when it was parsed";

/// `[N, C, H, W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shape([usize; 4]);

impl Shape {
    /// Values in one image.
    fn values(self) -> usize {
        self.0[1..].iter().product()
    }

    fn with_images(self, images: usize) -> [usize; 4] {
        let [_, channels, height, width] = self.0;
        [images, channels, height, width]
    }
}

/// Why a word isn't the shape of images to measure.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// Not four numbers.
    #[error("expected images×channels×height×width, such as 512x3x256x256")]
    Form,
    /// Too many values.
    #[error("an image may have at most {LARGEST_IMAGE} values: channels×height×width")]
    Large,
    /// What SSIM itself can't work with.
    #[error(transparent)]
    Ssim(#[from] crate::ssim::SsimError),
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(word: &str) -> Result<Self, ShapeError> {
        let numbers: Result<Vec<usize>, _> = word.split(['x', '×']).map(str::parse).collect();
        let numbers = numbers.map_err(|_| ShapeError::Form)?;
        let shape: [usize; 4] = numbers.try_into().map_err(|_| ShapeError::Form)?;
        SsimConfig::default().check(shape, shape)?;
        shape[1..]
            .iter()
            .try_fold(1_usize, |values, &side| values.checked_mul(side))
            .filter(|&values| values <= LARGEST_IMAGE)
            .ok_or(ShapeError::Large)?;
        Ok(Self(shape))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [images, channels, height, width] = self.0;
        write!(formatter, "{images}x{channels}x{height}x{width}")
    }
}

/// How far a repetition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Images to scores.
    Forward,
    /// And the gradient of the mean score by the first image.
    ForwardBackward,
}

impl Pass {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::ForwardBackward => "forward + backward",
        }
    }

    /// Bytes that have to move for each value of an image: both images read, a gradient written.
    #[must_use]
    pub fn bytes_per_value(self) -> usize {
        match self {
            Self::Forward => 2 * F32,
            Self::ForwardBackward => 3 * F32,
        }
    }
}

/// A way to compute SSIM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// [`crate::ssim::ssim`]: WGSL kernels on a GPU. Backends without WGSL compute scores by tensor
    /// operations there, and gradients by their formulas.
    Kernel,
    /// [`crate::ssim::ssim_composed`]: tensor operations, and burn's own gradients.
    Composed,
    /// burn-train 0.22.1's way: depthwise convolutions, and burn's own gradients.
    Conv2d,
}

impl Method {
    /// All of them; the first one is what the others are compared with.
    pub const ALL: [Self; 3] = [Self::Kernel, Self::Composed, Self::Conv2d];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Composed => "composed",
            Self::Conv2d => "conv2d",
        }
    }
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The shape that was asked for.
    pub shape: Shape,
    /// How far.
    pub pass: Pass,
    /// By what.
    pub method: Method,
    /// None where it failed.
    #[serde(flatten)]
    pub rates: Option<Rates>,
    /// How many times the images a second of this method the kernel's are.
    pub kernel_speedup: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a time comes to.
#[derive(Clone, Debug, Serialize)]
pub struct Rates {
    /// The time.
    #[serde(flatten)]
    pub timing: Timing,
    /// Images a second.
    pub images_per_second: f64,
    /// 10⁹ bytes a second, of those that have to move at least.
    pub gigabytes_per_second: f64,
    /// The same as a share of what a copy moves.
    pub share_of_copy: Option<f64>,
}

impl Rates {
    fn new(timing: Timing, bytes_per_image: usize, copy: Option<&Self>) -> Self {
        let images_per_second = timing.images_per_second();
        #[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
        let gigabytes_per_second = images_per_second * bytes_per_image as f64 / 1e9;
        Self {
            timing,
            images_per_second,
            gigabytes_per_second,
            share_of_copy: copy.map(|copy| gigabytes_per_second / copy.gigabytes_per_second),
        }
    }
}

/// What `trainer bench ssim --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program's version.
    pub version: &'static str,
    /// Whether burn joins operations into fewer kernels.
    pub fusion: bool,
    /// The backend.
    pub backend: &'static str,
    /// The device and its driver.
    pub adapter: String,
    /// Graphics API and driver; empty for a CPU.
    pub driver: String,
    /// The host's processor.
    pub cpu: String,
    /// The host's system and architecture.
    pub system: String,
    /// Trials of each measurement.
    pub trials: usize,
    /// Trials before them that don't count.
    pub warm_up: usize,
    /// What all trials of a measurement may take, in seconds.
    pub seconds_cap: f64,
    /// x · 2 into a new tensor, `[N, 1, 1024, 1024]`: 4 bytes read and 4 written a value.
    pub copy: Option<Rates>,
    /// Every shape, pass and method.
    pub measurements: Vec<Row>,
}

/// Why nothing is measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SsimBenchError {
    /// The kernels' results are wrong, so their speed doesn't matter.
    #[error(
        "on images of {shape}, the kernel's scores or gradients are off by {deviation:.1e} ({TOLERANCE:e} \
         is allowed): this device or its driver computes wrongly. Update the driver, or choose another \
         --backend or --device"
    )]
    Wrong {
        /// The shape.
        shape: Shape,
        /// By how much.
        deviation: f64,
    },
    /// No result.
    #[error(
        "SSIM of {CHECKED_IMAGES} images of {shape} fails: {message}. Choose another --backend, --device \
         or --shapes"
    )]
    Failed {
        /// The shape.
        shape: Shape,
        /// What the device said.
        message: String,
    },
}

/// Measures every method on every shape, after a check that they agree; `on_row` sees each result as
/// it comes.
///
/// # Errors
///
/// Where the check fails.
pub fn run(
    selection: &Selection,
    shapes: &[Shape],
    effort: &Effort,
    mut on_row: impl FnMut(&Row),
) -> Result<Report, SsimBenchError> {
    let device = &selection.device;
    for &shape in shapes {
        check_kernel(device, shape)?;
    }
    let copy = copy(device, effort);
    let mut measurements = Vec::new();
    for &shape in shapes {
        let convolutions = check_convolutions(device, shape);
        for pass in [Pass::Forward, Pass::ForwardBackward] {
            let mut kernel_rate = None;
            for method in Method::ALL {
                let bytes = shape.values() * pass.bytes_per_value();
                let [most, channels, ..] = shape.0;
                let usable = match method {
                    Method::Conv2d => convolutions.clone(),
                    Method::Kernel | Method::Composed => Ok(()),
                };
                let timing = usable.and_then(|()| {
                    measure(device, most, shape.values(), effort, |images| {
                        let (x, y) = images_of(shape.with_images(images), device);
                        repetition(method, pass, channels, x, y)
                    })
                });
                let (rates, error) = match timing {
                    Ok(timing) => (Some(Rates::new(timing, bytes, copy.as_ref())), None),
                    Err(message) => (None, Some(message)),
                };
                let rate = rates.as_ref().map(|rates| rates.images_per_second);
                if method == Method::Kernel {
                    kernel_rate = rate;
                }
                let row = Row {
                    shape,
                    pass,
                    method,
                    rates,
                    kernel_speedup: kernel_rate.zip(rate).map(|(kernel, this)| kernel / this),
                    error,
                };
                on_row(&row);
                measurements.push(row);
            }
        }
    }
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        fusion: cfg!(feature = "fusion") && selection.backend == Backend::Wgpu,
        backend: selection.backend.name(),
        adapter: selection.adapter.clone(),
        driver: selection.driver.clone(),
        cpu: cpu_name(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        trials: effort.trials,
        warm_up: effort.warm_up,
        seconds_cap: effort.cap.as_secs_f64(),
        copy,
        measurements,
    })
}

/// The rate at which the device copies.
fn copy(device: &Device, effort: &Effort) -> Option<Rates> {
    let values = COPY_SIDE * COPY_SIDE;
    let timing = measure(device, COPY_IMAGES, values, effort, |images| {
        let x = Tensor::<4>::ones([images, 1, COPY_SIDE, COPY_SIDE], device);
        Box::new(move || x.clone() * 2.0)
    });
    match timing {
        Ok(timing) => Some(Rates::new(timing, values * 2 * F32, None)),
        Err(message) => {
            tracing::warn!("the copy, which rates are compared with, fails: {message}");
            None
        }
    }
}

fn repetition(
    method: Method,
    pass: Pass,
    channels: usize,
    x: Tensor<4>,
    y: Tensor<4>,
) -> Repetition {
    let [images, ..] = x.dims();
    match pass {
        Pass::Forward => {
            let scores = scores_by(method, channels, &x.device());
            Box::new(move || scores(x.clone(), y.clone()).reshape([images, 1, 1, 1]))
        }
        Pass::ForwardBackward => {
            let (x, y) = (x.autodiff().require_grad(), y.autodiff());
            let scores = scores_by(method, channels, &x.device());
            Box::new(move || gradient(scores(x.clone(), y.clone()), &x))
        }
    }
}

/// The gradient by `x` of the scores' mean, which training maximises.
fn gradient(scores: Tensor<1>, x: &Tensor<4>) -> Tensor<4> {
    let gradients = scores.mean().backward();
    x.grad(&gradients)
        .expect("scores depend on x, which requires a gradient")
}

/// A method as a function: `[N, C, H, W]` twice → `[N]`.
fn scores_by(
    method: Method,
    channels: usize,
    device: &Device,
) -> Box<dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<1>> {
    let config = SsimConfig::default();
    match method {
        Method::Kernel => Box::new(move |x, y| ssim(x, y, &config).expect(CHECKED)),
        Method::Composed => Box::new(move |x, y| ssim_composed(x, y, &config).expect(CHECKED)),
        Method::Conv2d => {
            let convolution = ConvolutionSsim::new(channels, device);
            Box::new(move |x, y| convolution.scores(x, y))
        }
    }
}

/// Two images that are alike, but not equal: values in [0, 1], the same in every run.
fn images_of(shape: [usize; 4], device: &Device) -> (Tensor<4>, Tensor<4>) {
    device.seed(SEED);
    let noise = || Tensor::<4>::random(shape, Distribution::Uniform(0.0, 1.0), device);
    let x = noise();
    let y = 0.8 * x.clone() + 0.2 * noise();
    (x, y)
}

/// Checks on a small batch that the kernels compute what the tensor operations do.
fn check_kernel(device: &Device, shape: Shape) -> Result<(), SsimBenchError> {
    let failed = |message| SsimBenchError::Failed { shape, message };
    let deviation = catch_panics(|| deviation(device, shape, Method::Kernel, Preset::Tf))
        .map_err(|panic| failed(panic.message))?
        .map_err(|error| failed(error.to_string()))?;
    tracing::debug!("{shape}: kernel and tensor operations are {deviation:.1e} apart");
    // A NaN is in no range.
    if (0.0..=TOLERANCE).contains(&deviation) {
        Ok(())
    } else {
        Err(SsimBenchError::Wrong { shape, deviation })
    }
}

/// Checks the same of burn-train's way, whose conventions are the preset `same`. Where it's wrong, it
/// is burn that is, and the others can still be measured.
fn check_convolutions(device: &Device, shape: Shape) -> Result<(), String> {
    let deviation = catch_panics(|| deviation(device, shape, Method::Conv2d, Preset::Same))
        .map_err(|panic| panic.message)?
        .map_err(|error| error.to_string())?;
    tracing::debug!("{shape}: convolutions and tensor operations are {deviation:.1e} apart");
    if (0.0..=CONVOLUTION_TOLERANCE).contains(&deviation) {
        Ok(())
    } else {
        Err(format!(
            "its results are off by {deviation:.1e}, so their speed doesn't matter"
        ))
    }
}

/// How far a method is from the tensor operations by the same conventions: the largest difference of
/// scores, plus that of gradients in shares of the largest one.
fn deviation(
    device: &Device,
    shape: Shape,
    method: Method,
    conventions: Preset,
) -> Result<f64, TensorReadError> {
    let Shape([_, channels, height, width]) = shape;
    let small = [
        CHECKED_IMAGES,
        channels,
        height.min(CHECKED_SIDE),
        width.min(CHECKED_SIDE),
    ];
    let (x, y) = images_of(small, device);
    let (x, y) = (x.autodiff().require_grad(), y.autodiff());
    let found = scores_by(method, channels, &x.device())(x.clone(), y.clone());
    let expected = ssim_composed(x.clone(), y.clone(), &conventions.config()).expect(CHECKED);
    let scores = largest(found.clone() - expected.clone())?;
    let (found, expected) = (gradient(found, &x), gradient(expected, &x));
    let gradients = largest(found - expected.clone())? / largest(expected)?;
    // `f64::max` would hide a NaN, and a sum doesn't.
    Ok(scores + gradients)
}

fn largest<const D: usize>(values: Tensor<D>) -> Result<f64, TensorReadError> {
    values.abs().max().try_into_scalar::<f32>().map(f64::from)
}
