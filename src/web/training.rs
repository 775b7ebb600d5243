//! Training in a tab, as natively: what differs is who is told of it, and that it can pause.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use js_sys::{Function, Uint8Array};
use serde::Deserialize;
use serde_json::{Value, json};
use trainer::Device;
use trainer::TrainConfig;
use trainer::config::{DataConfig, OnNan};
use trainer::data::DataError;
use trainer::image::to_levels;
use trainer::metrics::evaluate_pca;
use trainer::model::{Architecture, parameters};
use trainer::run::EpochMetrics;
use trainer::train::{Finished, Observer, Prepared, TrainError, train_async};
use wasm_bindgen::prelude::*;

use crate::model::Model;
use crate::pictures::Pictures;
use crate::{Outcome, selected};

/// Reconstructions that are shown while training goes on.
const SHOWN: usize = 10;

thread_local! {
    static PAUSED: Cell<bool> = const { Cell::new(false) };
    /// The training that waits for its pause to end.
    static WAITING: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Whether training is to end with what it has.
static FINISH: AtomicBool = AtomicBool::new(false);

/// Stops training for a while.
#[wasm_bindgen]
pub fn pause() {
    PAUSED.set(true);
}

/// Goes on with it.
#[wasm_bindgen]
pub fn resume() {
    PAUSED.set(false);
    if let Some(waiting) = WAITING.take() {
        waiting.wake();
    }
}

/// Ends training after its current step, with the best epoch so far.
#[wasm_bindgen]
pub fn finish() {
    FINISH.store(true, Ordering::Relaxed);
    resume();
}

/// A future that rests while [`PAUSED`] is set.
struct Pausable<F>(Pin<Box<F>>);

impl<F: Future> Future for Pausable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<F::Output> {
        if PAUSED.get() {
            WAITING.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        self.0.as_mut().poll(context)
    }
}

/// What a visitor chooses; the rest is the architecture's.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    arch: Architecture,
    latent_dim: Option<usize>,
    loss: Option<String>,
    epochs: Option<usize>,
    refine: Option<usize>,
    seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            arch: Architecture::default(),
            latent_dim: None,
            loss: None,
            epochs: None,
            refine: None,
            seed: TrainConfig::default().training.seed,
        }
    }
}

impl Settings {
    fn config(self, pictures: &Pictures) -> Outcome<TrainConfig> {
        let mut config = TrainConfig::for_arch(self.arch);
        let options = pictures.options();
        config.data = DataConfig {
            channels: options.channels,
            size: options.size,
            fit: options.fit,
            background: options.background,
            ..DataConfig::default()
        };
        config.output.pca = true;
        let training = &mut config.training;
        training.seed = self.seed;
        // Nobody can resume it with another learning rate.
        training.on_nan = OnNan::Rollback;
        if let Some(loss) = self.loss {
            training.loss = loss.parse()?;
        }
        training.epochs = self.epochs.unwrap_or(training.epochs);
        training.refine = self.refine.unwrap_or(training.refine);
        config.model.latent_dim = self.latent_dim.unwrap_or(config.model.latent_dim);
        Ok(config)
    }
}

/// The architectures, their defaults, and losses to choose from.
#[wasm_bindgen]
#[must_use]
pub fn choices() -> String {
    let architectures = [
        (
            Architecture::Linear,
            "one dense layer on each side, improved image by image: quick, and good from the start",
        ),
        (
            Architecture::Baseline,
            "a convolution and a dense layer on each side",
        ),
        (
            Architecture::Modified,
            "two convolutions on each side, twice the latent values",
        ),
        (
            Architecture::Residual,
            "residual blocks: the best codes in one pass, for a GPU with some time",
        ),
    ];
    let defaults = architectures.map(|(arch, _)| {
        let config = TrainConfig::for_arch(arch);
        let defaults = json!({
            "latent_dim": config.model.latent_dim,
            "loss": config.training.loss,
            "epochs": config.training.epochs,
            "refine": config.training.refine,
        });
        (arch.name().to_owned(), defaults)
    });
    let architectures =
        architectures.map(|(arch, words)| json!({ "name": arch.name(), "words": words }));
    json!({
        "architectures": architectures,
        "losses": ["ssim+psnr", "ssim+mse", "ssim", "bce", "mse", "l1"],
        "defaults": defaults.into_iter().collect::<serde_json::Map<String, Value>>(),
    })
    .to_string()
}

