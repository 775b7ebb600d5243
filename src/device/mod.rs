//! Where to compute: a backend and one of its devices → burn's device, and the list of all devices.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use trainer::device::{self, Backend};
//!
//! let selected = device::select(Backend::Flex, 0)?;
//! println!("computing on {}", selected.adapter);
//! # }
//! # Ok::<(), trainer::device::DeviceError>(())
//! ```

#[cfg(all(feature = "wgpu", target_family = "wasm"))]
mod browser;
mod error;
#[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
mod gpu;
mod panics;

use serde::{Deserialize, Serialize};

use crate::words::count;

pub use burn::tensor::Device;
pub use error::DeviceError;
pub use panics::{Failure, Panic, catch_panics, keep_panics};

/// Where tensors are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// A real GPU through wgpu where there is one, else flex
    #[default]
    Auto,
    /// A GPU, by Vulkan, Metal or DX12
    Wgpu,
    /// The CPU, by burn-ndarray
    Ndarray,
    /// The CPU, by burn-flex: the faster of the two
    Flex,
}

/// The device of a run, and why it was chosen.
#[derive(Clone, Debug)]
pub struct SelectedDevice {
    /// Where tensors are made, without autodiff.
    pub device: Device,
    /// The backend: never [`Backend::Auto`].
    pub backend: Backend,
    /// The device's name and driver.
    pub adapter: String,
    /// Graphics API and driver; empty for a CPU.
    pub driver: String,
    /// Why this backend was taken.
    pub reason: String,
    /// What the user should know, such as that a GPU's work is done in software.
    pub warning: Option<String>,
}

/// What there is to know of a device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceInfo {
    /// The backend's name.
    pub backend: &'static str,
    /// Its place among the backend's devices.
    pub device: usize,
    /// Its name.
    pub name: String,
    /// Discrete, integrated, virtual or software GPU; or CPU.
    pub kind: &'static str,
    /// Graphics API and driver, for a GPU.
    pub driver: String,
    /// Largest buffer in bytes, for a GPU.
    pub max_buffer: Option<u64>,
    /// Largest workgroup memory in bytes, for a GPU.
    pub max_workgroup_memory: Option<u32>,
}

/// The devices of every backend that this program was built with.
#[must_use]
pub fn list() -> Vec<DeviceInfo> {
    let built = [Backend::Flex, Backend::Ndarray]
        .into_iter()
        .filter(|&backend| cpu_device(backend).is_ok());
    let cpus = built.map(|backend| DeviceInfo {
        backend: backend.name(),
        device: 0,
        name: cpu_name(),
        kind: "CPU",
        driver: String::new(),
        max_buffer: None,
        max_workgroup_memory: None,
    });
    #[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
    let cpus = cpus.chain(
        (0..)
            .zip(gpu::adapters())
            .map(|(device, adapter)| adapter.describe(device)),
    );
    cpus.collect()
}

/// The device for a choice of backend.
///
/// # Errors
///
/// Where there is no such device, or its driver fails.
pub fn select(backend: Backend, index: usize) -> Result<SelectedDevice, DeviceError> {
    match backend {
        Backend::Flex | Backend::Ndarray => cpu(backend, index, "asked for"),
        #[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
        Backend::Wgpu => gpu::select(&gpu::adapters(), index, "asked for"),
        #[cfg(all(feature = "wgpu", target_family = "wasm"))]
        Backend::Wgpu => Err(DeviceError::NoWebGpu {
            message: "a browser's GPU can't be waited for: use select_async".to_owned(),
        }),
        #[cfg(not(feature = "wgpu"))]
        Backend::Wgpu => Err(DeviceError::NotBuilt {
            backend: backend.name(),
        }),
        Backend::Auto => auto(index),
    }
}

/// As [`select`], without blocking: in a browser, where nothing may wait, the only way to a GPU.
///
/// # Errors
///
/// As [`select`].
#[cfg_attr(
    not(target_family = "wasm"),
    expect(clippy::unused_async, reason = "as in a browser")
)]
pub async fn select_async(backend: Backend) -> Result<SelectedDevice, DeviceError> {
    #[cfg(all(feature = "wgpu", target_family = "wasm"))]
    if backend == Backend::Wgpu {
        return browser::select().await;
    }
    select(backend, 0)
}

