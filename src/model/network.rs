//! The network of an autoencoder, built by its design. Initial weights and dropout masks are drawn on
//! the host, so that training starts and continues the same way on every backend.

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::tensor::{Device, Tensor};

use super::design::{Design, Output, Shortcut, Stage};
use super::layers::{ConvLayer, Dropout, DropoutDraw, Initializer, dense, dense_zeros};
use crate::image::ImageShape;
use crate::prediction::Prediction;

/// The network of an autoencoder of any [`Architecture`](super::Architecture): images `[N, C, H, W]` in
/// [0, 1] → latent vectors `[N, latent_dim]` → a [`Prediction`] of the images.
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

    /// Makes the way from the image to the latent vector and back PCA's, whose components `[P, K]` and mean
    /// `[1, P]` are.
    ///
    /// # Panics
    ///
    /// Where the network has no such way, or another number of latent values than PCA has components.
    pub fn start_as_pca(&mut self, components: Tensor<2>, mean: Tensor<2>) {
        let offset = mean.clone().matmul(components.clone()).neg(); // [1, K]
        let Self { encoder, decoder } = self;
        let encoder = encoder.shortcut.as_mut().unwrap_or(&mut encoder.dense);
        replace(encoder, components.clone(), offset);
        let decoder = decoder.shortcut.as_mut().unwrap_or(&mut decoder.dense);
        replace(decoder, components.transpose(), mean);
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
        match self.decoder.output {
            Output::Pixels => Prediction::Pixels(output),
            Output::Logits => Prediction::Logits(output),
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

/// A convolution stage or a residual block, then batch normalisation where the design has it.
#[derive(Module, Debug)]
struct Block {
    conv: ConvLayer,
    /// Of a residual block.
    second: Option<ConvLayer>,
    norm: Option<BatchNorm>,
}

impl Block {
    fn new(in_channels: usize, stage: &Stage, init: &mut Initializer) -> Self {
        let channels = stage.conv_channels();
        Self {
            conv: ConvLayer::new(in_channels, channels, stage.conv, init),
            second: stage
                .residual
                .then(|| ConvLayer::zeros(channels, channels, stage.conv, init)),
            norm: stage
                .batch_norm
                .then(|| BatchNormConfig::new(stage.channels).init(init.device())),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match &self.second {
            Some(second) => x.clone() + second.forward(self.conv.forward(x)),
            None => self.conv.forward(x),
        };
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
    /// Beside both.
    shortcut: Option<Linear>,
    #[module(skip)]
    dropout: Dropout,
    /// What images are padded to.
    #[module(skip)]
    inner: ImageShape,
}

impl Encoder {
    fn new(design: &Design, latent_dim: usize, init: &mut Initializer) -> Self {
        let blocks = blocks(design.image.channels, &design.encoder, init);
        let inputs = design.features().len();
        let is_beside = design.shortcut == Shortcut::Beside;
        Self {
            blocks,
            dense: if is_beside {
                dense_zeros(inputs, latent_dim, init)
            } else {
                dense(inputs, latent_dim, init)
            },
            shortcut: is_beside.then(|| dense(design.image.len(), latent_dim, init)),
            dropout: Dropout {
                rate: design.dropout,
                seed: init.seed(),
            },
            inner: design.inner(),
        }
    }

    fn forward(&self, images: Tensor<4>, draw: Option<DropoutDraw>) -> Tensor<2> {
        let inner = padded(images.clone(), self.inner);
        let features = self.blocks.iter().fold(inner, |x, block| block.forward(x));
        let features: Tensor<2> = features.flatten(1, 3); // [N, C, H, W] → [N, C·H·W]
        let features = match draw {
            Some(draw) => self.dropout.forward(features, draw),
            None => features,
        };
        let latents = self.dense.forward(features);
        match &self.shortcut {
            Some(shortcut) => latents + shortcut.forward(images.flatten(1, 3)),
            None => latents,
        }
    }
}

#[derive(Module, Debug)]
struct Decoder {
    dense: Linear,
    blocks: Vec<Block>,
    /// Beside both.
    shortcut: Option<Linear>,
    /// What the dense layer's output is reshaped to.
    #[module(skip)]
    features: ImageShape,
    #[module(skip)]
    output: Output,
    /// What images are cut to.
    #[module(skip)]
    image: ImageShape,
}

impl Decoder {
    fn new(design: &Design, latent_dim: usize, init: &mut Initializer) -> Self {
        let features = design.features();
        let is_beside = design.shortcut == Shortcut::Beside;
        let mut decoder = Self {
            dense: dense(latent_dim, features.len(), init),
            blocks: blocks(features.channels, &design.decoder, init),
            shortcut: is_beside.then(|| dense(latent_dim, design.image.len(), init)),
            features,
            output: design.output,
            image: design.image,
        };
        if is_beside && let Some(last) = decoder.blocks.last_mut() {
            last.conv.reset(init);
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
        let features = self.dense.forward(latents.clone()); // [N, latent_dim] → [N, C·H·W]
        let features = features.reshape([images, channels, height, width]);
        let output = self
            .blocks
            .iter()
            .fold(features, |x, block| block.forward(x));
        let output = cut(output, self.image);
        match &self.shortcut {
            Some(shortcut) => output.clone() + shortcut.forward(latents).reshape(output.shape()),
            None => output,
        }
    }
}

/// Images `[N, C, H, W]` with their last row and column repeated until they have the size of `shape`.
fn padded(images: Tensor<4>, shape: ImageShape) -> Tensor<4> {
    let repeat_last = |x: Tensor<4>, dim: usize, side: usize| {
        let found = x.dims()[dim];
        if found == side {
            return x;
        }
        let last = x.clone().narrow(dim, found - 1, 1);
        let copies = (found..side).map(|_| last.clone());
        let parts = [x].into_iter().chain(copies).collect();
        Tensor::cat(parts, dim)
    };
    let images = repeat_last(images, 2, shape.height);
    repeat_last(images, 3, shape.width)
}

/// The upper left part of images `[N, C, H, W]` that has the size of `shape`.
fn cut(images: Tensor<4>, shape: ImageShape) -> Tensor<4> {
    let [count, channels, height, width] = images.dims();
    if [height, width] == [shape.height, shape.width] {
        return images;
    }
    images.slice([0..count, 0..channels, 0..shape.height, 0..shape.width])
}
