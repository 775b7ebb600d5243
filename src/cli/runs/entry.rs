//! What the small files of a run folder say, as far as they can be read.

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use serde::{Deserialize, Serialize};

use crate::run::{EpochMetrics, Meta, RunDir, RunError, State, Status, Summary};

/// A run folder. Checkpoints and pictures aren't looked at.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Entry {
    /// The folder's name.
    pub name: String,
    pub path: PathBuf,
    /// It says that it is running, and no process writes it.
    pub killed: bool,
    pub config: Option<toml::Table>,
    pub meta: Option<Meta>,
    pub status: Option<Status>,
    pub summary: Option<Summary>,
    /// Epochs in `metrics.csv`.
    pub epochs: usize,
    pub best_validation: Best,
    /// Of training so far, or of all of the run once it is finished.
    pub seconds: f64,
    /// Files that are missing or damaged.
    pub problems: Vec<String>,
    #[serde(skip)]
    pub settings: Option<Settings>,
    #[serde(skip)]
    pub history: Vec<EpochMetrics>,
}

/// The best value that any epoch has reached, each for itself.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Best {
    pub ssim: Option<f64>,
    pub psnr: Option<f64>,
    pub loss: Option<f64>,
}

/// The settings that a list shows. What else is in the file may be another version's.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Settings {
    pub arch: String,
    pub latent_dim: Option<usize>,
    pub loss: String,
    pub backend: String,
    pub epochs: usize,
}

impl Entry {
    /// Reads the run in the folder `path`; none if nothing in it is a run's.
    pub fn read(path: &Path) -> Option<Self> {
        let run = match RunDir::open(path) {
            Ok(run) => run,
            Err(RunError::Newer { version, .. }) => {
                return Some(Self::of(
                    path,
                    vec![format!("of trainer {version}, which is newer")],
                ));
            }
            Err(_) => {
                // What a run without its settings leaves.
                let remains = ["status.json", "meta.json", "metrics.csv"];
                let found = remains.iter().any(|file| path.join(file).is_file());
                return found.then(|| Self::of(path, vec!["no config.toml".to_owned()]));
            }
        };
        let mut entry = Self::of(path, Vec::new());
        let problems = &mut entry.problems;

        let config = run.read_config();
        if let Some(text) = keep(config, problems) {
            match toml::from_str::<toml::Table>(&text) {
                Ok(table) => {
                    match table.clone().try_into() {
                        Ok(settings) => entry.settings = Some(settings),
                        Err(error) => problems.push(in_one_line("config.toml", &error)),
                    }
                    entry.config = Some(table);
                }
                Err(error) => problems.push(in_one_line("config.toml", &error)),
            }
        }
        entry.meta = keep(run.read_meta(), problems);
        entry.status = keep(run.read_status(), problems);
        let state = entry.status.as_ref().map(|status| status.state);
        let any_epoch = entry.status.as_ref().is_some_and(|status| status.epoch > 0);
        if any_epoch || run.metrics_path().exists() {
            entry.history = keep(run.read_metrics(), problems).unwrap_or_default();
        }
        let concluded = matches!(state, Some(State::Finished | State::EarlyStopped));
        if concluded || run.summary_path().exists() {
            entry.summary = keep(run.read_summary(), problems);
        }

        let history = &entry.history;
        entry.epochs = history.len();
        entry.best_validation = Best {
            ssim: greatest(history.iter().map(|row| row.validation_ssim)),
            psnr: greatest(history.iter().map(|row| row.validation_psnr)),
            loss: greatest(history.iter().map(|row| -row.validation_loss)).map(|loss| -loss),
        };
        entry.seconds = match &entry.summary {
            Some(summary) => summary.seconds.total,
            None => history.iter().map(|row| row.seconds).sum(),
        };
        entry.killed = state == Some(State::Running) && !run.is_in_use();
        Some(entry)
    }

    fn of(path: &Path, problems: Vec<String>) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            name: name.to_string_lossy().into_owned(),
            path: path.to_owned(),
            killed: false,
            config: None,
            meta: None,
            status: None,
            summary: None,
            epochs: 0,
            best_validation: Best {
                ssim: None,
                psnr: None,
                loss: None,
            },
            seconds: 0.0,
            problems,
            settings: None,
            history: Vec::new(),
        }
    }

    /// When it began, or else when it last gave a sign of life.
    pub fn started(&self) -> Option<DateTime<Local>> {
        let meta = self.meta.as_ref().map(|meta| meta.started);
        meta.or_else(|| self.status.as_ref().map(|status| status.updated))
    }
}

/// The greatest finite number.
fn greatest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values
        .filter(|value| value.is_finite())
        .max_by(f64::total_cmp)
}

/// The value, or none and a problem more.
fn keep<T>(result: Result<T, RunError>, problems: &mut Vec<String>) -> Option<T> {
    result
        .map_err(|error| {
            problems.push(match &error {
                RunError::Read { path, source } if source.kind() == ErrorKind::NotFound => {
                    format!("no {}", file_name(path))
                }
                RunError::Read { path, source } => in_one_line(&file_name(path), source),
                RunError::Parse { path, source, .. } => {
                    in_one_line(&file_name(path), source.as_ref())
                }
                error => error.to_string(),
            });
        })
        .ok()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// TOML's errors show the line in question, and point at a place in it.
fn in_one_line(file: &str, error: &dyn Error) -> String {
    let message = error.to_string();
    let first = message.lines().next().unwrap_or_default();
    let last = message.lines().rfind(|line| !line.trim().is_empty());
    match last.filter(|last| *last != first) {
        Some(last) => format!("{file}: {first}: {}", last.trim()),
        None => format!("{file}: {first}"),
    }
}
