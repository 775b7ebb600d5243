//! Checkpoints: all that a run needs to resume as if it had never stopped, in one file.
//!
//! ```text
//! magic, format version (u32)
//! five parts, each its length (u64) and its bytes:
//!   progress    TOML   Progress
//!   config      TOML   the settings it was made with
//!   weights     safetensors
//!   best        safetensors   the weights of the best epoch; empty if they are the weights above, or
//!                             if no epoch is finished
//!   optimizer   its moments
//! SHA-256 of everything before
//! ```
//!
//! Numbers are little-endian. A file is written whole or not at all, and the one before it is kept
//! until the next, so that a run that was killed, or whose newest file was damaged, has one to
//! resume from; and that of the last epoch's end, to return to when the loss diverges.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EarlyStopping, TrainError};
use crate::config::{Role, TrainConfig, TrainingConfig};
use crate::run::{EpochMetrics, RunDir, RunError, check_regular, write_atomically};

const MAGIC: &[u8; 16] = b"trainer ckpt\r\n\x1a\n";
/// Raised whenever other versions couldn't resume from a file.
const VERSION: u32 = 2;
/// Files that are kept.
const KEPT: usize = 2;
const CHECKSUM: usize = 32;

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimizer steps since the start of the run.
    pub step: usize,
    /// How often the run went back to an earlier checkpoint; each time the learning rate is halved.
    pub rollbacks: usize,
    /// Seconds of training since the start of the run.
    pub seconds: f64,
    /// Of those, in the current epoch.
    pub epoch_seconds: f64,
    /// The SHA-256 of the images.
    pub dataset: String,
    /// The training losses of the current epoch, one a step.
    pub losses: Vec<f64>,
    /// When to stop.
    pub early_stopping: EarlyStopping,
    /// The epochs that are finished.
    #[serde(default)]
    pub history: Vec<EpochMetrics>,
}

impl Progress {
    /// What changes where a run goes on with other settings: more epochs are waited for anew.
    pub(super) fn adapt(&mut self, before: &TrainingConfig, now: &TrainingConfig) {
        if now.epochs > before.epochs {
            self.early_stopping.wait_again();
        }
    }

    /// The step at which the last finished epoch ended; 0 before the first one's end.
    fn last_epoch_end(&self) -> usize {
        self.history.last().map_or(0, |row| row.step)
    }
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// How far it has come.
    pub progress: Progress,
    /// The settings it was made with, in TOML.
    pub config: String,
    /// The model's weights, as a safetensors file.
    pub weights: Vec<u8>,
    /// The weights of the best epoch, as a safetensors file; empty where they are `weights`, or where no
    /// epoch is finished.
    pub best: Vec<u8>,
    /// The optimizer's state.
    pub optimizer: Vec<u8>,
}

/// What is wrong with a checkpoint's file.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFault {
    /// It can't be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// It doesn't begin as one.
    #[error("it isn't a checkpoint")]
    NotOne,
    /// Its checksum is wrong.
    #[error("it is cut off or damaged: its checksum is wrong")]
    Damaged,
    /// A newer version of this program wrote it.
    #[error(
        "a newer version of trainer wrote it (format {0}, this one knows {VERSION}); update trainer"
    )]
    Newer(u32),
    /// An older version of this program wrote it.
    #[error(
        "an older version of trainer wrote it (format {0}, this one knows {VERSION}); resume the run \
         with that version, or start a new one"
    )]
    Older(u32),
    /// Its checksum is right, and yet it can't be understood.
    #[error("its {0} can't be understood")]
    Malformed(&'static str),
}

