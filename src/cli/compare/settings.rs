//! Where the settings of runs differ, and what that means for a comparison.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::cli::table::printable;
use crate::config::Role;
use crate::run::RunRecord;

/// A setting as it is in `config.toml`.
pub(super) fn setting<'a>(run: &'a RunRecord, key: &str) -> Option<&'a toml::Value> {
    run.config.as_ref()?.get(key)
}

/// The settings in which not all runs agree.
pub(super) fn differing_settings(runs: &[RunRecord]) -> Map<String, Value> {
    let keys: BTreeSet<&String> = runs
        .iter()
        .filter_map(|run| run.config.as_ref())
        .flat_map(toml::Table::keys)
        .collect();
    let differ = |key: &&String| {
        let mut values = runs.iter().map(|run| setting(run, key));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let value = |run: &RunRecord, key| serde_json::to_value(setting(run, key)).unwrap_or_default();
    keys.into_iter()
        .filter(differ)
        .map(|key| {
            let values = runs.iter().map(|run| value(run, key)).collect();
            (key.clone(), Value::Array(values))
        })
        .collect()
}

/// Why scores of these runs can't be compared with each other.
pub(super) fn incomparable(runs: &[RunRecord]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut check = |what: &dyn Fn(&RunRecord) -> Option<String>, consequence: &str| {
        let Some(expected) = runs.first().and_then(what) else {
            return;
        };
        for (number, run) in (1..).zip(runs).skip(1) {
            if let Some(value) = what(run).filter(|value| *value != expected) {
                let (value, expected) = (printable(&value), printable(&expected));
                warnings.push(format!(
                    "run {number} has {value}, run 1 {expected}: {consequence}"
                ));
            }
        }
    };
    let hash = |run: &RunRecord| {
        let hash = run.meta.as_ref()?.dataset.hash.as_ref()?;
        Some(format!("images with hash {hash:.12}"))
    };
    check(&hash, "they were trained and tested on other images");
    for (role, consequence) in [
        (
            Role::Split,
            "they were tested on different images, and one may have seen the other's in training",
        ),
        (Role::Measure, "their SSIM isn't the same measure"),
        (Role::Loss, "their losses aren't the same measure"),
    ] {
        for key in role.keys() {
            let value = |run: &RunRecord| {
                let config = run.config.as_ref()?;
                let value = config
                    .get(key)
                    .map(|value| format!("{key} {}", plain(value)));
                value.or_else(|| unset(key).map(str::to_owned))
            };
            check(&value, consequence);
        }
    }
    warnings
}

/// What it means that a run doesn't have a setting.
fn unset(key: &str) -> Option<&'static str> {
    match key {
        "limit" => Some("all images"),
        // Of before there were others.
        "ssim_preset" => Some("ssim_preset tf"),
        _ => None,
    }
}

/// The setting without TOML's quotes.
fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
