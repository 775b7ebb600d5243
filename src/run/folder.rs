//! [`RunDir`]: creates or opens a run folder, and reads and writes the files in it.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Local};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::atomic::is_temporary;
use super::{EpochMetrics, Meta, RunError, Status, Summary, write_atomically};

/// Sorts by time as text, and has no `:`, which Windows refuses in names.
const TIMESTAMP: &str = "%Y-%m-%dT%H-%M-%S";
/// Leaves room for the timestamp and a suffix below the 255 bytes that file systems allow.
const LONGEST_NAME: usize = 100;
/// Run folders are results, not source. The file keeps itself in git, and with it the folder.
const GITIGNORE: &str = "*\n!.gitignore\n";

/// One run's folder.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    /// Locked as long as this process may write; the system lets go of it if the process is killed.
    lock: Option<Arc<File>>,
}

impl RunDir {
    /// Creates `runs/<timestamp>_<name>`, or with `stem` where the user gave no name, and adds
    /// `-2`, `-3` … if that is taken. `runs` is created if it is missing.
    ///
    /// # Errors
    /// [`RunError::Name`] if the name can't be a part of a folder's name, and
    /// [`RunError::CreateFolder`] or [`RunError::Write`] if the system refuses.
    pub fn create(
        runs: &Path,
        name: Option<&str>,
        stem: &str,
        now: DateTime<Local>,
    ) -> Result<Self, RunError> {
        let name = name.unwrap_or(stem);
        check_name(name)?;
        create_runs(runs)?;

        let base = format!("{}_{name}", now.format(TIMESTAMP));
        let mut path = runs.join(&base);
        let mut count = 1_u32;
        // Creating is the test: asking first would let two runs take the same name.
        while !create_new(&path)? {
            count += 1;
            path = runs.join(format!("{base}-{count}"));
        }
        let mut run = Self { path, lock: None };
        run.lock()?;
        for folder in [run.checkpoints(), run.reconstructions()] {
            create_new(&folder)?;
        }
        Ok(run)
    }

    /// Opens the folder of an earlier run to go on with it: no other process can, as long as this
    /// `RunDir` or a clone of it lives.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`RunError::InUse`] if a process is writing the run.
    pub fn resume(path: &Path) -> Result<Self, RunError> {
        let mut run = Self::open(path)?;
        run.lock()?;
        for folder in [run.checkpoints(), run.reconstructions()] {
            create_new(&folder)?;
        }
        for folder in [run.path.clone(), run.checkpoints(), run.reconstructions()] {
            remove_unfinished(&folder);
        }
        Ok(run)
    }

