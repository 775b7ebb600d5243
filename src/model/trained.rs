//! [`Model`]: a trained autoencoder that is ready for use.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::error::ModelError;
use super::file::{ModelFile, ModelInfo, tensors};
use super::network::Autoencoder;
use super::objective::Objective;
use super::rate::CodeRate;
use super::score::add_scores;
use super::weights::Weights;
use crate::anomaly::{Calibration, CodeStatistics};
use crate::data::{Batches, DeviceImages, Images, InputNoise};
use crate::host::{block_on, read_file, write_output};
use crate::image::ImageShape;
use crate::metrics::Scores;
use crate::readback::Readback;

/// A trained autoencoder: what a model file holds, on a device.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use trainer::{Device, Images, Model};
/// # use trainer::{TrainConfig, train};
/// # std::env::set_current_dir(tempfile::tempdir()?.keep())?;
/// # let mut config = TrainConfig::default();
/// # config.data.limit = Some(100);
/// # config.training.epochs = 1;
/// # let images = Images::fashion_mnist(&"trouser".parse()?)?;
/// # train::fit(&config, &images, &Device::flex())?.save("clothes.safetensors")?;
///
/// let model = Model::open("clothes.safetensors", &Device::flex())?;
/// let images = Images::fashion_mnist(&"trouser".parse()?)?;
/// let codes = model.encode(&images)?; // [N, latent_dim]
/// let restored = model.decode(codes)?; // [N, C, H, W] in [0, 1]
/// let quality = model.score(&images)?.quality();
/// println!("SSIM {:.4}, PSNR {:.1} dB", quality.ssim, quality.psnr);
/// # assert!(quality.ssim > 0.8);
/// # std::fs::remove_dir_all(std::env::current_dir()?)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    network: Autoencoder,
    info: ModelInfo,
    calibration: Option<Arc<Calibration>>,
    device: Device,
}

impl Model {
    /// Opens a model file.
    ///
    /// # Errors
    ///
    /// Where it can't be read, is damaged, isn't a model file, or a newer version's.
    pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Self, ModelError> {
        let path = path.as_ref();
        Self::of_file(path, Self::read(path)?, device)
    }

