//! The autoencoders: images `[N, C, H, W]` in [0, 1] → latent vectors `[N, latent_dim]` → a
//! [`Prediction`] of the images: logits, or of linear models pixels.
//!
//! `design` says which layers each architecture has; this file builds and runs them. Initial
//! weights and dropout masks are drawn on the host, so every backend starts and goes on the same.

mod design;
mod layers;
mod table;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};

pub use design::{Architecture, Design, ImageShape, Stage};
pub use layers::DropoutDraw;
use layers::{ConvLayer, Dropout, Initializer, dense};
pub use table::{LayerRow, layer_table, parameters, training_multiply_adds};

use burn::nn::{BatchNorm, BatchNormConfig, Linear};

use crate::pca::Pca;

/// An autoencoder of any [`Architecture`].
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Encoder,
    decoder: Decoder,
}

/// What a decoder makes of latent vectors, in the form in which it does: `[N, C, H, W]`.
#[derive(Clone, Debug)]
pub enum Prediction {
    /// Any numbers, whose sigmoid is the reconstruction.
    Logits(Tensor<4>),
    /// The reconstruction, but for what lies outside of [0, 1].
    Pixels(Tensor<4>),
}

impl Prediction {
    /// The reconstructions, in [0, 1].
    #[must_use]
    pub fn reconstructions(&self) -> Tensor<4> {
        match self {
            Self::Logits(logits) => activation::sigmoid(logits.clone()),
            Self::Pixels(pixels) => pixels.clone().clamp(0.0, 1.0),
        }
    }

    /// What the sigmoid makes reconstructions of; for pixels up to ±9.2, far beyond a grey level.
    #[must_use]
    pub fn logits(&self) -> Tensor<4> {
        const MARGIN: f32 = 1e-4;
        match self {
            Self::Logits(logits) => logits.clone(),
            Self::Pixels(pixels) => {
                let pixels = pixels.clone().clamp(MARGIN, 1.0 - MARGIN);
                let odds: Tensor<4> = pixels.clone() / (1.0 - pixels);
                odds.log()
            }
        }
    }
}

impl Autoencoder {
    /// A model on `device` (with autodiff where it's to be trained), its weights drawn from `seed`:
    /// Glorot-uniform weights, zero biases.
    #[must_use]
    pub fn new(design: &Design, latent_dim: usize, seed: u64, device: &Device) -> Self {
        let mut init = Initializer::new(seed, device);
        Self {
            encoder: Encoder::new(design, latent_dim, &mut init),
            decoder: Decoder::new(design, latent_dim, &mut init),
        }
    }

    /// Makes a linear model PCA, and leaves others as they are.
    ///
    /// # Panics
    ///
    /// Where PCA has another number of components than the model has latent values.
    pub fn start_from(&mut self, pca: &Pca) {
        if !self.decoder.is_linear() {
            return;
        }
        let components = pca.components().clone(); // [P, K]
        let mean = pca.mean().clone(); // [1, P]
        let offset = mean.clone().matmul(components.clone()).neg(); // [1, K]
        replace(&mut self.encoder.dense, components.clone(), offset);
        replace(&mut self.decoder.dense, components.transpose(), mean);
    }

    /// The same weights on another device, such as the same one with autodiff; they don't learn
    /// there.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        self.clone().fork(device).freeze()
    }

    /// Images `[N, C, H, W]` → latent vectors `[N, latent_dim]`.
    #[must_use]
    pub fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        self.encoder.forward(images, None)
    }

    /// As [`encode`](Self::encode), with dropout as `draw` says.
    #[must_use]
    pub fn training_encode(&self, images: Tensor<4>, draw: DropoutDraw) -> Tensor<2> {
        self.encoder.forward(images, Some(draw))
    }

    /// Latent vectors `[N, latent_dim]` → what the decoder makes of them.
    #[must_use]
    pub fn predict(&self, latents: Tensor<2>) -> Prediction {
        let output = self.decoder.forward(latents);
        if self.decoder.is_linear() {
            Prediction::Pixels(output)
        } else {
            Prediction::Logits(output)
        }
    }

    /// Latent vectors `[N, latent_dim]` → reconstructions `[N, C, H, W]` in [0, 1].
    #[must_use]
    pub fn decode(&self, latents: Tensor<2>) -> Tensor<4> {
        self.predict(latents).reconstructions()
    }
}

/// Gives a dense layer other weights, `[inputs, outputs]`, and another bias, `[1, outputs]`.
fn replace(layer: &mut Linear, weight: Tensor<2>, bias: Tensor<2>) {
    let device = layer.weight.val().device();
    assert_eq!(layer.weight.dims(), weight.dims(), "a layer's own size");
    let bias: Tensor<1> = bias.flatten(0, 1);
    layer.weight = Param::from_data(weight.into_data(), &device);
    layer.bias = Some(Param::from_data(bias.into_data(), &device));
}

/// A convolution stage, then batch normalisation where the design has it.
#[derive(Module, Debug)]
struct Block {
    conv: ConvLayer,
    norm: Option<BatchNorm>,
}

impl Block {
    fn new(in_channels: usize, stage: &Stage, init: &mut Initializer) -> Self {
        Self {
            conv: ConvLayer::new(in_channels, stage.channels, stage.stages, init),
            norm: stage
                .batch_norm
                .then(|| BatchNormConfig::new(stage.channels).init(init.device())),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        match &self.norm {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }
}

fn blocks(mut channels: usize, stages: &[Stage], init: &mut Initializer) -> Vec<Block> {
    stages
        .iter()
        .map(|stage| {
            let block = Block::new(channels, stage, init);
            channels = stage.channels;
            block
        })
        .collect()
}

#[derive(Module, Debug)]
struct Encoder {
    blocks: Vec<Block>,
    dense: Linear,
    #[module(skip)]
    dropout: Dropout,
}

impl Encoder {
    fn new(design: &Design, latent_dim: usize, init: &mut Initializer) -> Self {
        Self {
            blocks: blocks(design.image.channels, &design.encoder, init),
            dense: dense(design.features().len(), latent_dim, init),
            dropout: Dropout {
                rate: design.dropout,
                seed: init.seed(),
            },
        }
    }

    fn forward(&self, images: Tensor<4>, draw: Option<DropoutDraw>) -> Tensor<2> {
        let features = self.blocks.iter().fold(images, |x, block| block.forward(x));
        let features: Tensor<2> = features.flatten(1, 3); // [N, C, H, W] → [N, C·H·W]
        let features = match draw {
            Some(draw) => self.dropout.forward(features, draw),
            None => features,
        };
        self.dense.forward(features)
    }
}

#[derive(Module, Debug)]
struct Decoder {
    dense: Linear,
    blocks: Vec<Block>,
    /// What the dense layer's output is reshaped to.
    #[module(skip)]
    features: ImageShape,
}

impl Decoder {
    fn new(design: &Design, latent_dim: usize, init: &mut Initializer) -> Self {
        let features = design.features();
        Self {
            dense: dense(latent_dim, features.len(), init),
            blocks: blocks(features.channels, &design.decoder, init),
            features,
        }
    }

    fn is_linear(&self) -> bool {
        self.blocks.is_empty()
    }

    fn forward(&self, latents: Tensor<2>) -> Tensor<4> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.features;
        let [images, _] = latents.dims();
        let features = self.dense.forward(latents); // [N, latent_dim] → [N, C·H·W]
        let features = features.reshape([images, channels, height, width]);
        self.blocks
            .iter()
            .fold(features, |x, block| block.forward(x))
    }
}
