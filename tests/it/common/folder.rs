//! A run folder and a history, for the tests of what is written into them.

use std::error::Error;
use std::fs;
use std::path::Path;

use chrono::{DateTime, Local, TimeZone};
use trainer::run::{EpochMetrics, RunDir, RunError};

pub type Outcome = Result<(), Box<dyn Error>>;

pub fn some_time() -> DateTime<Local> {
    Local.with_ymd_and_hms(2026, 11, 23, 10, 54, 34).unwrap()
}

pub fn new_run(runs: &Path) -> Result<RunDir, RunError> {
    RunDir::create(runs, None, "baseline-z128", some_time())
}

pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub fn history(epochs: u8) -> Vec<EpochMetrics> {
    (1..=epochs)
        .map(|epoch| {
            let x = f64::from(epoch);
            EpochMetrics {
                epoch: usize::from(epoch),
                step: 430 * usize::from(epoch),
                learning_rate: 1e-3 / x,
                train_loss: 0.1 + 0.4 / x,
                validation_loss: 0.12 + 0.4 / x,
                validation_ssim: 0.9 - 0.5 / x,
                validation_psnr: 24.0 - 1.0 / x,
                validation_mse: 0.01 / x,
                seconds: 3.3,
                images_per_second: 16_600.123,
            }
        })
        .collect()
}
