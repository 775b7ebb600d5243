//! What the host reads of a device, many tensors at once: a read waits for all that was queued before,
//! and a GPU that is waited for has nothing to do until it's told what comes next.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, Transaction};

/// Tensors that are to be read, in their order.
#[derive(Default)]
pub(crate) struct Readback {
    /// None where there is nothing to read.
    tensors: Vec<Option<Tensor<1>>>,
}

impl Readback {
    /// Adds a tensor (without autodiff), whose values come row by row.
    pub fn add<const D: usize>(&mut self, tensor: Tensor<D>) {
        self.tensors.push(Some(tensor.flatten(0, D - 1)));
    }

    /// Adds tensors `[R, n]` as one, side by side. There may be none, of which no values come.
    pub fn add_columns(&mut self, columns: Vec<Tensor<2>>) {
        if columns.is_empty() {
            self.tensors.push(None);
        } else {
            self.add(Tensor::cat(columns, 1));
        }
    }

    /// Adds all parameters of a module (without autodiff).
    pub fn add_module(&mut self, module: &impl Module) {
        module.visit(self);
    }

    /// Reads all of them: the one place where training waits for a device.
    ///
    /// # Errors
    ///
    /// Where the device has failed, in this or in what was queued before.
    pub async fn read(self) -> Result<Values, ReadError> {
        let is_there: Vec<bool> = self.tensors.iter().map(Option::is_some).collect();
        let tensors = self.tensors.into_iter().flatten();
        let read = tensors
            .fold(Transaction::default(), Transaction::register)
            .execute_async()
            .await;
        let mut read = read
            .map_err(|error| ReadError(error.to_string()))?
            .into_iter();
        let values: Vec<Vec<f32>> = is_there
            .into_iter()
            .map(|is_there| {
                let data = is_there.then(|| read.next().expect("a value for each tensor"));
                data.map(floats).unwrap_or_default()
            })
            .collect();
        Ok(Values(values.into_iter()))
    }
}

/// The device has failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the device failed: {0}")]
pub struct ReadError(pub String);

impl ModuleVisitor for Readback {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.add(param.val());
    }
}

fn floats(data: TensorData) -> Vec<f32> {
    let data = data.convert::<f32>();
    data.try_to_vec().expect("converted to f32")
}

/// What was read: to be taken in the order in which it was added.
pub(crate) struct Values(std::vec::IntoIter<Vec<f32>>);

impl Values {
    /// A tensor's values, row by row.
    ///
    /// # Panics
    ///
    /// Where all were taken.
    pub fn take(&mut self) -> Vec<f32> {
        self.0.next().expect("as many as were added")
    }

    /// The values of a tensor of `R` rows, row by row.
    pub fn take_rows<const R: usize>(&mut self) -> [Vec<f32>; R] {
        let values = self.take();
        let count = values.len() / R;
        std::array::from_fn(|row| values[row * count..][..count].to_vec())
    }
}
