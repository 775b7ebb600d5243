//! Errors of the library, in words about flags. The library speaks of settings by their keys, in
//! backticks: it doesn't know where their values came from.

use std::sync::OnceLock;

use anyhow::{Error, anyhow};
use clap::{Arg, ArgMatches, Command};

use super::table::{printable, printable_lines};
use super::{Exit, Usage};
use crate::compare::CompareError;
use crate::config::{ConfigError, ROLES};
use crate::data::DataError;
use crate::device::{Failure, Panic};
use crate::limits::{NO_THREAD, remedy};
use crate::run::RunError;
use crate::train::TrainError;

/// What went wrong, with its causes and what to do about it, to be printed once: without what a terminal
/// would act on, since files and folders are named in it.
#[must_use]
pub fn message(error: &Error) -> String {
    match config_error(error) {
        Some(ConfigError::Unreadable { path, source }) if has_flag("config") => {
            let path = printable(&path.display().to_string());
            format!("--config {path}: can't read it; give the path of a TOML file: {source}")
        }
        // Its keys are those of a file.
        Some(ConfigError::Malformed { .. }) => printable_lines(&format!("{error:#}")),
        _ if has_lines(error) => with_flags(&printable_lines(&format!("{error:#}"))),
        _ => {
            let text = printable(&format!("{error:#}"));
            let remedy = remedy(&text).map_or(String::new(), |remedy| format!(": {remedy}"));
            with_flags(&text) + &remedy
        }
    }
}

/// What a panic means that nothing else has caught.
#[must_use]
pub fn of_panic(panic: Panic) -> Error {
    let Panic { message, location } = panic;
    match Failure::of(&message) {
        Failure::Room => anyhow!(
            "the device has no room for this ({message}). Try smaller images or batches, or --backend flex"
        ),
        Failure::Lost => anyhow!(
            "the device was lost ({message}). See whether its driver was reset or updated, then try again"
        ),
        Failure::Threads => anyhow!("can't start a thread ({message}): {NO_THREAD}"),
        Failure::Unknown => anyhow!(
            "trainer has a bug: {message} ({location}). Please report it with this command line"
        ),
    }
}

/// Whether an error has several lines. In all others, the end of a line can only be in a name.
fn has_lines(error: &Error) -> bool {
    matches!(data_error(error), Some(DataError::FashionMnist(_)))
}

/// The flags of the command that runs, without their hyphens; those of training until it's known.
static FLAGS: OnceLock<Vec<String>> = OnceLock::new();

/// Takes note of which command runs: its flags are the only ones that advice can be about.
pub(super) fn is_for(mut command: &Command, mut matches: &ArgMatches) {
    while let Some((name, of_subcommand)) = matches.subcommand() {
        let Some(subcommand) = command.find_subcommand(name) else {
            break;
        };
        (command, matches) = (subcommand, of_subcommand);
    }
    // A trial of a bench has the settings of training from the bench, whose flags they are.
    if command.get_name() == "trial" {
        return;
    }
    let flags = command.get_arguments().filter_map(Arg::get_long);
    // There is one command in a process.
    let _ = FLAGS.set(flags.map(str::to_owned).collect());
}

fn has_flag(name: &str) -> bool {
    FLAGS
        .get()
        .is_none_or(|flags| flags.iter().any(|flag| flag == name))
}

/// The same text, with a flag for each setting in backticks for which the command has one. The others
/// are settings of its run, and stay as they are in its config.toml.
#[must_use]
pub fn with_flags(text: &str) -> String {
    let keys = ROLES.iter().map(|(key, _)| *key);
    let keys = keys.chain(["runs", "name", "minutes"]);
    keys.fold(text.to_owned(), |text, key| match flag_of(key) {
        Some(flag) => text.replace(&format!("`{key}`"), &format!("--{flag}")),
        None => text,
    })
}

/// The flag of a setting; of a sweep over several of its values, the flag for those.
fn flag_of(key: &str) -> Option<String> {
    let flag = key.replace('_', "-");
    let for_several = [format!("{flag}s"), format!("{flag}es")];
    let is_known = FLAGS.get().is_some();
    let mut flags = for_several.into_iter().filter(|_| is_known).chain([flag]);
    let found = flags.find(|flag| has_flag(flag));
    // Where a sweep's runs go.
    found.or_else(|| (key == "runs" && has_flag("out")).then(|| "out".to_owned()))
}

/// How the program ends after an error: settings that can't work are wrong usage, whatever they're
/// found by.
#[must_use]
pub fn exit(error: &Error) -> Exit {
    if config_error(error).is_some() || error.is::<Usage>() {
        return Exit::Usage;
    }
    if let Some(TrainError::Run(RunError::Name { .. })) = error.downcast_ref() {
        return Exit::Usage;
    }
    let is_usage = match data_error(error) {
        Some(data) => matches!(
            data,
            DataError::EmptySplit { .. } | DataError::UnknownClass { .. } | DataError::NoClasses
        ),
        None => error
            .downcast_ref::<CompareError>()
            .is_some_and(CompareError::is_wrong_usage),
    };
    if is_usage { Exit::Usage } else { Exit::Failed }
}

fn data_error(error: &Error) -> Option<&DataError> {
    match error.downcast_ref::<TrainError>() {
        Some(TrainError::Data(data)) => Some(data),
        _ => error.downcast_ref::<DataError>(),
    }
}

fn config_error(error: &Error) -> Option<&ConfigError> {
    match error.downcast_ref::<TrainError>() {
        Some(TrainError::Config(config)) => Some(config),
        _ => error.downcast_ref::<ConfigError>(),
    }
}
