//! The folder of all runs, and the runs that are named: the same for every command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::table::{printable, quoted};
use crate::path_text::path_text;
use crate::run::{Discovered, RunError, discover, find_run};

/// The flag that names it.
const FLAG: &str = "runs";

/// `--runs DIR`.
#[derive(Args, Debug)]
pub(super) struct RunsFolder {
    /// Folder of the run folders
    #[arg(
        id = "runs_folder",
        long = FLAG,
        value_name = "DIR",
        default_value = "runs",
        env = "TRAINER_RUNS"
    )]
    folder: PathBuf,
}

impl RunsFolder {
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The folder of the run that `name` means: `latest`, a path, or a name in the folder of all runs.
    pub fn find(&self, name: &Path) -> Result<PathBuf, RunError> {
        find_run(name, &self.folder)
    }

    /// The model file of this path, or the folder of the run that it means.
    pub fn find_model(&self, name: &Path) -> Result<PathBuf, RunError> {
        find_model(name, &self.folder)
    }

    /// The runs that several names mean. Of those that a pattern such as `runs/*` gave, what is no run is passed over,
    /// with a word.
    pub fn find_all(&self, names: &[PathBuf]) -> Result<Vec<PathBuf>, RunError> {
        let mut found = Vec::new();
        let mut first = None;
        for name in names {
            match self.find(name) {
                Ok(run) => found.push(run),
                Err(error @ (RunError::NotARun { .. } | RunError::HoldsRuns { .. }))
                    if names.len() > 1 =>
                {
                    tracing::warn!("passed over: {error}");
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match first {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// The runs, with a word about each link that is left out.
    pub fn discover(&self) -> Result<Discovered, RunError> {
        discover_runs(&self.folder)
    }
}

/// The model file of this path, or the folder of the run in `runs` that it means.
pub(super) fn find_model(name: &Path, runs: &Path) -> Result<PathBuf, RunError> {
    if name.is_file() {
        return Ok(name.to_owned());
    }
    find_run(name, runs)
}

/// The runs in a folder, with a word about each link that is left out.
pub(super) fn discover_runs(folder: &Path) -> Result<Discovered, RunError> {
    let found = discover(folder)?;
    for link in &found.links {
        let name = printable(&path_text(link));
        if link.exists() {
            tracing::warn!(
                "{name} is left out: links to runs are followed only where they are named, as in \
                 `trainer report {}`",
                quoted(&name)
            );
        } else {
            tracing::warn!("{name} is left out: it is a link that leads nowhere");
        }
    }
    Ok(found)
}

/// The words of a command line, `trainer --runs X report` as `trainer report --runs X`: the folder is
/// meant for the command, and clap takes flags before it as those of a training.
pub(super) fn runs_after_command(
    command: &Command,
    words: impl Iterator<Item = OsString>,
) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let flag = words.get(1).map(|word| word.to_string_lossy());
    let length = match flag.as_deref().and_then(|word| word.strip_prefix("--")) {
        Some(FLAG) => 2,
        Some(word)
            if word
                .strip_prefix(FLAG)
                .is_some_and(|rest| rest.starts_with('=')) =>
        {
            1
        }
        _ => return words,
    };
    let name = words.get(1 + length).and_then(|word| word.to_str());
    let takes_folder = name
        .and_then(|name| command.find_subcommand(name))
        .is_some_and(|command| {
            let mut flags = command.get_arguments();
            flags.any(|argument| argument.get_long() == Some(FLAG))
        });
    if takes_folder {
        words[1..=1 + length].rotate_left(length);
    }
    words
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::runs_after_command;

    #[test]
    fn the_folder_of_runs_may_stand_before_a_command_that_takes_it() {
        let command = Command::new("trainer")
            .subcommand(Command::new("report").arg(Arg::new("folder").long("runs")))
            .subcommand(Command::new("devices"));
        for (given, expected) in [
            ("t --runs x report -a", "t report --runs x -a"),
            ("t --runs=x report", "t report --runs=x"),
            ("t --runs x devices", "t --runs x devices"),
            ("t --runs x --epochs 1", "t --runs x --epochs 1"),
            ("t --runs report", "t --runs report"),
            ("t --runsx report", "t --runsx report"),
            ("t --runs", "t --runs"),
            ("t", "t"),
        ] {
            let words = given.split(' ').map(Into::into);
            let moved = runs_after_command(&command, words);
            assert_eq!(moved.join(" ".as_ref()), expected);
        }
    }
}
