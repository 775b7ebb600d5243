//! The end of a run: its best weights judged on the test images, beside PCA.

use super::training::Training;
use super::{Finished, Prepared, TrainError, pictures, test_images};
use crate::apply::{Compressor, calibrate};
use crate::device;
use crate::host::Stopwatch;
use crate::metrics::{Scores, evaluate_noise, evaluate_pca_async};
use crate::model::{Model, add_scores, parameters};
use crate::readback::Readback;
use crate::run::{PcaReference, Summary, Times, write_atomically};

impl Training<'_> {
    /// Judges the best weights on the test images, beside PCA.
    ///
    /// # Panics
    ///
    /// Where no epoch is finished.
    pub(super) async fn finish(&mut self) -> Result<Finished, TrainError> {
        let Prepared {
            config,
            split,
            design,
            ..
        } = self.prepared;
        let whole = Stopwatch::start();
        // The first epoch counts as the best so far, so that there is one.
        let best = self.best.as_ref().expect("a run has an epoch");
        let model = Model::of(self.prepared.model_info(), best, self.prepared.device());
        let model = model.expect("weights of the same network");
        let model = calibrate(
            model,
            &self.prepared.images,
            &split.train,
            &split.validation,
        )
        .await?;
        if let Some(run) = self.run {
            // The checkpoint has the weights, so that a file that was lost or changed since is made anew.
            let file = model.info().file(best, model.calibration());
            write_atomically(&run.best_checkpoint(), &file)?;
        }
        let clock = Stopwatch::start();
        let images = self.prepared.device_images();
        let mut readback = Readback::default();
        let objective = self.prepared.objective();
        add_scores(
            &mut readback,
            model.network(),
            &objective,
            images,
            &split.test,
        )?;
        let test = Scores::take_from(&mut readback.read().await?);
        let evaluation = clock.seconds();
        let noisy = if objective.noise.corruption.is_none() {
            None
        } else {
            let device = device::host(self.prepared.device());
            let scores = evaluate_noise(
                &self.prepared.images,
                &split.test,
                objective.noise,
                &objective.ssim_config,
                &device,
            );
            Some(scores.await?.quality())
        };
        let compressor = Compressor::new(&model, Some(0));
        let bytes = compressor.trained_bytes(&self.prepared.images, &split.test);
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let bytes_per_image = (bytes.await?).map(|bytes| bytes as f64 / split.test.len() as f64);
        let pca = if config.output.pca {
            Some(pca_reference(self.prepared).await?)
        } else {
            None
        };

        let history = &self.progress.history;
        let best_epoch = self.progress.early_stopping.best_epoch();
        let best = history
            .iter()
            .find(|row| Some(row.epoch) == best_epoch)
            .expect("the best epoch is in the history");
        if let Some(run) = self.run {
            pictures::test_pictures(self.prepared, run, model.network(), &test).await?;
            test_images::write(self.prepared, run, model.network(), &test).await?;
            pictures::curves(self.prepared, run, history, pca.as_ref(), best_epoch)?;
        }
        let summary = Summary {
            best_epoch: best.epoch,
            epochs: history.len(),
            parameters: parameters(design, config.model.latent_dim),
            latent_dim: config.model.latent_dim,
            test: test.quality(),
            validation: best.validation_quality(split.validation.len()),
            noisy,
            bytes_per_image,
            pca,
            seconds: Times {
                training: self.progress.seconds,
                evaluation,
                total: self.progress.seconds + whole.seconds(),
            },
            ssim_preset: config.training.ssim_preset.name().to_owned(),
            images: split.into(),
        };
        if let Some(run) = self.run {
            run.write_summary(&summary)?;
        }
        Ok(Finished { model, summary })
    }
}

/// PCA with as many components as the model has latent values, on the same device whichever one the
/// run is on.
async fn pca_reference(prepared: &Prepared) -> Result<PcaReference, TrainError> {
    let Prepared {
        config,
        images,
        split,
        ..
    } = prepared;
    let clock = Stopwatch::start();
    let ssim_config = config.training.ssim_preset.config();
    let noise = prepared.objective().noise;
    let device = device::host(prepared.device());
    let pca = prepared.pca()?;
    Ok(PcaReference {
        components: config.model.latent_dim.min(images.shape().len()),
        test: evaluate_pca_async(pca, images, &split.test, noise, &ssim_config, &device)
            .await?
            .quality(),
        validation: evaluate_pca_async(
            pca,
            images,
            &split.validation,
            noise,
            &ssim_config,
            &device,
        )
        .await?
        .quality(),
        seconds: clock.seconds(),
    })
}
