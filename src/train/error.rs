//! Why training stopped before its end, or can't go on.

use std::path::PathBuf;

use crate::config::{ConfigError, OnNan};
use crate::data::DataError;
use crate::device::{DeviceError, Failure, Panic};
use crate::error::in_one_line;
use crate::limits::NO_THREAD;
use crate::metrics::ScoreError;
use crate::model::ModelError;
#[cfg(feature = "cli")]
use crate::plot::PlotError;
use crate::readback::ReadError;
use crate::run::RunError;

/// Why a run can't be prepared, trained, resumed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
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
    /// A model file can't be written or read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A picture can't be drawn.
    #[cfg(feature = "cli")]
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The device has failed, and what that means isn't known yet.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A checkpoint that doesn't belong to the config beside it.
    #[error("{}: {message}; the checkpoint and config.toml of a run belong together", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What doesn't fit.
        message: String,
    },
    /// There are weights, and no checkpoints, so that resuming would start over.
    #[error(
        "{}: it has weights, and no checkpoint is left to resume from. Starting over would replace {}: start a new run \
         from it, or move it away to start this one over",
        path.display(), weights.display()
    )]
    CheckpointsGone {
        /// The run's folder.
        path: PathBuf,
        /// What would be lost.
        weights: PathBuf,
    },
    /// The newest checkpoint isn't damaged, but this version can't read it.
    #[error("no checkpoint to resume from: {}: {fault}", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: String,
    },
    /// There are checkpoints, and none can be read.
    #[error(
        "no checkpoint to resume from: {faults}. Restore one from a copy, or delete those that are \
         damaged, and best.safetensors: without any, `trainer resume` starts the run over"
    )]
    NoCheckpoint {
        /// What is wrong with each.
        faults: String,
    },
    /// The checkpoint was made with other settings or images.
    #[error("{}: {what}. A run is resumed with what its checkpoint was made with only", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// A run whose images aren't those that it was trained on.
    #[error(
        "{}: the run was trained on images with SHA-256 {expected}, and those found now have {found} \
         ({images}){changes}. Restore the data set as it was, or say where it is now by `data` DIR",
        path.display()
    )]
    OtherImages {
        /// The run's folder.
        path: PathBuf,
        /// Of the images of the run.
        expected: String,
        /// Of the images that are there now.
        found: String,
        /// Where those come from.
        images: String,
        /// In what files they differ, if that is known.
        changes: String,
    },
    /// A run whose images aren't where they were.
    #[error(
        "{}: can't load the images that the run was trained on. If they were moved, say where they are \
         now by `data` DIR or $TRAINER_DATA",
        path.display()
    )]
    ImagesGone {
        /// The run's folder.
        path: PathBuf,
        /// What is wrong with the place where they were.
        source: Box<DataError>,
    },
    /// A run that hasn't come as far as to have weights.
    #[error(
        "{}: the run has no weights: it gets {} when its first epoch is finished. Train it on with \
         `trainer resume`; a file that was deleted can only be restored from a copy",
        path.display(), weights.display()
    )]
    NoWeights {
        /// The run's folder.
        path: PathBuf,
        /// The file that isn't there, from the run's folder.
        weights: PathBuf,
    },
    /// There is no model to start from.
    #[error("`init` {}: {source}", path.display())]
    NoInit {
        /// What was given.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<TrainError>,
    },
    /// A model to start from that is another network.
    #[error("`init` {}: it is {found}; expected {expected}", path.display())]
    OtherModel {
        /// The model file, or the run.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What is to be trained.
        expected: String,
    },
    /// A run whose weights are another network's.
    #[error(
        "{}: it is {found}; the run's settings are those of {expected}. Restore the run's own file, or move it away and \
         `trainer resume` the run",
        path.display()
    )]
    OtherWeights {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What the run trains.
        expected: String,
    },
    /// More memory, or a larger kernel, than the device has room for.
    #[error(
        "the device has no room for `batch_size` {batch_size} ({message}). Try `batch_size` {} in a new \
         run, or `backend` flex",
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
        "the device was lost ({message}). See whether its driver was reset or updated, then run \
         `trainer resume`"
    )]
    Lost {
        /// What the driver said.
        message: String,
    },
    /// The system grants no more threads.
    #[error("can't start a thread ({message}): {NO_THREAD}")]
    Threads {
        /// What the system said.
        message: String,
    },
    /// A mistake in this program.
    #[error(
        "trainer has a bug: {message} ({location}). Please report it with the run's config.toml and \
         log.txt{}; `trainer resume` continues from the last checkpoint",
        match env!("CARGO_PKG_REPOSITORY") { "" => String::new(), url => format!(" at {url}/issues") }
    )]
    Bug {
        /// The panic's words.
        message: String,
        /// Where in the source.
        location: String,
    },
    /// The loss diverged: it's NaN or infinite, or many times what it was.
    #[error(
        "{divergence}; {}. {}",
        .0.aftermath(),
        .0.remedy(),
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
    /// How often the run went back to an earlier epoch before, each time with half the learning rate.
    pub rollbacks: usize,
    /// What was to be done when the loss diverges.
    pub on_nan: OnNan,
}

impl Divergence {
    fn aftermath(&self) -> String {
        match self.last_good_epoch {
            0 => "no epoch was finished before".to_owned(),
            epoch => format!("the last good epoch is {epoch}, and the best weights are kept"),
        }
    }

    fn remedy(&self) -> String {
        let Self {
            learning_rate,
            rollbacks,
            on_nan,
            ..
        } = self;
        match on_nan {
            OnNan::Stop => format!(
                "Lower `learning_rate` (now {learning_rate:?}), or let `on_nan` rollback do it; `trainer \
                 resume` takes both"
            ),
            OnNan::Rollback => format!(
                "Going back with half the learning rate, {rollbacks} times, didn't help: lower \
                 `learning_rate` (now {learning_rate:?}); `trainer resume` takes it, too"
            ),
        }
    }
}

impl TrainError {
    /// What a panic of burn or a driver means.
    #[must_use]
    pub fn from_panic(panic: Panic, batch_size: usize) -> Self {
        let Panic { message, location } = panic;
        let message = in_one_line(&message);
        match Failure::of(&message) {
            Failure::Room => Self::Room {
                batch_size,
                message,
            },
            Failure::Lost => Self::Lost { message },
            Failure::Threads => Self::Threads { message },
            Failure::Unknown => Self::Bug { message, location },
        }
    }

    /// The same error, but for a failed device: what that means, with batches of this size.
    pub(super) fn explained(self, batch_size: usize) -> Self {
        match self {
            Self::Read(ReadError(message))
            | Self::Model(ModelError::Device(ReadError(message))) => {
                let location = "reading from the device".to_owned();
                Self::from_panic(Panic { message, location }, batch_size)
            }
            other => other,
        }
    }
}

impl From<ScoreError> for TrainError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Data(error) => error.into(),
            ScoreError::Device(error) => error.into(),
        }
    }
}
