//! `--backend` and `--device` → a burn device, and the list that `trainer devices` prints.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::DispatchDevice;
use burn::tensor::{Device, DeviceKind, Tensor};
use burn_cubecl::cubecl::config::autotune::AutotuneLevel;
use burn_cubecl::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use burn_wgpu::graphics::AutoGraphicsApi;
use serde::Serialize;
use wgpu::DeviceType;

use crate::config::Backend;
use crate::error::DeviceError;

/// The device of a run, and why it was chosen.
#[derive(Clone, Debug)]
pub struct Selection {
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

/// One line of `trainer devices`.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// The backend's name for `--backend`.
    pub backend: &'static str,
    /// The number for `--device`.
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

/// Every backend's devices.
#[must_use]
pub fn list() -> Vec<Listing> {
    let cpu = |backend| Listing {
        backend,
        device: 0,
        name: cpu_name(),
        kind: "CPU",
        driver: String::new(),
        max_buffer: None,
        max_workgroup_memory: None,
    };
    let mut listings = vec![cpu("flex"), cpu("ndarray")];
    listings.extend(
        adapters()
            .iter()
            .enumerate()
            .map(|(device, adapter)| Listing {
                backend: "wgpu",
                device,
                name: adapter.info.name.clone(),
                kind: kind_name(adapter.info.device_type),
                driver: driver(&adapter.info),
                max_buffer: Some(adapter.limits.max_buffer_size),
                max_workgroup_memory: Some(adapter.limits.max_compute_workgroup_storage_size),
            }),
    );
    listings
}

/// The device for a choice of backend.
///
/// # Errors
///
/// Where there is no such device, or its driver fails.
pub fn select(backend: Backend, index: usize) -> Result<Selection, DeviceError> {
    match backend {
        Backend::Flex => cpu(Backend::Flex, index, "asked for"),
        Backend::Ndarray => cpu(Backend::Ndarray, index, "asked for"),
        Backend::Wgpu => {
            let adapters = adapters();
            gpu(&adapters, index, "asked for")
        }
        Backend::Auto => {
            let adapters = adapters();
            let real: Vec<usize> = (0..adapters.len())
                .filter(|&index| adapters[index].is_gpu())
                .collect();
            if let Some(first) = real.first() {
                // `--device` counts in the list that `trainer devices` prints.
                let index = if index == 0 { *first } else { index };
                return gpu(&adapters, index, "auto: there is a GPU");
            }
            let reason = match adapters.first() {
                Some(adapter) => format!(
                    "auto: no GPU, only the software adapter {}, which is slower than the CPU \
                     backends",
                    adapter.info.name
                ),
                None => "auto: no GPU".to_owned(),
            };
            cpu(Backend::Flex, index, &reason)
        }
    }
}

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

fn cpu(backend: Backend, index: usize, reason: &str) -> Result<Selection, DeviceError> {
    if index > 0 {
        return Err(DeviceError::Index {
            index,
            count: 1,
            backend: backend.name(),
        });
    }
    Ok(Selection {
        #[expect(deprecated, reason = "burn-ndarray is deprecated, and still asked for")]
        device: if backend == Backend::Ndarray {
            Device::ndarray()
        } else {
            Device::flex()
        },
        backend,
        adapter: cpu_name(),
        driver: String::new(),
        reason: reason.to_owned(),
        warning: None,
    })
}

fn gpu(adapters: &[Adapter], index: usize, reason: &str) -> Result<Selection, DeviceError> {
    if adapters.is_empty() {
        return Err(DeviceError::NoAdapter);
    }
    let adapter = adapters.get(index).ok_or(DeviceError::Index {
        index,
        count: adapters.len(),
        backend: "wgpu",
    })?;
    // cubecl counts the adapters of each type on their own.
    let same_type = adapters[..index]
        .iter()
        .filter(|other| other.info.device_type == adapter.info.device_type)
        .count();
    let kind = match adapter.info.device_type {
        DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(same_type),
        DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(same_type),
        DeviceType::VirtualGpu => DeviceKind::VirtualGpu(same_type),
        DeviceType::Cpu if same_type == 0 => DeviceKind::Cpu,
        DeviceType::Other if adapters.len() == 1 => DeviceKind::DefaultDevice,
        DeviceType::Cpu | DeviceType::Other => {
            return Err(DeviceError::NotSelectable {
                index,
                name: adapter.info.name.clone(),
            });
        }
    };
    let name = format!("{} ({})", adapter.info.name, driver(&adapter.info));
    let warning = adapter.is_software().then(|| {
        configure_for_software();
        format!(
            "{} computes in software: it shows that the GPU path works, but --backend flex is far \
             faster",
            adapter.info.name
        )
    });
    let device = Device::wgpu(kind);
    start(&device).map_err(|message| DeviceError::Unusable {
        name: name.clone(),
        message,
    })?;
    Ok(Selection {
        device,
        backend: Backend::Wgpu,
        adapter: name,
        driver: driver(&adapter.info),
        reason: reason.to_owned(),
        warning,
    })
}

/// Settings that must stand before the first tensor. A software adapter compiles every kernel for
/// the CPU, which takes longer than the best of many kernels could win back: try few, once each.
/// A `cubecl.toml` and the `CUBECL_…` variables still count where they say more.
fn configure_for_software() {
    let mut config = CubeClRuntimeConfig::from_current_dir();
    config.autotune.level = AutotuneLevel::Minimal;
    config.autotune.bench.min_samples = 1;
    config.autotune.bench.max_samples = 1;
    config.autotune.bench.short_circuit_samples = 1;
    if !CubeClRuntimeConfig::try_set(config.override_from_env()) {
        tracing::debug!(
            "the wgpu runtime was configured before: its kernels are tuned as on a GPU"
        );
    }
}

/// Whether tensors of `device` lie in this process's memory, where its threads compute.
pub(crate) fn is_cpu(device: &Device) -> bool {
    !matches!(
        device.clone().inner().as_dispatch(),
        DispatchDevice::Cube(_)
    )
}

/// Makes a tensor, since drivers are started, and fail, with the first one.
fn start(device: &Device) -> Result<(), String> {
    let result = catch_panics(|| {
        Tensor::<1>::from_floats([1.0], device).into_data();
    });
    result.map_err(|panic| panic.message)
}

/// A panic that was caught.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    /// What was said.
    pub message: String,
    /// File and line; empty if they aren't known.
    pub location: String,
}

