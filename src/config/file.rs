//! Settings in TOML: what a file may hold, and what is wrong with one in words for people, who may not
//! know what a `usize` is.

use std::path::Path;

use toml::{Table, Value};

use super::{ConfigError, ROLES, Range, Role, TrainConfig};
use crate::error::in_one_line;
use crate::model::Architecture;

impl TrainConfig {
    /// Puts settings together by their keys: those `given` go before those in `file`, which may hold
    /// any part of the settings, and these before the defaults of the architecture
    /// ([`TrainConfig::for_arch`]).
    ///
    /// # Errors
    ///
    /// Where the file can't be read, isn't TOML, or has an unknown key or an impossible value.
    pub fn layered(file: Option<&Path>, given: Table) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new("the settings"));
        let mut table = match file {
            Some(path) => read_table(path)?,
            None => Table::new(),
        };
        let differs = |backend| table.get("backend").is_some_and(|own| own != backend);
        if given.get("backend").is_some_and(differs) {
            // Devices are counted by backend.
            table.remove("device");
        }
        table.extend(given);
        let arch = match table.get("arch") {
            // An architecture that doesn't exist is an error below.
            Some(arch) => arch.clone().try_into().unwrap_or_default(),
            None => Architecture::default(),
        };
        let corrupt = table.get("corrupt").and_then(Value::as_str);
        let has_rate = match table.get("rate") {
            Some(Value::Float(rate)) => *rate > 0.0,
            Some(Value::Integer(rate)) => *rate > 0,
            _ => false,
        };
        if corrupt.is_some_and(|kind| kind != "none") || has_rate {
            // Refinement would bring the noise back, and isn't part of training for few bits.
            table.entry("refine").or_insert(Value::Integer(0));
        }
        for (key, value) in Self::for_arch(arch).to_table() {
            table.entry(key).or_insert(value);
        }
        Self::from_table(path, table)
    }

    /// These settings as TOML, flat.
    ///
    /// # Panics
    ///
    /// Never: every setting has a form in TOML once [`validate`](Self::validate) has checked it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are numbers and strings")
    }

    /// These settings by their keys.
    fn to_table(&self) -> Table {
        Table::try_from(self).expect("settings are numbers and strings")
    }

    /// The keys and values of the settings whose role passes `keep`.
    #[cfg(feature = "cli")]
    pub(crate) fn settings(&self, keep: impl Fn(Role) -> bool) -> Table {
        let mut table = self.to_table();
        table.retain(|key, _| Role::of(key).is_some_and(&keep));
        table
    }

    /// Reads the `config.toml` of a run folder.
    ///
    /// # Errors
    ///
    /// Where the file can't be read or isn't such a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::from_table(path, read_table(path)?)
    }

    /// The settings that [`to_toml`](Self::to_toml) wrote; `path` is their file, for errors.
    ///
    /// # Errors
    ///
    /// Where a setting is missing, unknown or impossible.
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let read = parse(path, text).and_then(|table| Self::from_table(path, table));
        read.map_err(|error| match error {
            ConfigError::Malformed { path, message } => ConfigError::Malformed {
                path,
                message: format!("{message}; restore the file from a copy"),
            },
            error => error,
        })
    }

    fn from_table(path: &Path, table: Table) -> Result<Self, ConfigError> {
        for (key, value) in &table {
            check(key, value).map_err(|message| malformed(path, message))?;
        }
        // Group by group, so that an error names the key.
        let group = || table.clone();
        let read = || -> Result<Self, toml::de::Error> {
            Ok(Self {
                device: group().try_into()?,
                data: group().try_into()?,
                model: group().try_into()?,
                training: group().try_into()?,
                output: group().try_into()?,
            })
        };
        read().map_err(|error| {
            let message = error.to_string();
            // A loss is shown with a mark below what is wrong in it.
            let is_marked = message.contains('^');
            malformed(
                path,
                if is_marked {
                    message.trim_end().to_owned()
                } else {
                    in_one_line(&message)
                },
            )
        })
    }
}

/// The settings in the file at `path`, any of them.
fn read_table(path: &Path) -> Result<Table, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => parse(path, &text),
        Err(_) => Err(malformed(
            path,
            "it isn't text in UTF-8; save it as that".to_owned(),
        )),
    }
}

fn parse(path: &Path, text: &str) -> Result<Table, ConfigError> {
    // Editors of Windows begin files with a mark.
    let text = text.trim_start_matches('\u{feff}');
    toml::from_str(text).map_err(|error| malformed(path, place_and_cause(text, &error)))
}

/// Where a text isn't TOML, and why, in one line.
fn place_and_cause(text: &str, error: &toml::de::Error) -> String {
    let cause = in_one_line(error.message());
    let Some((before, found)) = error.span().and_then(|span| {
        let before = text.get(..span.start)?;
        Some((before, text.get(span)?))
    }) else {
        return cause;
    };
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    let column = last.chars().count() + 1;
    // The parser says of a number that it doesn't fit into a type.
    let key = last.split('=').next().unwrap_or_default().trim();
    let is_number = !found.is_empty() && found.chars().all(|c| c.is_ascii_digit() || c == '_');
    let cause = match Range::of(key).filter(|_| is_number) {
        Some(range) => format!("`{key}` is {found}: expected {range}"),
        None => cause,
    };
    format!("line {line}, column {column}: {cause}")
}

/// Checks that there is a setting of this key, and that the value is of its kind and in its range.
fn check(key: &str, value: &Value) -> Result<(), String> {
    if Role::of(key).is_none() {
        return Err(unknown(key));
    }
    let (is_right, expected) = match (Range::of(key), key) {
        (Some(range), _) => {
            let is_right = match value {
                Value::Integer(number) => {
                    u64::try_from(*number).is_ok_and(|number| range.contains(number))
                }
                Value::Float(number) => range.contains_real(*number),
                _ => false,
            };
            (is_right, range.to_string())
        }
        (None, "pca" | "strict" | "cache") => (value.is_bool(), "true or false".to_owned()),
        (None, _) => (value.is_str(), "text in quotes".to_owned()),
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("`{key}` is {value}: expected {expected}"))
    }
}

fn unknown(key: &str) -> String {
    let with_underscores = key.replace('-', "_");
    if Role::of(&with_underscores).is_some() {
        return format!("unknown field `{key}`, expected `{with_underscores}`");
    }
    let known: Vec<&str> = ROLES.iter().map(|(key, _)| *key).collect();
    format!(
        "unknown field `{key}`, expected one of {}. They are the long names of `trainer --help`, with \
         _ for -",
        known.join(", ")
    )
}

fn malformed(path: &Path, message: String) -> ConfigError {
    ConfigError::Malformed {
        path: path.to_owned(),
        message,
    }
}
