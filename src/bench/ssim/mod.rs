//! How fast SSIM is: by [`crate::ssim::ssim`], which is the kernels on a GPU; by the same in plain
//! tensor operations; and in burn-train's way, by convolutions.
//!
//! Images are `[N, C, H, W]` in f32. The backward pass is that of training: the gradient of the mean
//! score with respect to the first image only. A rate in GB/s counts what has to move at least, both
//! images read and the gradient written, so its share of the rate of a copy shows what is left to gain.
//!
//! `shape`: what is measured; `method`: in which ways; `check`: whether these agree; `report`: results.

mod check;
mod method;
mod report;
mod shape;

use burn::tensor::{Device, Tensor};

use super::timing::{Effort, measure};
use crate::device::Backend;
use crate::device::{SelectedDevice, cpu_name};

pub use check::SsimBenchError;
use check::{check_convolutions, check_kernel};
use method::{F32, images_of, repetition};
pub use method::{Method, Pass};
pub use report::{Rates, Report, Row};
pub use shape::{Shape, ShapeError};

/// A copy of 256 MiB: more than a GPU's caches hold. It's measured in images of 4 MiB, fewer of them
/// where one buffer can't hold so much.
const COPY_IMAGES: usize = 64;
const COPY_SIDE: usize = 1024;

/// Measures every method on every shape, after a check that they agree; `on_row` gets each result as
/// soon as it is known.
///
/// # Errors
///
/// Where the check fails.
pub fn run(
    selected: &SelectedDevice,
    shapes: &[Shape],
    effort: &Effort,
    mut on_row: impl FnMut(&Row),
) -> Result<Report, SsimBenchError> {
    let device = &selected.device;
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
        fusion: cfg!(feature = "fusion") && selected.backend == Backend::Wgpu,
        backend: selected.backend.name(),
        adapter: selected.adapter.clone(),
        driver: selected.driver.clone(),
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
            tracing::warn!("the copy that rates are compared with fails: {message}");
            None
        }
    }
}
