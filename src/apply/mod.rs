//! Uses of a trained model on any images: codes, and what they are decoded to.
//!
//! ```text
//! Inputs → batches of one size → Applied::encode → codes [n, latent_dim] → Applied::decode → images [n, C, H, W]
//! ```
//!
//! [`Compressor`] makes codes whole numbers of few bits, [`Measured`] has what anomaly scores take, [`Neighbours`] finds near codes. PCA can stand in a model's place, to
//! be measured beside it.
//!
//! Batches are filled up to one size with images of zeros, since a product of few rows goes another way than
//! one of many: so a code depends on its image alone.

mod anomalies;
mod coarseness;
mod codes;
mod compress;
mod neighbours;

use burn::tensor::{Device, Tensor, TensorData};

use crate::anomaly::PixelErrors;
use crate::data::{Images, inference_batch};
use crate::host::block_on;
use crate::image::{ImageShape, from_levels};
use crate::metrics::{Scores, ssim_and_mse};
use crate::model::{Autoencoder, CodeRate, Model, ModelError, Objective};
use crate::pca::{Pca, Projection};
use crate::readback::Readback;
use crate::ssim::{SsimConfig, ssim_map};

pub use anomalies::Scorer;
pub(crate) use anomalies::calibrate;
pub use coarseness::{Goal, Sample};
#[cfg(feature = "parquet")]
pub use codes::ParquetCodes;
pub use codes::{
    CodeRow, CodesError, CodesFormat, CodesRecord, read_code_values, read_codes,
    write_array_header, write_codes_header,
};
pub use compress::{Coarseness, CompressError, Compressed, Compressor};
pub use neighbours::{Neighbour, Neighbours};

/// What encodes and decodes, ready for batches of one size.
#[derive(Clone, Debug)]
pub struct Applied<'a> {
    method: Method<'a>,
    shape: ImageShape,
    latent_dim: usize,
    ssim_config: SsimConfig,
    device: Device,
    batch: usize,
}

#[derive(Clone, Debug)]
enum Method<'a> {
    Network(&'a Autoencoder, Objective),
    Pca(Box<Projection>),
}

/// What some images become, and how far that is from them.
#[derive(Clone, Debug)]
pub struct Measured {
    /// `[n, latent_dim]`
    pub codes: Vec<f32>,
    /// `[n, C, H, W]` in [0, 1].
    pub restored: Vec<f32>,
    /// `[n]`
    pub errors: Vec<PixelErrors>,
}

impl<'a> Applied<'a> {
    /// A model, with so many steps of refinement for each code, or as many as in training.
    #[must_use]
    pub fn new(model: &'a Model, refine: Option<usize>) -> Self {
        let info = model.info();
        let mut objective = model.objective();
        objective.refine = refine.unwrap_or(objective.refine);
        Self {
            ssim_config: objective.ssim_config,
            method: Method::Network(model.network(), objective),
            shape: info.image,
            latent_dim: info.latent_dim,
            device: model.device().clone(),
            batch: inference_batch(info.image),
        }
    }

    /// With batches of so many images at most: for few images at a time, as in answer to someone who waits.
    #[must_use]
    pub fn in_batches_of(mut self, images: usize) -> Self {
        self.batch = images.clamp(1, self.batch);
        self
    }

    /// With codes as they are before they are rounded, where training rounds them.
    #[must_use]
    pub fn unrounded(mut self) -> Self {
        if let Method::Network(_, objective) = &mut self.method {
            objective.rate = CodeRate::default();
        }
        self
    }

    /// Principal components of images of `shape`, on `device`.
    ///
    /// # Panics
    ///
    /// Where they are of images of another size.
    #[must_use]
    pub fn pca(pca: &Pca, shape: ImageShape, ssim_config: SsimConfig, device: &Device) -> Self {
        assert_eq!(pca.pixels(), shape.len());
        Self {
            method: Method::Pca(Box::new(Projection::new(pca, device))),
            shape,
            latent_dim: pca.len(),
            ssim_config,
            device: device.clone(),
            batch: inference_batch(shape),
        }
    }

    /// Images that a batch has at most.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// Values of a code.
    #[must_use]
    pub fn latent_dim(&self) -> usize {
        self.latent_dim
    }

    /// Steps of refinement for each code.
    #[must_use]
    pub fn refine(&self) -> usize {
        match &self.method {
            Method::Network(_, objective) => objective.refine,
            Method::Pca(_) => 0,
        }
    }

