//! GPUs: the adapters that wgpu finds, and burn's device for one of them.

use std::time::Duration;

use burn::backend::DispatchDevice;
use burn::tensor::{Device, DeviceKind, Tensor};
use burn_cubecl::cubecl::config::autotune::AutotuneLevel;
use burn_cubecl::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use burn_cubecl::cubecl::ir::{ElemType, FloatKind};
use burn_cubecl::cubecl::throughput::{
    MemoryAccess, MemorySpec, ThroughputKey, ThroughputMode, ThroughputValue, working_set_sweep,
};
use burn_wgpu::graphics::AutoGraphicsApi;
use wgpu::DeviceType;

use super::panics::probe_quietly;
use super::{Backend, DeviceError, DeviceInfo, SelectedDevice};

/// Burn's device for an adapter.
pub(super) fn select(
    adapters: &[Adapter],
    index: usize,
    reason: &str,
) -> Result<SelectedDevice, DeviceError> {
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
            "{} computes in software: it shows that the GPU path works, but backend flex is far \
             faster",
            adapter.info.name
        )
    });
    let device = Device::wgpu(kind);
    start(&device).map_err(|message| DeviceError::Unusable {
        name: name.clone(),
        message,
    })?;
    if adapter.is_software() {
        take_first_kernels(&device);
    }
    Ok(SelectedDevice {
        device,
        backend: Backend::Wgpu,
        adapter: name,
        driver: driver(&adapter.info),
        reason: reason.to_owned(),
        warning,
    })
}

/// Settings that must stand before the first tensor. A software adapter compiles every kernel for
/// the CPU, which takes longer than the best of many kernels could win back: [`take_first_kernels`] has the first one
/// taken, and where cubecl knows no time that is good enough, few are tried, once each.
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

/// Gives cubecl what it would measure of a device before it tunes kernels: plausible rates, and launches that take an
/// hour. A kernel counts as fast enough if it takes no longer than these rates and a launch allow, so that the first
/// one that works is taken, and no other is compiled. With cubecl's feature `persistence`, which isn't used here, these
/// answers would be kept on disk.
fn take_first_kernels(device: &Device) {
    /// Values that are copied in a second.
    const COPIED: usize = 2_000_000_000;
    /// Of arithmetic, in a second.
    const OPERATIONS: usize = 50_000_000_000;
    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_hours(1);
    let DispatchDevice::Cube(device) = device.as_dispatch() else {
        tracing::debug!("not a device of cubecl's: its kernels are tuned as on a GPU");
        return;
    };
    let client = device.client();
    let dtype = ElemType::Float(FloatKind::F32);
    let answer = |mode: ThroughputMode, ops_count: usize, duration: Duration| {
        let value = ThroughputValue {
            ops_count,
            duration,
        };
        let answered = client.measure_throughput(ThroughputKey { mode }, || Ok(value));
        if let Err(error) = answered {
            tracing::debug!("{mode:?} is measured as of a GPU: {error}");
        }
    };
    answer(ThroughputMode::Launch, 1, HOUR);
    answer(ThroughputMode::ComputeDirect { dtype }, OPERATIONS, SECOND);
    for bytes in working_set_sweep(MemoryAccess::Copy.default_working_set()) {
        let memory = MemorySpec::new(MemoryAccess::Copy, bytes);
        answer(ThroughputMode::Memory(memory), COPIED, SECOND);
    }
}

/// Makes a tensor, since drivers are started, and fail, with the first one.
fn start(device: &Device) -> Result<(), String> {
    let read = probe_quietly(|| Tensor::<1>::from_floats([1.0], device).try_into_data());
    match read {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic.message),
    }
}

/// An adapter that wgpu has found.
pub(super) struct Adapter {
    pub info: wgpu::AdapterInfo,
    limits: wgpu::Limits,
}

impl Adapter {
    fn is_software(&self) -> bool {
        self.info.device_type == DeviceType::Cpu
    }

    pub fn is_gpu(&self) -> bool {
        use DeviceType::{DiscreteGpu, IntegratedGpu, VirtualGpu};
        matches!(
            self.info.device_type,
            DiscreteGpu | IntegratedGpu | VirtualGpu
        )
    }
}

/// The adapters of the graphics API that burn's wgpu backend settles on: the first of its
/// candidates that reaches a GPU, GPUs first, else the first that has an adapter at all.
pub(super) fn adapters() -> Vec<Adapter> {
    let mut software_only = Vec::new();
    for api in AutoGraphicsApi::chain() {
        let mut adapters = probe(api);
        if adapters.iter().any(Adapter::is_gpu) {
            // So that device 0 is the one that `auto` takes. Within a type, where cubecl counts, their order stays.
            adapters.sort_by_key(|adapter| !adapter.is_gpu());
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

impl Adapter {
    /// As the list of devices shows it, at place `device` among those of the backend.
    pub fn describe(&self, device: usize) -> DeviceInfo {
        DeviceInfo {
            backend: Backend::Wgpu.name(),
            device,
            name: self.info.name.clone(),
            kind: kind_name(self.info.device_type),
            driver: driver(&self.info),
            max_buffer: Some(self.limits.max_buffer_size),
            max_workgroup_memory: Some(self.limits.max_compute_workgroup_storage_size),
        }
    }
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
