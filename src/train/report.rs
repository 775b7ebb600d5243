//! The pictures of a run.

use std::path::Path;

use super::Prepared;
use crate::data::{CLASS_NAMES, Dataset, HostBatch, shuffled};
use crate::error::Error;
use crate::metrics::{Reconstructions, Scores, add_reconstructions};
use crate::model::Autoencoder;
use crate::readback::{Readback, Values};
use crate::rng::{Stream, rng};
use crate::run::{
    EpochMetrics, PcaReference, RunDir, Tile, draw_curves, reconstruction_grid, save_png,
};
use crate::ssim::Preset;

/// Images in `worst.png`.
const WORST: usize = 10;

/// The fixed samples and the worst test images, by the best weights.
pub(super) fn test_pictures(
    prepared: &Prepared,
    run: &RunDir,
    model: &Autoencoder,
    scores: &Scores,
) -> Result<(), Error> {
    let name = subject(prepared);
    let title = format!(
        "{name}, test images, mean SSIM {:.4}",
        scores.quality().ssim
    );
    picture(
        prepared,
        model,
        &samples(prepared),
        &title,
        &run.test_picture(),
    )?;

    let mut order: Vec<usize> = (0..scores.ssim.len()).collect();
    order.sort_by(|&a, &b| scores.ssim[a].total_cmp(&scores.ssim[b]));
    let worst: Vec<u32> = order
        .iter()
        .take(WORST)
        .map(|&index| prepared.split.test[index])
        .collect();
    let title = format!("{name}, the {} worst test images by SSIM", worst.len());
    picture(prepared, model, &worst, &title, &run.worst_picture())
}

/// Losses and SSIM by epoch.
pub(super) fn curves(
    prepared: &Prepared,
    run: &RunDir,
    history: &[EpochMetrics],
    pca: Option<&PcaReference>,
    best_epoch: Option<usize>,
) -> Result<(), Error> {
    let pca = pca.map(|pca| (pca.components, pca.validation.ssim));
    let image = draw_curves(&subject(prepared), history, pca, best_epoch)?;
    Ok(save_png(&image, &run.curves_picture())?)
}

/// What every title begins with: the model, and whose SSIM it is if it isn't the usual one.
pub(super) fn subject(prepared: &Prepared) -> String {
    let config = &prepared.config;
    let ssim = match config.ssim_preset {
        Preset::Tf => String::new(),
        preset => format!(", SSIM by {}", preset.name()),
    };
    format!(
        "{}, {} latent values{ssim}",
        config.arch.name(),
        config.latent_dim()
    )
}

/// The same test images each time, in the order of their classes.
pub(crate) fn samples(prepared: &Prepared) -> Vec<u32> {
    let Prepared {
        config,
        dataset,
        split,
        ..
    } = prepared;
    let mut indices = shuffled(&split.test, &mut rng(config.seed, Stream::Samples, 0));
    indices.truncate(config.samples);
    indices.sort_by_key(|&index| dataset.labels[index as usize]);
    indices
}

/// Writes what the model makes of the images at `indices`, beside them.
pub(super) fn picture(
    prepared: &Prepared,
    model: &Autoencoder,
    indices: &[u32],
    title: &str,
    path: &Path,
) -> Result<(), Error> {
    let mut readback = Readback::default();
    let picture = Picture::queue(prepared, model, indices, &mut readback)?;
    picture.write(&mut readback.read(), title, path)
}

/// A picture of some images and of what a model makes of them, which is yet to be read.
pub(super) struct Picture<'a> {
    dataset: &'a Dataset,
    originals: HostBatch,
}

impl<'a> Picture<'a> {
    /// Queues the reconstruction of the images at `indices`.
    pub fn queue(
        prepared: &'a Prepared,
        model: &Autoencoder,
        indices: &[u32],
        readback: &mut Readback,
    ) -> Result<Self, Error> {
        let dataset = &prepared.dataset;
        let originals = HostBatch::gather(dataset, indices)?;
        let images = originals.clone().into_tensor(&prepared.selection.device);
        let objective = prepared.config.objective();
        add_reconstructions(readback, model, images, &objective, &objective.conventions);
        Ok(Self { dataset, originals })
    }

    /// Takes what was read, and draws it.
    pub fn write(self, values: &mut Values, title: &str, path: &Path) -> Result<(), Error> {
        let Reconstructions { pixels, ssim } = Reconstructions::take_from(values);
        let Self { dataset, originals } = self;
        let len = dataset.image_len();
        let tiles: Vec<Tile> = originals
            .indices
            .iter()
            .zip(
                originals
                    .pixels
                    .chunks_exact(len)
                    .zip(pixels.chunks_exact(len)),
            )
            .zip(ssim)
            .map(|((&index, (original, reconstruction)), ssim)| Tile {
                original,
                reconstruction,
                height: dataset.height,
                width: dataset.width,
                ssim,
                label: CLASS_NAMES[usize::from(dataset.labels[index as usize])],
            })
            .collect();
        Ok(save_png(&reconstruction_grid(title, &tiles), path)?)
    }
}
