//! What the run folder keeps of each test image: its scores, its place in the latent space, a
//! thumbnail; and the picture of the best ones.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::{Prepared, TrainError, pictures};
use crate::data::shuffled;
use crate::metrics::{Scores, psnr};
use crate::model::Autoencoder;
use crate::pca::plane;
use crate::readback::Readback;
use crate::rng::{Stream, rng};
use crate::run::{RunDir, TestImage};

/// Images in `best.png`, as in `worst.png`.
const BEST: usize = 10;
/// About 400 KB of PNG for Fashion-MNIST, which a report has room for.
const THUMBNAILS: usize = 1000;

/// Writes `test.csv`, `thumbnails.png` and `best.png`; `scores` are those of the test images.
pub(super) async fn write(
    prepared: &Prepared,
    run: &RunDir,
    network: &Autoencoder,
    scores: &Scores,
) -> Result<(), TrainError> {
    let Prepared { images, split, .. } = prepared;
    let latents = latents(prepared, network).await?;
    let points = plane(&latents, prepared.config.model.latent_dim);
    let mut rows: Vec<TestImage> = (0..split.test.len())
        .map(|position| {
            let index = split.test[position];
            let labels = images.labels();
            let mse = f64::from(scores.mse[position]);
            TestImage {
                index,
                path: Some(images.manifest()[index as usize].clone()),
                label: labels.map(|labels| labels.ids[index as usize]),
                class: images.class(index as usize).map(str::to_owned),
                ssim: f64::from(scores.ssim[position]),
                psnr: psnr(mse),
                mse,
                pc1: points[position][0],
                pc2: points[position][1],
                tile: None,
            }
        })
        .collect();
    let chosen = evenly_by_class(&rows, prepared.config.training.seed);
    for (tile, &position) in chosen.iter().enumerate() {
        rows[position].tile = Some(tile);
    }
    let originals: Vec<u32> = chosen
        .iter()
        .map(|&position| rows[position].index)
        .collect();
    pictures::thumbnails(prepared, run, &originals)?;
    run.write_test_images(&rows)?;

    rows.sort_by(|a, b| b.ssim.total_cmp(&a.ssim));
    let best: Vec<u32> = rows.iter().take(BEST).map(|row| row.index).collect();
    pictures::best(prepared, run, network, &best).await
}

/// The latent vectors of the test images, one after the other.
async fn latents(prepared: &Prepared, network: &Autoencoder) -> Result<Vec<f32>, TrainError> {
    let objective = prepared.objective();
    let images = prepared.device_images();
    let batches = images.indexed_batches(&prepared.split.test)?;
    let latents: Vec<Tensor<2>> = batches
        .map(|(indices, images)| {
            let seen = objective.noise.in_scoring(images, indices);
            objective.encode(network, seen)
        })
        .collect();
    let mut readback = Readback::default();
    readback.add(Tensor::cat(latents, 0));
    Ok(readback.read().await?.take())
}

/// Positions of the images that get a thumbnail: as many of each class as there are, up to the limit.
fn evenly_by_class(images: &[TestImage], seed: u64) -> Vec<usize> {
    let positions: Vec<u32> = (0..).take(images.len()).collect();
    let shuffled = shuffled(&positions, &mut rng(seed, Stream::Samples, 1));
    let mut by_class: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for position in shuffled {
        let class = by_class.entry(images[position as usize].label);
        class.or_default().push(position as usize);
    }
    // Every class's first, then every class's second, …
    let longest = by_class.values().map(Vec::len).max().unwrap_or(0);
    let mut chosen: Vec<usize> = (0..longest)
        .flat_map(|rank| by_class.values().filter_map(move |class| class.get(rank)))
        .take(THUMBNAILS)
        .copied()
        .collect();
    // Alike images side by side make a smaller file.
    chosen.sort_unstable_by_key(|&position| (images[position].label, position));
    chosen
}
