//! Speed, and how well anomalies are found, measured on the user's own device: what the claims of the README can be checked by.
//!
//! - [`timing`]: how work on a device is timed, and how much of it fits.
//! - [`trial`]: training in a process of its own, from its start.
//! - [`launches`]: what training asks of a GPU, counted.
//! - [`one_class`]: images of other classes, told from those of one.
//! - [`product`]: the largest rate of arithmetic to compare with.
//! - [`scale`]: how time and memory grow with the size of the work.
//! - [`ssim`]: SSIM by the kernels, by tensor operations, and in burn-train's way.

mod convolution;
pub mod launches;
pub mod one_class;
pub mod product;
pub mod scale;
pub mod ssim;
pub mod timing;
pub mod trial;