    /// Bytes `[n, C, H, W]` as a whole batch in [0, 1].
    fn images(&self, values: &[u8]) -> Tensor<4> {
        let mut values = from_levels(values);
        values.resize(self.batch * self.shape.len(), 0.0);
        let shape = self.shape.batch(self.batch);
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    fn rows(&self, found: usize, width: usize) -> usize {
        let rows = found / width;
        assert!(
            found.is_multiple_of(width) && rows <= self.batch,
            "at most a batch of whole rows"
        );
        rows
    }

    fn encoded(&self, images: Tensor<4>) -> Tensor<2> {
        match &self.method {
            Method::Network(network, objective) => objective.encode(network, images),
            Method::Pca(projection) => projection.encode(images),
        }
    }

    fn decoded(&self, codes: Tensor<2>) -> Tensor<4> {
        match &self.method {
            Method::Network(network, _) => network.decode(codes),
            Method::Pca(projection) => projection.decode(codes, self.shape),
        }
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
        block_on(self.encode_async(images))
    }

    /// As [`encode`](Self::encode), without blocking.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub async fn encode_async(&self, images: &[u8]) -> Result<Vec<f32>, ModelError> {
        let rows = self.rows(images.len(), self.shape.len());
        let codes = self.encoded(self.images(images));
        read(codes, rows * self.latent_dim).await
    }

    /// The codes `[n, latent_dim]` of the images at `rows`, in that order, however many.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// Where there is no such image, or it has another shape.
    pub async fn encode_rows(&self, images: &Images, rows: &[u32]) -> Result<Vec<f32>, ModelError> {
        let mut codes = Vec::with_capacity(rows.len() * self.latent_dim);
        for rows in rows.chunks(self.batch) {
            codes.extend(self.encode_async(&images.of_rows(rows)).await?);
        }
        Ok(codes)
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
        block_on(self.decode_async(codes))
    }

    /// As [`decode`](Self::decode), without blocking.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub async fn decode_async(&self, codes: &[f32]) -> Result<Vec<f32>, ModelError> {
        let rows = self.rows(codes.len(), self.latent_dim);
        let mut codes = codes.to_vec();
        codes.resize(self.batch * self.latent_dim, 0.0);
        let codes = TensorData::new(codes, [self.batch, self.latent_dim]);
        let images = self.decoded(Tensor::from_data(codes, &self.device));
        read(images, rows * self.shape.len()).await
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
        let rows = self.rows(images.len(), self.shape.len());
        let originals = self.images(images);
        let restored = self.decoded(self.encoded(originals.clone()));
        let [ssim, mse] = ssim_and_mse(restored.clone(), originals, &self.ssim_config);
        let mut readback = Readback::default();
        readback.add(restored);
        readback.add(ssim);
        readback.add(mse);
        let mut values = block_on(readback.read())?;
        let restored = first(values.take(), rows * self.shape.len());
        let scores = Scores {
            loss: Vec::new(),
            ssim: first(values.take(), rows),
            mse: first(values.take(), rows),
            price: 0.0,
        };
        Ok((restored, scores))
    }

    /// The codes of images `[n, C, H, W]`, their reconstructions, and the errors of those pixel by pixel.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub fn measure(&self, images: &[u8]) -> Result<Measured, ModelError> {
        block_on(self.measure_async(images))
    }

    /// As [`measure`](Self::measure), without blocking.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub async fn measure_async(&self, images: &[u8]) -> Result<Measured, ModelError> {
        let ImageShape {
            channels,
            height,
            width,
        } = self.shape;
        let rows = self.rows(images.len(), self.shape.len());
        let originals = self.images(images);
        let codes = self.encoded(originals.clone());
        let restored = self.decoded(codes.clone());
        let windows = ssim_map(restored.clone(), originals, &self.ssim_config)
            .expect("sizes are checked before training");
        let mut readback = Readback::default();
        readback.add(codes);
        readback.add(restored);
        readback.add(windows);
        let mut values = readback.read().await?;
        let codes = first(values.take(), rows * self.latent_dim);
        let restored = first(values.take(), rows * self.shape.len());
        let ssim = values.take();
        let windows = self.ssim_config.map_size(height, width);
        let ssim = ssim.chunks_exact(channels * windows[0] * windows[1]);
        let originals = from_levels(images);
        let pairs = originals.chunks_exact(self.shape.len());
        let pairs = pairs.zip(restored.chunks_exact(self.shape.len()));
        let errors = pairs.zip(ssim).map(|((original, restored), ssim)| {
            PixelErrors::new(original, restored, self.shape, ssim, windows)
        });
        let errors = errors.collect();
        Ok(Measured {
            codes,
            restored,
            errors,
        })
    }
}

fn first(mut values: Vec<f32>, count: usize) -> Vec<f32> {
    values.truncate(count);
    values
}

/// The first values of a tensor.
async fn read<const D: usize>(tensor: Tensor<D>, count: usize) -> Result<Vec<f32>, ModelError> {
    let mut readback = Readback::default();
    readback.add(tensor);
    Ok(first(readback.read().await?.take(), count))
}
