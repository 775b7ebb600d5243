//! What the run folder keeps of each test image: its scores, its place in the latent space, a
//! thumbnail; and the picture of the best ones.

use burn::tensor::Tensor;
use image::{GrayImage, Luma};

use super::{Prepared, report};
use crate::data::{CLASS_NAMES, shuffled};
use crate::error::Error;
use crate::metrics::{Scores, psnr};
use crate::model::Autoencoder;
use crate::pca::plane;
use crate::readback::Readback;
use crate::rng::{Stream, rng};
use crate::run::{RunDir, THUMBNAIL_COLUMNS, TestImage, save_png};

/// Images in `best.png`, as in `worst.png`.
const BEST: usize = 10;
/// About 400 KB of PNG, which a report has room for.
const THUMBNAILS: usize = 1000;
/// Images encoded at a time.
const BATCH: usize = 256;

/// Writes `test.csv`, `thumbnails.png` and `best.png`; `scores` are those of the test images.
pub(super) fn write(
    prepared: &Prepared,
    run: &RunDir,
    model: &Autoencoder,
    scores: &Scores,
) -> Result<(), Error> {
    let Prepared { dataset, split, .. } = prepared;
    let points = plane(&latents(prepared, model)?, prepared.config.latent_dim());
    let mut images: Vec<TestImage> = (0..split.test.len())
        .map(|position| {
            let index = split.test[position];
            let label = dataset.labels[index as usize];
            let mse = f64::from(scores.mse[position]);
            TestImage {
                index,
                label,
                class: CLASS_NAMES[usize::from(label)].to_owned(),
                ssim: f64::from(scores.ssim[position]),
                psnr: psnr(mse),
                mse,
                pc1: points[position][0],
                pc2: points[position][1],
                tile: None,
            }
        })
        .collect();
    let chosen = evenly_by_class(&images, prepared.config.seed);
    for (tile, &position) in chosen.iter().enumerate() {
        images[position].tile = Some(tile);
    }
    save_png(
        &thumbnails(prepared, &images, &chosen),
        &run.thumbnails_picture(),
    )?;
    run.write_test_images(&images)?;

    images.sort_by(|a, b| b.ssim.total_cmp(&a.ssim));
    let best: Vec<u32> = images.iter().take(BEST).map(|image| image.index).collect();
    let title = format!(
        "{}, the {} best test images by SSIM",
        report::subject(prepared),
        best.len()
    );
    report::picture(prepared, model, &best, &title, &run.best_picture())
}

/// The latent vectors of the test images, one after the other.
fn latents(prepared: &Prepared, model: &Autoencoder) -> Result<Vec<f32>, Error> {
    let objective = prepared.config.objective();
    let mut latents: Vec<Tensor<2>> = Vec::new();
    for images in prepared.images().batches(&prepared.split.test, BATCH)? {
        latents.push(objective.encode(model, images));
    }
    let mut readback = Readback::default();
    readback.add(Tensor::cat(latents, 0));
    Ok(readback.read().take())
}

/// Positions of the images that get a thumbnail: as many of each class as there are, up to the limit.
fn evenly_by_class(images: &[TestImage], seed: u64) -> Vec<usize> {
    let positions: Vec<u32> = (0..).take(images.len()).collect();
    let shuffled = shuffled(&positions, &mut rng(seed, Stream::Samples, 1));
    let mut by_class = vec![Vec::new(); CLASS_NAMES.len()];
    for position in shuffled {
        by_class[usize::from(images[position as usize].label)].push(position as usize);
    }
    // Every class's first, then every class's second, …
    let longest = by_class.iter().map(Vec::len).max().unwrap_or(0);
    let mut chosen: Vec<usize> = (0..longest)
        .flat_map(|rank| by_class.iter().filter_map(move |class| class.get(rank)))
        .take(THUMBNAILS)
        .copied()
        .collect();
    // Alike images side by side make a smaller file.
    chosen.sort_unstable_by_key(|&position| (images[position].label, position));
    chosen
}

/// The originals at `chosen` in rows of [`THUMBNAIL_COLUMNS`], without gaps.
#[expect(clippy::cast_possible_truncation, reason = "pixels of a picture")]
fn thumbnails(prepared: &Prepared, images: &[TestImage], chosen: &[usize]) -> GrayImage {
    let dataset = &prepared.dataset;
    let columns = chosen.len().min(THUMBNAIL_COLUMNS);
    let rows = chosen.len().div_ceil(THUMBNAIL_COLUMNS);
    let mut sheet = GrayImage::new(
        (columns * dataset.width) as u32,
        (rows * dataset.height) as u32,
    );
    for (tile, &position) in chosen.iter().enumerate() {
        let left = tile % THUMBNAIL_COLUMNS * dataset.width;
        let top = tile / THUMBNAIL_COLUMNS * dataset.height;
        let pixels = dataset.image(images[position].index as usize);
        for (place, &level) in pixels.iter().enumerate() {
            let x = left + place % dataset.width;
            let y = top + place / dataset.width;
            sheet.put_pixel(x as u32, y as u32, Luma([level]));
        }
    }
    sheet
}
