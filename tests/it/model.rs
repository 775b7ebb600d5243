//! The autoencoders: their layers, parameters and first weights.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use trainer::data::{ClassSelection, DeviceImages, Images};
use trainer::image::ImageShape;
use trainer::loss::{Loss, Term};
use trainer::metrics::evaluate_pca;
use trainer::model::{
    Architecture, Autoencoder, DropoutDraw, Objective, Output, Shortcut, evaluate, layer_table,
    parameters,
};
use trainer::pca::Pca;
use trainer::prediction::Prediction;
use trainer::ssim::SsimConfig;

const IMAGE: ImageShape = ImageShape {
    channels: 1,
    height: 28,
    width: 28,
};

fn images(count: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0_u16..)
        .map(|index| f32::from(index % 251) / 250.0)
        .take(count * 784)
        .collect();
    Tensor::from_data(TensorData::new(values, [count, 1, 28, 28]), device)
}

#[test]
fn the_layer_table_counts_the_models_parameters() {
    for (arch, running_statistics) in [
        (Architecture::Baseline, 0),
        (Architecture::Modified, 2 * (16 + 16)),
        (Architecture::Linear, 0),
        (Architecture::Residual, 0),
    ] {
        let design = arch.design(IMAGE, 16);
        for latent_dim in [1, 100, 256] {
            let model = Autoencoder::new(&design, latent_dim, 0, &Device::flex());
            let counted = parameters(&design, latent_dim) + running_statistics;
            assert_eq!(model.num_params(), counted, "{arch:?} {latent_dim}");
            let table = layer_table(&design, latent_dim);
            assert_eq!(table.last().expect("rows").output, [1, 28, 28]);
        }
    }
}

