//! The layers whose random draws are made on the host: convolution, dense, dropout.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Shape, Tensor, TensorData};
use rand::{Rng, RngExt};

use crate::ops::{self, ConvOptions};
use crate::rng::{Stream, rng};

/// Draws initial weights, layer after layer.
pub(super) struct Initializer<'a> {
    seed: u64,
    layer: u64,
    device: &'a Device,
}

impl<'a> Initializer<'a> {
    pub fn new(seed: u64, device: &'a Device) -> Self {
        Self {
            seed,
            layer: 0,
            device,
        }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn device(&self) -> &Device {
        self.device
    }

    /// Uniform in ±√(6 / (fan in + fan out)): Glorot and Bengio, 2010; Keras's default.
    fn glorot_uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
    ) -> Param<Tensor<D>> {
        let mut rng = rng(self.seed, Stream::Init, self.layer);
        self.layer += 1;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rough limit, of large layers, too"
        )]
        let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|_| limit * (2.0 * rng.random::<f32>() - 1.0))
            .collect();
        Param::from_data(TensorData::new(values, Shape::from(shape)), self.device)
    }

    fn zeros<const D: usize>(&self, shape: [usize; D]) -> Param<Tensor<D>> {
        let values = vec![0.0_f32; shape.iter().product()];
        Param::from_data(TensorData::new(values, Shape::from(shape)), self.device)
    }
}

/// A dense layer `[N, inputs]` → `[N, outputs]`.
pub(super) fn dense(inputs: usize, outputs: usize, init: &mut Initializer) -> Linear {
    Linear {
        weight: init.glorot_uniform([inputs, outputs], inputs, outputs),
        bias: Some(init.zeros([outputs])),
    }
}

/// The same with weights that are zero at the start.
pub(super) fn dense_zeros(inputs: usize, outputs: usize, init: &Initializer) -> Linear {
    Linear {
        weight: init.zeros([inputs, outputs]),
        bias: Some(init.zeros([outputs])),
    }
}

/// A 3×3 convolution with its [`ConvOptions`].
#[derive(Module, Debug)]
pub(super) struct ConvLayer {
    /// `[C_out, C_in, 3, 3]`
    weight: Param<Tensor<4>>,
    /// `[C_out]`
    bias: Param<Tensor<1>>,
    #[module(skip)]
    options: ConvOptions,
}

impl ConvLayer {
    pub fn new(
        inputs: usize,
        outputs: usize,
        options: ConvOptions,
        init: &mut Initializer,
    ) -> Self {
        const TAPS: usize = 9;
        Self {
            weight: init.glorot_uniform([outputs, inputs, 3, 3], TAPS * inputs, TAPS * outputs),
            bias: init.zeros([outputs]),
            options,
        }
    }

    /// One with weights that are zero at the start.
    pub fn zeros(inputs: usize, outputs: usize, options: ConvOptions, init: &Initializer) -> Self {
        Self {
            weight: init.zeros([outputs, inputs, 3, 3]),
            bias: init.zeros([outputs]),
            options,
        }
    }

    /// Makes its weights zero.
    pub fn reset(&mut self, init: &Initializer) {
        self.weight = init.zeros(self.weight.dims());
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv3x3(x, self.weight.val(), self.bias.val(), self.options)
    }
}

/// Which draw of the dropout masks to use: one for each training step.
#[derive(Clone, Copy, Debug)]
pub struct DropoutDraw {
    /// Training steps since the start of the run.
    pub step: u64,
}

/// Sets a share of the values to zero and scales the rest, so that the expectation stays.
#[derive(Clone, Debug)]
pub(super) struct Dropout {
    pub rate: f64,
    pub seed: u64,
}

impl Dropout {
    pub fn forward(&self, x: Tensor<2>, draw: DropoutDraw) -> Tensor<2> {
        if self.rate == 0.0 {
            return x;
        }
        let [rows, columns] = x.dims();
        let mut random = vec![0; 2 * rows * columns];
        rng(self.seed, Stream::Dropout, draw.step).fill_bytes(&mut random);
        #[expect(clippy::cast_possible_truncation, reason = "scales are about 1")]
        let scale = (1.0 / (1.0 - self.rate)) as f32;
        // Sixteen bits a value suffice to compare with a rate.
        let threshold = self.rate * f64::from(1_u32 << 16);
        let mask: Vec<f32> = random
            .chunks_exact(2)
            .map(|pair| f64::from(u16::from_le_bytes([pair[0], pair[1]])))
            .map(|value| if value < threshold { 0.0 } else { scale })
            .collect();
        let device = x.device();
        x * Tensor::from_data(TensorData::new(mask, [rows, columns]), &device.inner())
    }
}
