//! `trainer bench`: speed on the user's own device.

mod common;
mod compress;
mod launches;
mod one_class;
mod scale;
mod ssim;
mod start_up;
mod time_to_ssim;
mod training;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::Exit;
use crate::bench::trial;
use crate::config::TrainConfig;

#[derive(Subcommand, Debug)]
pub(in crate::cli) enum BenchCommand {
    /// Measures SSIM: the kernels, plain tensor operations, and burn-train's convolutions
    ///
    /// Forward, and forward with the gradient by the first image, as in training. Where all images
    /// don't fit into memory or time, fewer are measured, and the table says how many.
    Ssim(ssim::SsimArgs),
    /// Measures how long training takes to an SSIM of the validation images, from process start
    ///
    /// Every trial is a process of its own. Exits with 1 where one doesn't get there.
    TimeToSsim(time_to_ssim::TimeToSsimArgs),
    /// Measures images/s of training and of inference, memory, and the time to the first step
    ///
    /// Every trial is a process of its own. The first of several epochs warms up and doesn't count.
    Training(training::TrainingArgs),
    /// Measures how time and memory grow with the number of images, and with the batch
    Scale(scale::ScaleArgs),
    /// Counts what an epoch asks of a GPU: kernels, submissions, and reads that the host waits for
    ///
    /// They don't depend on how fast the GPU is. The second of two epochs is counted, since kernels are
    /// tried out in the first.
    Launches(launches::LaunchesArgs),
    /// Trains on one class after the other, and tells how well each anomaly score finds the others, beside PCA's
    ///
    /// On the data set's own training and test files; the table has the AUROC of each class.
    OneClass(one_class::OneClassArgs),
    /// Compresses a run's test images to several qualities: bytes, SSIM and speed
    Compress(compress::CompressArgs),
    /// Measures how long the program takes to print its help
    StartUp(start_up::StartUpArgs),
    /// One trial, whose events are printed as lines of JSON
    #[command(hide = true)]
    Trial {
        /// Settings of the run, all of them
        #[arg(long)]
        config: PathBuf,
        /// Folder for the run folder
        #[arg(long)]
        runs: PathBuf,
        /// Validation SSIM at which to end
        #[arg(long)]
        target: Option<f64>,
    },
}

pub(in crate::cli) fn run(command: BenchCommand) -> anyhow::Result<Exit> {
    match command {
        BenchCommand::Ssim(args) => ssim::run(&args),
        BenchCommand::TimeToSsim(args) => time_to_ssim::run(args),
        BenchCommand::Training(args) => training::run(args),
        BenchCommand::Scale(args) => scale::run(args),
        BenchCommand::Launches(args) => launches::run(args),
        BenchCommand::OneClass(args) => one_class::run(&args),
        BenchCommand::Compress(args) => compress::run(&args),
        BenchCommand::StartUp(args) => start_up::run(&args),
        BenchCommand::Trial {
            config,
            runs,
            target,
        } => {
            super::log::start(true);
            let config = TrainConfig::read(&config)?;
            trial::run(config, &runs, target, &mut std::io::stdout())?;
            Ok(Exit::Done)
        }
    }
}

fn trials(word: &str) -> Result<usize, &'static str> {
    let number = word.parse().ok().filter(|&number| number > 0);
    number.ok_or("expected a whole number above zero")
}

fn warm_ups(word: &str) -> Result<usize, &'static str> {
    word.parse()
        .map_err(|_| "expected a whole number, zero or above")
}

fn seconds(word: &str) -> Result<Duration, &'static str> {
    let seconds = word.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("expected a number of seconds above zero, such as 600, and below 1e19")
}
