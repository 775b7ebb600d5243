//! What is usual, for anomaly scores: scores of usual images, by which the threshold goes, codes of usual images,
//! and PCA of them.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::score::shown;
use super::{require_some, tell_unused};
use crate::anomaly::{AnomalyScore, CodeStatistics, Mahalanobis, quantile};
use crate::apply::{Applied, Neighbours, Scorer, evenly, read_codes};
use crate::cli::loading::watched;
use crate::data::{ImageParts, Images, InputBatch, Inputs};
use crate::device::{Backend, host};
use crate::model::Model;
use crate::pca::Pca;
use crate::train::{DataPlaces, open_run};
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
    pub calibrate: &'a [PathBuf],
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
    /// PCA with as many components as the model has latent values, and what gives it scores.
    pub pca: Option<(Applied<'a>, Scorer)>,
    /// If it isn't there.
    pub why_no_pca: String,
}

impl<'a> Usual<'a> {
    pub fn find(&self, wants_threshold: bool, wants_pca: bool) -> anyhow::Result<Found<'a>> {
        let applied = Applied::new(self.model, self.refine);
        let width = applied.latent_dim();
        let usual = if self.calibrate.is_empty() {
            None
        } else {
            Some(self.usual_images()?)
        };
        let mut name = self.score.to_string();
        let mut scores = None;
        let scorer = match (self.score, self.codes) {
            (AnomalyScore::Pixels(measure, aggregate), _) => Scorer::Pixels(measure, aggregate),
            (AnomalyScore::Latent, Some(path)) => {
                let (codes, _) = read_codes(path, width)?;
                if codes.len() / width < 2 {
                    bail!("--codes {}: at least two codes are needed", shown(path));
                }
                let usual = Neighbours::new(codes, width, self.model.device());
                "mean distance to the five nearest codes".clone_into(&mut name);
                if wants_threshold {
                    let mut own = usual.own_scores(ENOUGH)?;
                    own.sort_by(f32::total_cmp);
                    let what = format!("{} among the others", count(own.len(), "code"));
                    scores = Some((own, what));
                }
                Scorer::Nearest(usual)
            }
            (AnomalyScore::Latent, None) => {
                "Mahalanobis distance of the code".clone_into(&mut name);
                let statistics = match (self.model.calibration(), &usual) {
                    (Some(calibration), _) => calibration.codes.clone(),
                    (None, Some(images)) => CodeStatistics::of(&encoded(&applied, images)?, width),
                    (None, None) => bail!(
                        "{} doesn't know the codes of usual images, since its training isn't finished, or an older \
                         version made it: give usual images by --calibrate, or their codes by --codes",
                        shown(&self.place)
                    ),
                };
                Scorer::Spread(Mahalanobis::new(&statistics))
            }
        };
        if wants_threshold && let Some(images) = &usual {
            let mut own = scores_of(&applied, &scorer, images)?;
            own.sort_by(f32::total_cmp);
            let what = format!("{} of --calibrate", count(own.len(), "image"));
            scores = Some((own, what));
        }
        let (pca, why_no_pca) = if wants_pca {
            self.pca(usual)?
        } else {
            (None, String::new())
        };
        Ok(Found {
            applied,
            scorer,
            name,
            scores,
            score: self.score,
            model: self.model,
            pca,
            why_no_pca,
        })
    }

    /// The images that are said to be usual; of very many, some.
    fn usual_images(&self) -> anyhow::Result<Images> {
        let info = self.model.info();
        let inputs = Inputs::open(self.calibrate)?.thinned(ENOUGH);
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
        require_some(manifest.len(), &unused)?;
        Ok(Images::new(ImageParts {
            shape: info.image,
            values,
            labels: None,
            manifest,
            source: shown(&self.calibrate[0]),
        })?)
    }

    /// PCA of the run's training images, or of those that are said to be usual; or why there is none.
    #[expect(clippy::type_complexity, reason = "what a field is to hold")]
    fn pca(
        &self,
        usual: Option<Images>,
    ) -> anyhow::Result<(Option<(Applied<'a>, Scorer)>, String)> {
        let info = self.model.info();
        let opened = self.place.is_dir().then(|| {
            let (backend, device) = (Some(self.backend), Some(self.device));
            open_run(&self.place, backend, device, &DataPlaces::default())
        });
        let (images, rows) = match (opened, usual) {
            (Some(Ok(run)), _) => {
                let train = &run.prepared.split.train;
                let rows = evenly(train.len(), ENOUGH);
                let rows: Vec<u32> = rows.into_iter().map(|row| train[row]).collect();
                (run.prepared.images.as_ref().clone(), rows)
            }
            (_, Some(images)) => {
                let rows: Vec<u32> = (0..).take(images.len()).collect();
                (images, rows)
            }
            (Some(Err(error)), None) => return Ok((None, format!("no PCA beside it: {error}"))),
            (None, None) => {
                let why = "no PCA beside it: name the run instead of its model file, or give usual images by \
                           --calibrate";
                return Ok((None, why.to_owned()));
            }
        };
        let pca = Pca::fit(&images, &rows, info.latent_dim)?;
        let config = info.ssim_preset.config();
        let device = host(self.model.device());
        let applied = Applied::pca(&pca, info.image, config, &device);
        let scorer = match self.score {
            AnomalyScore::Pixels(measure, aggregate) => Scorer::Pixels(measure, aggregate),
            AnomalyScore::Latent => {
                let mut codes = Vec::new();
                for rows in rows.chunks(applied.batch_size()) {
                    codes.extend(applied.encode(&bytes(&images, rows))?);
                }
                let width = applied.latent_dim();
                if self.codes.is_some() {
                    Scorer::Nearest(Neighbours::new(codes, width, &device))
                } else {
                    Scorer::Spread(Mahalanobis::new(&CodeStatistics::of(&codes, width)))
                }
            }
        };
        Ok((Some((applied, scorer)), String::new()))
    }
}

