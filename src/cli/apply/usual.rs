//! What is usual, for anomaly scores: scores of usual images, by which the threshold goes, codes of usual images,
//! and PCA of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use super::targets::shown;
use super::{affordable, require_some, tell_unused};
use crate::anomaly::{AnomalyScore, CodeStatistics, Mahalanobis, WIDEST, quantile};
use crate::apply::{Applied, CodesRecord, Neighbours, Scorer, read_code_values};
use crate::cli::loading::watched;
use crate::cli::moved_data::of_environment;
use crate::data::{ImageParts, Images, InputBatch, Inputs, thinned};
use crate::device::{Backend, host};
use crate::error::with_causes;
use crate::host::block_on;
use crate::model::Model;
use crate::pca::Pca;
use crate::train::open_run;
use crate::words::{count, refined};

/// Codes of which the scores among the others are found, and images that PCA is fitted to: enough for both.
const ENOUGH: usize = 10_000;

/// Where to find what is usual.
pub(super) struct Usual<'a> {
    pub model: &'a Model,
    /// The model file, or the folder of its run.
    pub place: PathBuf,
    pub backend: Backend,
    pub device: usize,
    pub score: AnomalyScore,
    pub refine: Option<usize>,
    /// Images that are said to be usual; none if nothing is.
    pub calibrate: Option<Inputs>,
    pub codes: Option<&'a Path>,
    pub quiet: bool,
}

/// What gives scores, and by what they are judged.
pub(super) struct Found<'a> {
    pub applied: Applied<'a>,
    pub scorer: Scorer,
    /// The score's name.
    pub name: String,
    /// Scores of usual images, sorted, and what those are; the model's own quantiles if there are none.
    scores: Option<(Vec<f32>, String)>,
    score: AnomalyScore,
    model: &'a Model,
    pub pca: Option<PcaScores<'a>>,
    /// If it isn't there.
    pub why_no_pca: String,
}

/// PCA with as many components as the model has latent values, and what gives it scores.
pub(super) struct PcaScores<'a> {
    pub applied: Applied<'a>,
    pub scorer: Scorer,
}

