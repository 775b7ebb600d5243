//! The scores and gradients of a batch: plane by plane, in a cache, shared among threads.
//!
//! The arithmetic is that of `reference`, whose names are used here. In tensor operations, most of the
//! time went into reading and writing intermediate results.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `Part::call` isn't compiled for wider vectors"
)]

use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;
use rayon::prelude::*;

use super::plan::{Plan, Scratch};
use crate::ops::CpuBackend;
use crate::ssim::comparison::Comparison;

/// Pixels that a task handles at least: some microseconds' work.
const PIXELS_PER_TASK: usize = 1 << 13;

/// The scores `[N, C]` of images `[N, C, H, W]`, and the gradients of their sum with respect to `x`
/// and, if `G` is 2, to `y`.
pub(super) fn gradients<B: CpuBackend, const G: usize>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    comparison: &Comparison,
) -> (FloatTensor<B>, [FloatTensor<B>; G]) {
    let shape = x.shape();
    let [images, channels, height, width] = [shape[0], shape[1], shape[2], shape[3]];
    let (x, y) = (B::contiguous(x), B::contiguous(y));
    let (count, pixels) = (images * channels, height * width);
    let plan = Plan::new(height, width, comparison);

    let mut scores = vec![0.0; count];
    // [N·C, G, H, W]
    let mut gradients = vec![0.0; count * G * pixels];
    let at_once = PIXELS_PER_TASK.div_ceil(pixels);
    let parts = (
        B::values(&x).par_chunks(at_once * pixels),
        B::values(&y).par_chunks(at_once * pixels),
        scores.par_chunks_mut(at_once),
        gradients.par_chunks_mut(at_once * G * pixels),
    );
    parts.into_par_iter().for_each(|(x, y, scores, gradients)| {
        let plan = &plan;
        // With the widest vectors that the processor has.
        pulp::Arch::new().dispatch(Part::<G> {
            plan,
            x,
            y,
            scores,
            gradients,
        });
    });

    let mut sides = if G == 1 {
        vec![gradients]
    } else {
        let side = |side| {
            let planes = gradients.chunks_exact(pixels).skip(side).step_by(G);
            planes.flatten().copied().collect()
        };
        (0..G).map(side).collect()
    };
    let tensors = std::array::from_fn(|side| {
        let values = std::mem::take(&mut sides[side]);
        B::from_values(values, shape.clone())
    });
    let scores = B::from_values(scores, Shape::from([images, channels]));
    (scores, tensors)
}

/// Some planes, and where their results go.
struct Part<'a, const G: usize> {
    plan: &'a Plan,
    x: &'a [f32],
    y: &'a [f32],
    scores: &'a mut [f32],
    gradients: &'a mut [f32],
}

impl<const G: usize> pulp::NullaryFnOnce for Part<'_, G> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let plan = self.plan;
        let pixels = plan.size.iter().product();
        let mut scratch = Scratch::new(plan, G);
        let pairs = self.x.chunks_exact(pixels).zip(self.y.chunks_exact(pixels));
        let results = self
            .scores
            .iter_mut()
            .zip(self.gradients.chunks_exact_mut(G * pixels));
        for ((x, y), (score, gradients)) in pairs.zip(results) {
            *score = plan.differentiate::<G>([x, y], gradients, &mut scratch);
        }
    }
}
