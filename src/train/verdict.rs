//! The end of a run: its best weights judged on the test images, beside PCA.

use std::time::Instant;

use super::weights::weights_from_bytes;
use super::{Prepared, Training, analysis, drawn, report};
use crate::error::Error;
use crate::metrics::evaluate;
use crate::model::parameters;
use crate::run::{Images, PcaReference, Summary, Times, write_atomically};

impl Training<'_> {
    /// Judges the best weights on the test images, beside PCA.
    pub(super) fn conclude(&mut self) -> Result<Summary, Error> {
        let Prepared {
            config,
            split,
            design,
            ..
        } = self.prepared;
        let started = Instant::now();
        // The checkpoint has them, so that a file that was lost or changed since is made anew.
        write_atomically(&self.run.best_checkpoint(), &self.best)?;
        let mut model = drawn(self.prepared, &self.prepared.selection.device);
        weights_from_bytes(&mut model, self.best.clone()).expect("a model of the same size");
        let images = self.prepared.images();
        let test = evaluate(&model, &config.objective(), images, &split.test)?;
        let evaluation = started.elapsed().as_secs_f64();
        let pca = pca_reference(self.prepared)?;

        let history = &self.progress.history;
        let best_epoch = self.progress.early_stopping.best_epoch();
        // The first epoch counts as the best so far, so that there is one.
        let best = history
            .iter()
            .find(|row| Some(row.epoch) == best_epoch)
            .expect("a run has an epoch, and its best one is in the history");
        report::test_pictures(self.prepared, self.run, &model, &test)?;
        analysis::write(self.prepared, self.run, &model, &test)?;
        report::curves(self.prepared, self.run, history, Some(&pca), best_epoch)?;
        let summary = Summary {
            best_epoch: best.epoch,
            epochs: history.len(),
            parameters: parameters(design, config.latent_dim()),
            latent_dim: config.latent_dim(),
            test: test.quality(),
            validation: best.validation_quality(split.validation.len()),
            pca: Some(pca),
            seconds: Times {
                training: self.progress.seconds,
                evaluation,
                total: self.progress.seconds + started.elapsed().as_secs_f64(),
            },
            ssim_preset: config.ssim_preset.name().to_owned(),
            images: Images {
                train: split.train.len(),
                validation: split.validation.len(),
                test: split.test.len(),
            },
        };
        self.run.write_summary(&summary)?;
        Ok(summary)
    }
}

/// PCA with as many components as the model has latent values.
fn pca_reference(prepared: &Prepared) -> Result<PcaReference, Error> {
    let Prepared {
        config,
        dataset,
        split,
        ..
    } = prepared;
    let started = Instant::now();
    let conventions = config.ssim_preset.config();
    let pca = prepared.pca()?;
    Ok(PcaReference {
        components: config.latent_dim().min(dataset.image_len()),
        test: pca.evaluate(dataset, &split.test, &conventions)?.quality(),
        validation: pca
            .evaluate(dataset, &split.validation, &conventions)?
            .quality(),
        seconds: started.elapsed().as_secs_f64(),
    })
}
