//! The pictures of a run: what models make of images, and curves.

use std::path::Path;

use image::DynamicImage;

use super::{Prepared, TrainError};
use crate::data::{HostBatch, Images, shuffled};
use crate::metrics::Scores;
use crate::model::{Autoencoder, Objective, Reconstructions, add_reconstructions};
use crate::plot::{
    GridColumn, Originals, Tile, comparison_grid, draw_curves, reconstruction_grid, sheet,
};
use crate::readback::{Readback, Values};
use crate::rng::{Stream, rng};
use crate::run::{EpochMetrics, PcaReference, RunDir, THUMBNAIL_COLUMNS, save_png};
use crate::ssim::Preset;
use crate::words::count;

/// Images in `worst.png`.
const WORST: usize = 10;

/// The fixed samples and the worst test images, by the best weights.
pub(super) async fn test_pictures(
    prepared: &Prepared,
    run: &RunDir,
    network: &Autoencoder,
    scores: &Scores,
) -> Result<(), TrainError> {
    let name = subject(prepared);
    let title = format!(
        "{name}, mean SSIM {:.4} of {}",
        scores.quality().ssim,
        count(scores.ssim.len(), "test image")
    );
    let samples = samples(prepared);
    picture(prepared, network, &samples, &title, &run.test_picture()).await?;

    let mut order: Vec<usize> = (0..scores.ssim.len()).collect();
    order.sort_by(|&a, &b| scores.ssim[a].total_cmp(&scores.ssim[b]));
    let worst: Vec<u32> = order
        .iter()
        .take(WORST)
        .map(|&index| prepared.split.test[index])
        .collect();
    let title = format!("{name}, the {} worst test images by SSIM", worst.len());
    picture(prepared, network, &worst, &title, &run.worst_picture()).await
}

/// Losses and SSIM by epoch.
pub(super) fn curves(
    prepared: &Prepared,
    run: &RunDir,
    history: &[EpochMetrics],
    pca: Option<&PcaReference>,
    best_epoch: Option<usize>,
) -> Result<(), TrainError> {
    let pca = pca.map(|pca| (pca.components, pca.validation.ssim));
    let points: Vec<_> = history.iter().map(EpochMetrics::point).collect();
    let image = draw_curves(&subject(prepared), &points, pca, best_epoch)?;
    Ok(save_png(&image, &run.curves_picture())?)
}

/// The test images at `indices`, which are best reconstructed.
pub(super) async fn best(
    prepared: &Prepared,
    run: &RunDir,
    network: &Autoencoder,
    indices: &[u32],
) -> Result<(), TrainError> {
    let title = format!(
        "{}, the {} best test images by SSIM",
        subject(prepared),
        indices.len()
    );
    picture(prepared, network, indices, &title, &run.best_picture()).await
}

/// The originals at `indices`, side by side.
pub(super) fn thumbnails(
    prepared: &Prepared,
    run: &RunDir,
    indices: &[u32],
) -> Result<(), TrainError> {
    let images = &prepared.images;
    let originals = indices.iter().map(|&index| images.image(index as usize));
    match sheet(originals, images.shape(), THUMBNAIL_COLUMNS) {
        DynamicImage::ImageLuma8(sheet) => save_png(&sheet, &run.thumbnails_picture())?,
        sheet => save_png(&sheet.into_rgb8(), &run.thumbnails_picture())?,
    }
    Ok(())
}

/// What every title begins with: the model, and whose SSIM it is if it isn't the usual one.
fn subject(prepared: &Prepared) -> String {
    let config = &prepared.config;
    let ssim = match config.training.ssim_preset {
        Preset::Tf => String::new(),
        preset => format!(", SSIM by {}", preset.name()),
    };
    format!(
        "{}, {} latent values{ssim}",
        config.model.arch.name(),
        config.model.latent_dim
    )
}

/// The same test images each time, in the order of their classes.
pub(crate) fn samples(prepared: &Prepared) -> Vec<u32> {
    let Prepared {
        config,
        images,
        split,
        ..
    } = prepared;
    let mut rng = rng(config.training.seed, Stream::Samples, 0);
    let mut indices = shuffled(&split.test, &mut rng);
    indices.truncate(config.output.samples);
    if let Some(labels) = images.labels() {
        indices.sort_by_key(|&index| labels.ids[index as usize]);
    }
    indices
}