    /// Whether a process is writing the run now.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let lock = File::open(self.lock_path());
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn lock(&mut self) -> Result<(), RunError> {
        let path = self.lock_path();
        let write = |source| RunError::Write {
            path: self.lock_path(),
            source,
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(write)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(RunError::InUse {
                    path: self.path.clone(),
                    holder: fs::read_to_string(&path).unwrap_or_default(),
                });
            }
            // Some network file systems know no locks; a run there is better than none.
            Err(TryLockError::Error(error)) => {
                tracing::warn!("{}: can't lock the run: {error}", path.display());
            }
        }
        file.set_len(0).map_err(write)?;
        file.write_all(std::process::id().to_string().as_bytes())
            .map_err(write)?;
        self.lock = Some(Arc::new(file));
        Ok(())
    }

    /// Refuses what a newer version wrote, whose files may mean something else.
    fn check_version(&self) -> Result<(), RunError> {
        // Whoever needs the file will tell what is wrong with it.
        let Ok(meta) = self.read_meta() else {
            return Ok(());
        };
        let own = env!("CARGO_PKG_VERSION");
        if numbers(&meta.version) <= numbers(own) {
            return Ok(());
        }
        Err(RunError::Newer {
            path: self.path.clone(),
            version: meta.version,
            own,
        })
    }

    /// Opens the folder of an earlier run.
    ///
    /// # Errors
    /// [`RunError::NotARun`] if it isn't a folder with a `config.toml`, [`RunError::Newer`] if it is
    /// of a newer version.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let run = Self {
            path: path.to_owned(),
            lock: None,
        };
        let problem = if !path.exists() {
            "doesn't exist"
        } else if !path.is_dir() {
            "is a file"
        } else if !run.config_path().is_file() {
            "holds no config.toml"
        } else {
            run.check_version()?;
            return Ok(run);
        };
        Err(RunError::NotARun {
            path: run.path,
            problem,
        })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`, the settings.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// `meta.json`, the circumstances.
    #[must_use]
    pub fn meta_path(&self) -> PathBuf {
        self.path.join("meta.json")
    }

    /// `status.json`, whether the run is alive.
    #[must_use]
    pub fn status_path(&self) -> PathBuf {
        self.path.join("status.json")
    }

    /// `metrics.csv`, a row for each epoch.
    #[must_use]
    pub fn metrics_path(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// `summary.json`, the result.
    #[must_use]
    pub fn summary_path(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// `log.txt`, what the terminal said.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.path.join("log.txt")
    }

    /// The folder of the weights.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The weights of the epoch that validated best.
    #[must_use]
    pub fn best_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("best.safetensors")
    }

    /// The weights of the last epoch.
    #[must_use]
    pub fn last_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("last.safetensors")
    }

    /// The checkpoint after so many optimizer steps. Digits enough to keep the files in order.
    #[must_use]
    pub fn checkpoint(&self, step: usize) -> PathBuf {
        self.checkpoints().join(format!("step-{step:010}.ckpt"))
    }

    /// The files of [`checkpoint`](Self::checkpoint) that are there, the newest first.
    #[must_use]
    pub fn checkpoints_by_age(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.checkpoints()) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "ckpt"))
            .collect();
        paths.sort_unstable_by(|a, b| b.cmp(a));
        paths
    }

    /// `.lock`, locked by the process that writes the run, with its number.
    fn lock_path(&self) -> PathBuf {
        self.path.join(".lock")
    }

    /// The folder of the pictures that were drawn while training.
    #[must_use]
    pub fn reconstructions(&self) -> PathBuf {
        self.path.join("reconstructions")
    }

    /// The picture after one epoch. Four digits keep the files in order.
    #[must_use]
    pub fn epoch_picture(&self, epoch: usize) -> PathBuf {
        self.reconstructions().join(format!("epoch-{epoch:04}.png"))
    }

    /// `test.png`, reconstructions of test images.
    #[must_use]
    pub fn test_picture(&self) -> PathBuf {
        self.path.join("test.png")
    }

    /// `worst.png`, the images that are reconstructed worst.
    #[must_use]
    pub fn worst_picture(&self) -> PathBuf {
        self.path.join("worst.png")
    }

    /// `best.png`, the images that are reconstructed best.
    #[must_use]
    pub fn best_picture(&self) -> PathBuf {
        self.path.join("best.png")
    }

    /// `test.csv`, a row for each test image.
    #[must_use]
    pub fn test_images_path(&self) -> PathBuf {
        self.path.join("test.csv")
    }

    /// `thumbnails.png`, originals of some test images, side by side.
    #[must_use]
    pub fn thumbnails_picture(&self) -> PathBuf {
        self.path.join("thumbnails.png")
    }

    /// `curves.png`, losses and SSIM by epoch.
    #[must_use]
    pub fn curves_picture(&self) -> PathBuf {
        self.path.join("curves.png")
    }

    /// Writes `config.toml`.
    ///
    /// # Errors
    /// [`RunError::Write`], as for every `write_*` here.
    pub fn write_config(&self, toml: &str) -> Result<(), RunError> {
        write_atomically(&self.config_path(), toml.as_bytes())
    }

    /// Reads `config.toml` as text; what it means is the caller's affair.
    ///
    /// # Errors
    /// [`RunError::Read`] if it is missing or isn't UTF-8.
    pub fn read_config(&self) -> Result<String, RunError> {
        let path = self.config_path();
        fs::read_to_string(&path).map_err(|source| RunError::Read { path, source })
    }

    /// Writes `meta.json`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_meta(&self, meta: &Meta) -> Result<(), RunError> {
        write_json(&self.meta_path(), meta)
    }

    /// Reads `meta.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`], as for every `read_*` here.
    pub fn read_meta(&self) -> Result<Meta, RunError> {
        read_json(
            &self.meta_path(),
            "a JSON object with the circumstances of a run",
        )
    }

    /// Writes `status.json`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_status(&self, status: &Status) -> Result<(), RunError> {
        write_json(&self.status_path(), status)
    }

    /// Reads `status.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_status(&self) -> Result<Status, RunError> {
        read_json(
            &self.status_path(),
            "a JSON object with the status of a run",
        )
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_summary(&self, summary: &Summary) -> Result<(), RunError> {
        write_json(&self.summary_path(), summary)
    }

    /// Reads `summary.json`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_summary(&self) -> Result<Summary, RunError> {
        read_json(
            &self.summary_path(),
            "a JSON object with the summary of a run",
        )
    }

    /// Writes `metrics.csv` anew: all epochs so far, after a header.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_metrics(&self, history: &[EpochMetrics]) -> Result<(), RunError> {
        let path = self.metrics_path();
        let bytes = metrics_csv(history).map_err(|source| RunError::Encode {
            path: path.clone(),
            source: source.into(),
        })?;
        write_atomically(&path, &bytes)
    }

    /// Reads `metrics.csv`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_metrics(&self) -> Result<Vec<EpochMetrics>, RunError> {
        let path = self.metrics_path();
        let bytes = read(&path)?;
        let rows: Result<Vec<EpochMetrics>, csv::Error> =
            csv::Reader::from_reader(bytes.as_slice())
                .deserialize()
                .collect();
        rows.map_err(|source| RunError::Parse {
            path,
            expected: "a table with one row of numbers for each epoch",
            source: source.into(),
        })
    }
}

