//! The ways to compute SSIM, forward and backward, as what is timed.

use burn::tensor::{Device, Distribution, Tensor};
use serde::Serialize;

use crate::bench::convolution::ConvolutionSsim;
use crate::bench::timing::Repetition;
use crate::ssim::{SsimConfig, ssim, ssim_composed};

/// Bytes of an f32.
pub(super) const F32: usize = 4;
const SEED: u64 = 0;
/// Why SSIM can't refuse images here.
pub(super) const CHECKED: &str = "every shape was checked when it was parsed";

/// What a repetition computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Images to scores.
    Forward,
    /// And the gradient of the mean score with respect to the first image.
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

    /// Bytes that have to move at least, per value of an image: both images read, a gradient written.
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
    /// [`crate::ssim::ssim`]: WGSL kernels on a GPU. On a CPU, scores alone are computed by tensor operations in double
    /// precision, and with the gradient by a kernel in single precision.
    Kernel,
    /// [`crate::ssim::ssim_composed`]: tensor operations, and burn's own gradients.
    Composed,
    /// burn-train 0.22.1's way: depthwise convolutions, and burn's own gradients.
    Conv2d,
}

impl Method {
    /// All of them; the others are compared with the first.
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

/// One repetition of a method on images `[N, C, H, W]`, to be timed.
pub(super) fn repetition(
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

/// The gradient of the scores' mean, which training maximises, with respect to `x`.
pub(super) fn gradient(scores: Tensor<1>, x: &Tensor<4>) -> Tensor<4> {
    let gradients = scores.mean().backward();
    x.grad(&gradients)
        .expect("scores depend on x, which requires a gradient")
}

/// A method as a function: `[N, C, H, W]` twice → `[N]`.
pub(super) fn scores_by(
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
pub(super) fn images_of(shape: [usize; 4], device: &Device) -> (Tensor<4>, Tensor<4>) {
    device.seed(SEED);
    let noise = || Tensor::<4>::random(shape, Distribution::Uniform(0.0, 1.0), device);
    let x = noise();
    let y = 0.8 * x.clone() + 0.2 * noise();
    (x, y)
}
