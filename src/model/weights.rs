//! A network's tensors in host memory, by their names, and as safetensors files.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Shape, Tensor, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use sha2::{Digest, Sha256};

use crate::readback::Values;

/// All tensors of a network, running means and variances included, by their names, such as
/// `encoder.dense.weight`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(BTreeMap<String, HostTensor>);

/// A tensor in host memory, row-major.
#[derive(Clone, Debug, PartialEq)]
struct HostTensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Where a walk through a module has come to: the names from the outermost to the innermost.
#[derive(Debug, Default)]
pub struct ModulePath(Vec<String>);

impl ModulePath {
    /// Goes into a part of the module.
    pub fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    /// Goes out of it.
    pub fn exit(&mut self) {
        self.0.pop();
    }

    /// The name of what is there.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.join(".")
    }
}

impl Weights {
    /// Takes the values that `Readback::add_module` has queued of `module`.
    pub(crate) fn take_from(values: &mut Values, module: &impl Module) -> Self {
        let mut collect = Collect {
            path: ModulePath::default(),
            values,
            tensors: BTreeMap::new(),
        };
        module.visit(&mut collect);
        Self(collect.tensors)
    }

    /// Adds a tensor, or takes the place of one.
    pub(crate) fn insert(&mut self, name: &str, shape: Vec<usize>, values: Vec<f32>) {
        self.0.insert(name.to_owned(), HostTensor { shape, values });
    }

    /// Shape and values, row-major, of the tensor of that name, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<(&[usize], &[f32])> {
        let tensor = self.0.get(name);
        tensor.map(|tensor| (tensor.shape.as_slice(), tensor.values.as_slice()))
    }

    /// Name, shape and values of each tensor, sorted by name.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        let tensors = self.0.iter();
        tensors.map(|(name, HostTensor { shape, values })| {
            (name.as_str(), shape.as_slice(), values.as_slice())
        })
    }

    /// Takes the values of a tensor out, if there is one of that name.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Vec<f32>> {
        self.0.remove(name).map(|tensor| tensor.values)
    }

    /// The module on `device`, with these for its tensors.
    ///
    /// # Errors
    ///
    /// What is wrong, where one is missing, too many, or of another shape.
    pub fn load_into<M: Module>(&self, module: M, device: &Device) -> Result<M, String> {
        let mut load = Load {
            path: ModulePath::default(),
            left: self.0.iter().collect(),
            device,
            fault: None,
        };
        let module = module.map(&mut load);
        if let Some(fault) = load.fault {
            return Err(fault);
        }
        match load.left.keys().next() {
            Some(name) => Err(format!("it has a tensor {name}, which the model doesn't")),
            None => Ok(module),
        }
    }

    /// The content of a safetensors file, with metadata under one key at most. Equal tensors and equal
    /// metadata make equal files.
    ///
    /// # Panics
    ///
    /// Never: f32 tensors have a form in safetensors.
    #[must_use]
    pub fn to_safetensors(&self, metadata: Option<(&str, String)>) -> Vec<u8> {
        let bytes = self.0.iter().map(|(name, tensor)| {
            let bytes: Vec<u8> = tensor
                .values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (name, tensor, bytes)
        });
        let bytes: Vec<_> = bytes.collect();
        let views = bytes.iter().map(|(name, tensor, bytes)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
            (*name, view.expect("as many bytes as the shape says"))
        });
        let metadata = metadata.map(|(key, text)| HashMap::from([(key.to_owned(), text)]));
        serialize(views, metadata).expect("f32 tensors have a form in safetensors")
    }

    /// The tensors of a safetensors file, and what its metadata has under `key`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn from_safetensors(bytes: &[u8], key: &str) -> Result<(Self, Option<String>), String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(format!("its tensor {name} isn't of 32-bit floats"));
            }
            let (values, _) = view.data().as_chunks();
            let tensor = HostTensor {
                shape: view.shape().to_vec(),
                values: values.iter().copied().map(f32::from_le_bytes).collect(),
            };
            tensors.insert(name.to_owned(), tensor);
        }
        let metadata = header.metadata().as_ref();
        let text = metadata.and_then(|metadata| metadata.get(key)).cloned();
        Ok((Self(tensors), text))
    }

    /// SHA-256 in hexadecimal over names, shapes and values.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (name, tensor) in &self.0 {
            hash.update(format!("{name} {:?}\n", tensor.shape));
            for value in &tensor.values {
                hash.update(value.to_le_bytes());
            }
        }
        format!("{:x}", hash.finalize())
    }
}

/// Takes what was read, tensor by tensor, in the order in which a readback has visited the module.
struct Collect<'a> {
    path: ModulePath,
    values: &'a mut Values,
    tensors: BTreeMap<String, HostTensor>,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = HostTensor {
            shape: param.val().dims().to_vec(),
            values: self.values.take(),
        };
        self.tensors.insert(self.path.name(), tensor);
    }
}

struct Load<'a> {
    path: ModulePath,
    /// What no tensor of the module has taken yet.
    left: BTreeMap<&'a String, &'a HostTensor>,
    device: &'a Device,
    /// The first thing that didn't fit.
    fault: Option<String>,
}

impl ModuleMapper for Load<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let name = self.path.name();
        let expected = tensor.dims();
        let fault = match self.left.remove(&name) {
            None => format!("it has no tensor {name}"),
            Some(found) if found.shape != expected => {
                format!(
                    "its tensor {name} is of shape {:?}, and the model's of {expected:?}",
                    found.shape
                )
            }
            Some(found) => {
                let data = TensorData::new(found.values.clone(), Shape::from(expected));
                let is_trained = tensor.is_require_grad();
                let tensor = Tensor::from_data(data, self.device).set_require_grad(is_trained);
                return Param::from_mapped_value(id, tensor, mapper);
            }
        };
        self.fault.get_or_insert(fault);
        Param::from_mapped_value(id, tensor, mapper)
    }
}
