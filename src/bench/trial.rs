//! Training in a process of its own, which tells how far it is: time counts from the start of the
//! process, as for a user, and memory is that of this training alone.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use chrono::Local;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::config::TrainConfig;
use crate::data::Watch;
use crate::model::{Autoencoder, evaluate};
use crate::run::{EpochMetrics, RunDir};
use crate::train::{Observer, Prepared, TrainError, prepare, train};

/// What a trial tells, as lines of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The model is there; it hasn't learnt yet.
    Start {
        /// Of the validation images.
        ssim: f64,
    },
    /// The first step is done; on a GPU, enqueued.
    FirstStep,
    /// An epoch is finished.
    Epoch {
        /// Of the validation images.
        ssim: f64,
        /// Trained on: without validation, but on a GPU, which is waited for once an epoch, with all of the epoch.
        images_per_second: f64,
    },
    /// Training images were restored.
    Inference {
        /// Encoded and decoded.
        images_per_second: f64,
    },
    /// The process is about to end.
    End {
        /// The most memory that it had, where the system tells.
        peak_bytes: Option<u64>,
    },
}

/// Trains by `config`, in a run folder below `runs`, and writes [`Event`]s to `output` until training ends. Where the
/// untrained model reaches `target` on the validation images, nothing is trained; whoever started the process ends it
/// where an epoch does.
///
/// # Errors
///
/// What stops training.
pub fn run(
    config: TrainConfig,
    runs: &Path,
    target: Option<f64>,
    output: &mut dyn Write,
) -> Result<(), TrainError> {
    let mut teller = Teller {
        output,
        has_stepped: false,
    };
    let prepared = prepare(config, &Watch::NONE)?;
    if let Some(target) = target {
        let model = prepared.untrained(prepared.device())?;
        let objective = prepared.objective();
        let validation = &prepared.split.validation;
        let scores = evaluate(&model, &objective, prepared.device_images(), validation)?;
        let ssim = scores.quality().ssim;
        teller.tell(Event::Start { ssim });
        if ssim >= target {
            return Ok(());
        }
    }
    let run = RunDir::create(runs, None, "trial", Local::now())?;
    train(&prepared, Some(&run), &mut teller, &AtomicBool::new(false))?;
    if target.is_none() {
        let model = prepared.untrained(prepared.device())?;
        let images_per_second = inference(&prepared, &model)?;
        teller.tell(Event::Inference { images_per_second });
    }
    teller.tell(Event::End {
        peak_bytes: peak_bytes(),
    });
    Ok(())
}

/// How many images a second are encoded and decoded, in batches as large as in training.
fn inference(prepared: &Prepared, model: &Autoencoder) -> Result<f64, TrainError> {
    /// Long enough for the timer.
    const SECONDS: f64 = 2.0;
    let Prepared { config, split, .. } = prepared;
    let objective = prepared.objective();
    let mut images = 0;
    let mut started = Instant::now();
    let mut is_warm = false;
    loop {
        for originals in prepared
            .device_images()
            .batches(&split.train, config.training.batch_size)?
        {
            let [size, ..] = originals.dims();
            // Reading waits for the device.
            drop(model.decode(objective.encode(model, originals)).into_data());
            images += size;
            if !is_warm {
                (is_warm, images, started) = (true, 0, Instant::now());
            }
            let seconds = started.elapsed().as_secs_f64();
            if seconds > SECONDS {
                #[expect(clippy::cast_precision_loss, reason = "a count of images")]
                return Ok(images as f64 / seconds);
            }
        }
    }
}

/// The largest resident set of this process. Linux tells it in kB.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}

struct Teller<'a> {
    output: &'a mut dyn Write,
    has_stepped: bool,
}

impl Teller<'_> {
    /// Whoever started the trial has gone if it can't be told, and ends it.
    fn tell(&mut self, event: Event) {
        let line = serde_json::to_string(&event).expect("events are JSON");
        let _ = writeln!(self.output, "{line}").and_then(|()| self.output.flush());
    }
}

impl Observer for Teller<'_> {
    fn step(&mut self, _: usize) {
        if !self.has_stepped {
            self.has_stepped = true;
            self.tell(Event::FirstStep);
        }
    }

    fn epoch_finished(&mut self, metrics: &EpochMetrics, _: bool) {
        self.tell(Event::Epoch {
            ssim: metrics.validation_ssim,
            images_per_second: metrics.images_per_second,
        });
    }
}

/// A trial in another process, which ends with this.
pub struct Trial {
    child: Child,
    /// Of the run, removed at the end.
    _folder: TempDir,
    lines: Receiver<String>,
    started: Instant,
}

impl Trial {
    /// Starts this program anew, to train by `config`.
    ///
    /// # Errors
    ///
    /// Where it can't be started.
    ///
    /// # Panics
    ///
    /// Never: its output was asked for.
    pub fn start(config: &TrainConfig, target: Option<f64>) -> std::io::Result<Self> {
        let folder = TempDir::with_prefix("trainer-bench-")?;
        let settings = folder.path().join("config.toml");
        std::fs::write(&settings, config.to_toml())?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["bench", "trial", "--runs"])
            .arg(folder.path());
        command.arg("--config").arg(&settings);
        if let Some(target) = target {
            command.arg("--target").arg(target.to_string());
        }
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().expect("it's piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            _folder: folder,
            lines,
            started,
        })
    }

    /// The next event, and the seconds from the start of the process to it; none where the process has
    /// ended, or where there's none within `cap` of the start.
    pub fn next(&mut self, cap: Duration) -> Option<(f64, Event)> {
        let left = cap.saturating_sub(self.started.elapsed());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                let seconds = self.started.elapsed().as_secs_f64();
                let event = serde_json::from_str(&line).ok()?;
                Some((seconds, event))
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Whether `cap` has passed since the start.
    #[must_use]
    pub fn is_late(&self, cap: Duration) -> bool {
        self.started.elapsed() >= cap
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
