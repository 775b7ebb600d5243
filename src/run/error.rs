//! What can go wrong with a run folder. Every message names the path or the value, what was
//! expected and what to do; the cause below it (an I/O error, say) is the error's `source`.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// A failure to create, write, read or draw something in a run folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The name can't be a part of a folder's name.
    #[error(
        "`--name {name:?}` can't name a run folder: it {problem}. Pass letters, digits, `-`, `_` \
         or `.`, such as `--name wide-z128`"
    )]
    Name {
        /// The name as it was given.
        name: String,
        /// What is wrong with it, as the end of a sentence that starts with "it".
        problem: &'static str,
    },

    /// A folder could not be created.
    #[error(
        "can't create the folder {}. Pass `--runs DIR` with a folder that you can write to",
        path.display()
    )]
    CreateFolder {
        /// The folder that should exist now.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },

    /// A file could not be written. Its earlier content, if any, is still there.
    #[error(
        "can't write {}. Check that its folder exists, that you can write to it and that the disk \
         isn't full",
        path.display()
    )]
    Write {
        /// The file that should have been written.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },

    /// A file could not be read.
    #[error("can't read {}. Check that the run folder is complete and readable", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },

    /// The folder of all runs could not be read.
    #[error(
        "can't read the folder {}. Pass `--runs DIR` with the folder that holds the run folders",
        path.display()
    )]
    ReadFolder {
        /// The folder.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },

    /// A file was read, and its content isn't what it should be.
    #[error(
        "{} isn't {expected}. Restore it from a copy, or start a new run",
        path.display()
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// What it should hold, such as "a JSON object with the run's status".
        expected: &'static str,
        /// Where and why parsing stopped.
        source: Box<dyn Error + Send + Sync>,
    },

    /// A value could not be turned into the bytes of its file.
    #[error("can't encode the content of {}. Please report this as a bug", path.display())]
    Encode {
        /// The file that should have been written.
        path: PathBuf,
        /// Why the encoder refused.
        source: Box<dyn Error + Send + Sync>,
    },

    /// A newer version of this program made the run.
    #[error(
        "{} is a run of trainer {version}, and this is trainer {own}. Update trainer",
        path.display()
    )]
    Newer {
        /// The run's folder.
        path: PathBuf,
        /// The version that made it.
        version: String,
        /// This version.
        own: &'static str,
    },

    /// Another process is writing the run.
    #[error(
        "{} is being written by another trainer (process {holder}). Wait until it ends, or stop it",
        path.display()
    )]
    InUse {
        /// The run's folder.
        path: PathBuf,
        /// The process's number.
        holder: String,
    },

    /// The path isn't a run folder.
    #[error(
        "{} isn't a run folder: it {problem}. Pass a folder that a training run made, such as \
         runs/2026-11-23T10-54-34_baseline-z128, which holds config.toml, metrics.csv and \
         checkpoints/",
        path.display()
    )]
    NotARun {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence that starts with "it".
        problem: &'static str,
    },

    /// The plotting library refused.
    #[error("can't draw {what}. Please report this as a bug: {reason}")]
    Draw {
        /// The picture, such as "the training curves".
        what: &'static str,
        /// The plotting library's words.
        reason: String,
    },
}
