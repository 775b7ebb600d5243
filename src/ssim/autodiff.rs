//! SSIM in burn's autodiff.
//!
//! Where gradients are wanted, the forward pass computes them along with the scores, and the backward
//! pass only scales them: nothing else of the images' size is kept between the two.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use super::backend::SsimBackend;
use super::comparison::Comparison;

impl<B: SsimBackend, C: CheckpointStrategy> SsimBackend for Autodiff<B, C> {
    fn ssim_scores(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> FloatTensor<Self> {
        let tracked = [x.is_tracked(), y.is_tracked()];
        let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
        let operation = ScoresBackward
            .prepare::<C>([x_node, y_node])
            .compute_bound()
            .stateful();
        match operation {
            OpsKind::UnTracked(operation) => operation.finish(B::ssim_scores(x, y, comparison)),
            OpsKind::Tracked(operation) => {
                let (scores, gradients) = match tracked {
                    [true, true] => {
                        let (scores, grad_x, grad_y) = B::ssim_gradients(x, y, comparison);
                        (scores, [Some(grad_x), Some(grad_y)])
                    }
                    [true, false] => {
                        let (scores, grad_x) = B::ssim_gradient(x, y, comparison);
                        (scores, [Some(grad_x), None])
                    }
                    // SSIM is symmetric.
                    [false, _] => {
                        let (scores, grad_y) = B::ssim_gradient(y, x, comparison);
                        (scores, [None, Some(grad_y)])
                    }
                };
                operation.finish(gradients, scores)
            }
        }
    }

    fn ssim_map(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        comparison: Comparison,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
        let operation = MapBackward
            .prepare::<C>([x_node, y_node])
            .compute_bound()
            .stateful();
        let map = B::ssim_map(x.clone(), y.clone(), comparison);
        match operation {
            OpsKind::UnTracked(operation) => operation.finish(map),
            OpsKind::Tracked(operation) => operation.finish((x, y, comparison), map),
        }
    }
}

#[derive(Debug)]
struct ScoresBackward;

impl<B: Backend> Backward<B, 2> for ScoresBackward {
    /// The scores' gradients with respect to those images that want one.
    type State = [Option<FloatTensor<B>>; 2];

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let upstream = grads.consume::<B>(&ops.node); // [N, C]
        let shape = upstream.shape();
        let upstream = B::float_reshape(upstream, Shape::from([shape[0], shape[1], 1, 1]));
        for (parent, gradient) in ops.parents.into_iter().zip(ops.state) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, B::float_mul(gradient, upstream.clone()));
            }
        }
    }
}

#[derive(Debug)]
struct MapBackward;

impl<B: SsimBackend> Backward<B, 2> for MapBackward {
    type State = (FloatTensor<B>, FloatTensor<B>, Comparison);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let upstream = grads.consume::<B>(&ops.node); // [N, C, H', W']
        let (x, y, comparison) = ops.state;
        let (grad_x, grad_y) = B::ssim_map_gradients(x, y, upstream, comparison);
        for (parent, gradient) in ops.parents.into_iter().zip([grad_x, grad_y]) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}