#[test]
fn encode_and_decode_have_the_documented_shapes() {
    for arch in [
        Architecture::Baseline,
        Architecture::Modified,
        Architecture::Linear,
        Architecture::Residual,
    ] {
        let design = arch.design(IMAGE, 16);
        let device = Device::flex();
        let model = Autoencoder::new(&design, 17, 0, &device);
        let latents = model.encode(images(3, &device));
        assert_eq!(latents.dims(), [3, 17]);
        let restored = model.decode(latents);
        assert_eq!(restored.dims(), [3, 1, 28, 28]);
        let values = restored.into_data().try_to_vec::<f32>().expect("f32");
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}

#[test]
fn images_of_any_size_come_back_in_their_size() {
    let device = Device::flex();
    for arch in [
        Architecture::Linear,
        Architecture::Baseline,
        Architecture::Modified,
        Architecture::Residual,
    ] {
        for (channels, height, width) in [(3, 97, 61), (1, 11, 12), (1, 12, 11)] {
            let odd = ImageShape {
                channels,
                height,
                width,
            };
            let network = Autoencoder::new(&arch.design(odd, 16), 4, 0, &device);
            let images = Tensor::<4>::ones(odd.batch(2), &device);
            let restored = network.decode(network.encode(images));
            assert_eq!(restored.dims(), odd.batch(2), "{arch:?}");
        }
    }
}

#[test]
fn dropout_is_a_function_of_seed_and_step_and_only_in_training() {
    let design = Architecture::Modified.design(IMAGE, 16);
    let device = Device::flex();
    let model = Autoencoder::new(&design, 16, 5, &device);
    let latents = |step| {
        let latents = model.training_encode(images(2, &device), DropoutDraw { step });
        latents.into_data().try_to_vec::<f32>().expect("f32")
    };
    let without = model
        .encode(images(2, &device))
        .into_data()
        .try_to_vec::<f32>()
        .expect("f32");
    assert_eq!(latents(1), latents(1));
    assert_ne!(latents(1), latents(2));
    assert_ne!(latents(1), without);
}

#[test]
fn bce_from_logits_equals_the_definition_and_stays_finite() {
    let device = Device::flex();
    let logits = [-100.0, -5.0, -0.3, 0.0, 0.3, 5.0, 100.0_f32];
    for target in [0.0, 0.25, 1.0_f32] {
        let tensor = |values: Vec<f32>| {
            let count = values.len();
            Tensor::<4>::from_data(TensorData::new(values, [count, 1, 1, 1]), &device)
        };
        let images = tensor(vec![target; logits.len()]);
        let losses = Loss::from(Term::Bce)
            .per_image(
                &Prediction::Logits(tensor(logits.to_vec())),
                images,
                &SsimConfig::default(),
            )
            .into_data()
            .try_to_vec::<f32>()
            .expect("f32");
        for (logit, loss) in logits.iter().zip(losses) {
            let (logit, target) = (f64::from(*logit), f64::from(target));
            // softplus(l) − x·l, in double precision.
            let expected = logit.max(0.0) + (-logit.abs()).exp().ln_1p() - target * logit;
            assert!(
                (f64::from(loss) - expected).abs() < 2e-5,
                "{logit} {target}: {loss} {expected}"
            );
        }
    }
}

#[test]
fn linear_and_residual_start_as_pca() {
    let all = Arc::new(Images::fashion_mnist(&ClassSelection::default()).expect("embedded"));
    let [train, test]: [Vec<u32>; 2] = [(0..2_000).collect(), (9_000..9_200).collect()];
    let ssim_config = SsimConfig::default();
    let device = Device::flex();
    let pca = Pca::fit(&all, &train, 64).expect("images");
    let expected = evaluate_pca(&pca, &all, &test, &ssim_config, &device).expect("images");

    let images = DeviceImages::new(all, &device);
    let scores = |model: &Autoencoder| {
        let objective = Objective {
            loss: Loss::from(Term::Mse),
            ssim_config,
            refine: 0,
            noise: trainer::data::InputNoise::default(),
            rate: trainer::model::CodeRate::default(),
        };
        evaluate(model, &objective, &images, &test).expect("images")
    };
    for arch in [Architecture::Linear, Architecture::Residual] {
        let design = arch.design(IMAGE, 4);
        let mut model = Autoencoder::new(&design, 64, 0, &device);
        let before = scores(&model).quality().ssim;
        model.start_as_pca(pca.components_tensor(&device), pca.mean_tensor(&device));
        let scores = scores(&model);
        assert!(before < 0.5 * scores.quality().ssim, "{before}");
        for (found, expected) in scores.ssim.iter().zip(&expected.ssim) {
            assert!((found - expected).abs() < 1e-3, "{found} and {expected}");
        }
    }
}

/// Halved to about 8×8, with twice as many channels each time, and the other way round in the decoder.
#[test]
fn the_depth_of_residual_follows_from_the_size() {
    for ([channels, height, width], features) in [
        ([1, 28, 28], [64, 7, 7]),
        ([1, 16, 16], [32, 8, 8]),
        ([3, 64, 64], [128, 8, 8]),
        ([3, 256, 256], [256, 8, 8]),
        ([3, 97, 61], [128, 13, 8]),
        ([1, 11, 40], [16, 11, 40]),
    ] {
        let image = ImageShape {
            channels,
            height,
            width,
        };
        let design = Architecture::Residual.design(image, 16);
        let found = design.features();
        assert_eq!([found.channels, found.height, found.width], features);
        let last = design.decoder.last().expect("layers");
        assert_eq!(last.channels, channels);
        let twice = Architecture::Residual.design(image, 32);
        assert_eq!(twice.features().channels, 2 * features[0]);
        // A dense layer beside the convolutions is too large for large images. Without its start from PCA, pixels
        // would begin where clamping has no gradient.
        let is_large = channels * height * width > 1 << 16;
        assert_eq!(design.shortcut == Shortcut::None, is_large, "{image}");
        assert_eq!(design.output == Output::Logits, is_large, "{image}");
    }
}
