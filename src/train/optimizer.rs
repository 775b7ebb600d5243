//! Adam and AdamW, with a state that can be saved and loaded on any device.
//!
//! burn's own optimizers do the same arithmetic, but load a state only by way of burn's default
//! device, which may be a GPU that isn't there.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::Optimizer;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
/// As in Keras; burn's default is 1e-5.
const EPSILON: f32 = 1e-7;
const WEIGHT_DECAY: f64 = 0.01;

/// Adam (Kingma and Ba, 2015), or with decoupled weight decay (Loshchilov and Hutter, 2019).
#[derive(Clone, Debug)]
pub(super) struct Adam {
    weight_decay: f64,
    /// Steps so far.
    time: i32,
    /// Of each trained parameter, in the order of the layers: the running means of its gradient and
    /// of its square, flattened.
    moments: Vec<[Tensor<1>; 2]>,
}

impl Adam {
    pub fn new(optimizer: Optimizer) -> Self {
        Self {
            weight_decay: match optimizer {
                Optimizer::Adam => 0.0,
                Optimizer::AdamW => WEIGHT_DECAY,
            },
            time: 0,
            moments: Vec::new(),
        }
    }

    /// The model after a step down its gradients.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        model: M,
        gradients: GradientsParams,
    ) -> M {
        self.time += 1;
        model.map(&mut Step {
            optimizer: self,
            learning_rate,
            gradients,
            parameter: 0,
        })
    }

    /// The state: the number of steps, then for each parameter its length and both moments, all
    /// little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.time.to_le_bytes().to_vec();
        for [first, second] in &self.moments {
            bytes.extend((first.dims()[0] as u64).to_le_bytes());
            for moment in [first, second] {
                let data = moment.to_data();
                let values = data.as_slice::<f32>().expect("moments are f32");
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
        bytes
    }

    /// The state that [`to_bytes`](Self::to_bytes) made; None if it isn't one.
    pub fn load(&mut self, mut bytes: &[u8], device: &Device) -> Option<()> {
        self.time = i32::from_le_bytes(take(&mut bytes)?);
        self.moments.clear();
        while !bytes.is_empty() {
            let len = usize::try_from(u64::from_le_bytes(take(&mut bytes)?)).ok()?;
            let mut moment = || {
                let (values, rest) = bytes.split_at_checked(len.checked_mul(size_of::<f32>())?)?;
                bytes = rest;
                let (values, _) = values.as_chunks();
                let values: Vec<f32> = values.iter().copied().map(f32::from_le_bytes).collect();
                Some(Tensor::from_data(TensorData::new(values, [len]), device))
            };
            self.moments.push([moment()?, moment()?]);
        }
        Some(())
    }
}

/// The next bytes of `bytes`.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

struct Step<'a> {
    optimizer: &'a mut Adam,
    learning_rate: f64,
    gradients: GradientsParams,
    /// Trained parameters so far.
    parameter: usize,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let is_trained = tensor.is_require_grad();
        let shape = tensor.shape();
        let update = self.update(gradient.flatten(0, D - 1)).reshape(shape);
        let mut value = tensor.inner();
        if self.optimizer.weight_decay > 0.0 {
            value = value.mul_scalar(1.0 - self.learning_rate * self.optimizer.weight_decay);
        }
        let value = value - update.mul_scalar(self.learning_rate);
        let tensor = Tensor::from_inner(value).set_require_grad(is_trained);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

impl Step<'_> {
    /// What the learning rate multiplies, for the next parameter.
    fn update(&mut self, gradient: Tensor<1>) -> Tensor<1> {
        let Adam { time, moments, .. } = self.optimizer;
        if self.parameter == moments.len() {
            let zeros = || Tensor::zeros(gradient.shape(), &gradient.device());
            moments.push([zeros(), zeros()]);
        }
        let [first, second] = &mut moments[self.parameter];
        self.parameter += 1;
        *first = first.clone().mul_scalar(BETA_1) + gradient.clone().mul_scalar(1.0 - BETA_1);
        *second = second.clone().mul_scalar(BETA_2) + gradient.square().mul_scalar(1.0 - BETA_2);
        // The means start at zero, and are scaled up to what they would be of the steps so far.
        let second_correction = (1.0 - BETA_2.powi(*time)).sqrt();
        let correction = second_correction / (1.0 - BETA_1.powi(*time));
        first.clone().mul_scalar(correction)
            / second
                .clone()
                .sqrt()
                .add_scalar(EPSILON * second_correction)
    }
}
