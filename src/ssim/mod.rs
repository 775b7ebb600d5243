//! Structural similarity of image pairs, after Wang, Bovik, Sheikh and Simoncelli, "Image quality
//! assessment: from error visibility to structural similarity", IEEE Transactions on Image
//! Processing 13(4), 2004.
//!
//! Images are `[N, C, H, W]`. Where both look alike through a window, its score is near 1:
//!
//! ```text
//! SSIM = (2·μx·μy + C1) / (μx² + μy² + C1) · (2·σxy + C2) / (σx² + σy² + C2)
//!        luminance                           contrast and structure
//! ```
//!
//! with C1 = (K1·L)² and C2 = (K2·L)² for values in a range of size L. A score means nothing without
//! its window, border and constants, which are a [`SsimConfig`]; each [`Preset`] is that of another
//! library.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use burn::tensor::{Tensor, TensorData};
//! use trainer::Device;
//! use trainer::ssim::{Preset, SsimLoss, ssim};
//!
//! let device = Device::flex().autodiff();
//! let values: Vec<f32> = (0..2 * 28 * 28).map(|i| (i as f32 / 9.0).sin().abs()).collect();
//! let x: Tensor<4> = Tensor::from_data(TensorData::new(values, [2, 1, 28, 28]), &device);
//! let y = (x.clone() * 0.9).require_grad();
//!
//! let scores = ssim(x.clone(), y.clone(), &Preset::Tf.config())?; // [N]
//! assert_eq!(scores.dims(), [2]);
//! let loss = SsimLoss::default().forward(x, y.clone())?; // [1]
//! let gradients = loss.backward();
//! assert_eq!(y.grad(&gradients).map(|grad_y| grad_y.dims()), Some([2, 1, 28, 28]));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - `scores`: [`ssim`], one score per image; [`ssim_map`], one per window; [`ssim_parts`], both terms;
//!   [`SsimLoss`], what training minimises. `multi_scale`: [`MsSsim`], several scales in one score.
//! - `config`: settings and errors; `comparison`: settings and what is scored by them.
//! - `backend`: the operations that backends have; `reference`: the same in plain tensor operations;
//!   `kernel`: in WGSL on a GPU; `cpu`: on the CPU backends; `autodiff`: in burn's autodiff.

mod autodiff;
mod backend;
mod comparison;
mod config;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod cpu;
#[cfg(feature = "wgpu")]
mod kernel;
mod multi_scale;
mod reference;
mod scores;

pub use config::{Border, Covariance, Preset, SsimConfig, SsimError, Window};
pub use multi_scale::{MsSsim, MsSsimScores};
pub use scores::{SsimLoss, SsimParts, ssim, ssim_composed, ssim_map, ssim_parts};
