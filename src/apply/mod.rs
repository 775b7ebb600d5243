//! Uses of a trained model on any images: codes, and what they are decoded to.
//!
//! ```text
//! Inputs → batches of one size → Applied::encode → codes [n, latent_dim] → Applied::decode → images [n, C, H, W]
//! ```
//!
//! Batches are filled up to one size with images of zeros, since a product of few rows goes another way than
//! one of many: so a code depends on its image alone.

mod codes;

use burn::tensor::{Tensor, TensorData};

use crate::data::inference_batch;
use crate::host::block_on;
use crate::image::ImageShape;
use crate::metrics::{Scores, ssim_and_mse};
use crate::model::{Model, ModelError, Objective};
use crate::readback::Readback;

pub use codes::{CodeRow, CodesError, read_codes, write_array_header, write_codes_header};

/// A model, ready for batches of one size.
#[derive(Clone, Debug)]
pub struct Applied<'a> {
    model: &'a Model,
    objective: Objective,
    batch: usize,
}

impl<'a> Applied<'a> {
    /// With so many steps of refinement for each code, or as many as in training.
    #[must_use]
    pub fn new(model: &'a Model, refine: Option<usize>) -> Self {
        let mut objective = model.objective();
        objective.refine = refine.unwrap_or(objective.refine);
        Self {
            model,
            objective,
            batch: inference_batch(model.info().image),
        }
    }

    /// Images that a batch has at most.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// Steps of refinement for each code.
    #[must_use]
    pub fn refine(&self) -> usize {
        self.objective.refine
    }

    fn shape(&self) -> ImageShape {
        self.model.info().image
    }

    /// Bytes `[n, C, H, W]` as a whole batch in [0, 1].
    fn images(&self, values: &[u8]) -> Tensor<4> {
        let mut values: Vec<f32> = values
            .iter()
            .map(|&value| f32::from(value) / 255.0)
            .collect();
        values.resize(self.batch * self.shape().len(), 0.0);
        let shape = self.shape().batch(self.batch);
        Tensor::from_data(TensorData::new(values, shape), self.model.device())
    }

    fn rows(&self, found: usize, width: usize) -> usize {
        let rows = found / width;
        assert!(
            found.is_multiple_of(width) && rows <= self.batch,
            "at most a batch of whole rows"
        );
        rows
    }

    /// The codes `[n, latent_dim]` of images `[n, C, H, W]`, at most [`batch_size`](Self::batch_size) of them.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where there are more images, or a part of one.
    pub fn encode(&self, images: &[u8]) -> Result<Vec<f32>, ModelError> {
        let rows = self.rows(images.len(), self.shape().len());
        let codes = self
            .objective
            .encode(self.model.network(), self.images(images));
        read(codes, rows * self.model.info().latent_dim)
    }

    /// What codes `[n, latent_dim]` are decoded to: `[n, C, H, W]` in [0, 1].
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub fn decode(&self, codes: &[f32]) -> Result<Vec<f32>, ModelError> {
        let width = self.model.info().latent_dim;
        let rows = self.rows(codes.len(), width);
        let mut codes = codes.to_vec();
        codes.resize(self.batch * width, 0.0);
        let codes = TensorData::new(codes, [self.batch, width]);
        let codes = Tensor::from_data(codes, self.model.device());
        let images = self.model.network().decode(codes);
        read(images, rows * self.shape().len())
    }

    /// What becomes of images `[n, C, H, W]` that are encoded and decoded, and how near it is to them.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub fn reconstruct(&self, images: &[u8]) -> Result<(Vec<f32>, Scores), ModelError> {
        let rows = self.rows(images.len(), self.shape().len());
        let originals = self.images(images);
        let network = self.model.network();
        let codes = self.objective.encode(network, originals.clone());
        let restored = network.decode(codes);
        let [ssim, mse] = ssim_and_mse(restored.clone(), originals, &self.objective.ssim_config);
        let mut readback = Readback::default();
        readback.add(restored);
        readback.add(ssim);
        readback.add(mse);
        let mut values = block_on(readback.read())?;
        let first = |mut values: Vec<f32>, count| {
            values.truncate(count);
            values
        };
        let restored = first(values.take(), rows * self.shape().len());
        let scores = Scores {
            loss: Vec::new(),
            ssim: first(values.take(), rows),
            mse: first(values.take(), rows),
        };
        Ok((restored, scores))
    }
}

/// The first values of a tensor.
fn read<const D: usize>(tensor: Tensor<D>, count: usize) -> Result<Vec<f32>, ModelError> {
    let mut readback = Readback::default();
    readback.add(tensor);
    let mut values = block_on(readback.read())?.take();
    values.truncate(count);
    Ok(values)
}
