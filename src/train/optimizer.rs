//! Adam and AdamW, with a state that can be saved and loaded on any device.
//!
//! burn's own optimizers do the same arithmetic, but load a state only by way of burn's default
//! device, which may be a GPU that isn't there.

use std::collections::BTreeMap;
use std::mem;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{Optimizer, TrainingConfig};
use crate::model::{Design, ModulePath};
use crate::ops::{self, AdamStep};
use crate::readback::{Readback, Values};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
/// As in Keras; burn's default is 1e-5.
const EPSILON: f32 = 1e-7;
const WEIGHT_DECAY: f64 = 0.01;

/// Adam (Kingma and Ba, 2015), or with decoupled weight decay (Loshchilov and Hutter, 2019), and what belongs to
/// its step: gradients of a limited norm before it, a running mean of the weights behind it.
#[derive(Clone, Debug)]
pub(super) struct Adam {
    weight_decay: f64,
    /// 0 for none.
    clip_norm: f64,
    /// 0 for none.
    ema: f64,
    /// Steps so far.
    time: i32,
    /// Of each trained parameter, by its name: the running means of its gradient and of its square,
    /// flattened.
    moments: BTreeMap<String, [Tensor<1>; 2]>,
    /// Of each trained parameter, by its name: its own running mean, flattened; none without `ema`.
    averages: BTreeMap<String, Tensor<1>>,
}

impl Adam {
    pub fn new(config: &TrainingConfig) -> Self {
        Self {
            weight_decay: match config.optimizer {
                Optimizer::Adam => 0.0,
                Optimizer::AdamW => WEIGHT_DECAY,
            },
            clip_norm: config.clip_norm,
            ema: config.ema,
            time: 0,
            moments: BTreeMap::new(),
            averages: BTreeMap::new(),
        }
    }

    /// Whether a running mean of the weights is kept.
    pub fn averages(&self) -> bool {
        self.ema > 0.0
    }

    /// The model with the running means of its weights, if they are kept; it has no autodiff.
    pub fn averaged<M: Module>(&self, model: M) -> M {
        let mut average = Average {
            averages: &self.averages,
            path: ModulePath::default(),
        };
        model.map(&mut average)
    }

    /// The model after a step down its gradients.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        design: &Design,
        model: M,
        gradients: GradientsParams,
    ) -> M {
        self.time += 1;
        // The means start at zero, and are scaled up to what they would be of the steps so far.
        let first_correction = 1.0 - BETA_1.powi(self.time);
        let second_correction = (1.0 - BETA_2.powi(self.time)).sqrt();
        let [rate, decay] = [learning_rate, learning_rate * self.weight_decay].map(to_f32);
        let scale = (self.clip_norm > 0.0).then(|| {
            let excess = gradient_norm(&model, &gradients).div_scalar(self.clip_norm);
            // Exactly 1 where there is none, and never a division by zero. What is NaN stays that, for the loss to
            // show it.
            excess.clamp_min(0.5).recip().clamp_max(1.0)
        });
        let time = f64::from(self.time);
        let mut step = Step {
            design,
            scale,
            // Of few steps, the mean is one over about the last tenth.
            kept: self.ema.min(time / (9.0 + time)),
            averages: self.averages().then(|| mem::take(&mut self.averages)),
            by: AdamStep {
                beta_1: BETA_1,
                beta_2: BETA_2,
                decay,
                rate: rate * second_correction / first_correction,
                epsilon: EPSILON * second_correction,
            },
            gradients,
            path: ModulePath::default(),
            moments: mem::take(&mut self.moments),
        };
        let model = model.map(&mut step);
        self.moments = step.moments;
        self.averages = step.averages.unwrap_or_default();
        model
    }

    /// Adds what [`to_bytes`](Self::to_bytes) needs of the device.
    pub fn add_to(&self, readback: &mut Readback) {
        for (name, moments) in &self.moments {
            for values in moments.iter().chain(self.averages.get(name)) {
                readback.add(values.clone());
            }
        }
    }

    /// The state: the number of steps, then for each parameter the length of its name and the name, its
    /// own length, both moments, and its running mean if that is kept; all little-endian.
    pub fn to_bytes(&self, values: &mut Values) -> Vec<u8> {
        let mut bytes = self.time.to_le_bytes().to_vec();
        for name in self.moments.keys() {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
            let arrays = 2 + usize::from(self.averages.contains_key(name));
            let arrays: Vec<Vec<f32>> = (0..arrays).map(|_| values.take()).collect();
            bytes.extend((arrays[0].len() as u64).to_le_bytes());
            bytes.extend(
                arrays
                    .iter()
                    .flatten()
                    .flat_map(|value| value.to_le_bytes()),
            );
        }
        bytes
    }

    /// The state that [`to_bytes`](Self::to_bytes) made; None if it isn't one.
    pub fn load(&mut self, mut bytes: &[u8], device: &Device) -> Option<()> {
        self.time = i32::from_le_bytes(take(&mut bytes)?);
        self.moments.clear();
        self.averages.clear();
        while !bytes.is_empty() {
            let len = take_len(&mut bytes)?;
            let (name, rest) = bytes.split_at_checked(len)?;
            bytes = rest;
            let name = String::from_utf8(name.to_vec()).ok()?;
            let len = take_len(&mut bytes)?;
            let mut array = || {
                let (values, rest) = bytes.split_at_checked(len.checked_mul(size_of::<f32>())?)?;
                bytes = rest;
                let (values, _) = values.as_chunks();
                let values: Vec<f32> = values.iter().copied().map(f32::from_le_bytes).collect();
                Some(Tensor::from_data(TensorData::new(values, [len]), device))
            };
            let moments = [array()?, array()?];
            if self.averages() {
                let average = array()?;
                self.averages.insert(name.clone(), average);
            }
            self.moments.insert(name, moments);
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

fn take_len(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(take(bytes)?)).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the digits that f32 has are those that the parameters have"
)]
fn to_f32(value: f64) -> f32 {
    value as f32
}

