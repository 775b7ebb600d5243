//! Settings in TOML files: flat, one key for each.

use std::path::Path;

use toml::Table;

use super::{ConfigError, ROLES, Role, TrainConfig};
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
            Some(path) => parse(path, &read(path)?)?,
            None => Table::new(),
        };
        table.extend(given);
        let arch = match table.get("arch") {
            // An architecture that doesn't exist is an error below.
            Some(arch) => arch.clone().try_into().unwrap_or_default(),
            None => Architecture::default(),
        };
        for (key, value) in Self::for_arch(arch).to_table() {
            table.entry(key).or_insert(value);
        }
        Self::from_table(path, &table)
    }

    /// Reads the `config.toml` of a run folder.
    ///
    /// # Errors
    ///
    /// Where the file can't be read or isn't such a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::from_toml(path, &read(path)?)
    }

    /// The settings that [`to_toml`](Self::to_toml) wrote; `path` is their file, for errors.
    ///
    /// # Errors
    ///
    /// Where a setting is missing, unknown or impossible.
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::from_table(path, &parse(path, text)?)
    }

    fn from_table(path: &Path, table: &Table) -> Result<Self, ConfigError> {
        if let Some(unknown) = table.keys().find(|key| Role::of(key).is_none()) {
            let known: Vec<&str> = ROLES.iter().map(|(key, _)| *key).collect();
            let message = format!(
                "unknown field `{unknown}`, expected one of {}",
                known.join(", ")
            );
            return Err(malformed(path, &message));
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
        read().map_err(|error| malformed(path, &error.to_string()))
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
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn parse(path: &Path, text: &str) -> Result<Table, ConfigError> {
    toml::from_str(text).map_err(|error| malformed(path, &error.to_string()))
}

fn malformed(path: &Path, message: &str) -> ConfigError {
    ConfigError::Malformed {
        path: path.to_owned(),
        // It may end with the key, on a line of its own.
        message: message.trim_end().to_owned(),
    }
}
