//! [`RunRecord`]: everything that the small files of a run folder say, as far as they can be read.
//!
//! Every command that shows runs reads them here, so that a damaged run is described in the same words
//! everywhere. A file of another version may lack settings or columns, or have more of them: that is
//! no damage.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use serde::Serialize;

use super::discover::holds_run;
use super::error::in_one_line;
use super::{EpochMetrics, Meta, RunDir, RunError, State, Status, Summary, Writer};
use crate::path_text::path_text;
use crate::words::count;

/// A run, as its folder describes it. Checkpoints aren't read, and of pictures and `test.csv` only as much
/// as shows most damage.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// The folder's name, as text (see [`path_text`](crate::path_text)).
    pub name: String,
    /// The folder.
    pub path: PathBuf,
    /// Whether the run is alive, or how it ended.
    pub state: RunState,
    /// `config.toml`, whatever version's settings it has.
    pub config: Option<toml::Table>,
    /// Those settings that lists of runs show.
    pub settings: ListedSettings,
    /// `meta.json`, under what circumstances the run was made.
    pub meta: Option<Meta>,
    /// `status.json`.
    pub status: Option<Status>,
    /// `summary.json`, the result; none before the end, nor once the run was trained longer than that.
    pub summary: Option<Summary>,
    /// `metrics.csv`; empty before the end of the first epoch.
    pub history: Vec<EpochMetrics>,
    /// What is missing or damaged, one line each.
    pub problems: Vec<String>,
}

/// Whether a run is alive, or how it ended: what `status.json` says, as far as it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process trains or evaluates it.
    Running,
    /// All epochs were trained.
    Finished,
    /// Ended before the last epoch because validation stopped improving.
    EarlyStopped,
    /// The user stopped it; it can be resumed.
    Interrupted,
    /// An error ended it.
    Failed,
    /// It says that it is running, but no process holds its lock.
    Killed,
    /// It says that it is running, and whether a process writes it can't be told: its file system has no
    /// locks.
    Unknown,
    /// `status.json` is missing or can't be read.
    Damaged,
}

impl RunState {
    /// As in JSON, such as `early_stopped`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::EarlyStopped => "early_stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Unknown => "unknown",
            Self::Damaged => "damaged",
        }
    }

    /// Whether the run has come to its end, so that it has a summary.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Finished | Self::EarlyStopped)
    }

    fn of(state: State, writer: Writer) -> Self {
        match state {
            State::Running => match writer {
                Writer::Alive => Self::Running,
                Writer::None => Self::Killed,
                Writer::Unknown => Self::Unknown,
            },
            State::Finished => Self::Finished,
            State::EarlyStopped => Self::EarlyStopped,
            State::Interrupted => Self::Interrupted,
            State::Failed => Self::Failed,
        }
    }
}

/// The settings that lists of runs show; none where `config.toml` lacks one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedSettings {
    /// The architecture.
    pub arch: Option<String>,
    /// Numbers in the code of one image.
    pub latent_dim: Option<usize>,
    /// What was minimised.
    pub loss: Option<String>,
    /// The backend that computed.
    pub backend: Option<String>,
    /// Epochs planned.
    pub epochs: Option<usize>,
}

/// The best value of each measure over the epochs, which may be of different epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BestValidation {
    /// The highest mean SSIM.
    pub ssim: Option<f64>,
    /// The highest mean PSNR, in dB.
    pub psnr: Option<f64>,
    /// The lowest loss.
    pub loss: Option<f64>,
}

