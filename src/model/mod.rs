//! The autoencoders: images `[N, C, H, W]` in [0, 1] → latent vectors `[N, latent_dim]` → logits
//! `[N, C, H, W]`, whose sigmoid is the reconstruction.
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
use layers::{ConvLayer, Dropout, Initializer, dense, silent_dense};
pub use table::{LayerRow, layer_table, parameters};

use burn::nn::{BatchNorm, BatchNormConfig, Linear};

use crate::pca::Pca;

/// An autoencoder of any [`Architecture`].
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Encoder,
    decoder: Decoder,
    linear: Option<LinearPath>,
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
            linear: design
                .linear
                .then(|| LinearPath::new(design.image, latent_dim, &mut init)),
        }
    }

    /// Makes the linear path, if there is one, that of PCA. As long as the convolutions are silent, the
    /// model is PCA then.
    ///
    /// # Panics
    ///
    /// Where PCA has fewer components than the model has latent values.
    pub fn start_from(&mut self, pca: &Pca) {
        if let Some(linear) = &mut self.linear {
            linear.start_from(pca);
        }
    }

    /// Images `[N, C, H, W]` → latent vectors `[N, latent_dim]`.
    #[must_use]
    pub fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        self.latents(images, None)
    }

    /// Latent vectors `[N, latent_dim]` → reconstructions `[N, C, H, W]` in [0, 1].
    #[must_use]
    pub fn decode(&self, latents: Tensor<2>) -> Tensor<4> {
        activation::sigmoid(self.decode_logits(latents))
    }

    /// Images `[N, C, H, W]` → logits of their reconstructions, without dropout.
    #[must_use]
    pub fn logits(&self, images: Tensor<4>) -> Tensor<4> {
        self.decode_logits(self.encode(images))
    }

    /// As [`logits`](Self::logits), with dropout as `draw` says.
    #[must_use]
    pub fn training_logits(&self, images: Tensor<4>, draw: DropoutDraw) -> Tensor<4> {
        self.decode_logits(self.latents(images, Some(draw)))
    }

    fn latents(&self, images: Tensor<4>, draw: Option<DropoutDraw>) -> Tensor<2> {
        let latents = self.encoder.forward(images.clone(), draw);
        match &self.linear {
            Some(linear) => latents + linear.encode.forward(images.flatten(1, 3)),
            None => latents,
        }
    }

    fn decode_logits(&self, latents: Tensor<2>) -> Tensor<4> {
        let output = self.decoder.forward(latents.clone());
        let Some(linear) = &self.linear else {
            return output;
        };
        let pixels = linear.decode.forward(latents).reshape(output.dims());
        logit(output + pixels)
    }
}

/// The logits of pixels, which are clamped to what a sigmoid can give.
fn logit(pixels: Tensor<4>) -> Tensor<4> {
    /// Far below a grey level of 1/255.
    const MARGIN: f32 = 1e-4;
    let pixels = pixels.clamp(MARGIN, 1.0 - MARGIN);
    let odds: Tensor<4> = pixels.clone() / (1.0 - pixels);
    odds.log()
}

/// Dense layers from the pixels to the latent vector and back.
#[derive(Module, Debug)]
struct LinearPath {
    encode: Linear,
    decode: Linear,
}

impl LinearPath {
    fn new(image: ImageShape, latent_dim: usize, init: &mut Initializer) -> Self {
        Self {
            encode: dense(image.len(), latent_dim, init),
            decode: dense(latent_dim, image.len(), init),
        }
    }

    fn start_from(&mut self, pca: &Pca) {
        let device = self.encode.weight.val().device();
        let components = pca.components().clone(); // [P, K]
        let mean = pca.mean().clone(); // [1, P]
        let offset = mean.clone().matmul(components.clone()).neg(); // [1, K]
        let matrix = |tensor: Tensor<2>| Param::from_data(tensor.into_data(), &device);
        let vector = |row: Tensor<2>| {
            let row: Tensor<1> = row.flatten(0, 1);
            Some(Param::from_data(row.into_data(), &device))
        };
        self.encode.weight = matrix(components.clone());
        self.encode.bias = vector(offset);
        self.decode.weight = matrix(components.transpose());
        self.decode.bias = vector(mean);
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
            dense: if design.linear {
                silent_dense(design.features().len(), latent_dim, init)
            } else {
                dense(design.features().len(), latent_dim, init)
            },
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
        let mut decoder = Self {
            dense: dense(latent_dim, features.len(), init),
            blocks: blocks(features.channels, &design.decoder, init),
            features,
        };
        if design.linear
            && let Some(last) = decoder.blocks.last_mut()
        {
            last.conv.silence();
        }
        decoder
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
