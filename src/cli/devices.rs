//! `trainer devices`: backends and adapters.

use super::Exit;
use crate::config::Backend;
use crate::device;

pub(super) fn run(json: bool) -> anyhow::Result<Exit> {
    let listings = device::list();
    if json {
        println!("{}", serde_json::to_string_pretty(&listings)?);
        return Ok(Exit::Done);
    }
    println!("{:<8}  {:>2}  {:<14}  name", "backend", "N", "type");
    for listing in &listings {
        println!(
            "{:<8}  {:>2}  {:<14}  {}",
            listing.backend, listing.device, listing.kind, listing.name
        );
        if !listing.driver.is_empty() {
            println!("{:30}{}", "", listing.driver);
        }
        if let (Some(buffer), Some(memory)) = (listing.max_buffer, listing.max_workgroup_memory) {
            const MIB: u64 = 1 << 20;
            const KIB: u32 = 1 << 10;
            println!(
                "{:30}buffers up to {} MiB, workgroup memory {} KiB",
                "",
                buffer / MIB,
                memory / KIB
            );
        }
    }
    if !listings
        .iter()
        .any(|listing| listing.backend == Backend::Wgpu.name())
    {
        println!("wgpu       -  none found: it needs a driver for Vulkan, Metal or DX12");
    }
    let selection = device::select(Backend::Auto, 0).map_err(crate::error::Error::from)?;
    println!(
        "\n--backend auto takes {} ({})",
        selection.backend.name(),
        selection.reason.trim_start_matches("auto: ")
    );
    Ok(Exit::Done)
}