/// The threshold at a quantile, and what it means.
pub(super) fn threshold_of(found: &Found, share: f64) -> anyhow::Result<(f64, String)> {
    let percent = format!("{} %", (share * 1e6).round() / 1e4);
    if let Some((scores, what)) = &found.scores {
        let meaning = format!("{percent} of {what} don't exceed it");
        return Ok((quantile(scores, share), meaning));
    }
    let how = "give usual images by --calibrate, or a --threshold";
    let Some(calibration) = found.model.calibration() else {
        bail!(
            "the model knows no scores of usual images, since its training isn't finished, or an older version made \
             it: {how}"
        );
    };
    let scores = &calibration.scores;
    if scores.refine != found.applied.refine() {
        bail!(
            "the model knows the scores of usual images {}, not {}: {how}",
            refined(scores.refine),
            refined(found.applied.refine())
        );
    }
    let Some(threshold) = scores.threshold(found.score, share) else {
        bail!("the model doesn't know this score of usual images: {how}");
    };
    let meaning = format!(
        "{percent} of {} don't exceed it",
        count(scores.images, "validation image")
    );
    Ok((threshold, meaning))
}

fn bytes(images: &Images, rows: &[u32]) -> Vec<u8> {
    let rows = rows.iter().map(|&row| images.image(row as usize));
    rows.flat_map(<[u8]>::to_vec).collect()
}

fn encoded(applied: &Applied, images: &Images) -> anyhow::Result<Vec<f32>> {
    let mut codes = Vec::new();
    for batch in images
        .values()
        .chunks(applied.batch_size() * images.shape().len())
    {
        codes.extend(applied.encode(batch)?);
    }
    Ok(codes)
}

fn scores_of(applied: &Applied, scorer: &Scorer, images: &Images) -> anyhow::Result<Vec<f32>> {
    let mut scores = Vec::new();
    for batch in images
        .values()
        .chunks(applied.batch_size() * images.shape().len())
    {
        scores.extend(scorer.of(&applied.measure(batch)?)?);
    }
    Ok(scores)
}
