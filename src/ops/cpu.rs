//! The memory of tensors on the CPU backends.

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;

/// A backend whose tensors lie in this process's memory.
pub(crate) trait CpuBackend: Backend {
    /// The same tensor, row-major without gaps.
    fn contiguous(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The values of a [`contiguous`](Self::contiguous) `f32` tensor.
    fn values(tensor: &FloatTensor<Self>) -> &[f32];

    /// The same to write into: a copy, where another tensor shares the memory.
    fn values_mut(tensor: &mut FloatTensor<Self>) -> &mut [f32];

    /// A tensor that owns `values`.
    fn from_values(values: Vec<f32>, shape: Shape) -> FloatTensor<Self>;
}

const NOT_F32: &str = "the models are made of contiguous f32 tensors";

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::Flex;
    use burn::tensor::{Shape, TensorData};
    use burn_flex::FlexTensor;

    use super::{CpuBackend, NOT_F32};

    impl CpuBackend for Flex {
        fn contiguous(tensor: FlexTensor) -> FlexTensor {
            tensor.to_contiguous()
        }

        fn values(tensor: &FlexTensor) -> &[f32] {
            tensor.as_slice().expect(NOT_F32)
        }

        fn values_mut(tensor: &mut FlexTensor) -> &mut [f32] {
            let (start, end) = tensor.layout().contiguous_offsets().expect(NOT_F32);
            &mut tensor.storage_mut()[start..end]
        }

        fn from_values(values: Vec<f32>, shape: Shape) -> FlexTensor {
            FlexTensor::from_data(TensorData::new(values, shape))
        }
    }
}

#[cfg(feature = "ndarray")]
mod ndarray {
    #![expect(
        deprecated,
        reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
    )]

    use burn::backend::NdArray;
    use burn::tensor::{Shape, TensorData};
    use burn_ndarray::NdArrayTensor;

    use super::{CpuBackend, NOT_F32};

    impl CpuBackend for NdArray {
        fn contiguous(tensor: NdArrayTensor) -> NdArrayTensor {
            match tensor {
                NdArrayTensor::F32(storage) if !storage.view().is_standard_layout() => {
                    NdArrayTensor::from(
                        storage
                            .view()
                            .as_standard_layout()
                            .into_owned()
                            .into_shared(),
                    )
                }
                tensor => tensor,
            }
        }

        fn values(tensor: &NdArrayTensor) -> &[f32] {
            match tensor {
                NdArrayTensor::F32(storage) => storage.view().to_slice().expect(NOT_F32),
                _ => panic!("{NOT_F32}"),
            }
        }

        fn values_mut(tensor: &mut NdArrayTensor) -> &mut [f32] {
            match tensor {
                NdArrayTensor::F32(storage) => {
                    storage.ensure_owned().as_slice_mut().expect(NOT_F32)
                }
                _ => panic!("{NOT_F32}"),
            }
        }

        fn from_values(values: Vec<f32>, shape: Shape) -> NdArrayTensor {
            NdArrayTensor::from_data(TensorData::new(values, shape))
        }
    }
}
