//! Operations at which burn's own are slow on a CPU, as operations of every backend.
//!
//! - `conv`: the 3×3 convolution stage that the convolutional models are made of;
//! - `adam`: the optimiser's step;
//! - `cpu`: access to the memory of tensors on the CPU backends, for these two and for SSIM;
//! - `unwritten`: memory for the results of convolutions there.
//!
//! On other backends each of them is a sequence of burn's operations.

mod adam;
mod conv;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod cpu;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod unwritten;

pub(crate) use adam::{AdamStep, adam_step};
#[cfg(feature = "cli")]
pub(crate) use conv::in_rows;
pub use conv::{ConvOptions, ConvStage, conv3x3};
#[cfg(any(feature = "flex", feature = "ndarray"))]
pub(crate) use cpu::CpuBackend;
