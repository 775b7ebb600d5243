//! Training: from settings and images to a model, and to a run folder if there's to be one.
//!
//! [`fit`] is the short form, [`Trainer`] the long one. [`prepare`] finds everything that can be wrong
//! before anything is written; the loop is in `training`. It writes a [`Checkpoint`] after each epoch,
//! and resumes from one.

mod checkpoint;
mod divergence;
mod early_stopping;
mod error;
mod finish;
mod image_table;
mod opened;
mod optimizer;
#[cfg(feature = "cli")]
mod pictures;
#[cfg(not(feature = "cli"))]
#[path = "no_pictures.rs"]
mod pictures;
mod prepare;
mod saving;
mod snapshot;
mod start;
mod test_images;
mod trainer;
mod training;
mod weights_file;

use std::cell::Cell;
use std::sync::atomic::AtomicBool;

pub use checkpoint::{Checkpoint, CheckpointFault, Progress};
pub use early_stopping::EarlyStopping;
pub use error::{Divergence, TrainError};
pub use image_table::image_rows;
pub use opened::{DataPlaces, OpenedRun, open_model, open_run, prepare_again};
#[cfg(feature = "cli")]
pub(crate) use pictures::samples;
#[cfg(feature = "cli")]
pub(crate) use prepare::Shared;
pub use prepare::{Prepared, prepare};
pub use start::{resume_run, start_run};
pub use trainer::{Trainer, fit};

use crate::device::catch_panics;
use crate::error::with_causes;
use crate::host::block_on;
use crate::model::Model;
use crate::run::{EpochMetrics, RunDir, RunError, State, Status, Summary};
use crate::words::count;
use training::Training;

/// What a run tells while it trains.
pub trait Observer {
    /// An epoch begins; it has so many training images.
    fn epoch_started(&mut self, _epoch: usize, _images: usize) {}
    /// A step on so many images is done (on a GPU: enqueued), or those are that a checkpoint has of an epoch.
    fn step(&mut self, _images: usize) {}
    /// The images, by their places among all, whose reconstructions it wants to see after each epoch.
    fn shown(&self) -> Vec<u32> {
        Vec::new()
    }
    /// What an epoch makes of those: `[n, C, H, W]` in [0, 1].
    fn reconstructed(&mut self, _images: &[f32]) {}
    /// An epoch is finished, validation included.
    fn epoch_finished(&mut self, _metrics: &EpochMetrics, _best: bool) {}
    /// There are no more epochs; the best one's model is scored on the test images.
    fn judging(&mut self) {}
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Finished, early stopped or interrupted.
    pub state: State,
    /// What it came to; none if it was interrupted and can be resumed, or hadn't finished its first epoch.
    pub finished: Option<Finished>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Finished {
    /// With the weights of the epoch with the best validation loss.
    pub model: Model,
    /// Scores on the test images, PCA's beside them, times.
    pub summary: Summary,
}

/// Trains, into `run` if it's given, until the epochs are finished, early stopping ends them, or `stop`
/// is set. Without `run`, a training that is stopped after its first epoch is judged as it stands.
///
/// Where `run` holds a checkpoint, training resumes from it, to the same end as if it had never
/// stopped. `run` always tells how it stands: on an error its status is `failed`, with the reason.
///
/// # Errors
///
/// Where the loss diverges, the device fails, a file can't be written, or the checkpoint is damaged
/// or another run's.
pub fn train(
    prepared: &Prepared,
    run: Option<&RunDir>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    block_on(train_async(prepared, run, observer, stop))
}

/// As [`train`], without blocking while the device computes.
///
/// # Errors
///
/// As [`train`].
pub async fn train_async(
    prepared: &Prepared,
    run: Option<&RunDir>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    // What an earlier process trained counts even if its checkpoint can't be read.
    let earlier = run.and_then(|run| run.read_status().ok());
    let epochs = Cell::new(earlier.map_or(0, |status| status.epoch));
    let result = train_caught(prepared, run, observer, stop, &epochs).await;
    let result = result.map_err(|error| error.explained(prepared.config.training.batch_size));
    let Some(run) = run else {
        return result;
    };
    if matches!(result, Err(TrainError::Run(_))) && !run.path().exists() {
        let path = run.path().to_owned();
        return Err(RunError::Gone { path }.into());
    }
    let status = |state| Status::now(state, epochs.get());
    let written = run.write_status(&match &result {
        Ok(Outcome {
            state: State::EarlyStopped,
            ..
        }) => status(State::EarlyStopped).because(format!(
            "no better validation loss in {}",
            count(prepared.config.training.patience, "epoch")
        )),
        Ok(outcome) => status(outcome.state),
        Err(error) => {
            // Those that are kept: the one that failed may have been counted, and of a run that can't
            // be resumed none was.
            let kept = run.read_status();
            let kept = kept.map_or(epochs.get(), |status| status.epoch);
            Status::now(State::Failed, kept).because(with_causes(error))
        }
    });
    // What stopped the run is more to say than that the status couldn't be written, too.
    let outcome = result?;
    written?;
    Ok(outcome)
}

/// Trains; a panic of burn or a driver is an error, too. `epochs` always is how many are finished.
async fn train_caught(
    prepared: &Prepared,
    run: Option<&RunDir>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    epochs: &Cell<usize>,
) -> Result<Outcome, TrainError> {
    let caught = Caught(Box::pin(async {
        let mut training = Training::start(prepared, run, epochs)?;
        training.run(observer, stop).await
    }));
    caught.await.unwrap_or_else(|panic| {
        let batch_size = prepared.config.training.batch_size;
        Err(TrainError::from_panic(panic, batch_size))
    })
}

/// A future whose panic, in whichever step, is its result.
struct Caught<F>(std::pin::Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, crate::device::Panic>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        use std::task::Poll;
        match catch_panics(|| self.0.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
