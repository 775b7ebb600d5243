//! What training minimises, and how a model encodes: both by the same loss.

use burn::module::Module;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::layers::DropoutDraw;
use super::network::Autoencoder;
use super::rate::CodeRate;
use crate::data::InputNoise;
use crate::device::is_cpu;
use crate::lbfgs::{self, Minimum};
use crate::loss::Loss;
use crate::prediction::Prediction;
use crate::ssim::SsimConfig;

/// Images that one task refines at most: enough for its products of matrices to be fast.
const TASK_IMAGES: usize = 32;
/// Values of the images that one task refines: 4 MB as f32. SSIM with its gradients, and what autodiff
/// keeps of a network, take a few dozen times as much.
const TASK_VALUES: usize = 1 << 20;

/// A loss, whose SSIM it goes by, and how many steps an encoder may look for latent vectors
/// that make it smaller.
///
/// A network that maps an image to its latent vector in one pass has to be right for all images at
/// once: an amortised encoder. What it gives up for that is large where the loss weighs the pixels
/// of each image differently, as SSIM does. So [`encode`](Self::encode) starts from its latent
/// vectors: image by image, it minimises the loss of what the decoder makes of them (a semi-amortised
/// encoder, after Kim et al., 2018). The decoder is then trained on such latent vectors.
#[derive(Clone, Debug)]
pub struct Objective {
    /// What is minimised.
    pub loss: Loss,
    /// Whose SSIM it is, in the loss and in scores.
    pub ssim_config: SsimConfig,
    /// Evaluations of the loss and its gradient for each image; 0 leaves latent vectors as the
    /// encoder's network gives them.
    pub refine: usize,
    /// How images are spoilt before they are encoded; what is decoded is to be what they were. The steps of
    /// refinement would look for the noise, too, so that there are none then.
    pub noise: InputNoise,
    /// What a code's bytes cost in training. Codes are rounded then, and not refined.
    pub rate: CodeRate,
}

/// What a network makes of a training batch, to be minimised and recorded.
pub struct BatchLoss {
    /// What the optimizer's step is to lower, with autodiff: its gradients are what counts. `[1]`
    pub loss: Tensor<1>,
    /// The training loss, without autodiff: that of the reconstructions, with the price of the codes' bytes, if they
    /// have one. `[1]`
    pub recorded: Tensor<1>,
}

impl Objective {
    /// The loss of a training batch `[N, C, H, W]`, which has no autodiff; `network` has. `draw` is that
    /// of the dropout masks.
    ///
    /// Where latent vectors are refined, the decoder learns from refined ones, and the encoder to come
    /// as near to them as it can in one pass.
    ///
    /// # Panics
    ///
    /// As [`Loss::per_image`].
    #[must_use]
    pub fn batch_loss(
        &self,
        network: &Autoencoder,
        images: Tensor<4>,
        draw: DropoutDraw,
    ) -> BatchLoss {
        let originals = Tensor::from_inner(images.clone());
        let seen = Tensor::from_inner(self.noise.in_training(images.clone(), draw.step));
        let encoded = network.training_encode(seen, draw);
        let mean_loss = |network: &Autoencoder, latents| {
            let losses = self.losses(&network.predict(latents), originals.clone());
            losses.mean()
        };
        if !self.rate.is_none() {
            let decoded = mean_loss(network, self.rate.noisy(encoded.clone(), draw));
            let loss = decoded + self.rate.bytes(encoded) * self.rate.weight;
            let recorded = loss.clone().inner();
            return BatchLoss { loss, recorded };
        }
        if self.refine == 0 {
            let loss = mean_loss(network, encoded);
            let recorded = loss.clone().inner();
            return BatchLoss { loss, recorded };
        }
        let search = self.search(&network.valid(), images, encoded.clone().inner());
        let decoded = mean_loss(network, Tensor::from_inner(search.x));
        let recorded = decoded.clone().inner();
        // The encoder is to lower the mean loss of its own codes, from which the search began: this has its gradients.
        let [count, _] = encoded.dims();
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        let slope = Tensor::from_inner(search.start_gradient / count as f32);
        let loss = decoded + (encoded * slope).sum();
        BatchLoss { loss, recorded }
    }

    /// One loss an image, `[N]`, of what a model made of images `[N, C, H, W]` in [0, 1].
    ///
    /// # Panics
    ///
    /// As [`Loss::per_image`].
    #[must_use]
    pub fn losses(&self, prediction: &Prediction, images: Tensor<4>) -> Tensor<1> {
        self.loss.per_image(prediction, images, &self.ssim_config)
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
        self.rate.rounded(self.refine_from(model, images, start))
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
        // One step evaluates the start alone.
        if self.refine < 2 {
            return start;
        }
        self.search(model, images, start).x
    }

    /// As [`refine_from`](Self::refine_from), with the gradients of the losses where the search began.
    fn search(&self, model: &Autoencoder, images: Tensor<4>, start: Tensor<2>) -> Minimum {
        let decoder = model.on(&images.device().autodiff());
        let [x, start_gradient] = in_tasks(images, start, |images, start| {
            let images = Tensor::from_inner(images);
            let found = lbfgs::minimize(start, self.refine, |latents| {
                let latents = Tensor::from_inner(latents).require_grad();
                let losses = self.losses(&decoder.predict(latents.clone()), images.clone());
                let values = losses.clone().inner();
                // The sum's gradient: no image's loss depends on another's latent vector.
                let gradient = move || {
                    let gradients = losses.sum().backward();
                    latents.grad(&gradients).expect("the loss depends on them")
                };
                (values, gradient)
            });
            [found.x, found.start_gradient]
        });
        Minimum { x, start_gradient }
    }
}

/// What `work` makes of images `[N, C, H, W]` and a row for each, `[N, K]`, by which no image's result depends on
/// another's: at once on a GPU; on a CPU each thread takes some images through all of it. Parts are the same however
/// many threads there are.
pub(super) fn in_tasks<const RESULTS: usize>(
    images: Tensor<4>,
    rows: Tensor<2>,
    work: impl Fn(Tensor<4>, Tensor<2>) -> [Tensor<2>; RESULTS] + Sync,
) -> [Tensor<2>; RESULTS] {
    if !is_cpu(&images.device()) {
        return work(images, rows);
    }
    let [_, channels, height, width] = images.dims();
    let size = (TASK_VALUES / (channels * height * width)).clamp(1, TASK_IMAGES);
    let parts = images.split(size, 0).into_par_iter();
    let parts = parts.zip(rows.split(size, 0));
    let results: Vec<_> = parts.map(|(images, rows)| work(images, rows)).collect();
    std::array::from_fn(|place| {
        let parts = results.iter().map(|result| result[place].clone());
        Tensor::cat(parts.collect(), 0)
    })
}