/// A version such as 0.12.3 as numbers that can be compared.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '-', '+'])
        .map_while(|number| number.parse().ok())
        .collect()
}

/// Removes what a process that was killed in the middle of writing left.
fn remove_unfinished(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(is_temporary) {
            // What can't be removed is in nobody's way.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Creates the folder of all runs, and hides it from git if it is ours.
fn create_runs(runs: &Path) -> Result<(), RunError> {
    if runs.is_dir() {
        return Ok(());
    }
    if let Some(parent) = runs
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(|source| RunError::CreateFolder {
            path: parent.to_owned(),
            source,
        })?;
    }
    if create_new(runs)? {
        write_atomically(&runs.join(".gitignore"), GITIGNORE.as_bytes())?;
    } else if !runs.is_dir() {
        let source = io::Error::from(ErrorKind::NotADirectory);
        return Err(RunError::CreateFolder {
            path: runs.to_owned(),
            source,
        });
    }
    Ok(())
}

/// Whether the folder was created; `false` if the name is taken.
fn create_new(path: &Path) -> Result<bool, RunError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(RunError::CreateFolder {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Refuses what would leave `runs`, or couldn't be copied to another system.
fn check_name(name: &str) -> Result<(), RunError> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name.len() > LONGEST_NAME {
        "is longer than 100 bytes"
    } else if name.chars().any(char::is_control) {
        "holds a control character"
    } else if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) {
        r#"holds one of / \ : * ? " < > |"#
    } else if name.contains("..") {
        "holds `..`"
    } else if name.ends_with('.') || name.trim() != name {
        "starts or ends with a space, or ends with a dot"
    } else {
        return Ok(());
    };
    Err(RunError::Name {
        name: name.to_owned(),
        problem,
    })
}

fn metrics_csv(history: &[EpochMetrics]) -> Result<Vec<u8>, csv::Error> {
    // The header is written by hand: a table of no epochs needs one too.
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer.write_record(EpochMetrics::COLUMNS)?;
    for row in history {
        writer.serialize(row)?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|source| RunError::Encode {
        path: path.to_owned(),
        source: source.into(),
    })?;
    bytes.push(b'\n');
    write_atomically(path, &bytes)
}

fn read_json<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T, RunError> {
    serde_json::from_slice(&read(path)?).map_err(|source| RunError::Parse {
        path: path.to_owned(),
        expected,
        source: source.into(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(|source| RunError::Read {
        path: path.to_owned(),
        source,
    })
}