struct Step<'a> {
    design: &'a Design,
    by: AdamStep,
    /// What gradients are multiplied with. `[1]`
    scale: Option<Tensor<1>>,
    gradients: GradientsParams,
    path: ModulePath,
    /// None in the first step.
    moments: BTreeMap<String, [Tensor<1>; 2]>,
    /// How much of itself a running mean keeps.
    kept: f64,
    /// None where none are kept.
    averages: Option<BTreeMap<String, Tensor<1>>>,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let is_trained = tensor.is_require_grad();
        let shape = tensor.shape();
        let value = self.update(tensor.inner().flatten(0, D - 1), gradient.flatten(0, D - 1));
        let tensor = Tensor::from_inner(value.reshape(shape)).set_require_grad(is_trained);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

impl Step<'_> {
    /// The parameter after the step.
    fn update(&mut self, value: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let zeros = || Tensor::zeros(value.shape(), &value.device());
        let name = self.path.name();
        // Taken out, so that they can be updated in place.
        let moments = self.moments.remove(&name);
        let moments = moments.unwrap_or_else(|| [zeros(), zeros()]);
        let gradient = match &self.scale {
            Some(scale) => gradient * scale.clone(),
            None => gradient,
        };
        let by = AdamStep {
            rate: self.by.rate * self.design.relative_rate(&name),
            ..self.by
        };
        let (value, moments) = ops::adam_step(value, gradient, moments, by);
        if let Some(averages) = &mut self.averages {
            let average = match averages.remove(&name) {
                Some(average) => average * self.kept + value.clone() * (1.0 - self.kept),
                None => value.clone(),
            };
            averages.insert(name.clone(), average);
        }
        self.moments.insert(name, moments);
        value
    }
}

/// Puts the running means in the place of the weights.
struct Average<'a> {
    averages: &'a BTreeMap<String, Tensor<1>>,
    path: ModulePath,
}

impl ModuleMapper for Average<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let value = match self.averages.get(&self.path.name()) {
            Some(average) => average.clone().reshape(tensor.shape()),
            None => tensor,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

/// The norm of all gradients together, `[1]`.
fn gradient_norm<M: Module>(model: &M, gradients: &GradientsParams) -> Tensor<1> {
    let mut squares = Squares {
        gradients,
        sums: Vec::new(),
    };
    model.visit(&mut squares);
    Tensor::cat(squares.sums, 0).sum().sqrt()
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    /// Of each parameter, `[1]`.
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let rows = gradient.dims()[0];
            let columns = gradient.shape().num_elements() / rows.max(1);
            // In two steps: some GPU drivers end a long loop early.
            let rows: Tensor<2> = gradient.reshape([rows, columns]).square().sum_dim(1);
            self.sums.push(rows.sum());
        }
    }
}
