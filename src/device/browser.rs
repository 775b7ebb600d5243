//! The GPU that a browser gives: one at most, which can't be waited for.

use burn::tensor::Device;
use wgpu::DeviceType;

use super::{Backend, DeviceError, SelectedDevice};

/// What a browser has by WebGPU: it chooses the adapter.
pub(super) async fn select() -> Result<SelectedDevice, DeviceError> {
    let started = Device::wgpu_options().init_with_setup_async().await;
    let (device, setup) = started.map_err(|error| DeviceError::NoWebGpu {
        message: error.to_string(),
    })?;
    let info = setup.adapter.get_info();
    let is_software = info.device_type == DeviceType::Cpu;
    Ok(SelectedDevice {
        device,
        backend: Backend::Wgpu,
        adapter: info.name,
        driver: "WebGPU".to_owned(),
        reason: "asked for".to_owned(),
        warning: is_software.then(|| "the browser computes WebGPU in software".to_owned()),
    })
}
