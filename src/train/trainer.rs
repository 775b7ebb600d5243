//! Training as a library's user meets it: [`fit`], and [`Trainer`] for more than that.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

use super::{Observer, Outcome, Prepared, TrainError, start_run, train};
use crate::config::TrainConfig;
use crate::data::Images;
use crate::device::SelectedDevice;
use crate::model::Model;

/// Trains on `images`, in memory, and gives the model with the best validation loss.
///
/// The settings' groups `device` and `output` don't count here: the device is given, and nothing is
/// written.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use trainer::{Device, Images, TrainConfig, train};
///
/// let images = Images::fashion_mnist(&"trouser".parse()?)?;
/// let mut config = TrainConfig::default();
/// config.data.limit = Some(100);
/// config.model.latent_dim = 8;
/// config.training.epochs = 1;
/// let model = train::fit(&config, &images, &Device::flex())?;
/// assert_eq!(model.encode(&images)?.dims(), [7_000, 8]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Where a setting is out of range or doesn't go with the images, the loss diverges, or the device
/// fails.
///
/// # Panics
///
/// Never: only [`Trainer::stop_when`] can interrupt training.
pub fn fit(config: &TrainConfig, images: &Images, device: &Device) -> Result<Model, TrainError> {
    let mut config = config.clone();
    // Nobody would see it.
    config.output.pca = false;
    let outcome = Trainer::new(config).fit(images, device)?;
    Ok(outcome.finished.expect("nothing stops it").model)
}

/// Training with a run folder, an observer, or a way to stop it.
pub struct Trainer<'a> {
    config: TrainConfig,
    runs: Option<PathBuf>,
    observer: Option<&'a mut dyn Observer>,
    stop: Option<&'a AtomicBool>,
}

impl<'a> Trainer<'a> {
    /// Training with these settings, in memory.
    #[must_use]
    pub fn new(config: TrainConfig) -> Self {
        Self {
            config,
            runs: None,
            observer: None,
            stop: None,
        }
    }

    /// Keeps the run in a new folder below `runs`, which is made if it isn't there.
    #[must_use]
    pub fn run_dir(mut self, runs: impl AsRef<Path>) -> Self {
        self.runs = Some(runs.as_ref().to_owned());
        self
    }

    /// Tells `observer` of each step and epoch.
    #[must_use]
    pub fn observe(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Ends training after the step in which `stop` is set; in memory, with the best epoch so far.
    #[must_use]
    pub fn stop_when(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Trains on `images`.
    ///
    /// # Errors
    ///
    /// As [`fit`], and where the run folder can't be written.
    pub fn fit(self, images: &Images, device: &Device) -> Result<Outcome, TrainError> {
        let selected = SelectedDevice::given(device.clone());
        let prepared = Prepared::new(self.config, images.clone(), selected)?;
        let run = match &self.runs {
            Some(runs) => Some(start_run(&prepared, runs, None)?),
            None => None,
        };
        let never = AtomicBool::new(false);
        let stop = self.stop.unwrap_or(&never);
        let mut silent = Silent;
        let observer = self.observer.unwrap_or(&mut silent);
        train(&prepared, run.as_ref(), observer, stop)
    }
}

/// Tells nobody.
struct Silent;

impl Observer for Silent {}
