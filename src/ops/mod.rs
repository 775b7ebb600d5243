//! Operations at which burn's own are slow on a CPU, as operations of every backend.
//!
//! - `conv`: the 3×3 convolution stage that the convolutional models are made of;
//! - `adam`: the optimizer's step;
//! - `cpu`: how the CPU backends lend the memory that both, and SSIM, work in.
//!
//! Elsewhere, they are burn's operations in a row.

mod adam;
mod conv;
mod cpu;

pub(crate) use adam::{AdamStep, adam_step};
pub(crate) use conv::in_rows;
pub use conv::{ConvStage, Stages, conv3x3};
pub(crate) use cpu::CpuBackend;