impl RunRecord {
    /// Reads the run in the folder `path`. What can't be read is one of the record's
    /// [`problems`](Self::problems); of a run of a newer version nothing is read.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        if let Err(error) = holds_run(path) {
            return Self::unread(path, format!("the folder can't be read: {error}"));
        }
        let mut record = Self::empty(path);
        let run = RunDir::at(path);
        if let Err(error) = run.check_links().and_then(|()| run.check_version()) {
            record.problems.push(error.in_one_line());
            return record;
        }
        record.read_config(&run);
        record.meta = record.keep(run.read_meta());
        record.read_status(&run);
        let has_epochs = record.status.as_ref().is_some_and(|status| {
            // Version 0.1 counted the epoch in which a run failed.
            status.epoch > usize::from(status.state == State::Failed)
        });
        if (has_epochs || is_there(&run.metrics_path()))
            && let Some(history) = record.keep(run.read_metrics())
        {
            record.history = history;
            record.check_epochs();
        }
        if record.state.is_complete() || is_there(&run.summary_path()) {
            record.summary = record.keep(run.read_summary());
            record.check_summary();
        }
        record.problems.extend(run.faults_at_a_glance());
        record
    }

    /// The record of a folder in which nothing is read, for this reason.
    fn unread(path: &Path, problem: String) -> Self {
        Self {
            problems: vec![problem],
            ..Self::empty(path)
        }
    }

    fn empty(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            name: path_text(name),
            path: path.to_owned(),
            state: RunState::Damaged,
            config: None,
            settings: ListedSettings::default(),
            meta: None,
            status: None,
            summary: None,
            history: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn read_config(&mut self, run: &RunDir) {
        let Some(text) = self.keep(run.read_config()) else {
            return;
        };
        match toml::from_str::<toml::Table>(&text) {
            Ok(table) => {
                self.settings = ListedSettings::of(&table, &mut self.problems);
                self.config = Some(table);
            }
            Err(error) => self.problems.push(in_one_line("config.toml", &error)),
        }
    }

    fn read_status(&mut self, run: &RunDir) {
        // Asked first: a run that ends in between has written its status by then.
        let writer = run.writer();
        if writer == Writer::Alive && !is_there(&run.status_path()) {
            // Version 0.1 prepares a run without.
            self.state = RunState::Running;
            return;
        }
        self.status = self.keep(run.read_status());
        if let Some(status) = &self.status {
            self.state = RunState::of(status.state, writer);
        }
    }

    /// The table of a run that has ended has all of its epochs; it's behind the status, or before it, while
    /// the run goes on.
    fn check_epochs(&mut self) {
        let rows = self.history.len();
        if let Some(status) = &self.status
            && self.state.is_complete()
            && rows != status.epoch
        {
            let epochs = count(status.epoch, "epoch");
            let problem = format!("metrics.csv has {rows} of the run's {epochs}");
            self.problems.push(problem);
        }
    }

    /// Drops the summary of the run's shorter self, which was resumed since, and one whose numbers can't be a run's,
    /// however they came into it.
    fn check_summary(&mut self) {
        /// Of seconds, thirty years; of decibels, far more than 64 bits can tell apart.
        const MOST: f64 = 1e9;
        let Some(summary) = &self.summary else {
            return;
        };
        let qualities = [
            Some(&summary.test),
            summary.pca.as_ref().map(|pca| &pca.test),
        ];
        let scores = qualities
            .into_iter()
            .flatten()
            .flat_map(|it| [it.ssim, it.psnr, it.mse]);
        // Other versions may have written infinite ones.
        let is_absurd = |value: f64| value.is_finite() && value.abs() > MOST;
        let seconds = summary.seconds.total;
        if scores.into_iter().any(is_absurd) || !(0.0..=MOST).contains(&seconds) {
            self.problems
                .push("summary.json: it has numbers that no run can have".to_owned());
            self.summary = None;
        } else if summary.epochs < self.history.len() {
            self.summary = None;
        }
    }

    /// The value, or none and one more problem.
    fn keep<T>(&mut self, result: Result<T, RunError>) -> Option<T> {
        result
            .map_err(|error| self.problems.push(error.in_one_line()))
            .ok()
    }

    /// When the run began, or else when it last wrote its status.
    #[must_use]
    pub fn started(&self) -> Option<DateTime<Local>> {
        let meta = self.meta.as_ref().map(|meta| meta.started);
        meta.or_else(|| self.status.as_ref().map(|status| status.updated))
    }

    /// Seconds of training so far, or of the whole run once it is complete.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        match &self.summary {
            Some(summary) => summary.seconds.total,
            None => self.history.iter().map(|row| row.seconds).sum(),
        }
    }

    /// The best validation scores of any epoch.
    #[must_use]
    pub fn best_validation(&self) -> BestValidation {
        let history = &self.history;
        BestValidation {
            ssim: greatest(history.iter().map(|row| row.validation_ssim)),
            psnr: greatest(history.iter().map(|row| row.validation_psnr)),
            loss: greatest(history.iter().map(|row| -row.validation_loss)).map(|loss| -loss),
        }
    }
}

impl ListedSettings {
    /// A setting of the wrong type is a problem, and the others are read all the same.
    fn of(table: &toml::Table, problems: &mut Vec<String>) -> Self {
        let mut wrong = |key: &str, expected: &str, value: &toml::Value| {
            let found = value.type_str();
            problems.push(format!(
                "config.toml: {key}: expected {expected}, found {found}"
            ));
        };
        let mut text = |key: &str| {
            let value = table.get(key)?;
            let text = value.as_str().map(str::to_owned);
            if text.is_none() {
                wrong(key, "string", value);
            }
            text
        };
        let [arch, loss, backend] = ["arch", "loss", "backend"].map(&mut text);
        let mut count = |key: &str| {
            let value = table.get(key)?;
            let count = value
                .as_integer()
                .and_then(|number| usize::try_from(number).ok());
            if count.is_none() {
                wrong(key, "whole number from 0", value);
            }
            count
        };
        let [latent_dim, epochs] = ["latent_dim", "epochs"].map(&mut count);
        Self {
            arch,
            latent_dim,
            loss,
            backend,
            epochs,
        }
    }
}

/// Whether there is something of that name, be it unreadable or a link to nowhere.
fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// The greatest finite number.
fn greatest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values
        .filter(|value| value.is_finite())
        .max_by(f64::total_cmp)
}
