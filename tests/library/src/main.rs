//! What a user of the library writes: a hundred images are learnt in memory; the model is saved, opened
//! from its file alone, and used; and tensors of burn are compared.

use burn::tensor::Tensor;
use trainer::ssim::{Preset, ssim};
use trainer::{Device, Images, Model, TrainConfig, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("give the path of a model file to write")?;
    let device = Device::flex();
    let images = Images::fashion_mnist(&"t-shirt,trouser".parse()?)?;
    let mut config = TrainConfig::default();
    config.data.limit = Some(100);
    config.training.epochs = 1;
    config.model.latent_dim = 16;
    // One pass of the encoder: 14,000 codes take long to refine.
    config.training.refine = 0;
    train::fit(&config, &images, &device)?.save(&path)?;

    let model = Model::open(&path, &device)?;
    let codes = model.encode(&images)?;
    assert_eq!(codes.dims(), [14_000, 16]);
    let quality = model.score(&images)?.quality();
    println!("SSIM {:.4} of {} images", quality.ssim, quality.images);
    assert!(quality.ssim > 0.6, "it has learnt next to nothing");

    let white = Tensor::<4>::ones([8, 1, 28, 28], &device);
    let scores = ssim(white.clone(), white * 0.5, &Preset::Tf.config())?;
    assert_eq!(scores.dims(), [8]);
    Ok(())
}
