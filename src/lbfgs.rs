//! Many small minimisations at once: limited-memory BFGS (Nocedal, 1980), one problem a row.
//!
//! Rows don't know of each other: each has its own curvature and its own step length, in tensors of
//! which none is as long as there are rows. Nothing is read from the device.

use burn::tensor::Tensor;

/// Steps that a row remembers. Three reach what more do, on the problems of this crate.
const MEMORY: usize = 3;
/// Below this a denominator is nothing in f32, after the squares that follow.
const TINY: f32 = 1e-18;

/// A step of each row, and how the gradient changed along it.
struct Step {
    /// `[N, K]`
    moved: Tensor<2>,
    /// `[N, K]`
    change: Tensor<2>,
    /// 1 / (moved · change); 0 where the curvature isn't positive, so that the step counts for
    /// nothing. `[N, 1]`
    inverse: Tensor<2>,
}

/// Where each row is and what it has there.
struct Point {
    /// `[N, K]`
    x: Tensor<2>,
    /// `[N, 1]`
    value: Tensor<2>,
    /// `[N, K]`
    gradient: Tensor<2>,
}

/// What was found.
pub struct Minimum {
    /// The best points that were evaluated. `[N, K]`
    pub x: Tensor<2>,
    /// The gradients where the search began. `[N, K]`
    pub start_gradient: Tensor<2>,
}

/// Looks for the minimum of N functions of K numbers each, from `start` `[N, K]`, with
/// `evaluations` of their values and gradients, at least one: that of the start, so that no row
/// ends worse than it starts.
///
/// `function` gives the values `[N]`, which are at least 0 in expectation (the first step is half of
/// what would bring a linear function there), and what computes the gradients `[N, K]` when they are asked
/// for, each row's of its own value. A step that makes a row worse is taken back and tried again at half the
/// length. A row whose step is no number stays where it was, to the end.
pub fn minimize<G: FnOnce() -> Tensor<2>>(
    start: Tensor<2>,
    evaluations: usize,
    mut function: impl FnMut(Tensor<2>) -> (Tensor<1>, G),
) -> Minimum {
    let (value, gradient) = function(start.clone());
    let start_gradient = gradient();
    let mut best = Point {
        x: start,
        value: value.unsqueeze_dim(1),
        gradient: start_gradient.clone(),
    };
    let mut memory: Vec<Step> = Vec::new();
    // What the inverse curvature is about. [N, 1]
    let mut scale = best.value.clone() * 0.5 / squares(&best.gradient);
    let mut length = best.value.ones_like();
    for evaluation in 1..evaluations {
        let direction = precondition(best.gradient.clone(), &memory, &scale);
        let x = best.x.clone() - direction * length.clone();
        let (value, gradient) = function(x.clone());
        let value = value.unsqueeze_dim(1);
        // False for what is no number, too.
        let better = value.clone().lower(best.value.clone());
        let rows = better.clone().expand(best.x.dims());
        if evaluation + 1 == evaluations {
            // No step follows that would ask for a gradient.
            best.x = best.x.mask_where(rows, x);
            break;
        }
        let gradient = gradient();

        let moved = x.clone() - best.x.clone();
        let change = gradient.clone() - best.gradient.clone();
        let curvature = dot(&moved, &change);
        let curved = curvature.clone().greater_elem(TINY);
        let inverse = curvature
            .zeros_like()
            .mask_where(curved.clone(), curvature.clone().clamp_min(TINY).recip());
        scale = scale.mask_where(curved, curvature / squares(&change));
        if memory.len() == MEMORY {
            memory.remove(0);
        }
        memory.push(Step {
            moved,
            change,
            inverse,
        });

        length = (length * 0.5).mask_fill(better.clone(), 1.0);
        best = Point {
            x: best.x.mask_where(rows.clone(), x),
            value: best.value.mask_where(better, value),
            gradient: best.gradient.mask_where(rows, gradient),
        };
    }
    Minimum {
        x: best.x,
        start_gradient,
    }
}

/// The inverse curvature, as the remembered steps tell it, times the gradient: the two-loop recursion.
fn precondition(gradient: Tensor<2>, memory: &[Step], scale: &Tensor<2>) -> Tensor<2> {
    let mut direction = gradient;
    let mut weights = Vec::with_capacity(memory.len());
    for step in memory.iter().rev() {
        let weight = step.inverse.clone() * dot(&step.moved, &direction);
        direction = direction - step.change.clone() * weight.clone();
        weights.push(weight);
    }
    direction = direction * scale.clone();
    for (step, weight) in memory.iter().zip(weights.into_iter().rev()) {
        let correction = weight - step.inverse.clone() * dot(&step.change, &direction);
        direction = direction + step.moved.clone() * correction;
    }
    direction
}

/// Row by row. `[N, 1]`
fn dot(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
    (a.clone() * b.clone()).sum_dim(1)
}

/// The squared length of each row, above zero. `[N, 1]`
fn squares(a: &Tensor<2>) -> Tensor<2> {
    dot(a, a).clamp_min(TINY)
}
