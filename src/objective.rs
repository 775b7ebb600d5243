//! What a run minimises, and how its model encodes: both by the same loss.

use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::device::is_cpu;
use crate::lbfgs;
use crate::loss::Loss;
use crate::model::{Autoencoder, Prediction};
use crate::ssim::SsimConfig;

/// Images that one task refines: enough for its products of matrices to be fast.
const IMAGES_PER_TASK: usize = 32;

/// A loss by some conventions of SSIM, and how many steps an encoder may look for latent vectors
/// that make it smaller.
///
/// A network that maps an image to its latent vector in one pass has to be right for all images at
/// once: an amortised encoder. What it gives up for that is large where the loss weighs the pixels
/// of each image differently, as SSIM does. So [`encode`](Self::encode) goes on from its latent
/// vectors: image by image, it minimises the loss of what the decoder makes of them (a semi-amortised
/// encoder, after Kim et al., 2018). The decoder is then trained on such latent vectors.
#[derive(Clone, Debug)]
pub struct Objective {
    /// What is minimised.
    pub loss: Loss,
    /// Whose SSIM it is, in the loss and in scores.
    pub conventions: SsimConfig,
    /// Evaluations of the loss and its gradient for each image; 0 leaves latent vectors as the
    /// encoder's network gives them.
    pub refine: usize,
}

impl Objective {
    /// One loss an image, `[N]`, of what a model made of images `[N, C, H, W]` in [0, 1].
    ///
    /// # Panics
    ///
    /// As [`Loss::per_image`].
    #[must_use]
    pub fn losses(&self, prediction: &Prediction, images: Tensor<4>) -> Tensor<1> {
        self.loss.per_image(prediction, images, &self.conventions)
    }

    /// The latent vectors `[N, latent_dim]` of images `[N, C, H, W]` in [0, 1], on their device.
    /// Neither `model` nor `images` have autodiff.
    ///
    /// # Panics
    ///
    /// As [`Loss::per_image`].
    #[must_use]
    pub fn encode(&self, model: &Autoencoder, images: Tensor<4>) -> Tensor<2> {
        let start = model.encode(images.clone());
        self.refine_from(model, images, start)
    }

    /// What refinement makes of some latent vectors `[N, latent_dim]` for images `[N, C, H, W]` in
    /// [0, 1]. Nothing has autodiff.
    ///
    /// # Panics
    ///
    /// As [`Loss::per_image`].
    #[must_use]
    pub fn refine_from(
        &self,
        model: &Autoencoder,
        images: Tensor<4>,
        start: Tensor<2>,
    ) -> Tensor<2> {
        if self.refine == 0 {
            return start;
        }
        let device = images.device();
        let decoder = model.on(&device.clone().autodiff());
        if !is_cpu(&device) {
            return self.refined(&decoder, images, start);
        }
        // On a CPU each thread takes some images through all steps. Parts are the same however many
        // threads there are.
        let images = images.split(IMAGES_PER_TASK, 0);
        let starts = start.split(IMAGES_PER_TASK, 0);
        let parts = images.into_par_iter().zip(starts);
        let refined: Vec<Tensor<2>> = parts
            .map(|(images, start)| self.refined(&decoder, images, start))
            .collect();
        Tensor::cat(refined, 0)
    }

    /// As [`refine_from`](Self::refine_from), in one piece; `decoder` has autodiff.
    fn refined(&self, decoder: &Autoencoder, images: Tensor<4>, start: Tensor<2>) -> Tensor<2> {
        let images = Tensor::from_inner(images);
        lbfgs::minimize(start, self.refine, |latents| {
            let latents = Tensor::from_inner(latents).require_grad();
            let losses = self.losses(&decoder.predict(latents.clone()), images.clone());
            // The sum's gradient: no image's loss depends on another's latent vector.
            let gradients = losses.clone().sum().backward();
            let gradient = latents.grad(&gradients).expect("the loss depends on them");
            (losses.inner(), gradient)
        })
    }
}
