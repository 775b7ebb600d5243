//! SSIM, through its public surface, on every backend that runs here.
//!
//! `references`: the values of other libraries; `gradients`: against finite differences and PyTorch;
//! `properties`: what holds for any images and settings; `errors`; `multi_scale`. The files of
//! `../reference/` with the values of other libraries are made by `make_ssim_cases.py` there.

mod errors;
mod gradients;
mod multi_scale;
mod oracle;
mod pairs;
mod properties;
mod references;

use std::sync::LazyLock;

use burn::tensor::Device;
use trainer::device::{self, Backend};

use crate::common::has_wgpu_adapter;

/// How far an f32 score may lie from the f64 one, whatever the images and the backend.
const SCORE_TOLERANCE: f64 = 2e-6;

/// How far it may be off on images as other libraries know them, in [0, 1]: about twice what the guide promises.
fn score_tolerance(backend: &str) -> f64 {
    if backend == "wgpu" { 1e-6 } else { 1e-7 }
}

/// Every backend that runs here. On a GPU, in software or not, the kernels run.
fn devices() -> Vec<(&'static str, Device)> {
    static WGPU: LazyLock<Option<Device>> = LazyLock::new(|| {
        let selection = has_wgpu_adapter().then(|| device::select(Backend::Wgpu, 0));
        Some(selection?.expect("an adapter that is there").device)
    });
    #[expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )]
    let ndarray = Device::ndarray();
    let mut devices = vec![("flex", Device::flex()), ("ndarray", ndarray)];
    devices.extend(WGPU.clone().map(|device| ("wgpu", device)));
    devices
}