#[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
fn auto(index: usize) -> Result<SelectedDevice, DeviceError> {
    let adapters = gpu::adapters();
    if adapters.first().is_some_and(gpu::Adapter::is_gpu) {
        return gpu::select(&adapters, index, "auto: there is a GPU");
    }
    let reason = match adapters.first() {
        Some(adapter) => format!(
            "auto: no GPU, only the software adapter {}, which is slower than the CPU backends",
            adapter.info.name
        ),
        None => "auto: no GPU".to_owned(),
    };
    cpu(CPU, index, &reason)
}

#[cfg(not(all(feature = "wgpu", not(target_family = "wasm"))))]
fn auto(index: usize) -> Result<SelectedDevice, DeviceError> {
    let reason = if cfg!(feature = "wgpu") {
        "auto: a browser's GPU can't be waited for"
    } else {
        "auto: built without wgpu"
    };
    cpu(CPU, index, reason)
}

/// What `auto` takes where there is no GPU: the faster one of those that are built.
const CPU: Backend = if cfg!(feature = "flex") {
    Backend::Flex
} else {
    Backend::Ndarray
};

impl Backend {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Wgpu => "wgpu",
            Self::Ndarray => "ndarray",
            Self::Flex => "flex",
        }
    }
}

fn cpu(backend: Backend, index: usize, reason: &str) -> Result<SelectedDevice, DeviceError> {
    let device = cpu_device(backend)?;
    if index > 0 {
        return Err(DeviceError::Index {
            index,
            count: 1,
            backend: backend.name(),
        });
    }
    Ok(SelectedDevice {
        device,
        backend,
        adapter: cpu_name(),
        driver: String::new(),
        reason: reason.to_owned(),
        warning: None,
    })
}

/// Burn's device for a CPU backend.
fn cpu_device(backend: Backend) -> Result<Device, DeviceError> {
    match backend {
        #[cfg(feature = "flex")]
        Backend::Flex => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        #[expect(deprecated, reason = "burn-ndarray is deprecated, and still asked for")]
        Backend::Ndarray => Ok(Device::ndarray()),
        other => Err(DeviceError::NotBuilt {
            backend: other.name(),
        }),
    }
}

impl SelectedDevice {
    /// A device that a library's user has chosen.
    #[must_use]
    pub fn given(device: Device) -> Self {
        Self {
            backend: backend_of(&device),
            device,
            adapter: "the given device".to_owned(),
            driver: String::new(),
            reason: "given".to_owned(),
            warning: None,
        }
    }
}

fn backend_of(device: &Device) -> Backend {
    #[cfg(feature = "ndarray")]
    if matches!(
        device.clone().inner().as_dispatch(),
        burn::backend::DispatchDevice::NdArray(_)
    ) {
        return Backend::Ndarray;
    }
    if is_cpu(device) { CPU } else { Backend::Wgpu }
}

/// A device of the CPU, for what is to be the same whichever device a run is on; `other` where no
/// backend for the CPU was built.
pub(crate) fn host(other: &Device) -> Device {
    cpu_device(CPU).unwrap_or_else(|_| other.clone().inner())
}

/// Whether tensors of `device` lie in this process's memory, where its threads compute.
pub(crate) fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "wgpu")]
    let is_gpu = matches!(
        device.clone().inner().as_dispatch(),
        burn::backend::DispatchDevice::Cube(_)
    );
    #[cfg(not(feature = "wgpu"))]
    let is_gpu = {
        let _ = device;
        false
    };
    !is_gpu
}

/// The processor's name, where the system tells it.
pub(crate) fn cpu_name() -> String {
    if cfg!(target_family = "wasm") {
        return "WebAssembly on this CPU".to_owned();
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{model}, {}", count(threads, "thread"))
}