/// Tells the page's function of each event: `(json, bytes or undefined)`.
struct Reports {
    function: Function,
    shown: Vec<u32>,
    /// What the epoch makes of those, as bytes.
    reconstructed: Vec<u8>,
}

impl Reports {
    fn tell(&self, event: Value, bytes: &[u8]) {
        let event = JsValue::from(event.to_string());
        let bytes = if bytes.is_empty() {
            JsValue::UNDEFINED
        } else {
            Uint8Array::from(bytes).into()
        };
        // A page that fails to show something doesn't end the training.
        let _ = self.function.call2(&JsValue::NULL, &event, &bytes);
    }
}

impl Observer for Reports {
    fn epoch_started(&mut self, epoch: usize, images: usize) {
        let event = json!({ "kind": "epoch_started", "epoch": epoch, "images": images });
        self.tell(event, &[]);
    }

    fn step(&mut self, images: usize) {
        self.tell(json!({ "kind": "step", "images": images }), &[]);
    }

    fn shown(&self) -> Vec<u32> {
        self.shown.clone()
    }

    fn reconstructed(&mut self, images: &[f32]) {
        self.reconstructed = to_levels(images);
    }

    fn epoch_finished(&mut self, metrics: &EpochMetrics, best: bool) {
        let event = json!({ "kind": "epoch", "best": best, "metrics": metrics });
        self.tell(event, &self.reconstructed);
    }

    fn judging(&mut self) {
        self.tell(json!({ "kind": "judging" }), &[]);
    }
}

/// Trains on pictures with `settings`, JSON, and calls `report` as it goes on.
///
/// # Errors
///
/// Where a setting is out of range or doesn't go with the pictures, the loss diverges, the device fails, or training is
/// to finish before its first epoch has.
#[wasm_bindgen]
pub async fn train(pictures: &Pictures, settings: &str, report: Function) -> Outcome<Trained> {
    let settings: Settings = serde_json::from_str(settings)?;
    let config = settings.config(pictures)?;
    let prepared = Prepared::new(config, pictures.images()?.clone(), selected()?);
    let prepared = prepared.map_err(|error| match error {
        TrainError::Data(DataError::EmptySplit { images, .. }) => JsError::new(&format!(
            "{images} different pictures are too few: a tenth of them checks the model, and another tenth tests \
             it. Take 20 or more"
        )),
        error => error.into(),
    })?;
    let shown = trainer::data::thinned(&prepared.split.validation, SHOWN);
    let mut reports = Reports {
        function: report,
        reconstructed: Vec::new(),
        shown,
    };
    reports.tell(
        prepared_event(&prepared)?,
        &prepared.images.of_rows(&reports.shown),
    );
    FINISH.store(false, Ordering::Relaxed);
    PAUSED.set(false);
    let training = train_async(&prepared, None, &mut reports, &FINISH);
    let outcome = Pausable(Box::pin(training)).await?;
    let finished = outcome
        .finished
        .ok_or_else(|| JsError::new("training ended before its first epoch: there is no model"))?;
    Ok(Trained {
        finished,
        state: serde_json::to_value(outcome.state)?,
    })
}

/// What is known before the first step.
fn prepared_event(prepared: &Prepared) -> Outcome<Value> {
    let Prepared {
        config,
        images,
        split,
        design,
        ..
    } = prepared;
    let pca = evaluate_pca(
        prepared.pca()?,
        images,
        &split.validation,
        &config.training.ssim_preset.config(),
        &Device::flex(),
    )?
    .quality();
    Ok(json!({
        "kind": "prepared",
        "shape": images.shape(),
        "parameters": parameters(design, config.model.latent_dim),
        "train": split.train.len(),
        "validation": split.validation.len(),
        "test": split.test.len(),
        "pca": pca,
    }))
}

/// What a training came to.
#[wasm_bindgen]
pub struct Trained {
    finished: Finished,
    state: Value,
}

#[wasm_bindgen]
impl Trained {
    /// Scores on the test images, beside PCA's.
    #[must_use]
    pub fn summary(&self) -> String {
        let summary = &self.finished.summary;
        json!({
            "state": self.state,
            "best_epoch": summary.best_epoch,
            "test": summary.test,
            "pca": summary.pca.as_ref().map(|pca| &pca.test),
            "parameters": summary.parameters,
            "seconds": summary.seconds.total,
        })
        .to_string()
    }

    /// The model, ready for use.
    #[must_use]
    pub fn model(&self) -> Model {
        Model::new(self.finished.model.clone())
    }
}
