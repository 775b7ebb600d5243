//! What can go wrong with a run folder. Every message names the path or the value, what was
//! expected and what to do; the cause below it (an I/O error, say) is the error's `source`.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A failure to create, write or read something in a run folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The name can't be a part of a folder's name.
    #[error(
        "`name` {name:?} can't name a run folder: it {problem}. Pass letters, digits, `-`, `_` \
         or `.`, such as wide-z128"
    )]
    Name {
        /// The name as it was given.
        name: String,
        /// What is wrong with it, as the end of a sentence that starts with "it".
        problem: &'static str,
    },

    /// A folder could not be created.
    #[error(
        "can't create the folder {}. Pass `runs` DIR with a folder that you can write to",
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

    /// The folder of a run that is trained isn't there any more.
    #[error(
        "{} is gone: it was moved or deleted while the run was trained. If it was moved, \
         `trainer resume` with its new path continues from the last checkpoint",
        path.display()
    )]
    Gone {
        /// The run's folder.
        path: PathBuf,
    },

    /// A file could not be read.
    #[error("can't read {}. Check that the run folder is complete and readable", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },

    /// The folder of all runs could not be listed.
    #[error(
        "can't list the folder {}. Pass the folder that contains the run folders, as in `runs` DIR",
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
        /// What it should contain, such as "a JSON object with the run's status".
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
        /// The process's number, and its host.
        holder: String,
    },

    /// Another process may be writing the run.
    #[error(
        "{} may be being written by another trainer (process {holder}): its file system has no locks, \
         which would tell. Once that process has ended, delete the folder's .lock",
        path.display()
    )]
    MayBeInUse {
        /// The run's folder.
        path: PathBuf,
        /// The process's number, and its host.
        holder: String,
    },

    /// One of the run's files is a link to a place outside its folder.
    #[error(
        "{}: {file} leads out of the folder, and isn't followed. Put a copy of the file in its place",
        path.display()
    )]
    LeadsOut {
        /// The run's folder.
        path: PathBuf,
        /// The file's name.
        file: &'static str,
    },

    /// The folder of all runs contains none.
    #[error(
        "`runs` {}: no run in it; train one with `trainer`, or give another folder",
        path.display()
    )]
    NoRuns {
        /// The folder.
        path: PathBuf,
    },

    /// A run that was asked for isn't there.
    #[error(
        "{}: no such run: it doesn't exist, neither as a folder nor as a name in {}. `trainer runs` \
         lists all, and `latest` is the one that began last",
        name.display(),
        runs.display()
    )]
    NoSuchRun {
        /// What was asked for.
        name: PathBuf,
        /// The folder of all runs.
        runs: PathBuf,
    },

    /// The path is a folder of runs.
    #[error(
        "{} isn't a run folder but holds some. Name one of them, or give the folder as `runs` DIR, and \
         `latest` or a name",
        path.display()
    )]
    HoldsRuns {
        /// The path as it was given.
        path: PathBuf,
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
}

impl RunError {
    /// What is wrong with the run, in one line, with its files by their names: for a list of runs,
    /// which says by itself which run it is about.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        match self {
            Self::Read { path, source } if source.kind() == ErrorKind::NotFound => {
                format!("no {}", file_name(path))
            }
            Self::Read { path, source } => in_one_line(&file_name(path), source),
            Self::Parse { path, source, .. } => in_one_line(&file_name(path), source.as_ref()),
            Self::LeadsOut { file, .. } => {
                format!("{file} leads out of the folder; nothing is read")
            }
            Self::Newer { version, .. } => format!("of trainer {version}, which is newer"),
            error => error.to_string(),
        }
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// `file: error`. Errors of TOML quote the line and point at a place in it: of those, the first line
/// (where) and the last one (what).
pub(super) fn in_one_line(file: &str, error: &dyn Error) -> String {
    let message = in_words(&error.to_string());
    let first = message.lines().next().unwrap_or_default();
    let last = message.lines().rfind(|line| !line.trim().is_empty());
    match last.filter(|last| *last != first) {
        Some(last) => format!("{file}: {first}: {}", last.trim()),
        None => format!("{file}: {first}"),
    }
}

/// What parsers say of a value, for people who needn't know Rust's types.
fn in_words(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("CSV deserialize error: ", ""),
        ("CSV parse error: ", ""),
        ("invalid digit found in string", "not a whole number"),
        ("invalid float literal", "not a number"),
        (
            "number too large to fit in target type",
            "too large a number",
        ),
        ("u64 value was too large", "too large a number"),
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected f64", "expected a number"),
    ];
    WORDS.iter().fold(message.to_owned(), |text, (from, to)| {
        text.replace(from, to)
    })
}
