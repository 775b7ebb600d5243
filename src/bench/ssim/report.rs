//! The results.

use serde::Serialize;

use super::method::{Method, Pass};
use super::shape::Shape;
use crate::bench::timing::Timing;

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The shape that was asked for.
    pub shape: Shape,
    /// What was computed.
    pub pass: Pass,
    /// In which way.
    pub method: Method,
    /// None where the measurement failed.
    #[serde(flatten)]
    pub rates: Option<Rates>,
    /// The kernel's images per second over this method's.
    pub kernel_speedup: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Rates, from a time.
#[derive(Clone, Debug, Serialize)]
pub struct Rates {
    /// The time.
    #[serde(flatten)]
    pub timing: Timing,
    /// Images per second.
    pub images_per_second: f64,
    /// 10⁹ bytes per second, counting those that have to move at least.
    pub gigabytes_per_second: f64,
    /// The same as a share of the rate of a copy.
    pub share_of_copy: Option<f64>,
}

impl Rates {
    pub(super) fn new(timing: Timing, bytes_per_image: usize, copy: Option<&Self>) -> Self {
        let images_per_second = timing.images_per_second();
        #[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
        let gigabytes_per_second = images_per_second * bytes_per_image as f64 / 1e9;
        Self {
            timing,
            images_per_second,
            gigabytes_per_second,
            share_of_copy: copy.map(|copy| gigabytes_per_second / copy.gigabytes_per_second),
        }
    }
}

/// What `trainer bench ssim --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program's version.
    pub version: &'static str,
    /// Whether burn joins operations into fewer kernels.
    pub fusion: bool,
    /// The backend.
    pub backend: &'static str,
    /// The device and its driver.
    pub adapter: String,
    /// Graphics API and driver; empty for a CPU.
    pub driver: String,
    /// The host's processor.
    pub cpu: String,
    /// The host's system and architecture.
    pub system: String,
    /// Trials of each measurement.
    pub trials: usize,
    /// Trials before them that don't count.
    pub warm_up: usize,
    /// The time limit for all trials of a measurement, in seconds.
    pub seconds_cap: f64,
    /// x · 2 into a new tensor, `[N, 1, 1024, 1024]`: 4 bytes read and 4 written per value.
    pub copy: Option<Rates>,
    /// Every shape, pass and method.
    pub measurements: Vec<Row>,
}
