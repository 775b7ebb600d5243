//! `sweep.csv` and its picture: a line for each run of a sweep, and of earlier sweeps into the same folder.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::cli::output::{self, OutputError};
use crate::cli::table::Column;
use crate::config::TrainConfig;
use crate::own_files::SWEEP_TABLE;
use crate::path_text::{path_text, text_path};
use crate::plot::{RateQuality, draw_rate_quality};
use crate::run::{Summary, export_png, read_regular, write_output};

/// The largest `sweep.csv` that is read, in bytes: more rows than anybody trains.
const LARGEST_TABLE: u64 = 1 << 24;
pub(super) const PICTURE: &str = "rate_quality.png";

/// A line of `sweep.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    arch: String,
    loss: String,
    latent_dim: usize,
    pub test_ssim: f64,
    test_psnr: f64,
    validation_ssim: f64,
    #[serde(deserialize_with = "csv::invalid_option")]
    pub pca_test_ssim: Option<f64>,
    #[serde(deserialize_with = "csv::invalid_option")]
    pca_test_psnr: Option<f64>,
    epochs: usize,
    seconds: f64,
    pub run: String,
}

pub(super) fn row(config: &TrainConfig, run: &Path, summary: &Summary) -> Row {
    let pca = summary.pca.as_ref().map(|pca| &pca.test);
    let name = run.file_name().unwrap_or_default();
    Row {
        arch: config.model.arch.name().to_owned(),
        loss: config.training.loss.to_string(),
        latent_dim: config.model.latent_dim,
        test_ssim: summary.test.ssim,
        test_psnr: summary.test.psnr,
        validation_ssim: summary.validation.ssim,
        pca_test_ssim: pca.map(|pca| pca.ssim),
        pca_test_psnr: pca.map(|pca| pca.psnr),
        epochs: summary.epochs,
        seconds: summary.seconds.total,
        run: path_text(name),
    }
}

/// The rows of `sweep.csv` that earlier sweeps left; none if there is no such file.
pub(super) fn earlier_rows(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let path = folder.join(SWEEP_TABLE);
    let bytes = match read_regular(&path, LARGEST_TABLE) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.map_err(anyhow::Error::from),
    };
    let rows = bytes.and_then(|bytes| {
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        // A file of one line has no row that could be wrong.
        let header = reader.headers().cloned().unwrap_or_default();
        let has = |name: &str| header.iter().any(|column| column == name);
        if !has("latent_dim") || !has("run") {
            bail!("its first line has no columns latent_dim and run");
        }
        let rows = reader.deserialize().collect::<Result<Vec<Row>, _>>();
        Ok(rows?)
    });
    rows.with_context(|| {
        format!(
            "{}: it isn't a sweep's table, which would be replaced; move it away, or give another --out",
            path.display()
        )
    })
}

/// The rows of this sweep, then those of earlier ones: all but those of the same runs, and of runs that
/// are gone and have been trained again.
pub(super) fn with_earlier(folder: &Path, rows: &[Row], earlier: &[Row]) -> Vec<Row> {
    let is_replaced = |old: &Row| {
        let is_gone = !folder.join(text_path(&old.run)).exists();
        rows.iter().any(|new| {
            let is_same =
                (&new.arch, &new.loss, new.latent_dim) == (&old.arch, &old.loss, old.latent_dim);
            new.run == old.run || (is_gone && is_same)
        })
    };
    let kept = earlier.iter().filter(|old| !is_replaced(old));
    rows.iter().chain(kept).cloned().collect()
}

/// Writes `sweep.csv` and `rate_quality.png`.
pub(super) fn write(folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    let table = writer.into_inner().context("can't write sweep.csv")?;
    write_output(&folder.join(SWEEP_TABLE), &table)?;

    // The newest run of a size stands for it: the last that is collected.
    let pca: BTreeMap<_, _> = rows
        .iter()
        .rev()
        .filter_map(|row| {
            let point = (row.latent_dim, row.pca_test_ssim?, row.pca_test_psnr?);
            Some((row.latent_dim, point))
        })
        .collect();
    let mut curves = Vec::new();
    if !pca.is_empty() {
        curves.push(RateQuality {
            name: "PCA".to_owned(),
            points: pca.into_values().collect(),
        });
    }
    for row in rows {
        let name = format!("{}, {}", row.arch, row.loss);
        let point = (row.latent_dim, row.test_ssim, row.test_psnr);
        match curves.iter_mut().find(|curve| curve.name == name) {
            // The newest run of a size stands for it.
            Some(curve)
                if curve
                    .points
                    .iter()
                    .any(|(size, ..)| *size == row.latent_dim) => {}
            Some(curve) => curve.points.push(point),
            None => curves.push(RateQuality {
                name,
                points: vec![point],
            }),
        }
    }
    for curve in &mut curves {
        curve.points.sort_by_key(|point| point.0);
    }
    let title = "What latent values buy: test images by number of latent values";
    let picture = draw_rate_quality(title, &curves)?;
    export_png(&picture, &folder.join(PICTURE))?;
    Ok(())
}

pub(super) fn print(rows: &[Row], folder: &Path) -> Result<(), OutputError> {
    let column = |heading: &str, figures, cell: &dyn Fn(&Row) -> String| Column {
        heading: heading.to_owned(),
        figures,
        cells: rows.iter().map(cell).collect(),
    };
    let known = |value: Option<f64>, decimals: usize| {
        value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"))
    };
    output::table(&[
        column("latent", true, &|row| row.latent_dim.to_string()),
        column("arch", false, &|row| row.arch.clone()),
        column("loss", false, &|row| row.loss.clone()),
        column("SSIM", true, &|row| format!("{:.4}", row.test_ssim)),
        column("PSNR", true, &|row| format!("{:.2}", row.test_psnr)),
        column("PCA SSIM", true, &|row| known(row.pca_test_ssim, 4)),
        column("PCA PSNR", true, &|row| known(row.pca_test_psnr, 2)),
        column("seconds", true, &|row| format!("{:.1}", row.seconds)),
    ])?;
    output::path(folder)
}
