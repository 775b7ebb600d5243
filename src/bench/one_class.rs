//! How well images of other classes are told from those of one that a model was trained on: by each anomaly score,
//! and by PCA with as many components, which is fitted to all of its training images.

use std::collections::HashSet;

use crate::anomaly::{CodeStatistics, Detection, Mahalanobis};
use crate::apply::{Applied, Neighbours, Scorer};
use crate::config::TrainConfig;
use crate::data::{ClassSelection, DataError, ImageParts, Images, SplitFractions};
use crate::device::{Device, host};
use crate::host::block_on;
use crate::model::ModelError;
use crate::pca::Pca;
use crate::train::{TrainError, fit};

/// Images by their names' first part: the data set's own parts.
const TRAIN: &str = "train/";
const TEST: &str = "test/";

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum OneClassError {
    /// There are no classes, or no parts.
    #[error(
        "{dataset} has no classes, or no test files of its own: give the folder of a data set in IDX files by --data"
    )]
    NoParts {
        /// The images.
        dataset: String,
    },
    /// There is nothing to tell apart.
    #[error(
        "{dataset} has images to train on and to test of fewer than two classes: choose more of them"
    )]
    OneClass {
        /// The images.
        dataset: String,
    },
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The images aren't as they should be.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A way to tell them apart, and how well it did.
#[derive(Clone, Debug)]
pub struct Told {
    /// A model, or PCA.
    pub method: &'static str,
    /// The score's name.
    pub score: String,
    /// The chance that an image of another class has a larger score than one of the class.
    pub auroc: f64,
}

/// The images of a data set that has a test part, as a benchmark takes them.
#[derive(Debug)]
pub struct OneClass {
    images: Images,
    config: TrainConfig,
    device: Device,
}

impl OneClass {
    /// Of all `images`. Nine tenths of a class's training images are trained on, and a twentieth chooses the epoch.
    ///
    /// # Errors
    ///
    /// Where they have fewer than two classes, or no test part.
    pub fn new(
        images: Images,
        mut config: TrainConfig,
        device: Device,
    ) -> Result<Self, OneClassError> {
        let has = |part: &str| images.manifest().iter().any(|name| name.starts_with(part));
        if images.labels().is_none() || !has(TRAIN) || !has(TEST) {
            return Err(OneClassError::NoParts {
                dataset: images.source().to_owned(),
            });
        }
        // Each model's images have no classes themselves.
        config.data.classes = ClassSelection::All;
        config.data.split = SplitFractions {
            train: 0.9,
            validation: 0.05,
            test: 0.05,
        };
        let task = Self {
            images,
            config,
            device,
        };
        if task.classes().len() < 2 {
            return Err(OneClassError::OneClass {
                dataset: task.images.source().to_owned(),
            });
        }
        Ok(task)
    }

    /// Numbers and names of the classes that have images to train on and to test.
    #[must_use]
    pub fn classes(&self) -> Vec<(usize, &str)> {
        let Some(labels) = self.images.labels() else {
            return Vec::new();
        };
        let with = |part: &str| -> HashSet<u32> {
            let rows = labels.ids.iter().zip(self.images.manifest());
            let rows = rows.filter(|(_, name)| name.starts_with(part));
            rows.map(|(label, _)| *label).collect()
        };
        let (train, test) = (with(TRAIN), with(TEST));
        let names = labels.names.iter().map(String::as_str).enumerate();
        names
            .zip(0..)
            .filter(|(_, label)| train.contains(label) && test.contains(label))
            .map(|(class, _)| class)
            .collect()
    }

    /// Trains on the images of class number `class`, and scores all test images.
    ///
    /// # Errors
    ///
    /// Where training or the device fails.
    ///
    /// # Panics
    ///
    /// Where there is no such class.
    pub fn tell(&self, class: usize) -> Result<Vec<Told>, OneClassError> {
        let labels = self.images.labels().expect("checked before");
        let is_of = |row: u32, part: &str| self.images.manifest()[row as usize].starts_with(part);
        let is_usual = |row: u32| labels.ids[row as usize] as usize == class;
        let all: Vec<u32> = (0..).take(self.images.len()).collect();
        let train: Vec<u32> = all
            .iter()
            .copied()
            .filter(|&row| is_usual(row) && is_of(row, TRAIN))
            .collect();
        let test: Vec<u32> = all.into_iter().filter(|&row| is_of(row, TEST)).collect();
        let is_anomalous: Vec<bool> = test.iter().map(|&row| !is_usual(row)).collect();
        let images = Images::new(ImageParts {
            values: self.images.of_rows(&train),
            shape: self.images.shape(),
            labels: None,
            manifest: train
                .iter()
                .map(|&row| self.images.manifest()[row as usize].clone())
                .collect(),
            source: format!("{}, {}", self.images.source(), labels.names[class]),
        })?;
        let model = fit(&self.config, &images, &self.device)?;
        let components = model.info().latent_dim;
        let rows: Vec<u32> = (0..).take(images.len()).collect();
        let pca = Pca::fit(&images, &rows, components)?;
        let ssim_config = model.info().ssim_preset.config();
        let host = host(&self.device);
        let methods = [
            ("model", Applied::new(&model, None)),
            (
                "PCA",
                Applied::pca(&pca, images.shape(), ssim_config, &host),
            ),
        ];
        let mut told = Vec::new();
        for (method, applied) in &methods {
            let scores = self.scores(applied, &images, &test)?;
            for (score, values) in scores {
                let detection = Detection::of(&values, &is_anomalous);
                told.push(Told {
                    method,
                    score,
                    auroc: detection.map_or(f64::NAN, |detection| detection.auroc),
                });
            }
        }
        Ok(told)
    }

    /// The scores of the images at `test`, by each way, where those of `usual` are usual.
    fn scores(
        &self,
        applied: &Applied,
        usual: &Images,
        test: &[u32],
    ) -> Result<Vec<(String, Vec<f32>)>, OneClassError> {
        let width = applied.latent_dim();
        let rows: Vec<u32> = (0..).take(usual.len()).collect();
        let codes = block_on(applied.encode_rows(usual, &rows))?;
        let spread = CodeStatistics::of(&codes, width).map(|codes| Mahalanobis::new(&codes));
        let all = Scorer::all(spread.as_ref()).into_iter();
        let all = all.map(|(score, scorer)| (score.to_string(), scorer));
        let nearest = Scorer::Nearest(Neighbours::new(codes, width, &self.device));
        let (names, scorers): (Vec<String>, Vec<Scorer>) =
            all.chain([("five nearest".to_owned(), nearest)]).unzip();
        let values = block_on(applied.scores_of_rows(&self.images, test, &scorers))?;
        Ok(names.into_iter().zip(values).collect())
    }
}
