//! Settings: their defaults, their roles, and what the help says of them.

use std::collections::BTreeSet;

use crate::common::{only_run, small_run, trainer};
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;
use trainer::TrainConfig;
use trainer::config::{ConfigError, ROLES, Role, Schedule};
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
fn settings_that_are_off_by_default_are_read_back() {
    let path = std::path::Path::new("config.toml");
    let mut config = TrainConfig::default();
    // Files of before they existed don't have them.
    let lines: Vec<String> = config.to_toml().lines().map(str::to_owned).collect();
    let is_new = |line: &str| {
        let mut keys = ["warmup", "clip_norm", "ema"].into_iter();
        keys.any(|key| line.starts_with(key))
    };
    let old: Vec<String> = lines.into_iter().filter(|line| !is_new(line)).collect();
    assert_eq!(
        TrainConfig::from_toml(path, &old.join("\n")).expect("TOML"),
        config
    );
    config.training.schedule = Schedule::OneCycle;
    config.training.warmup = 0.25;
    config.training.clip_norm = 0.5;
    config.training.ema = 0.999;
    config.validate().expect("valid");
    let text = config.to_toml();
    assert!(text.contains("schedule = \"one-cycle\""), "{text}");
    assert_eq!(TrainConfig::from_toml(path, &text).expect("TOML"), config);
    for (wrong, key) in [(1.0, "warmup"), (f64::NAN, "ema"), (-0.5, "clip_norm")] {
        let mut config = config.clone();
        let training = &mut config.training;
        match key {
            "warmup" => training.warmup = wrong,
            "ema" => training.ema = wrong,
            _ => training.clip_norm = wrong,
        }
        let error = config.validate().expect_err(key).to_string();
        assert!(error.starts_with(&format!("`{key}` {wrong}")), "{error}");
    }
}

const LARGEST: f64 = 0.002;

fn rates(schedule: Schedule, steps: usize, warmup: f64) -> Vec<f64> {
    let rate = |step| schedule.learning_rate(LARGEST, warmup, step, steps);
    (0..steps).map(rate).collect()
}

#[test]
fn without_a_warm_up_schedules_are_what_they_are_called() {
    for steps in [1_u32, 7, 1000] {
        let constant = rates(Schedule::Constant, steps as usize, 0.0);
        let cosine = rates(Schedule::Cosine, steps as usize, 0.0);
        for (step, (constant, cosine)) in (0_u32..).zip(constant.into_iter().zip(cosine)) {
            let share = f64::from(step) / f64::from(steps);
            let expected = LARGEST * 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
            assert_eq!(constant.to_bits(), LARGEST.to_bits());
            assert_eq!(cosine.to_bits(), expected.to_bits(), "{step} of {steps}");
        }
    }
}

#[test]
fn a_warm_up_rises_in_a_straight_line_and_the_schedule_follows() {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * LARGEST;
    let [constant, cosine] =
        [Schedule::Constant, Schedule::Cosine].map(|schedule| rates(schedule, 100, 0.1));
    for rates in [&constant, &cosine] {
        assert!(rates[0] > 0.0 && rates[0] < 0.1 * LARGEST, "{rates:?}");
        let rises = rates[..=10].windows(2).map(|pair| pair[1] - pair[0]);
        for rise in rises {
            assert!(near(rise, LARGEST / 11.0), "{rates:?}");
        }
        assert!(near(rates[10], LARGEST), "{rates:?}");
    }
    assert!(constant[10..].iter().all(|&rate| near(rate, LARGEST)));
    let without = rates(Schedule::Cosine, 90, 0.0);
    assert!(cosine[10..].iter().zip(without).all(|(&a, b)| near(a, b)));
}

#[test]
fn one_cycle_rises_and_falls_once() {
    for (warmup, top) in [(0.0, 30), (0.5, 100)] {
        let rates = rates(Schedule::OneCycle, 200, warmup);
        assert!((rates[0] - LARGEST / 25.0).abs() < 1e-9, "{rates:?}");
        assert!((rates[top] - LARGEST).abs() < 1e-9, "{rates:?}");
        assert!(rates[..=top].is_sorted_by(|a, b| a < b), "{rates:?}");
        assert!(rates[top..].is_sorted_by(|a, b| a > b), "{rates:?}");
        assert!(rates[199] < 0.001 * LARGEST, "{rates:?}");
    }
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
                contains("[default: 12; 50 for baseline and modified; 30 for residual]")
                    .and(contains("[default: 128; 32 for baseline and modified]"))
                    .and(contains("[default: 0.8,0.1,0.1]")),
            );
    }
    let help = |command: &[&str]| trainer().args(command).arg("-h").assert().success();
    let single = contains("[default: linear]").and(contains("[default: 128; 256 for modified]"));
    help(&[]).stdout(single);
    // What is given as a list isn't offered singly.
    help(&["sweep"]).stdout(contains("--latent-dims <").and(contains("--latent-dim <").not()));
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
