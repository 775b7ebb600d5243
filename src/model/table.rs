//! The layers of a design as a table: name, output shape, parameters, arithmetic.

use super::design::{Design, Output, Shortcut, Stage};
use crate::image::ImageShape;

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRow {
    /// Its place and kind, such as `encoder.0 conv 3×3`.
    pub name: String,
    /// Its output, without the batch.
    pub output: Vec<usize>,
    /// Its trainable values.
    pub parameters: usize,
    /// Multiplications, each with an addition, that its definition takes for an image: of convolutions
    /// and dense layers, beside which the rest is nothing.
    pub multiply_adds: usize,
}

/// The layers from image to reconstruction, in the order in which they run.
#[must_use]
pub fn layer_table(design: &Design, latent_dim: usize) -> Vec<LayerRow> {
    let features = design.features();
    let flat = features.len();
    let mut rows = vec![row("image", design.image, 0)];
    stages(&mut rows, "encoder", design.inner(), &design.encoder);
    if design.dropout > 0.0 {
        rows.push(LayerRow {
            name: format!("encoder dropout {}", design.dropout),
            output: vec![flat],
            parameters: 0,
            multiply_adds: 0,
        });
    }
    rows.push(LayerRow {
        name: "encoder dense → latent".to_owned(),
        output: vec![latent_dim],
        parameters: (flat + 1) * latent_dim,
        multiply_adds: flat * latent_dim,
    });
    let pixels = design.image.len();
    let is_beside = design.shortcut == Shortcut::Beside;
    if is_beside {
        rows.push(LayerRow {
            name: "encoder shortcut: image dense → latent".to_owned(),
            output: vec![latent_dim],
            parameters: (pixels + 1) * latent_dim,
            multiply_adds: pixels * latent_dim,
        });
    }
    rows.push(LayerRow {
        multiply_adds: flat * latent_dim,
        ..row("decoder dense", features, (latent_dim + 1) * flat)
    });
    stages(&mut rows, "decoder", features, &design.decoder);
    if is_beside {
        rows.push(LayerRow {
            multiply_adds: pixels * latent_dim,
            ..row(
                "decoder shortcut: latent dense → image",
                design.image,
                (latent_dim + 1) * pixels,
            )
        });
    }
    let last = match design.output {
        Output::Pixels => "clamp",
        Output::Logits => "sigmoid",
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

/// Multiplications, each with an addition, that training on an image takes: forward, and twice as many
/// backward, by each layer's input and by its weights. The first layer's input, the image, needs none.
#[must_use]
pub fn training_multiply_adds(design: &Design, latent_dim: usize) -> usize {
    let rows = layer_table(design, latent_dim);
    let forward = rows.iter().map(|row| row.multiply_adds);
    let first = forward.clone().find(|&count| count > 0).unwrap_or(0);
    3 * forward.sum::<usize>() - first
}

fn row(name: impl Into<String>, shape: ImageShape, parameters: usize) -> LayerRow {
    LayerRow {
        name: name.into(),
        output: vec![shape.channels, shape.height, shape.width],
        parameters,
        multiply_adds: 0,
    }
}

fn stages(rows: &mut Vec<LayerRow>, side: &str, mut shape: ImageShape, stages: &[Stage]) {
    for (index, stage) in stages.iter().enumerate() {
        let inputs = shape.channels;
        let side = format!("{side}.{index}");
        if stage.conv.upsample {
            shape = ImageShape {
                height: 2 * shape.height,
                width: 2 * shape.width,
                ..shape
            };
            rows.push(row(format!("{side} upsample ×2"), shape, 0));
        }
        if stage.conv.halve {
            shape = ImageShape {
                height: shape.height.div_ceil(2),
                width: shape.width.div_ceil(2),
                ..shape
            };
        }
        shape.channels = stage.conv_channels();
        let before = if stage.conv.activate { "ReLU, " } else { "" };
        let stride = if stage.conv.halve { ", stride 2" } else { "" };
        let after = if stage.conv.relu { ", ReLU" } else { "" };
        let name = format!("{before}conv 3×3{stride}{after}");
        let conv = |inputs: usize, name: String| LayerRow {
            multiply_adds: 9 * inputs * shape.len(),
            ..row(name, shape, (9 * inputs + 1) * shape.channels)
        };
        rows.push(conv(inputs, format!("{side} {name}")));
        if stage.residual {
            rows.push(conv(shape.channels, format!("{side} {name}, + input")));
        }
        if stage.conv.shuffle {
            shape = ImageShape {
                channels: stage.channels,
                height: 2 * shape.height,
                width: 2 * shape.width,
            };
            rows.push(row(format!("{side} pixel shuffle ×2"), shape, 0));
        }
        if stage.conv.max_pool {
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
