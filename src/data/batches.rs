//! Batches of floating-point images, made one ahead of the caller.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::dataset::Dataset;
use super::error::DataError;

/// Batches that wait for the caller at most, besides the one in the making. Making one takes far
/// less time than a training step, so that one is enough to hide it.
const PREFETCH: usize = 1;

/// Some images as the model takes them, still in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBatch {
    /// `[n, 1, height, width]`, row-major, in [0, 1]: the byte divided by 255.
    pub pixels: Vec<f32>,
    /// `[n]`, the place of each image in the data set.
    pub indices: Vec<u32>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

impl HostBatch {
    /// The images at `indices`, in that order.
    ///
    /// # Errors
    /// [`DataError::IndexRange`] if the data set has no such image.
    pub fn gather(dataset: &Dataset, indices: &[u32]) -> Result<Self, DataError> {
        check_range(dataset, indices)?;
        Ok(Self::gather_checked(dataset, indices))
    }

    fn gather_checked(dataset: &Dataset, indices: &[u32]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * dataset.image_len());
        for index in indices {
            let image = dataset.image(*index as usize);
            pixels.extend(image.iter().map(|pixel| f32::from(*pixel) / 255.0));
        }
        let (height, width) = (dataset.height, dataset.width);
        Self {
            pixels,
            indices: indices.to_vec(),
            height,
            width,
        }
    }

    /// The number of images, `n`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is no image; never so for a batch from [`Batches`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Mirrors each image left to right with a probability of one half.
    pub fn flip(&mut self, rng: &mut impl Rng) {
        let image_len = self.height * self.width;
        for image in self.pixels.chunks_exact_mut(image_len) {
            if rng.next_u32() & 1 == 1 {
                image
                    .chunks_exact_mut(self.width)
                    .for_each(<[f32]>::reverse);
            }
        }
    }

    /// The images as a tensor `[n, 1, height, width]` on `device`.
    #[must_use]
    pub fn into_tensor(self, device: &Device) -> Tensor<4> {
        let shape = [self.indices.len(), 1, self.height, self.width];
        Tensor::from_data(TensorData::new(self.pixels, shape), device)
    }
}

/// The images at some indices, in order, `batch_size` at a time; the last batch may be smaller.
///
/// A thread makes the next batch while the caller computes. It ends when this is dropped.
#[derive(Debug)]
pub struct Batches {
    // Both are `Some` until `drop`.
    receiver: Option<Receiver<HostBatch>>,
    worker: Option<JoinHandle<()>>,
    remaining: usize,
}

impl Batches {
    /// Starts making batches of `batch_size` images from `dataset`.
    ///
    /// # Errors
    /// [`DataError::ZeroBatchSize`]; [`DataError::IndexRange`] if the data set lacks an image;
    /// [`DataError::Thread`] if the operating system grants no thread.
    pub fn new(
        dataset: Arc<Dataset>,
        indices: Vec<u32>,
        batch_size: usize,
    ) -> Result<Self, DataError> {
        if batch_size == 0 {
            return Err(DataError::ZeroBatchSize);
        }
        check_range(&dataset, &indices)?;
        let remaining = indices.len().div_ceil(batch_size);
        let (sender, receiver) = sync_channel(PREFETCH);
        let worker = thread::Builder::new()
            .name("batches".to_owned())
            .spawn(move || {
                for chunk in indices.chunks(batch_size) {
                    // An error means that the caller has stopped asking.
                    if sender
                        .send(HostBatch::gather_checked(&dataset, chunk))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        let worker = Some(worker.map_err(DataError::Thread)?);
        Ok(Self {
            receiver: Some(receiver),
            worker,
            remaining,
        })
    }
}

impl Iterator for Batches {
    type Item = HostBatch;

    fn next(&mut self) -> Option<HostBatch> {
        let batch = self.receiver.as_ref()?.recv().ok()?;
        self.remaining -= 1;
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Batches {}

impl Drop for Batches {
    fn drop(&mut self) {
        // In this order: the worker may be waiting to send, and wakes when no one can receive.
        self.receiver.take();
        if let Some(worker) = self.worker.take() {
            // It has no way to panic, and a destructor must not.
            let _ = worker.join();
        }
    }
}

fn check_range(dataset: &Dataset, indices: &[u32]) -> Result<(), DataError> {
    match indices
        .iter()
        .find(|index| **index as usize >= dataset.len())
    {
        None => Ok(()),
        Some(&index) => {
            let (dataset, images) = (dataset.source.clone(), dataset.len());
            Err(DataError::IndexRange {
                index,
                dataset,
                images,
            })
        }
    }
}
