//! The layers of a design as a table: name, output shape, parameters.

use super::design::{Design, ImageShape, Stage};

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRow {
    /// Its place and kind, such as `encoder.0 conv 3×3`.
    pub name: String,
    /// Its output, without the batch.
    pub output: Vec<usize>,
    /// Its trainable values.
    pub parameters: usize,
}

/// The layers from image to reconstruction, in the order in which they run.
#[must_use]
pub fn layer_table(design: &Design, latent_dim: usize) -> Vec<LayerRow> {
    let features = design.features();
    let flat = features.len();
    let mut rows = vec![row("image", design.image, 0)];
    stages(&mut rows, "encoder", design.image, &design.encoder);
    if design.dropout > 0.0 {
        rows.push(LayerRow {
            name: format!("encoder dropout {}", design.dropout),
            output: vec![flat],
            parameters: 0,
        });
    }
    rows.push(LayerRow {
        name: "encoder dense → latent".to_owned(),
        output: vec![latent_dim],
        parameters: (flat + 1) * latent_dim,
    });
    rows.push(row("decoder dense", features, (latent_dim + 1) * flat));
    stages(&mut rows, "decoder", features, &design.decoder);
    let last = if design.is_linear() {
        "clamp"
    } else {
        "sigmoid"
    };
    rows.push(row(last, design.image, 0));
    rows
}

/// Trainable values in all: what [`layer_table`]'s last column adds up to.
#[must_use]
pub fn parameters(design: &Design, latent_dim: usize) -> usize {
    layer_table(design, latent_dim)
        .iter()
        .map(|row| row.parameters)
        .sum()
}

fn row(name: impl Into<String>, shape: ImageShape, parameters: usize) -> LayerRow {
    LayerRow {
        name: name.into(),
        output: vec![shape.channels, shape.height, shape.width],
        parameters,
    }
}

fn stages(rows: &mut Vec<LayerRow>, side: &str, mut shape: ImageShape, stages: &[Stage]) {
    for (index, stage) in stages.iter().enumerate() {
        let inputs = shape.channels;
        let side = format!("{side}.{index}");
        if stage.stages.upsample {
            shape = ImageShape {
                height: 2 * shape.height,
                width: 2 * shape.width,
                ..shape
            };
            rows.push(row(format!("{side} upsample ×2"), shape, 0));
        }
        shape.channels = stage.channels;
        let activation = if stage.stages.relu { ", ReLU" } else { "" };
        let parameters = (9 * inputs + 1) * stage.channels;
        rows.push(row(
            format!("{side} conv 3×3{activation}"),
            shape,
            parameters,
        ));
        if stage.stages.max_pool {
            shape = ImageShape {
                height: shape.height / 2,
                width: shape.width / 2,
                ..shape
            };
            rows.push(row(format!("{side} max-pool 2×2"), shape, 0));
        }
        if stage.batch_norm {
            rows.push(row(format!("{side} batch norm"), shape, 2 * stage.channels));
        }
    }
}
