//! SSIM on a GPU, by the WGSL kernels of `shaders/`.
//!
//! `ssim_small` takes planes that fit a workgroup's memory, with windows inside them; all others go to
//! `ssim_tiled`, and their gradients to `ssim_tiled_gradient`.
//!
//! - `launch`: which kernels compare images of one shape, and their launches;
//! - `source`: a kernel's WGSL, with its constants filled in;
//! - `memory`: tiles, and the workgroup memory that they need.

mod launch;
mod memory;
mod source;
#[cfg(test)]
mod tests;

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn_wgpu::{CubeBackend, CubeTensor};

use super::backend::SsimBackend;
use super::comparison::Comparison;
use super::config::{SsimConfig, SsimError};
use super::reference;
use launch::{Kernels, available_memory, compiles_wgsl};
use memory::{Memory, SMALLEST_TILE, forward_memory, gradient_memory, tile};
use source::Gradients;

impl SsimBackend for CubeBackend {
    fn ssim_scores(x: CubeTensor, y: CubeTensor, comparison: Comparison) -> CubeTensor {
        let Some(kernels) = Kernels::new(&x, comparison, false) else {
            return reference::scores::<Self>(x, y, &comparison);
        };
        let (scores, _) = kernels.scores(x, y, Gradients::None);
        scores
    }

    fn ssim_gradient(
        x: CubeTensor,
        y: CubeTensor,
        comparison: Comparison,
    ) -> (CubeTensor, CubeTensor) {
        let Some(kernels) = Kernels::new(&x, comparison, true) else {
            return reference::gradient::<Self>(x, y, &comparison);
        };
        let (scores, [grad_x, _]) = kernels.scores(x, y, Gradients::X);
        (scores, grad_x)
    }

    fn ssim_gradients(
        x: CubeTensor,
        y: CubeTensor,
        comparison: Comparison,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let Some(kernels) = Kernels::new(&x, comparison, true) else {
            return reference::gradients::<Self>(x, y, &comparison);
        };
        let (scores, [grad_x, grad_y]) = kernels.scores(x, y, Gradients::Both);
        (scores, grad_x, grad_y)
    }

    fn ssim_map(x: CubeTensor, y: CubeTensor, comparison: Comparison) -> CubeTensor {
        let Some(kernels) = Kernels::new(&x, comparison, false) else {
            return reference::map::<Self>(x, y, &comparison);
        };
        kernels.map(x, y)
    }

    fn ssim_map_gradients(
        x: CubeTensor,
        y: CubeTensor,
        upstream: CubeTensor,
        comparison: Comparison,
    ) -> (CubeTensor, CubeTensor) {
        let Some(kernels) = Kernels::new(&x, comparison, true) else {
            return reference::map_gradients::<Self>(x, y, upstream, &comparison);
        };
        let [grad_x, grad_y] = kernels.map_gradients(x, y, upstream);
        (grad_x, grad_y)
    }
}

/// Checks that a window fits the memory of the device's workgroups, if kernels run there at all.
///
/// # Errors
///
/// [`SsimError::SharedMemory`] where it doesn't.
pub(super) fn check_memory(config: &SsimConfig, device: &Device) -> Result<(), SsimError> {
    let device = device.clone().inner();
    let DispatchDevice::Cube(device) = device.as_dispatch() else {
        return Ok(());
    };
    let client = device.client();
    let window = config.window.size();
    let available = available_memory(&client);
    // Both kernels must fit, so that every window that gives scores can be trained with.
    for memory in [forward_memory as Memory, gradient_memory] {
        if compiles_wgsl(&client) && tile(memory, window, available).is_none() {
            return Err(SsimError::SharedMemory {
                window,
                needed: memory(SMALLEST_TILE, window),
                available,
            });
        }
    }
    Ok(())
}
