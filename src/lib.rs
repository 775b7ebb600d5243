//! placeholder
pub mod cli;
pub mod config;
pub mod data;
pub mod device;
pub mod error;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod ops;
pub mod pca;
pub mod rng;
pub mod run;
pub mod ssim;
pub mod train;