impl<'a> Usual<'a> {
    pub fn find(mut self, wants_threshold: bool, wants_pca: bool) -> anyhow::Result<Found<'a>> {
        let applied = Applied::new(self.model, self.refine);
        // Codes that were refined in another number of steps lie elsewhere.
        let calibration = self.model.calibration();
        let own_codes = calibration
            .filter(|calibration| calibration.scores.refine == applied.refine())
            .and_then(|calibration| calibration.codes.as_ref());
        let needs_codes =
            self.score == AnomalyScore::Latent && self.codes.is_none() && own_codes.is_none();
        let calibrate = self.calibrate.take();
        let is_used = wants_threshold || wants_pca || needs_codes;
        if calibrate.is_some() && !is_used {
            tracing::warn!(
                "--calibrate isn't used: the threshold is given, and the score takes nothing else from it"
            );
        }
        let calibrate = calibrate.filter(|_| is_used);
        let usual = calibrate
            .map(|inputs| self.usual_images(inputs))
            .transpose()?;
        let rows: Vec<u32> = (0..).take(usual.as_ref().map_or(0, Images::len)).collect();
        // Codes are nearer to a mean that they are part of than others are.
        let (fitted, judged) = if needs_codes && rows.len() > 1 {
            rows.iter().partition(|&row| row % 2 == 0)
        } else {
            (rows.clone(), rows)
        };
        let mut name = self.score.to_string();
        let mut usual_scores = None;
        let scorer = match (self.score, self.codes) {
            (AnomalyScore::Pixels(measure, aggregate), _) => Scorer::Pixels(measure, aggregate),
            (AnomalyScore::Latent, Some(path)) => {
                "mean distance to the five nearest codes".clone_into(&mut name);
                let neighbours = self.nearest(path, applied.refine())?;
                if wants_threshold && usual.is_none() {
                    let own = neighbours.own_scores(ENOUGH)?;
                    let what = format!("{} among the others", count(own.len(), "code"));
                    usual_scores = Some((own, what));
                }
                Scorer::Nearest(neighbours)
            }
            (AnomalyScore::Latent, None) => {
                "Mahalanobis distance of the code".clone_into(&mut name);
                let statistics = match (own_codes, &usual) {
                    (Some(codes), _) => Some(codes.clone()),
                    (None, Some(images)) => {
                        let codes = block_on(applied.encode_rows(images, &fitted))?;
                        CodeStatistics::of(&codes, applied.latent_dim())
                    }
                    (None, None) => return Err(self.without_codes(applied.refine())),
                };
                let Some(statistics) = statistics else {
                    bail!(
                        "the codes of --calibrate have more than {WIDEST} values, or some that are no numbers: give \
                         codes by --codes"
                    );
                };
                Scorer::Spread(Mahalanobis::new(&statistics))
            }
        };
        if wants_threshold && let Some(images) = &usual {
            let own = scorer.of_rows(&applied, images, &judged)?;
            let what = format!("{} of --calibrate", count(own.len(), "image"));
            usual_scores = Some((own, what));
        }
        if let Some((values, what)) = &mut usual_scores {
            if values.iter().any(|score| !score.is_finite()) {
                bail!("a score of {what} is no number: the model has diverged");
            }
            values.sort_by(f32::total_cmp);
        }
        let (pca, why_no_pca) = match wants_pca.then(|| self.pca(usual)).transpose()? {
            Some(Ok(pca)) => (Some(pca), String::new()),
            Some(Err(why)) => (None, why),
            None => (None, String::new()),
        };
        Ok(Found {
            applied,
            scorer,
            name,
            scores: usual_scores,
            score: self.score,
            model: self.model,
            pca,
            why_no_pca,
        })
    }

    /// Why there are no codes of usual images that were refined in so many steps.
    fn without_codes(&self, refine: usize) -> anyhow::Error {
        let how = "give usual images by --calibrate, or their codes by --codes";
        let known = self.model.calibration();
        match known.filter(|known| known.codes.is_some()) {
            Some(known) => anyhow!(
                "the model knows the codes of usual images {}, not {}: {how}",
                refined(known.scores.refine),
                refined(refine)
            ),
            None => anyhow!(
                "{} doesn't know the codes of usual images, since its training isn't finished, an older version made it, \
                 or they have more than {WIDEST} values: {how}",
                shown(&self.place)
            ),
        }
    }

    /// The codes in a file, to find the nearest of to codes that are refined in so many steps.
    fn nearest(&self, path: &Path, refine: usize) -> anyhow::Result<Neighbours> {
        let width = self.model.info().latent_dim;
        let codes = read_code_values(path, width)?;
        CodesRecord::check(path, self.model, Some(refine))?;
        if codes.len() / width < 2 {
            bail!("--codes {}: at least two codes are needed", shown(path));
        }
        Ok(Neighbours::new(codes, width, self.model.device()))
    }

    /// The images that are said to be usual; of very many, some.
    fn usual_images(&self, inputs: Inputs) -> anyhow::Result<Images> {
        let info = self.model.info();
        let inputs = inputs.thinned(affordable(ENOUGH, info.image));
        let mut values = Vec::new();
        let mut manifest = Vec::new();
        let unused = watched(self.quiet, |watch| {
            inputs.read(info.image, info.preparation, 256, watch, |batch| {
                let InputBatch {
                    images,
                    values: read,
                } = batch;
                values.extend(read);
                manifest.extend(images.into_iter().map(|image| image.path));
                anyhow::Ok(())
            })
        })?;
        tell_unused(&unused);
        require_some(manifest.len(), &unused).context("--calibrate")?;
        Ok(Images::new(ImageParts {
            shape: info.image,
            values,
            labels: None,
            manifest,
            source: "the images of --calibrate".to_owned(),
        })?)
    }

    /// PCA of the run's training images, or of those that are said to be usual; or why there is none.
    fn pca(&self, usual: Option<Images>) -> anyhow::Result<Result<PcaScores<'a>, String>> {
        let info = self.model.info();
        let opened = self.place.is_dir().then(|| {
            let (backend, device) = (Some(self.backend), Some(self.device));
            open_run(&self.place, backend, device, &of_environment())
        });
        let (images, rows) = match (opened, usual) {
            (Some(Ok(run)), _) => {
                let rows = thinned(&run.prepared.split.train, ENOUGH);
                (run.prepared.images.as_ref().clone(), rows)
            }
            (_, Some(images)) => {
                let rows: Vec<u32> = (0..).take(images.len()).collect();
                (images, rows)
            }
            (Some(Err(error)), None) => {
                return Ok(Err(format!("no PCA beside it: {}", with_causes(&error))));
            }
            (None, None) => {
                let why = "no PCA beside it: name the run instead of its model file, or give usual images by \
                           --calibrate";
                return Ok(Err(why.to_owned()));
            }
        };
        let pca = Pca::fit(&images, &rows, info.latent_dim)?;
        let config = info.ssim_preset.config();
        let device = host(self.model.device());
        let applied = Applied::pca(&pca, info.image, config, &device);
        let scorer = match self.score {
            AnomalyScore::Pixels(measure, aggregate) => Scorer::Pixels(measure, aggregate),
            AnomalyScore::Latent => {
                let codes = block_on(applied.encode_rows(&images, &rows))?;
                let width = applied.latent_dim();
                if self.codes.is_some() {
                    Scorer::Nearest(Neighbours::new(codes, width, &device))
                } else if let Some(statistics) = CodeStatistics::of(&codes, width) {
                    Scorer::Spread(Mahalanobis::new(&statistics))
                } else {
                    return Ok(Err(format!(
                        "no PCA beside it: there is no covariance of more than {WIDEST} components"
                    )));
                }
            }
        };
        Ok(Ok(PcaScores { applied, scorer }))
    }
}

impl Found<'_> {
    /// The threshold at a quantile, and what it means.
    pub fn threshold(&self, share: f64) -> anyhow::Result<(f64, String)> {
        let percent = format!("{} %", (share * 1e6).round() / 1e4);
        let how = "give usual images by --calibrate, or a --threshold";
        let (threshold, images, what) = if let Some((scores, what)) = &self.scores {
            (quantile(scores, share), scores.len(), what.clone())
        } else {
            let Some(calibration) = self.model.calibration() else {
                bail!(
                    "the model knows no scores of usual images, since its training isn't finished, or an older version \
                     made it: {how}"
                );
            };
            let scores = &calibration.scores;
            if scores.refine != self.applied.refine() {
                bail!(
                    "the model knows the scores of usual images {}, not {}: {how}",
                    refined(scores.refine),
                    refined(self.applied.refine())
                );
            }
            let Some(threshold) = scores.threshold(self.score, share) else {
                bail!("the model doesn't know this score of usual images: {how}");
            };
            let what = count(scores.images, "validation image");
            (threshold, scores.images, what)
        };
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        if (1.0 - share) * (images as f64) < 1.0 && share < 1.0 {
            tracing::warn!(
                "the threshold is that of a few of {what}: there are too few to know what {percent} don't exceed"
            );
        }
        Ok((threshold, format!("{percent} of {what} don't exceed it")))
    }
}
