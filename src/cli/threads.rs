//! The threads that compute: as many as the processor runs at once, or as `RAYON_NUM_THREADS` says.
//!
//! They are started before anything else. Where they are needed first, a refusal would be a panic, and
//! thousands of them would run for minutes before anything is refused.

use std::env;
use std::thread::available_parallelism;

use anyhow::{anyhow, bail};

use crate::limits::NO_THREAD;

const VARIABLE: &str = "RAYON_NUM_THREADS";

/// More slow each other down on any processor, unless it runs more at once.
const MOST: usize = 256;

pub(super) fn start() -> anyhow::Result<()> {
    let at_once = available_parallelism().map_or(1, usize::from);
    let most = MOST.max(at_once);
    let threads = match env::var_os(VARIABLE) {
        Some(value) if !value.is_empty() => match value.to_str().map(str::parse) {
            Some(Ok(0)) => at_once,
            Some(Ok(threads)) if threads <= most => threads,
            _ => bail!(
                "{VARIABLE}={}: expected a number of threads from 1 to {most}, or 0 for as many as the \
                 processor runs at once, {at_once}",
                value.display()
            ),
        },
        _ => at_once,
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| anyhow!("can't start {threads} threads to compute ({error}): {NO_THREAD}"))
}