/// Runs what may panic inside burn or a driver: a failing device is a panic there, which must not
/// reach a user. Where one panic leads to others, on whatever thread, it is the first that is
/// returned.
///
/// # Errors
///
/// The panic.
pub fn catch_panics<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    let first = Arc::new(Mutex::new(None));
    let hook = std::panic::take_hook();
    let seen = first.clone();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str();
        let panic = Panic {
            message: message
                .unwrap_or("the driver failed without a reason")
                .to_owned(),
            location: info.location().map(ToString::to_string).unwrap_or_default(),
        };
        let mut first = seen.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(panic);
    }));
    let result = catch_unwind(AssertUnwindSafe(run));
    std::panic::set_hook(hook);
    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
    result.map_err(|_| first.take().unwrap_or_default())
}

struct Adapter {
    info: wgpu::AdapterInfo,
    limits: wgpu::Limits,
}

impl Adapter {
    fn is_software(&self) -> bool {
        self.info.device_type == DeviceType::Cpu
    }

    fn is_gpu(&self) -> bool {
        use DeviceType::{DiscreteGpu, IntegratedGpu, VirtualGpu};
        matches!(
            self.info.device_type,
            DiscreteGpu | IntegratedGpu | VirtualGpu
        )
    }
}

/// The adapters of the graphics API that burn's wgpu backend settles on: the first of its
/// candidates that reaches a GPU, else the first that has an adapter at all.
fn adapters() -> Vec<Adapter> {
    let mut software_only = Vec::new();
    for api in AutoGraphicsApi::chain() {
        let adapters = probe(api);
        if adapters.iter().any(Adapter::is_gpu) {
            return adapters;
        }
        if software_only.is_empty() {
            software_only = adapters;
        }
    }
    software_only
}

fn probe(api: wgpu::Backend) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: api.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = burn_cubecl::cubecl::future::block_on(instance.enumerate_adapters(api.into()));
    found
        .iter()
        .map(|adapter| Adapter {
            info: adapter.get_info(),
            limits: adapter.limits(),
        })
        .collect()
}

fn kind_name(device_type: DeviceType) -> &'static str {
    match device_type {
        DeviceType::DiscreteGpu => "discrete GPU",
        DeviceType::IntegratedGpu => "integrated GPU",
        DeviceType::VirtualGpu => "virtual GPU",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}

fn driver(info: &wgpu::AdapterInfo) -> String {
    [info.backend.to_str(), &info.driver, &info.driver_info]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The processor's name, where the system tells it.
pub(crate) fn cpu_name() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{model}, {threads} threads")
}
