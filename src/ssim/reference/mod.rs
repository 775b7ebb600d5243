//! SSIM in plain tensor operations, for every backend; and its gradients, by their formulas.
//!
//! `planes` has the arithmetic, `blur` the means over the window.

mod blur;
mod planes;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

use super::comparison::{Comparison, Term};
use super::config::SsimConfig;
use blur::{Blur, Place};
use planes::Planes;

/// See [`super::backend::SsimBackend::ssim_scores`].
pub(super) fn scores<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> FloatTensor<B> {
    let pair = Pair::<B>::new(x, y, &comparison.config);
    pair.scores(&pair.compare(&comparison.config).loss(comparison.term))
}

/// See [`super::backend::SsimBackend::ssim_map`].
pub(super) fn map<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> FloatTensor<B> {
    let pair = Pair::<B>::new(x, y, &comparison.config);
    let [images, channels] = pair.images;
    let [height, width] = pair.blur.map_size();
    let loss = pair.compare(&comparison.config).loss(comparison.term);
    let map = loss.one_minus();
    B::float_reshape(map.0, Shape::from([images, channels, height, width]))
}

/// See [`super::backend::SsimBackend::ssim_gradients`].
pub(super) fn gradients<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let (pair, scores, coefficients) = differentiated::<B>(x, y, comparison);
    let [grad_x, grad_y] = pair.gradients(coefficients);
    let [grad_x, grad_y] =
        [grad_x, grad_y].map(|gradient| B::float_reshape(gradient.0, shape.clone()));
    (scores, grad_x, grad_y)
}

/// See [`super::backend::SsimBackend::ssim_gradient`].
pub(super) fn gradient<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let (pair, scores, coefficients) = differentiated::<B>(x, y, comparison);
    let grad_x = pair.gradient(coefficients);
    (scores, B::float_reshape(grad_x.0, shape))
}

/// Scores `[N, C]`, and the coefficients of their gradients.
fn differentiated<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> (Pair<B>, FloatTensor<B>, [Planes<B>; 4]) {
    let pair = Pair::<B>::new(x, y, &comparison.config);
    let windows = pair.compare(&comparison.config);
    let scores = pair.scores(&windows.loss(comparison.term));
    let weight = 1.0 / pair.blur.positions();
    let coefficients = windows.coefficients(comparison.term);
    let coefficients = coefficients.map(|coefficient| coefficient.times(weight));
    (pair, scores, coefficients)
}

/// See [`super::backend::SsimBackend::ssim_map_gradients`].
pub(super) fn map_gradients<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    upstream: FloatTensor<B>,
    comparison: &Comparison,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let pair = Pair::<B>::new(x, y, &comparison.config);
    let coefficients = pair
        .compare(&comparison.config)
        .coefficients(comparison.term);
    let upstream = Planes::<B>(B::float_reshape(upstream, coefficients[0].0.shape()));
    let [grad_x, grad_y] = pair
        .gradients(coefficients.map(|coefficient| coefficient * &upstream))
        .map(|gradient| B::float_reshape(gradient.0, shape.clone()));
    (grad_x, grad_y)
}

/// Two batches of planes `[P, H, W]`, minus a constant per plane.
struct Pair<B: Backend> {
    /// N and C: P is their product.
    images: [usize; 2],
    x: Planes<B>,
    y: Planes<B>,
    /// `[P, 1, 1]`, the planes' means. Subtracting a constant from a plane doesn't change variances, but
    /// without it E[x²] − E[x]² would cancel in f32.
    pivot_x: Planes<B>,
    pivot_y: Planes<B>,
    blur: Blur<B>,
}

impl<B: Backend> Pair<B> {
    fn new(x: FloatTensor<B>, y: FloatTensor<B>, config: &SsimConfig) -> Self {
        let shape = x.shape();
        let [images, channels, height, width] = [shape[0], shape[1], shape[2], shape[3]];
        let place = Place {
            device: x.device(),
            dtype: x.dtype(),
        };
        let blur = Blur::new(height, width, config, &place);
        let planes = Shape::from([images * channels, height, width]);
        let x = Planes(B::float_reshape(x, planes.clone()));
        let y = Planes(B::float_reshape(y, planes));
        // Constants, also where burn differentiates the scores.
        let (pivot_x, pivot_y) = (x.mean().detached(), y.mean().detached());
        Self {
            images: [images, channels],
            x: x - &pivot_x,
            y: y - &pivot_y,
            pivot_x,
            pivot_y,
            blur,
        }
    }

