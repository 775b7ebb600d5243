//! Settings: their defaults, their roles, and what the help says of them.

use std::collections::BTreeSet;

use crate::common::{only_run, small_run, trainer};
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;
use trainer::TrainConfig;
use trainer::config::{ConfigError, ROLES, Role};
use trainer::model::Architecture;

#[test]
fn every_setting_has_one_role() {
    let mut config = TrainConfig::default();
    config.data.limit = Some(7);
    config.data.data = Some("folder".into());
    config.data.labels = Some("labels.csv".into());
    config.training.init = Some("model.safetensors".into());
    config.data.background = Some("white".parse().expect("a colour"));
    let table: toml::Table = toml::from_str(&config.to_toml()).expect("TOML");
    let keys: BTreeSet<&str> = table.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = ROLES.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, known);
    assert_eq!(ROLES.len(), known.len(), "a key is there twice");
    for (key, may_change, affects_result) in [
        ("loss", false, true),
        ("epochs", true, true),
        ("backend", true, false),
    ] {
        let role = Role::of(key).expect("a setting");
        assert_eq!(
            (role.may_change(), role.affects_result()),
            (may_change, affects_result),
            "{key}"
        );
    }
}

#[test]
fn the_defaults_of_every_architecture_are_valid_and_read_back() {
    for arch in [
        Architecture::Linear,
        Architecture::Baseline,
        Architecture::Modified,
        Architecture::Residual,
    ] {
        let config = TrainConfig::for_arch(arch);
        config.validate().expect("valid");
        let path = std::path::Path::new("config.toml");
        let read = TrainConfig::from_toml(path, &config.to_toml()).expect("TOML");
        assert_eq!(read, config);
        let mut given = toml::Table::new();
        given.insert("arch".to_owned(), arch.name().into());
        assert_eq!(TrainConfig::layered(None, given).expect("settings"), config);
    }
    assert_eq!(
        TrainConfig::default(),
        TrainConfig::for_arch(Architecture::Linear)
    );
}

#[test]
fn a_wrong_value_is_named_with_its_key() {
    let path = std::path::Path::new("there.toml");
    for (line, expected) in [
        (
            "epochs = \"many\"",
            "`epochs` is \"many\": expected a whole number",
        ),
        ("epoch = 3", "unknown field `epoch`"),
        ("loss = \"sim\"", "there is no loss `sim`"),
    ] {
        let file = TempDir::new().expect("a folder");
        let file = file.path().join("there.toml");
        std::fs::write(&file, format!("{line}\n")).expect("a file");
        let error = TrainConfig::layered(Some(&file), toml::Table::new()).expect_err(line);
        let message = error.to_string();
        assert!(
            message.contains(expected) && message.contains("there.toml"),
            "{message}"
        );
    }
    let error = TrainConfig::from_toml(path, "arch = \"linear\"").expect_err("incomplete");
    assert!(matches!(error, ConfigError::Malformed { .. }), "{error}");
    let mut config = TrainConfig::default();
    config.training.learning_rate = f64::NAN;
    let error = config.validate().expect_err("NaN").to_string();
    assert!(error.starts_with("`learning_rate` NaN"), "{error}");
}

#[test]
fn the_help_shows_the_defaults_of_the_table() {
    for command in [
        vec!["-h"],
        vec!["sweep", "-h"],
        vec!["bench", "training", "-h"],
    ] {
        trainer()
            .env("COLUMNS", "400")
            .args(command)
            .assert()
            .success()
            .stdout(
                contains("[default: 20; 50 for baseline and modified]")
                    .and(contains("[default: 128; 32 for baseline and modified]"))
                    .and(contains("[default: 128; 256 for modified]"))
                    .and(contains("[default: 0.8,0.1,0.1]"))
                    .and(contains("[default: linear]")),
            );
    }
}

#[test]
fn without_pca_there_is_no_comparison() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path())
        .arg("--no-pca")
        .assert()
        .success()
        .stdout(contains("PCA").not());
    let run = only_run(runs.path());
    let summary = crate::common::json(&run.join("summary.json"));
    assert!(summary["pca"].is_null());
    let config = std::fs::read_to_string(run.join("config.toml")).expect("config.toml");
    assert!(config.contains("pca = false"), "{config}");
}
