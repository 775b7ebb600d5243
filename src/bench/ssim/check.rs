//! Whether the ways to compute SSIM agree: the speed of a wrong one doesn't matter.

use burn::tensor::{Device, Tensor, TensorReadError};

use super::method::{CHECKED, Method, gradient, images_of, scores_by};
use super::shape::Shape;
use crate::device::catch_panics;
use crate::ssim::{Preset, ssim_composed};

/// What is compared: a few images with sides up to this, so that small images stay small and large
/// ones large, as far as the choice of kernels goes.
const CHECKED_IMAGES: usize = 2;
const CHECKED_SIDE: usize = 128;
/// How far scores and gradients may lie apart, see [`deviation`].
const TOLERANCE: f64 = 1e-4;
/// The same for burn-train's way, in which variances cancel.
const CONVOLUTION_TOLERANCE: f64 = 1e-3;

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
    /// The kernels fail.
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

/// Checks on a small batch that the kernels compute what the tensor operations do.
///
/// # Errors
///
/// Where they don't, or fail.
pub(super) fn check_kernel(device: &Device, shape: Shape) -> Result<(), SsimBenchError> {
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

/// Checks the same of burn-train's way, whose settings are those of preset `same`. Where it's wrong, burn
/// is, and the others can still be measured.
///
/// # Errors
///
/// Why its speed shouldn't be measured.
pub(super) fn check_convolutions(device: &Device, shape: Shape) -> Result<(), String> {
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

/// How far a method is from the tensor operations with the same settings: the largest difference of
/// scores, plus that of gradients relative to the largest gradient.
fn deviation(
    device: &Device,
    shape: Shape,
    method: Method,
    preset: Preset,
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
    let expected = ssim_composed(x.clone(), y.clone(), &preset.config()).expect(CHECKED);
    let scores = largest(found.clone() - expected.clone())?;
    let (found, expected) = (gradient(found, &x), gradient(expected, &x));
    let gradients = largest(found - expected.clone())? / largest(expected)?;
    // `f64::max` would hide a NaN, and a sum doesn't.
    Ok(scores + gradients)
}

fn largest<const D: usize>(values: Tensor<D>) -> Result<f64, TensorReadError> {
    values.abs().max().try_into_scalar::<f32>().map(f64::from)
}
