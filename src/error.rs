//! The errors that a user can mend, each naming the flag or file, what was expected, and what to do.

use std::path::PathBuf;

use crate::compare::CompareError;
use crate::data::DataError;
use crate::device::Panic;
use crate::run::RunError;
use crate::ssim::SsimError;

/// Why a command can't do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that can't work; found before anything is written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The images can't be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The backend can't be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A run folder can't be written or read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Training can't go on.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Images can't be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
}

/// A setting that can't work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A number outside its range.
    #[error("--{flag} {value}: expected {expected}")]
    Value {
        /// The flag, without dashes.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A config file that can't be read.
    #[error("--config {}: can't read it; give the path of a TOML file", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A config file with a mistake in it.
    #[error("{}: {message}\nIts keys are the long names of `trainer --help`, with _ for -", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// Images whose size the architecture can't restore.
    #[error(
        "--arch {architecture} halves images until their sides are 1/{divisor}, so height and \
         width must be multiples of {divisor}, not {height}×{width}"
    )]
    ImageSize {
        /// The architecture.
        architecture: &'static str,
        /// What the sides must be multiples of.
        divisor: usize,
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
    /// Images that SSIM can't compare.
    #[error("--ssim-preset {preset}: {reason}; preset same takes images of any size")]
    SsimPreset {
        /// Its name.
        preset: &'static str,
        /// Why.
        reason: SsimError,
    },
    /// A checkpoint that doesn't belong to the config beside it.
    #[error("{}: {message}; the checkpoint and config.toml of a run belong together", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What doesn't fit.
        message: String,
    },
}

/// A backend that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No adapter at all.
    #[error(
        "--backend wgpu: no graphics adapter found (Vulkan, Metal, DX12). Install the driver of \
         your GPU, or use --backend flex, which needs none. `trainer devices` lists what is there"
    )]
    NoAdapter,
    /// An index behind the end of the list.
    #[error("--device {index}: there {} with --backend {backend}; `trainer devices` lists them",
        match count { 1 => "is only device 0".to_owned(), n => format!("are only devices 0 to {}", n - 1) })]
    Index {
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
        /// The backend.
        backend: &'static str,
    },
    /// An adapter that cubecl can't be told to use.
    #[error(
        "--device {index}: {name} can't be selected, since adapters that don't say what they are, and \
         all software adapters but the first, have no name of their own; choose another one from \
         `trainer devices`"
    )]
    NotSelectable {
        /// Its place in the list.
        index: usize,
        /// Its name.
        name: String,
    },
    /// An adapter whose driver failed.
    #[error(
        "--backend wgpu: {name} can't be used: {message}. Update its driver, or use --backend flex"
    )]
    Unusable {
        /// The adapter.
        name: String,
        /// What the driver said.
        message: String,
    },
}

/// Why training stopped before its end, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There are checkpoints, and none can be read.
    #[error(
        "no checkpoint to go on from: {faults}. Restore one from a copy, or delete those that are \
         damaged: without any, `trainer resume` starts the run over"
    )]
    NoCheckpoint {
        /// What is wrong with each.
        faults: String,
    },
    /// The checkpoint was made with other settings or images.
    #[error("{}: {what}. A checkpoint goes on with what it was made with only", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// More memory, or a larger kernel, than the device has room for.
    #[error(
        "the device has no room for --batch-size {batch_size} ({message}). Try --batch-size {}, or \
         --backend flex",
        (batch_size / 2).max(1)
    )]
    Room {
        /// The batch size.
        batch_size: usize,
        /// What the driver said.
        message: String,
    },
    /// The device went away.
    #[error(
        "the device was lost ({message}). See whether its driver was reset or updated, then go on with \
         `trainer resume`"
    )]
    Lost {
        /// What the driver said.
        message: String,
    },
    /// A mistake in this program.
    #[error(
        "trainer has a bug: {message} ({location}). Please report it with the run's config.toml and \
         log.txt{}; `trainer resume` goes on from the last checkpoint",
        match env!("CARGO_PKG_REPOSITORY") { "" => String::new(), url => format!(" at {url}/issues") }
    )]
    Bug {
        /// The panic's words.
        message: String,
        /// Where in the source.
        location: String,
    },
    /// The loss is no number any more, or many times what it was.
    #[error(
        "{divergence}; {}. Lower --learning-rate (now {}), or let --on-nan rollback do it",
        .0.aftermath(),
        .0.learning_rate,
        divergence = .0
    )]
    Diverged(Divergence),
}

/// Where the loss diverged.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the loss became {loss:.4} at step {step} (epoch {epoch})")]
pub struct Divergence {
    /// NaN, infinite or large.
    pub loss: f32,
    /// Optimizer steps since the start, from 1.
    pub step: usize,
    /// The epoch of that step, from 1.
    pub epoch: usize,
    /// The last epoch whose losses were good; 0 for none.
    pub last_good_epoch: usize,
    /// The learning rate of that step.
    pub learning_rate: f64,
}

impl Divergence {
    fn aftermath(&self) -> String {
        match self.last_good_epoch {
            0 => "no epoch was finished before".to_owned(),
            epoch => format!("the last good epoch is {epoch}, and the best weights are kept"),
        }
    }
}

impl TrainError {
    /// What a panic of burn or a driver means.
    #[must_use]
    pub fn from_panic(panic: Panic, batch_size: usize) -> Self {
        let Panic { message, location } = panic;
        let lines = message.lines().map(str::trim);
        let message = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>();
        let message = message.join(" ");
        let lower = message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if says(&[
            "memory",
            "toobig",
            "too big",
            "too large",
            "exceed",
            "allocat",
        ]) {
            Self::Room {
                batch_size,
                message,
            }
        } else if says(&["device is lost", "device lost", "devicelost", "lost device"]) {
            Self::Lost { message }
        } else {
            Self::Bug { message, location }
        }
    }
}

/// An error with what lies behind it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}
