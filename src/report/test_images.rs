//! `test.csv` for the page: every test image, by column.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::run::{RunDir, RunError, THUMBNAIL_COLUMNS, TestImage};

/// `test.csv`, by column, with the thumbnails.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TestImages {
    /// The name of each class; empty if the images have no labels.
    classes: BTreeMap<u32, String>,
    index: Vec<u32>,
    /// Where each image comes from, such as its file; null where a run doesn't say.
    path: Vec<Option<String>>,
    label: Vec<Option<u32>>,
    ssim: Vec<f64>,
    psnr: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    tile: Vec<Option<usize>>,
    /// The address of `thumbnails.png`.
    pub thumbnails: Option<String>,
    columns: usize,
}

impl TestImages {
    /// Reads `test.csv`, with no more digits than a screen shows.
    pub fn read(run: &RunDir) -> Result<Self, RunError> {
        let rows = run.read_test_images()?;
        let column = |value: fn(&TestImage) -> f64, digits: i32| {
            let scale = 10_f64.powi(digits);
            rows.iter()
                .map(|row| (value(row) * scale).round() / scale)
                .collect()
        };
        let mut classes = BTreeMap::new();
        for row in &rows {
            if let Some(label) = row.label {
                let name = || row.class.clone().unwrap_or_else(|| label.to_string());
                classes.entry(label).or_insert_with(name);
            }
        }
        Ok(Self {
            classes,
            index: rows.iter().map(|row| row.index).collect(),
            path: rows.iter().map(|row| row.path.clone()).collect(),
            label: rows.iter().map(|row| row.label).collect(),
            ssim: column(|row| row.ssim, 4),
            psnr: column(|row| row.psnr, 2),
            x: column(|row| row.pc1, 3),
            y: column(|row| row.pc2, 3),
            tile: rows.iter().map(|row| row.tile).collect(),
            thumbnails: None,
            columns: THUMBNAIL_COLUMNS,
        })
    }
}
