//! `trainer devices`: backends and adapters.

use super::{Exit, output};
use crate::device;
use crate::device::Backend;

pub(super) fn run(json: bool) -> anyhow::Result<Exit> {
    let devices = device::list();
    if json {
        output::json(&devices)?;
        return Ok(Exit::Done);
    }
    output::line(format_args!(
        "{:<8}  {:>2}  {:<14}  name",
        "backend", "N", "type"
    ))?;
    for info in &devices {
        output::line(format_args!(
            "{:<8}  {:>2}  {:<14}  {}",
            info.backend, info.device, info.kind, info.name
        ))?;
        if !info.driver.is_empty() {
            output::line(format_args!("{:30}{}", "", info.driver))?;
        }
        if let (Some(buffer), Some(memory)) = (info.max_buffer, info.max_workgroup_memory) {
            const MIB: u64 = 1 << 20;
            const KIB: u32 = 1 << 10;
            output::line(format_args!(
                "{:30}buffers up to {} MiB, workgroup memory {} KiB",
                "",
                buffer / MIB,
                memory / KIB
            ))?;
        }
    }
    if !devices
        .iter()
        .any(|info| info.backend == Backend::Wgpu.name())
    {
        output::line("wgpu       -  none found: it needs a driver for Vulkan, Metal or DX12")?;
    }
    let selected = device::select(Backend::Auto, 0)?;
    output::line(format_args!(
        "\n--backend auto takes {} ({})",
        selected.backend.name(),
        selected.reason.trim_start_matches("auto: ")
    ))?;
    Ok(Exit::Done)
}
