//! How fast a device multiplies large matrices: what a network's arithmetic can come near to.

use std::time::Duration;

use burn::tensor::{Device, Distribution, Tensor};

use super::timing::{Effort, measure};

/// Rows and columns. Larger matrices don't make a CPU faster.
const SIZE: usize = 2048;
const EFFORT: Effort = Effort {
    trials: 10,
    warm_up: 2,
    cap: Duration::from_secs(5),
};

/// Billions of floating-point operations a second, two for each multiplication with its addition, in a
/// product of two matrices of f32: the fastest of some trials.
///
/// # Errors
///
/// What the device said where it can't.
pub fn product_gflops(device: &Device) -> Result<f64, String> {
    let timing = measure(device, 1, SIZE * SIZE, &EFFORT, |_| {
        let random = Distribution::Uniform(-1.0, 1.0);
        let [a, b]: [Tensor<4>; 2] =
            std::array::from_fn(|_| Tensor::random([1, 1, SIZE, SIZE], random, device));
        Box::new(move || a.clone().matmul(b.clone()))
    })?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let operations = 2.0 * SIZE.pow(3) as f64;
    Ok(operations / timing.min_seconds / 1e9)
}