/// Writes what the network makes of the images at `indices`, beside them.
async fn picture(
    prepared: &Prepared,
    network: &Autoencoder,
    indices: &[u32],
    title: &str,
    path: &Path,
) -> Result<(), TrainError> {
    let mut readback = Readback::default();
    let picture = Picture::queue(prepared, network, indices, &mut readback)?;
    picture.write(&mut readback.read().await?, title, path)
}

/// A picture of some images and of what a network makes of them, which is yet to be read.
pub(super) struct Picture<'a> {
    images: &'a Images,
    originals: HostBatch,
    objective: Objective,
}

impl<'a> Picture<'a> {
    /// Queues the reconstruction of the run's samples.
    pub fn of_samples(
        prepared: &'a Prepared,
        network: &Autoencoder,
        readback: &mut Readback,
    ) -> Result<Self, TrainError> {
        Self::queue(prepared, network, &samples(prepared), readback)
    }

    /// Queues the reconstruction of the images at `indices`.
    fn queue(
        prepared: &'a Prepared,
        network: &Autoencoder,
        indices: &[u32],
        readback: &mut Readback,
    ) -> Result<Self, TrainError> {
        let images = &*prepared.images;
        let originals = HostBatch::gather(images, indices)?;
        let batch = originals.clone().into_tensor(prepared.device());
        let objective = prepared.objective();
        add_reconstructions(
            readback,
            network,
            batch,
            indices,
            &objective,
            &objective.ssim_config,
        );
        Ok(Self {
            images,
            originals,
            objective,
        })
    }

    /// Takes what was read, and draws it for an epoch.
    pub fn write_epoch(
        self,
        values: &mut Values,
        prepared: &Prepared,
        run: &RunDir,
        epoch: usize,
    ) -> Result<(), TrainError> {
        let title = format!("{}, epoch {epoch}", subject(prepared));
        self.write(values, &title, &run.epoch_picture(epoch))
    }

    fn write(self, values: &mut Values, title: &str, path: &Path) -> Result<(), TrainError> {
        let Self {
            images,
            originals,
            objective,
        } = self;
        let Reconstructions { values, ssim, seen } = Reconstructions::take_from(values, &objective);
        let shape = images.shape();
        if let Some((seen, seen_ssim)) = seen {
            let labels = originals.indices.iter();
            let originals = Originals {
                pixels: &originals.values,
                labels: labels.map(|&index| label(images, index as usize)).collect(),
                shape,
            };
            let column = |heading: &str, name: String, pixels, ssim| GridColumn {
                name,
                heading: heading.to_owned(),
                pixels,
                ssim,
            };
            let noise = objective.noise.corruption.to_string();
            let columns = [
                column("noisy", noise, seen, seen_ssim),
                column(
                    "restored",
                    "what the model makes of it".to_owned(),
                    values,
                    ssim,
                ),
            ];
            let picture = comparison_grid(title, &originals, &columns);
            return Ok(save_png(&picture, path)?);
        }
        let pairs = originals
            .values
            .chunks_exact(shape.len())
            .zip(values.chunks_exact(shape.len()));
        let tiles: Vec<Tile> = originals
            .indices
            .iter()
            .zip(pairs)
            .zip(ssim)
            .map(|((&index, (original, reconstruction)), ssim)| Tile {
                original,
                reconstruction,
                shape,
                ssim,
                label: label(images, index as usize),
            })
            .collect();
        Ok(save_png(&reconstruction_grid(title, &tiles), path)?)
    }
}

/// What stands below an image: its class, or else its file's name.
fn label(images: &Images, index: usize) -> Option<&str> {
    let file = || {
        images.collection()?;
        let path = images.manifest().get(index)?;
        Some(
            path.rsplit_once('/')
                .map_or(path.as_str(), |(_, file)| file),
        )
    };
    images.class(index).or_else(file)
}
