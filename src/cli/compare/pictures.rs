//! The reconstructions of the same test images by several runs, side by side.

use std::path::Path;

use super::CompareArgs;
use crate::cli::advice::with_flags;
use crate::cli::table::printable;
use crate::data::HostBatch;
use crate::error::with_causes;
use crate::model::reconstruct;
use crate::plot::{GridColumn, Originals, comparison_grid};
use crate::run::{RunRecord, export_png};
use crate::ssim::SsimConfig;
use crate::train::{OpenedRun, TrainError, open_run, samples};

/// Draws what each run makes of the sample images of the first run that can be opened. A run that can't
/// be opened is left out, with a warning. False if there is nothing to draw.
pub(super) fn draw_images(
    args: &CompareArgs,
    runs: &[RunRecord],
    names: &[String],
    path: &Path,
    warnings: &mut Vec<String>,
) -> Result<bool, TrainError> {
    let mut shown: Option<(HostBatch, Vec<Option<String>>, SsimConfig)> = None;
    let mut columns = Vec::new();
    let mut backend = args.backend;
    let places = args.data.of_several_runs();
    for (index, (run, name)) in runs.iter().zip(names).enumerate() {
        let mut leave_out = |reason: String| {
            let warning = format!(
                "run {} is left out of compare_images.png: {}",
                index + 1,
                printable(&reason)
            );
            tracing::warn!("{warning}");
            warnings.push(warning);
        };
        let opened = open_run(&run.path, Some(backend), Some(args.device), &places);
        let OpenedRun { prepared, model } = match opened {
            Ok(trained) => trained,
            Err(error) => {
                leave_out(with_flags(&with_causes(&error)));
                continue;
            }
        };
        // The device that auto finds is looked for only once.
        backend = prepared.selected.backend;
        let images = &prepared.images;
        if shown.is_none() {
            let indices = samples(&prepared);
            let label = |&index: &u32| images.class(index as usize).map(str::to_owned);
            let labels = indices.iter().map(label).collect();
            let ssim_config = model.objective().ssim_config;
            shown = Some((HostBatch::gather(images, &indices)?, labels, ssim_config));
        }
        let Some((batch, _, ssim_config)) = &shown else {
            continue;
        };
        if images.shape() != batch.shape {
            leave_out("its images have another shape".to_owned());
            continue;
        }
        let originals = batch.clone().into_tensor(prepared.device());
        let objective = prepared.objective();
        let (network, indices) = (model.network(), &batch.indices);
        let made = reconstruct(network, originals, indices, &objective, ssim_config)?;
        columns.push(GridColumn {
            name: name.clone(),
            heading: (index + 1).to_string(),
            pixels: made.values,
            ssim: made.ssim,
        });
    }
    let Some((batch, labels, _)) = shown else {
        return Ok(false);
    };
    let originals = Originals {
        pixels: &batch.values,
        labels: labels.iter().map(Option::as_deref).collect(),
        shape: batch.shape,
    };
    let picture = comparison_grid(
        "Test images, by each run's best weights",
        &originals,
        &columns,
    );
    export_png(&picture, path)?;
    Ok(true)
}
