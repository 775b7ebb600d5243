//! Where the files of a run folder are.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{RunDir, RunError};
use crate::own_files;

/// What an epoch's picture is called before and after its number.
const EPOCH_PICTURE: (&str, &str) = ("epoch-", ".png");

impl RunDir {
    /// `config.toml`, the settings.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.path().join(own_files::CONFIG)
    }

    /// `meta.json`, the circumstances.
    #[must_use]
    pub fn meta_path(&self) -> PathBuf {
        self.path().join(own_files::META)
    }

    /// `status.json`, whether the run is alive.
    #[must_use]
    pub fn status_path(&self) -> PathBuf {
        self.path().join(own_files::STATUS)
    }

    /// `metrics.csv`, a row for each epoch.
    #[must_use]
    pub fn metrics_path(&self) -> PathBuf {
        self.path().join(own_files::METRICS)
    }

    /// `summary.json`, the result.
    #[must_use]
    pub fn summary_path(&self) -> PathBuf {
        self.path().join(own_files::SUMMARY)
    }

    /// `log.txt`, the messages of the run.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.path().join("log.txt")
    }

    /// The folder of the weights.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path().join("checkpoints")
    }

    /// The weights of the epoch with the best validation loss.
    #[must_use]
    pub fn best_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("best.safetensors")
    }

    /// The weights of the last epoch.
    #[must_use]
    pub fn last_checkpoint(&self) -> PathBuf {
        self.checkpoints().join("last.safetensors")
    }

    /// The checkpoint after `step` optimizer steps. Ten digits keep the files in order.
    #[must_use]
    pub fn checkpoint(&self, step: usize) -> PathBuf {
        self.checkpoints().join(format!("step-{step:010}.ckpt"))
    }

    /// The existing files of [`checkpoint`](Self::checkpoint), newest first; none without their folder.
    ///
    /// # Errors
    /// [`RunError::Read`] if the folder can't be read: what it holds isn't lost.
    pub fn checkpoints_by_age(&self) -> Result<Vec<PathBuf>, RunError> {
        let path = self.checkpoints();
        let read = || -> io::Result<Vec<PathBuf>> {
            let entries = fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            entries.collect()
        };
        let mut paths = match read() {
            Ok(paths) => paths,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(RunError::Read { path, source }),
        };
        // A file of another name isn't one of the run's.
        let is_own = |path: &Path| {
            let name = path.file_name().and_then(OsStr::to_str);
            let number = name.and_then(|name| name.strip_prefix("step-")?.strip_suffix(".ckpt"));
            number.is_some_and(|number| {
                number.len() >= 10 && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        paths.retain(|path| is_own(path));
        paths.sort_unstable_by(|a, b| b.cmp(a));
        Ok(paths)
    }

    /// `.lock`, locked by the process that writes the run, whose number it holds.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.path().join(".lock")
    }

    /// The folder of the pictures that are drawn during training.
    #[must_use]
    pub fn reconstructions(&self) -> PathBuf {
        self.path().join("reconstructions")
    }

    /// The picture after one epoch. Four digits keep the files in order.
    #[must_use]
    pub fn epoch_picture(&self, epoch: usize) -> PathBuf {
        let (start, end) = EPOCH_PICTURE;
        self.reconstructions()
            .join(format!("{start}{epoch:04}{end}"))
    }

    /// The epochs whose [`epoch_picture`](Self::epoch_picture) exists as a plain file, in ascending
    /// order.
    #[must_use]
    pub fn epochs_with_picture(&self) -> Vec<usize> {
        let Ok(entries) = fs::read_dir(self.reconstructions()) else {
            return Vec::new();
        };
        let (start, end) = EPOCH_PICTURE;
        let mut epochs: Vec<usize> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .filter_map(|entry| {
                let name = entry.file_name();
                let digits = name.to_str()?.strip_prefix(start)?.strip_suffix(end)?;
                let epoch = digits.parse().ok()?;
                // Other spellings of the number couldn't be found again by `epoch_picture`.
                (digits == format!("{epoch:04}")).then_some(epoch)
            })
            .collect();
        epochs.sort_unstable();
        epochs
    }

    /// `test.png`, reconstructions of test images.
    #[must_use]
    pub fn test_picture(&self) -> PathBuf {
        self.path().join("test.png")
    }

    /// `worst.png`, the test images with the lowest SSIM.
    #[must_use]
    pub fn worst_picture(&self) -> PathBuf {
        self.path().join("worst.png")
    }

    /// `best.png`, the test images with the highest SSIM.
    #[must_use]
    pub fn best_picture(&self) -> PathBuf {
        self.path().join("best.png")
    }

    /// `test.csv`, a row for each test image.
    #[must_use]
    pub fn test_images_path(&self) -> PathBuf {
        self.path().join("test.csv")
    }

    /// `images.csv`, a row for each image that has a file of its own.
    #[must_use]
    pub fn images_path(&self) -> PathBuf {
        self.path().join("images.csv")
    }

    /// `skipped.csv`, the files that can't be used.
    #[must_use]
    pub fn skipped_path(&self) -> PathBuf {
        self.path().join("skipped.csv")
    }

    /// `thumbnails.png`, the originals of some test images, side by side.
    #[must_use]
    pub fn thumbnails_picture(&self) -> PathBuf {
        self.path().join("thumbnails.png")
    }

    /// `curves.png`, losses and SSIM by epoch.
    #[must_use]
    pub fn curves_picture(&self) -> PathBuf {
        self.path().join("curves.png")
    }
}
