//! Trains autoencoders on images with burn, on any GPU through wgpu or on a CPU, and judges them by
//! SSIM.
//!
//! The data flow, and the modules in its order: a [`config`] says which images
//! ([`data`]: files → `u8` images → seeded split → batches `[N, C, H, W]` in [0, 1]) go through
//! which [`model`] on which [`device`], to minimise which [`loss`], with latent vectors refined by
//! how many steps ([`objective`]). [`ops`] are what takes most of the time, as one operation each:
//! a 3×3 convolution stage and Adam's step. [`train`] is the loop, which reads what an epoch leaves on
//! the device at once (`readback`); [`metrics`] judges what it made,
//! by [`ssim`] among others, beside [`pca`], the best linear method. A [`run`] folder keeps the
//! config, the metrics, the weights and the pictures; [`report`] shows them in a browser.
//! [`compare`] judges any PNG files by SSIM. [`rng`] makes every random draw a function of the seed.
//! [`mod@bench`] measures speed.

pub mod bench;
pub mod cli;
pub mod compare;
pub mod config;
pub mod data;
pub mod device;
pub mod error;
mod lbfgs;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod objective;
pub mod ops;
pub mod pca;
mod readback;
pub mod report;
pub mod rng;
pub mod run;
pub mod ssim;
pub mod train;
