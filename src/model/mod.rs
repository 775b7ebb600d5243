//! The autoencoders: images `[N, C, H, W]` in [0, 1] → latent vectors `[N, latent_dim]` → logits
//! `[N, C, H, W]`, whose sigmoid is the reconstruction.
//!
//! `design` says which layers each architecture has; this file builds and runs them. Initial
//! weights and dropout masks are drawn on the host, so every backend starts and goes on the same.

mod design;
mod layers;
mod table;

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};

pub use design::{Architecture, Design, ImageShape, Stage};
pub use layers::DropoutDraw;
use layers::{ConvLayer, Dropout, Initializer, dense};
pub use table::{LayerRow, layer_table, parameters};

use burn::nn::{BatchNorm, BatchNormConfig, Linear};

/// An autoencoder of any [`Architecture`].
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Encoder,
    decoder: Decoder,
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

    /// Images `[N, C, H, W]` → latent vectors `[N, latent_dim]`.
    #[must_use]
    pub fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        self.encoder.forward(images, None)
    }

    /// Latent vectors `[N, latent_dim]` → reconstructions `[N, C, H, W]` in [0, 1].
    #[must_use]
    pub fn decode(&self, latents: Tensor<2>) -> Tensor<4> {
        activation::sigmoid(self.decoder.forward(latents))
    }

    /// Images `[N, C, H, W]` → logits of their reconstructions, without dropout.
    #[must_use]
    pub fn logits(&self, images: Tensor<4>) -> Tensor<4> {
        self.decoder.forward(self.encode(images))
    }

    /// As [`logits`](Self::logits), with dropout as `draw` says.
    #[must_use]
    pub fn training_logits(&self, images: Tensor<4>, draw: DropoutDraw) -> Tensor<4> {
        self.decoder
            .forward(self.encoder.forward(images, Some(draw)))
    }
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
