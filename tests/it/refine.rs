//! Latent vectors that are refined on the loss: better for every image, whatever the others are.

#![expect(
    deprecated,
    reason = "burn-ndarray is deprecated in favour of burn-flex, and still asked for"
)]

use burn::tensor::{Device, Tensor};
use trainer::data::{ClassSelection, HostBatch, Images};
use trainer::image::ImageShape;
use trainer::loss::Loss;
use trainer::model::{Architecture, Autoencoder, Objective};
use trainer::pca::Pca;
use trainer::ssim::SsimConfig;

const IMAGE: ImageShape = ImageShape {
    channels: 1,
    height: 28,
    width: 28,
};
const LATENT_DIM: usize = 32;

fn fashion_mnist() -> Images {
    Images::fashion_mnist(&ClassSelection::default()).expect("embedded")
}

fn objective(loss: &str, refine: usize) -> Objective {
    Objective {
        loss: loss.parse().expect("a loss"),
        ssim_config: SsimConfig::default(),
        refine,
        noise: trainer::data::InputNoise::default(),
        rate: trainer::model::CodeRate::default(),
    }
}

/// A linear model that is PCA, and images that PCA doesn't know.
fn model_and_images(device: &Device, images: u32) -> (Autoencoder, Tensor<4>) {
    let all = fashion_mnist();
    let train: Vec<u32> = (0..2_000).collect();
    let pca = Pca::fit(&all, &train, LATENT_DIM).expect("images");
    let design = Architecture::Linear.design(IMAGE, 16);
    let mut model = Autoencoder::new(&design, LATENT_DIM, 0, device);
    model.start_as_pca(pca.components_tensor(device), pca.mean_tensor(device));
    let test: Vec<u32> = (9_000..9_000 + images).collect();
    let batch = HostBatch::gather(&all, &test).expect("images");
    (model, batch.into_tensor(device))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

fn losses(objective: &Objective, model: &Autoencoder, images: &Tensor<4>) -> Vec<f32> {
    let latents = objective.encode(model, images.clone());
    values(objective.losses(&model.predict(latents), images.clone()))
}

fn mean(values: &[f32]) -> f64 {
    let count = f64::from(u32::try_from(values.len()).expect("few"));
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / count
}

#[test]
fn no_image_gets_worse_and_more_steps_are_better() {
    let (model, images) = model_and_images(&Device::flex(), 70);
    for loss in ["ssim", "ssim+mse", "bce", "0.5*l1+ms-ssim"] {
        let before = losses(&objective(loss, 0), &model, &images);
        let mut last = mean(&before);
        for steps in [2, 5, 20] {
            let after = losses(&objective(loss, steps), &model, &images);
            for (image, (before, after)) in before.iter().zip(&after).enumerate() {
                assert!(
                    after <= &(before + 1e-6),
                    "{loss}, image {image}, {steps} steps: {before} → {after}"
                );
            }
            assert!(mean(&after) < last, "{loss}: {steps} steps change nothing");
            last = mean(&after);
        }
    }
    // A linear decoder that nothing has learnt but PCA.
    let [before, after] =
        [0, 20].map(|steps| mean(&losses(&objective("ssim", steps), &model, &images)));
    assert!(after < 0.85 * before, "{before} → {after}");
}

/// The decoder's columns are orthonormal, so the projection has the smallest squares: a start away from
/// it leads back, as long as no pixel is clamped.
#[test]
fn squares_lead_back_to_the_projection() {
    let device = Device::flex();
    let (model, images) = model_and_images(&device, 8);
    // Little contrast: reconstructions stay inside of [0, 1].
    let images = model.decode(model.encode(images)) * 0.2 + 0.4;
    let best = losses(&objective("mse", 0), &model, &images);

    // An encoder that has learnt nothing.
    let design = Architecture::Linear.design(IMAGE, 16);
    let encoder = Autoencoder::new(&design, LATENT_DIM, 3, &device);
    let start = encoder.encode(images.clone());
    let objective = objective("mse", 60);
    let found = objective.refine_from(&model, images.clone(), start);
    let found = values(objective.losses(&model.predict(found), images));
    for (found, best) in found.iter().zip(&best) {
        assert!((found - best).abs() < 1e-5, "{found} and {best}");
    }
}

#[test]
fn fewer_than_two_steps_leave_the_encoder_alone() {
    let (model, images) = model_and_images(&Device::flex(), 5);
    let expected = values(model.encode(images.clone()));
    for steps in [0, 1] {
        let found = objective("ssim", steps).encode(&model, images.clone());
        assert_eq!(values(found), expected);
    }
}

#[test]
fn an_image_is_encoded_the_same_in_whatever_company() {
    let (model, images) = model_and_images(&Device::flex(), 70);
    let objective = objective("ssim+mse", 10);
    let together = values(objective.encode(&model, images.clone()));
    let alone: Vec<f32> = (0..70)
        .flat_map(|image| values(objective.encode(&model, images.clone().narrow(0, image, 1))))
        .collect();
    // The sums of a product of matrices may be taken in another order.
    for (together, alone) in together.iter().zip(&alone) {
        assert!((together - alone).abs() < 5e-2, "{together} and {alone}");
    }
}

#[test]
fn backends_find_losses_that_are_alike() {
    let flex = Device::flex();
    let (model, images) = model_and_images(&flex, 32);
    let expected = mean(&losses(&objective("ssim", 10), &model, &images));
    let (model, images) = model_and_images(&Device::ndarray(), 32);
    let found = mean(&losses(&objective("ssim", 10), &model, &images));
    assert!((found - expected).abs() < 1e-3, "{found} and {expected}");
}

#[test]
fn any_architecture_can_be_refined() {
    let device = Device::flex();
    let (_, images) = model_and_images(&device, 4);
    for arch in [
        Architecture::Baseline,
        Architecture::Modified,
        Architecture::Residual,
    ] {
        let design = arch.design(IMAGE, 16);
        let model = Autoencoder::new(&design, LATENT_DIM, 1, &device);
        let loss = Loss::default().to_string();
        let [before, after] =
            [0, 10].map(|steps| mean(&losses(&objective(&loss, steps), &model, &images)));
        assert!(after < before, "{}: {before} → {after}", arch.name());
    }
}