    /// As [`Model::open`], of a model file's content; `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn from_bytes(bytes: &[u8], name: &str, device: &Device) -> Result<Self, ModelError> {
        let path = Path::new(name);
        Self::of_file(path, ModelFile::read(path, bytes)?, device)
    }

    fn of_file(path: &Path, file: ModelFile, device: &Device) -> Result<Self, ModelError> {
        let info = file.info.clone().ok_or_else(|| ModelError::Foreign {
            path: path.to_owned(),
            reason: "it doesn't say what its tensors are for".to_owned(),
        })?;
        Self::assemble(path, info, file, device)
    }

    /// What a model file holds.
    pub(crate) fn read(path: &Path) -> Result<ModelFile, ModelError> {
        let bytes = read_file(path).map_err(|source| ModelError::Read {
            path: path.to_owned(),
            source,
        })?;
        ModelFile::read(path, &bytes)
    }

    /// The model of the file at `path`, of which `info` is true.
    pub(crate) fn assemble(
        path: &Path,
        info: ModelInfo,
        file: ModelFile,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let model = Self::of(info, &file.weights, device);
        let mut model = model.map_err(|reason| ModelError::Damaged {
            path: path.to_owned(),
            reason,
        })?;
        model.calibration = file.calibration.map(Arc::new);
        Ok(model)
    }

    /// A model of these tensors. The error is why they don't make one.
    pub(crate) fn of(info: ModelInfo, weights: &Weights, device: &Device) -> Result<Self, String> {
        let device = device.clone().inner();
        info.check(weights)?;
        let design = info.design();
        let network = Autoencoder::new(&design, info.latent_dim, 0, &device);
        let network = weights.load_into(network, &device);
        Ok(Self {
            network: network?,
            info,
            calibration: None,
            device,
        })
    }

    /// Writes the model file: as a whole, or not at all.
    ///
    /// # Errors
    ///
    /// Where it can't be written, or the device fails.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let file = block_on(self.to_bytes())?;
        write_output(path, &file).map_err(|source| ModelError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The content of its model file, without blocking.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub async fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let weights = self.weights_async().await?;
        Ok(self.info.file(&weights, self.calibration()))
    }

    /// SHA-256 in hexadecimal of the tensors that its file has, which it says of itself, too: what is the same for
    /// the same model.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn sha256(&self) -> Result<String, ModelError> {
        Ok(tensors(&self.weights()?, self.calibration()).sha256())
    }

    /// All tensors of its network.
    pub(crate) fn weights(&self) -> Result<Weights, ModelError> {
        block_on(self.weights_async())
    }

    async fn weights_async(&self) -> Result<Weights, ModelError> {
        let mut readback = Readback::default();
        readback.add_module(&self.network);
        let mut values = readback.read().await?;
        Ok(Weights::take_from(&mut values, &self.network))
    }

    /// What it is: architecture, shapes, loss, classes.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What is usual for it; none where its training isn't finished, or an older version made it.
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_deref()
    }

    /// Where the codes of its training images lie, if it knows that.
    #[must_use]
    pub fn usual_codes(&self) -> Option<&CodeStatistics> {
        self.calibration()?.codes.as_ref()
    }

    /// The same model, which knows what is usual for it.
    pub(crate) fn calibrated(self, calibration: Calibration) -> Self {
        Self {
            calibration: Some(Arc::new(calibration)),
            ..self
        }
    }

    /// Where it computes.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The network, for what this type has no method for.
    #[must_use]
    pub fn network(&self) -> &Autoencoder {
        &self.network
    }

    /// The loss, and how latent vectors are found.
    #[must_use]
    pub fn objective(&self) -> Objective {
        let info = &self.info;
        Objective {
            loss: info.loss.clone(),
            ssim_config: info.ssim_preset.config(),
            refine: info.refine,
            noise: InputNoise::default(),
            rate: CodeRate::new(info.rate, info.image, info.latent_dim, 0),
        }
    }

    /// The latent vectors of images, `[N, latent_dim]`, refined as in training. Batches are as large as
    /// memory allows for images of this size.
    ///
    /// # Errors
    ///
    /// Where the images have another shape than the model's.
    pub fn encode(&self, images: &Images) -> Result<Tensor<2>, ModelError> {
        let objective = self.objective();
        let batches = self.batches(images)?;
        let latents = batches.map(|batch| objective.encode(&self.network, batch));
        Ok(Tensor::cat(latents.collect(), 0))
    }

    /// What the decoder makes of latent vectors `[N, latent_dim]`: `[N, C, H, W]` in [0, 1].
    ///
    /// # Errors
    ///
    /// Where they have another width than the model's.
    pub fn decode(&self, latents: Tensor<2>) -> Result<Tensor<4>, ModelError> {
        let [count, found] = latents.dims();
        if found != self.info.latent_dim {
            return Err(ModelError::LatentDim {
                expected: self.info.latent_dim,
                found,
            });
        }
        if count == 0 {
            let ImageShape {
                channels,
                height,
                width,
            } = self.info.image;
            return Ok(Tensor::zeros([0, channels, height, width], &self.device));
        }
        let batch = crate::data::inference_batch(self.info.image);
        let latents = latents.to_device(&self.device).split(batch, 0);
        let images = latents.into_iter().map(|part| self.network.decode(part));
        Ok(Tensor::cat(images.collect(), 0))
    }

    /// What becomes of images that are encoded and decoded: `[N, C, H, W]` in [0, 1].
    ///
    /// # Errors
    ///
    /// As [`Model::encode`].
    pub fn reconstruct(&self, images: &Images) -> Result<Tensor<4>, ModelError> {
        self.decode(self.encode(images)?)
    }

    /// SSIM, MSE and loss of each image's reconstruction.
    ///
    /// # Errors
    ///
    /// Where the images have another shape than the model's, or the device fails.
    pub fn score(&self, images: &Images) -> Result<Scores, ModelError> {
        block_on(self.score_async(images))
    }

    /// As [`Model::score`], without blocking.
    ///
    /// # Errors
    ///
    /// As [`Model::score`].
    pub async fn score_async(&self, images: &Images) -> Result<Scores, ModelError> {
        self.check_shape(images)?;
        let (images, indices) = self.on_device(images);
        let mut readback = Readback::default();
        add_scores(
            &mut readback,
            &self.network,
            &self.objective(),
            &images,
            &indices,
        )?;
        Ok(Scores::take_from(&mut readback.read().await?))
    }

    fn check_shape(&self, images: &Images) -> Result<(), ModelError> {
        let (expected, found) = (self.info.image, images.shape());
        if expected == found {
            return Ok(());
        }
        Err(ModelError::Shape { expected, found })
    }

    fn batches(&self, images: &Images) -> Result<Batches, ModelError> {
        self.check_shape(images)?;
        let (images, indices) = self.on_device(images);
        Ok(images.inference_batches(&indices)?)
    }

    /// The images for this device, and the places of all of them. They are used once, so that none
    /// stay in a GPU's memory.
    fn on_device(&self, images: &Images) -> (DeviceImages, Vec<u32>) {
        let indices = (0..).take(images.len()).collect();
        let images = DeviceImages::within(Arc::new(images.clone()), &self.device, 0);
        (images, indices)
    }
}
