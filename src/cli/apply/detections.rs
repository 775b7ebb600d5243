//! How well scores tell anomalous images from usual ones, where it's known which are, beside PCA's.

use serde::Serialize;

use crate::anomaly::Detection;
use crate::cli::output;
use crate::cli::table::Column;
use crate::words::count;

#[derive(Serialize)]
pub(super) struct Detections {
    usual: usize,
    anomalous: usize,
    model: Detection,
    #[serde(skip_serializing_if = "Option::is_none")]
    pca: Option<Detection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_pca: Option<String>,
    #[serde(skip)]
    components: usize,
}

/// The scores of images of which it's known whether they are usual.
#[derive(Default)]
pub(super) struct Known {
    pub is_anomalous: Vec<bool>,
    pub model: Vec<f32>,
    pub pca: Vec<f32>,
}

impl Known {
    pub fn detections(&self, components: usize, why_no_pca: &str) -> Option<Detections> {
        let anomalous = self.is_anomalous.iter().filter(|&&is| is).count();
        Some(Detections {
            usual: self.is_anomalous.len() - anomalous,
            anomalous,
            model: Detection::of(&self.model, &self.is_anomalous)?,
            pca: if self.pca.is_empty() {
                None
            } else {
                Detection::of(&self.pca, &self.is_anomalous)
            },
            no_pca: self.pca.is_empty().then(|| why_no_pca.to_owned()),
            components,
        })
    }
}

pub(super) fn tell(detections: &Detections, latent_dim: usize) -> anyhow::Result<()> {
    output::line(format_args!(
        "\n{} against {} usual ones",
        count(detections.anomalous, "anomalous image"),
        detections.usual
    ))?;
    let rows = [Some(&detections.model), detections.pca.as_ref()];
    let rows: Vec<&Detection> = rows.into_iter().flatten().collect();
    let names = [
        format!("model, {latent_dim} latent values"),
        format!("PCA, {} components", detections.components),
    ];
    let figures = |heading: &str, figure: fn(&Detection) -> f64| Column {
        heading: heading.to_owned(),
        figures: true,
        cells: rows
            .iter()
            .map(|row| format!("{:.4}", figure(row)))
            .collect(),
    };
    output::table(&[
        Column {
            heading: String::new(),
            figures: false,
            cells: names.into_iter().take(rows.len()).collect(),
        },
        figures("AUROC", |row| row.auroc),
        figures("average precision", |row| row.average_precision),
        figures("best F1", |row| row.best_f1),
    ])?;
    if let Some(why) = &detections.no_pca {
        output::line(why)?;
    }
    output::line("")?;
    Ok(())
}
