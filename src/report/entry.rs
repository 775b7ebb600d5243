//! What the page shows of a run: an [`Entry`], made of its [`RunRecord`] and its pictures.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Local};
use serde::Serialize;

use super::folders::id;
use super::pictures::{Pictures, ShownPictures};
use crate::metrics::Quality;
use crate::run::{EpochMetrics, Meta, RunDir, RunRecord, RunState, Summary};

/// What the page shows of a run. Numbers that aren't finite are `null` in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Stands for the folder in addresses: 16 hexadecimal digits.
    pub id: String,
    /// The folder's name.
    pub name: String,
    /// Whether the run is alive, or how it ended.
    pub state: RunState,
    reason: Option<String>,
    updated: Option<DateTime<Local>>,
    started: Option<DateTime<Local>>,
    /// What is missing or damaged, one line each.
    pub problems: Vec<String>,
    arch: Option<String>,
    latent_dim: Option<usize>,
    loss: Option<String>,
    backend: Option<String>,
    epochs: Option<usize>,
    epochs_done: Option<usize>,
    best_validation_ssim: Option<f64>,
    summary: Option<Outcome>,
    config: BTreeMap<String, String>,
    environment: Vec<(&'static str, String)>,
    history: History,
    #[serde(flatten)]
    shown: ShownPictures,
}

/// The part of `summary.json` that the page shows.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    best_epoch: usize,
    parameters: usize,
    latent_dim: usize,
    test: Scores,
    pca: Option<Scores>,
    pca_validation: Option<Scores>,
    pca_components: Option<usize>,
    bytes_per_image: Option<f64>,
    seconds: f64,
    test_images: usize,
}

/// As [`Quality`], which writes infinities as words.
#[derive(Clone, Debug, Serialize)]
struct Scores {
    ssim: f64,
    psnr: f64,
}

/// `metrics.csv`, by column.
#[derive(Clone, Debug, Default, Serialize)]
struct History {
    epoch: Vec<usize>,
    train_loss: Vec<f64>,
    validation_loss: Vec<f64>,
    validation_ssim: Vec<f64>,
    seconds: Vec<f64>,
}

/// Reads the run in `folder`; what can't be read is one of the entry's problems.
#[must_use]
pub fn collect(folder: &Path, pictures: Pictures) -> Entry {
    let mut record = RunRecord::read(folder);
    let shown = match RunDir::open(folder) {
        Ok(run) => ShownPictures::find(&run, &mut record, pictures),
        // The record says why.
        Err(_) => ShownPictures::default(),
    };
    Entry::of(record, shown)
}

impl Entry {
    fn of(record: RunRecord, shown: ShownPictures) -> Self {
        let best_validation_ssim = record.best_validation().ssim;
        let RunRecord {
            name,
            path,
            state,
            config,
            settings,
            meta,
            status,
            summary,
            history,
            problems,
        } = record;
        let epochs_done = match &status {
            _ if !history.is_empty() => Some(history.len()),
            status => status.as_ref().map(|status| status.epoch),
        };
        let trained_on = meta.as_ref().map(|meta| meta.backend.clone());
        let latent_dim = summary.as_ref().map(|summary| summary.latent_dim);
        Self {
            id: id(&path),
            name,
            state,
            started: meta.as_ref().map(|meta| meta.started),
            updated: status.as_ref().map(|status| status.updated),
            reason: status.and_then(|status| status.reason),
            problems,
            arch: settings.arch,
            latent_dim: latent_dim.or(settings.latent_dim),
            loss: settings.loss,
            backend: trained_on.or(settings.backend),
            epochs: settings.epochs,
            epochs_done,
            best_validation_ssim,
            summary: summary.map(Outcome::from),
            config: config.map(as_text).unwrap_or_default(),
            environment: meta.map(environment).unwrap_or_default(),
            history: History::of(&history),
            shown,
        }
    }
}

/// The settings, without TOML's quotes.
fn as_text(config: toml::Table) -> BTreeMap<String, String> {
    config
        .into_iter()
        .map(|(key, value)| match value {
            toml::Value::String(text) => (key, text),
            value => (key, value.to_string()),
        })
        .collect()
}

fn environment(meta: Meta) -> Vec<(&'static str, String)> {
    let commit = meta.git_commit.map(|commit| match meta.git_dirty {
        Some(true) => format!("{commit}, with changes"),
        _ => commit,
    });
    let rows = [
        ("command", Some(meta.command.join(" "))),
        ("version", Some(meta.version)),
        ("commit", commit),
        ("backend", Some(meta.backend)),
        ("adapter", meta.adapter),
        ("images", Some(meta.dataset.source)),
        ("images’ SHA-256", meta.dataset.hash),
        ("host threads", Some(meta.host_threads.to_string())),
        ("system", Some(format!("{}, {}", meta.os, meta.arch))),
        ("started", Some(meta.started.to_rfc3339())),
    ];
    rows.into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}

impl History {
    fn of(rows: &[EpochMetrics]) -> Self {
        let column = |value: fn(&EpochMetrics) -> f64| rows.iter().map(value).collect();
        Self {
            epoch: rows.iter().map(|row| row.epoch).collect(),
            train_loss: column(|row| row.train_loss),
            validation_loss: column(|row| row.validation_loss),
            validation_ssim: column(|row| row.validation_ssim),
            seconds: column(|row| row.seconds),
        }
    }
}

impl From<Quality> for Scores {
    fn from(quality: Quality) -> Self {
        let Quality { ssim, psnr, .. } = quality;
        Self { ssim, psnr }
    }
}

impl From<Summary> for Outcome {
    fn from(summary: Summary) -> Self {
        Self {
            best_epoch: summary.best_epoch,
            parameters: summary.parameters,
            latent_dim: summary.latent_dim,
            bytes_per_image: summary.bytes_per_image,
            pca_components: summary.pca.as_ref().map(|pca| pca.components),
            pca_validation: summary
                .pca
                .as_ref()
                .map(|pca| pca.validation.clone().into()),
            pca: summary.pca.map(|pca| pca.test.into()),
            test: summary.test.into(),
            seconds: summary.seconds.total,
            test_images: summary.images.test,
        }
    }
}
