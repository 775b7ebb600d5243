//! Images in batches on a device, as a model takes them.
//!
//! On a GPU that has room for them all images lie in its memory, as bytes; a batch is gathered,
//! mirrored and brought to [0, 1] there, and an epoch uploads nothing but its order. Elsewhere the
//! images stay in host memory, and a thread makes one batch ahead of the caller.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::ahead::{Ahead, HostBatches};
use super::error::DataError;
use super::host_batch::{Variations, check_range};
use super::images::Images;
use super::resident::{Order, Resident};
use crate::device::is_cpu;
use crate::image::ImageShape;

/// What a GPU keeps of a data set: the largest binding that every WebGPU implementation has room for.
const RESIDENT_BYTES: usize = 128 << 20;
/// Values of a tensor of images where no gradients are kept: 16 MB as f32. SSIM and a network's feature
/// maps take several times as much.
const BATCH_VALUES: usize = 4 << 20;
/// Images of such a batch at most: more don't make it faster.
const BATCH_IMAGES: usize = 256;

/// How many images of this shape make a batch where no gradients are kept, such as for scoring.
#[must_use]
pub fn inference_batch(shape: ImageShape) -> usize {
    (BATCH_VALUES / shape.len().max(1)).clamp(1, BATCH_IMAGES)
}

/// The images of a data set where a device takes its batches from.
#[derive(Clone, Debug)]
pub struct DeviceImages {
    images: Arc<Images>,
    device: Device,
    /// None on a CPU, and where the images would take too much of a GPU's memory.
    resident: Option<Resident>,
}

impl DeviceImages {
    /// The images for `device`: a GPU gets all of them, one byte a value, if that is at most 128 MiB.
    #[must_use]
    pub fn new(images: Arc<Images>, device: &Device) -> Self {
        Self::within(images, device, RESIDENT_BYTES)
    }

    /// The same with another limit, in bytes.
    #[must_use]
    pub fn within(images: Arc<Images>, device: &Device, limit: usize) -> Self {
        let device = device.clone().inner();
        let fits = Resident::bytes(&images) <= limit;
        let resident = (!is_cpu(&device) && fits).then(|| Resident::upload(&images, &device));
        Self {
            images,
            device,
            resident,
        }
    }

    /// The images in host memory.
    #[must_use]
    pub fn host(&self) -> &Images {
        &self.images
    }

    /// The images at `indices`, in order, in batches for inference: see [`inference_batch`].
    ///
    /// # Errors
    /// As [`DeviceImages::batches`].
    pub fn inference_batches(&self, indices: &[u32]) -> Result<Batches, DataError> {
        self.batches(indices, inference_batch(self.images.shape()))
    }

    /// The same, each batch with the indices of its images.
    ///
    /// # Errors
    /// As [`DeviceImages::batches`].
    pub fn indexed_batches<'a>(
        &self,
        indices: &'a [u32],
    ) -> Result<impl Iterator<Item = (&'a [u32], Tensor<4>)> + use<'a>, DataError> {
        let size = inference_batch(self.images.shape());
        let batches = self.batches(indices, size)?;
        Ok(indices.chunks(size).zip(batches))
    }

    /// The images at `indices`, in order, `batch_size` at a time.
    ///
    /// # Errors
    /// [`DataError::ZeroBatchSize`]; [`DataError::IndexRange`] if the data set lacks an image;
    /// [`DataError::Thread`] if the operating system grants no thread.
    pub fn batches(&self, indices: &[u32], batch_size: usize) -> Result<Batches, DataError> {
        self.varied_batches(indices, Variations::default(), batch_size)
    }

    /// The same, with variations. Images that are moved come from the host, where that costs least.
    ///
    /// # Errors
    /// As [`DeviceImages::batches`].
    pub fn varied_batches(
        &self,
        indices: &[u32],
        variations: Variations,
        batch_size: usize,
    ) -> Result<Batches, DataError> {
        if batch_size == 0 {
            return Err(DataError::ZeroBatchSize);
        }
        check_range(&self.images, indices)?;
        let source = match &self.resident {
            Some(resident) if variations.shifts.is_empty() => {
                let order = Order::upload(indices, &variations.mirrored, &self.device);
                Source::Resident(Box::new((resident.clone(), order)))
            }
            _ => Source::Ahead(Ahead::start(HostBatches {
                images: self.images.clone(),
                indices: indices.to_vec(),
                variations,
                batch_size,
                made: 0,
            })?),
        };
        Ok(Batches {
            source,
            device: self.device.clone(),
            batch_size,
            images: indices.len(),
            taken: 0,
        })
    }
}

/// Batches `[n, C, H, W]` with values in [0, 1], without autodiff, of as many images as were
/// asked for; the last one may be smaller.
#[derive(Debug)]
pub struct Batches {
    source: Source,
    device: Device,
    batch_size: usize,
    images: usize,
    /// Images in the batches so far.
    taken: usize,
}

#[derive(Debug)]
enum Source {
    Ahead(Ahead),
    Resident(Box<(Resident, Order)>),
}

impl Iterator for Batches {
    type Item = Tensor<4>;

    fn next(&mut self) -> Option<Tensor<4>> {
        let end = self.images.min(self.taken + self.batch_size);
        if self.taken == end {
            return None;
        }
        let batch = match &mut self.source {
            Source::Ahead(ahead) => ahead.next()?.into_tensor(&self.device),
            Source::Resident(resident) => {
                let (images, order) = &**resident;
                images.gather(order, self.taken, end)
            }
        };
        self.taken = end;
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let remaining = (self.images - self.taken).div_ceil(self.batch_size);
        (remaining, Some(remaining))
    }
}

impl ExactSizeIterator for Batches {}
