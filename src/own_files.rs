//! Names of the files by which folders that this program made are known.

use std::path::Path;

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const META: &str = "meta.json";
pub(crate) const STATUS: &str = "status.json";
pub(crate) const METRICS: &str = "metrics.csv";
pub(crate) const SUMMARY: &str = "summary.json";

/// What marks a folder as a run's, even where others of these are missing.
pub const RUN_FILES: [&str; 5] = [CONFIG, META, STATUS, METRICS, SUMMARY];

pub(crate) const SWEEP_TABLE: &str = "sweep.csv";
pub(crate) const SWEEP_LOCK: &str = ".sweep.lock";

/// Whether a folder among images is a run's or a sweep's. One file alone may be anybody's.
pub(crate) fn is_of_run_or_sweep(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    (has(CONFIG) && has(STATUS)) || (has(SWEEP_TABLE) && has(SWEEP_LOCK))
}