impl Checkpoint {
    /// The file's content.
    ///
    /// # Panics
    ///
    /// Never: numbers and strings have a form in TOML.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let progress = toml::to_string(&self.progress).expect("numbers and strings");
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        for part in [
            progress.as_bytes(),
            self.config.as_bytes(),
            &self.weights,
            &self.best,
            &self.optimizer,
        ] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    }

    /// The checkpoint that [`to_bytes`](Self::to_bytes) made these bytes of.
    ///
    /// # Errors
    ///
    /// Where a byte has changed, or they are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointFault> {
        if !bytes.starts_with(MAGIC) {
            return Err(CheckpointFault::NotOne);
        }
        let (content, checksum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .ok_or(CheckpointFault::Damaged)?;
        if *Sha256::digest(content) != *checksum {
            return Err(CheckpointFault::Damaged);
        }
        let mut parts = Parts(content.get(MAGIC.len()..).ok_or(CheckpointFault::Damaged)?);
        let version = parts.number().map(u32::from_le_bytes);
        match version.ok_or(CheckpointFault::Malformed("version"))? {
            VERSION => {}
            older if older < VERSION => return Err(CheckpointFault::Older(older)),
            newer => return Err(CheckpointFault::Newer(newer)),
        }
        let mut part = |name| parts.part().ok_or(CheckpointFault::Malformed(name));
        let text = |bytes: &[u8], name| {
            String::from_utf8(bytes.to_vec()).map_err(|_| CheckpointFault::Malformed(name))
        };
        let progress = text(part("progress")?, "progress")?;
        Ok(Self {
            progress: toml::from_str(&progress)
                .map_err(|_| CheckpointFault::Malformed("progress"))?,
            config: text(part("config")?, "config")?,
            weights: part("weights")?.to_vec(),
            best: part("best weights")?.to_vec(),
            optimizer: part("optimizer")?.to_vec(),
        })
    }

    /// Writes it into `run`, and removes later ones, which the run has turned back from, and all older ones but the one
    /// before and that of the last epoch's end.
    ///
    /// # Errors
    ///
    /// Where it can't be written, all others being there still, or a later one can't be removed.
    pub fn save(&self, run: &RunDir) -> Result<(), RunError> {
        let own = run.checkpoint(self.progress.step);
        write_atomically(&own, &self.to_bytes())?;
        let checkpoints = run.checkpoints_by_age()?.into_iter();
        for path in checkpoints.filter(|path| *path > own) {
            std::fs::remove_file(&path).map_err(|source| RunError::Write { path, source })?;
        }
        let epoch_end = run.checkpoint(self.progress.last_epoch_end());
        for old in run.checkpoints_by_age()?.iter().skip(KEPT) {
            if *old != epoch_end {
                // One too many does no harm.
                let _ = std::fs::remove_file(old);
            }
        }
        Ok(())
    }

    /// The one of the last epoch's end before this one, with its file; none where that isn't there, or can't be read.
    pub(super) fn of_last_epoch(&self, run: &RunDir) -> Option<(PathBuf, Self)> {
        let path = run.checkpoint(self.progress.last_epoch_end());
        let checkpoint = read(&path).ok()?;
        Some((path, checkpoint))
    }

    /// Forgets how often the newest checkpoint of `run` had its learning rate halved, since another was given.
    ///
    /// # Errors
    ///
    /// As [`newest`](Self::newest), and where it can't be written.
    pub fn forget_rollbacks(run: &RunDir) -> Result<(), TrainError> {
        if let Some((_, mut checkpoint)) = Self::newest(run)?
            && checkpoint.progress.rollbacks > 0
        {
            checkpoint.progress.rollbacks = 0;
            checkpoint.save(run)?;
        }
        Ok(())
    }

    /// The newest one of `run` that is whole, with its file; None if there's no file at all.
    ///
    /// # Errors
    ///
    /// Where all are damaged, or the newest is of another version.
    pub fn newest(run: &RunDir) -> Result<Option<(PathBuf, Self)>, TrainError> {
        let mut faults = Vec::new();
        for path in run.checkpoints_by_age()? {
            match read(&path) {
                Ok(checkpoint) => {
                    for fault in faults {
                        tracing::warn!("{fault}; resuming from {} instead", path.display());
                    }
                    return Ok(Some((path, checkpoint)));
                }
                Err(fault) => {
                    if matches!(fault, CheckpointFault::Newer(_) | CheckpointFault::Older(_)) {
                        let fault = fault.to_string();
                        return Err(TrainError::OtherVersion { path, fault });
                    }
                    faults.push(format!("{}: {fault}", path.display()));
                }
            }
        }
        if faults.is_empty() {
            return Ok(None);
        }
        Err(TrainError::NoCheckpoint {
            faults: faults.join("; "),
        })
    }

    /// Whether a run with these settings and images can be resumed from here.
    ///
    /// # Errors
    ///
    /// The first setting with which it can't.
    pub fn check(
        &self,
        path: &Path,
        config: &TrainConfig,
        dataset: &str,
    ) -> Result<(), TrainError> {
        let differs = |what: String| TrainError::OtherRun {
            path: path.to_owned(),
            what,
        };
        if self.progress.dataset != dataset {
            return Err(differs("the images are others now".to_owned()));
        }
        let parse = |text: &str| toml::from_str::<toml::Table>(text).unwrap_or_default();
        // Settings that it is older than have their defaults.
        let then = match TrainConfig::from_toml(path, &self.config) {
            Ok(then) => then.to_toml(),
            Err(_) => self.config.clone(),
        };
        let [then, now] = [then, config.to_toml()].map(|text| parse(&text));
        let decide = |key: &&String| !Role::of(key).is_some_and(Role::may_change);
        for key in then.keys().chain(now.keys()).filter(decide) {
            if then.get(key) != now.get(key) {
                let word = |table: &toml::Table| match table.get(key) {
                    Some(value) => format!("{key} = {value}"),
                    None => format!("no {key}"),
                };
                let (then, now) = (word(&then), word(&now));
                return Err(differs(format!(
                    "it was made with {then}, and config.toml has {now}"
                )));
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Checkpoint, CheckpointFault> {
    check_regular(path)?;
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    // The beginning first: what isn't a checkpoint may be of any size.
    file.by_ref()
        .take(MAGIC.len() as u64)
        .read_to_end(&mut bytes)?;
    if bytes != MAGIC {
        return Err(CheckpointFault::NotOne);
    }
    file.read_to_end(&mut bytes)?;
    Checkpoint::from_bytes(&bytes)
}

/// What is left to read.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(u64::from_le_bytes(self.number()?)).ok()?;
        let (part, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(part)
    }
}
