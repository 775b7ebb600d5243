//! Errors of the library, in words about flags. The library speaks of settings by their keys, in
//! backticks: it doesn't know where their values came from.

use std::sync::LazyLock;

use anyhow::Error;

use super::Exit;
use crate::compare::CompareError;
use crate::config::{ConfigError, ROLES};
use crate::data::DataError;
use crate::train::TrainError;

/// What went wrong, with its causes and what to do about it, to be printed once.
#[must_use]
pub fn message(error: &Error) -> String {
    match config_error(error) {
        Some(ConfigError::Unreadable { path, source }) => format!(
            "--config {}: can't read it; give the path of a TOML file: {source}",
            path.display()
        ),
        // Its keys are those of a file.
        Some(ConfigError::Malformed { .. }) => format!("{error:#}"),
        _ => with_flags(&format!("{error:#}")),
    }
}

/// The same text, with a flag for each setting in backticks.
#[must_use]
pub fn with_flags(text: &str) -> String {
    static FLAGS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let flag = |key: &str| (format!("`{key}`"), format!("--{}", key.replace('_', "-")));
        ROLES.iter().map(|(key, _)| flag(key)).collect()
    });
    let replace = |text: String, (key, flag): &(String, String)| text.replace(key, flag);
    FLAGS.iter().fold(text.to_owned(), replace)
}

/// How the program ends after an error: settings that can't work are wrong usage, whatever they're
/// found by.
#[must_use]
pub fn exit(error: &Error) -> Exit {
    if config_error(error).is_some() {
        return Exit::Usage;
    }
    let data = match error.downcast_ref::<TrainError>() {
        Some(TrainError::Data(data)) => Some(data),
        _ => error.downcast_ref::<DataError>(),
    };
    let is_usage = match data {
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

fn config_error(error: &Error) -> Option<&ConfigError> {
    match error.downcast_ref::<TrainError>() {
        Some(TrainError::Config(config)) => Some(config),
        _ => error.downcast_ref::<ConfigError>(),
    }
}
