//! The formula: one window's loss and its derivatives, from the window's moments.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `Part::call` isn't compiled for wider vectors"
)]

use super::plan::Plan;

/// A window's loss, and the coefficients of its gradients.
pub(super) struct Window {
    /// 1 − term
    pub loss: f32,
    /// The term's derivatives with respect to the means of x and of y.
    pub grad_means: [f32; 2],
    /// What multiplies the difference of the pixels.
    pub grad_difference: f32,
    /// What multiplies the pixels themselves.
    pub grad_variances: f32,
}

impl Plan {
    /// As in `Pair::compare` and `Windows::coefficients` of `reference`.
    #[inline(always)]
    pub fn window(
        &self,
        [mean_x, mean_y]: [f32; 2],
        [pivot_x, pivot_y]: [f32; 2],
        squares: f32,
        squared_differences: f32,
    ) -> Window {
        let mean_difference = mean_x - mean_y;
        let variances = at_least_zero(squares - (mean_x * mean_x + mean_y * mean_y));
        let variance_of_difference =
            at_least_zero(squared_differences - mean_difference * mean_difference);
        let (full_mean_x, full_mean_y) = (mean_x + pivot_x, mean_y + pivot_y);
        let difference = full_mean_x - full_mean_y;
        let energy = full_mean_x * full_mean_x + full_mean_y * full_mean_y + self.c1;
        let scale = self.covariance_factor / (variances * self.covariance_factor + self.c2);
        let luminance_loss = difference * difference / energy;
        let structure_loss = variance_of_difference * scale;

        let [luminance, structure, product] = self.parts;
        let both = product * luminance_loss * structure_loss;
        let grad_luminance = luminance - product * structure_loss;
        let grad_structure = structure - product * luminance_loss;
        let slope = 2.0 * grad_luminance / energy;
        let grad_difference = 2.0 * grad_structure * scale;
        let grad_variances = grad_difference * structure_loss;
        let difference_part = mean_difference * grad_difference;
        Window {
            loss: luminance * luminance_loss + structure * structure_loss - both,
            grad_means: [
                (luminance_loss * full_mean_x - difference) * slope + difference_part
                    - grad_variances * mean_x,
                (luminance_loss * full_mean_y + difference) * slope
                    - difference_part
                    - grad_variances * mean_y,
            ],
            grad_difference,
            grad_variances,
        }
    }
}

/// Not `max`, which would turn a NaN into a harmless zero.
#[inline(always)]
fn at_least_zero(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}