    /// What each window sees.
    fn compare(&self, config: &SsimConfig) -> Windows<B> {
        let (x, y) = (&self.x, &self.y);
        let difference = x - y;
        // Zeros beyond the border, minus the pivots like all pixels.
        let (zero_x, zero_y) = (self.pivot_x.times(-1.0), self.pivot_y.times(-1.0));
        let zero_difference = &zero_x - &zero_y;
        let mean_x = self.blur.apply(x, &zero_x);
        let mean_y = self.blur.apply(y, &zero_y);
        let squares = self.blur.apply(
            &(x.squared() + y.squared()),
            &(zero_x.squared() + zero_y.squared()),
        );
        let squared_differences = self
            .blur
            .apply(&difference.squared(), &zero_difference.squared());

        // Variances are never negative, except by rounding.
        let mean_difference = &mean_x - &mean_y;
        let variances = (squares - (mean_x.squared() + mean_y.squared())).at_least_zero();
        let variance_of_difference =
            (squared_differences - mean_difference.squared()).at_least_zero();

        let [c1, c2] = config.constants();
        let factor = config.covariance_factor();
        // Luminance depends on the means themselves.
        let (full_mean_x, full_mean_y) = (&mean_x + &self.pivot_x, &mean_y + &self.pivot_y);
        let full_difference = &full_mean_x - &full_mean_y;
        let energy = (full_mean_x.squared() + full_mean_y.squared()).plus(c1);
        let scale = variances.times(factor).plus(c2).reciprocal().times(factor);
        Windows {
            luminance_loss: full_difference.squared() / &energy,
            structure_loss: variance_of_difference * &scale,
            mean_x,
            mean_y,
            full_mean_x,
            full_mean_y,
            energy,
            scale,
        }
    }

    /// The mean over each plane of 1 − loss: `[N, C]`.
    fn scores(&self, losses: &Planes<B>) -> FloatTensor<B> {
        let scores = losses.mean().one_minus();
        B::float_reshape(scores.0, Shape::from(self.images))
    }

    /// The gradient with respect to `x`.
    fn gradient(
        &self,
        [grad_mean_x, _, grad_difference, grad_variances]: [Planes<B>; 4],
    ) -> Planes<B> {
        let [grad_mean_x, grad_difference, grad_variances] =
            [grad_mean_x, grad_difference, grad_variances]
                .map(|coefficient| self.blur.apply_transposed(&coefficient));
        grad_mean_x - (&self.x - &self.y) * grad_difference + &self.x * grad_variances
    }

    /// The gradients with respect to `x` and `y`.
    fn gradients(&self, coefficients: [Planes<B>; 4]) -> [Planes<B>; 2] {
        let [grad_mean_x, grad_mean_y, grad_difference, grad_variances] =
            coefficients.map(|coefficient| self.blur.apply_transposed(&coefficient));
        let difference_part = (&self.x - &self.y) * grad_difference;
        [
            grad_mean_x - &difference_part + &self.x * &grad_variances,
            grad_mean_y + difference_part + &self.y * grad_variances,
        ]
    }
}

/// What the windows see, `[P, H', W']` each.
///
/// With the variance of x − y in place of the covariance, 2·σxy = σx² + σy² − σ²(x − y) and
/// 2·μx·μy = μx² + μy² − (μx − μy)². So luminance, and contrast and structure, are each 1 − a loss
/// that isn't negative: at most 1, and exactly 1 for equal images.
struct Windows<B: Backend> {
    /// The means, minus the pivots.
    mean_x: Planes<B>,
    mean_y: Planes<B>,
    full_mean_x: Planes<B>,
    full_mean_y: Planes<B>,
    /// μx² + μy² + C1
    energy: Planes<B>,
    /// 1 / (σx² + σy² + C2), with the covariances' factor.
    scale: Planes<B>,
    luminance_loss: Planes<B>,
    structure_loss: Planes<B>,
}

impl<B: Backend> Windows<B> {
    /// 1 − term
    fn loss(&self, term: Term) -> Planes<B> {
        match term {
            Term::Similarity => {
                &self.structure_loss * self.luminance_loss.one_minus() + &self.luminance_loss
            }
            Term::Luminance => self.luminance_loss.clone(),
            Term::ContrastStructure => self.structure_loss.clone(),
        }
    }

    /// The coefficients of the term's gradients, see [`Pair::gradients`]: its derivatives with respect to
    /// the means, and what multiplies the pixels' difference and the pixels themselves.
    fn coefficients(&self, term: Term) -> [Planes<B>; 4] {
        let constant = |value: f64| self.scale.times(0.0).plus(value);
        let (grad_luminance, grad_structure) = match term {
            Term::Similarity => (
                self.structure_loss.one_minus(),
                self.luminance_loss.one_minus(),
            ),
            Term::Luminance => (constant(1.0), constant(0.0)),
            Term::ContrastStructure => (constant(0.0), constant(1.0)),
        };
        let slope = grad_luminance.times(2.0) / &self.energy;
        let difference = &self.full_mean_x - &self.full_mean_y;
        let luminance_part_x = (&self.luminance_loss * &self.full_mean_x - &difference) * &slope;
        let luminance_part_y = (&self.luminance_loss * &self.full_mean_y + difference) * slope;

        let grad_difference = grad_structure.times(2.0) * &self.scale;
        let grad_variances = &grad_difference * &self.structure_loss;
        let difference_part = (&self.mean_x - &self.mean_y) * &grad_difference;
        [
            luminance_part_x + &difference_part - &grad_variances * &self.mean_x,
            luminance_part_y - difference_part - &grad_variances * &self.mean_y,
            grad_difference,
            grad_variances,
        ]
    }
}
