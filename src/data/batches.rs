//! Images as a model takes them: a few in host memory, or a data set's in batches on a device.
//!
//! On a GPU all images of the data set lie in its memory, as bytes; a batch is gathered, mirrored
//! and brought to [0, 1] there, and an epoch uploads nothing but its order. On a CPU the data set is
//! where it's needed, and a thread makes one batch ahead of the caller.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::Rng;

use super::dataset::Dataset;
use super::error::DataError;
use crate::device::is_cpu;

/// Batches that wait for the caller at most, besides the one in the making. Making one takes far
/// less time than a training step, so that one is enough to hide it.
const PREFETCH: usize = 1;
/// Pixels in a word of a GPU's memory, which has no smaller ones in WGSL.
const PIXELS_PER_WORD: usize = 4;

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
        Ok(Self::gather_checked(dataset, indices, &[]))
    }

    /// Mirrors the images whose place in `mirrored` says so; none beyond its end.
    fn gather_checked(dataset: &Dataset, indices: &[u32], mirrored: &[bool]) -> Self {
        let (height, width) = (dataset.height, dataset.width);
        let mut pixels = Vec::with_capacity(indices.len() * dataset.image_len());
        for (place, index) in indices.iter().enumerate() {
            let image = dataset.image(*index as usize);
            let first = pixels.len();
            pixels.extend(image.iter().map(|pixel| f32::from(*pixel) / 255.0));
            if mirrored.get(place) == Some(&true) {
                let rows = pixels[first..].chunks_exact_mut(width);
                rows.for_each(<[f32]>::reverse);
            }
        }
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

    /// The images as a tensor `[n, 1, height, width]` on `device`.
    #[must_use]
    pub fn into_tensor(self, device: &Device) -> Tensor<4> {
        let shape = [self.indices.len(), 1, self.height, self.width];
        Tensor::from_data(TensorData::new(self.pixels, shape), device)
    }
}

/// Which of `images` images to mirror: each with a probability of one half.
pub fn mirror_half(images: usize, rng: &mut impl Rng) -> Vec<bool> {
    (0..images).map(|_| rng.next_u32() & 1 == 1).collect()
}

/// The images of a data set where a device takes its batches from.
#[derive(Clone, Debug)]
pub struct DeviceImages {
    dataset: Arc<Dataset>,
    device: Device,
    /// None on a CPU.
    resident: Option<Resident>,
}

impl DeviceImages {
    /// The images of `dataset` for `device`: a GPU gets all of them, one byte a pixel.
    #[must_use]
    pub fn new(dataset: Arc<Dataset>, device: &Device) -> Self {
        let device = device.clone().inner();
        let resident = (!is_cpu(&device)).then(|| Resident::upload(&dataset, &device));
        Self {
            dataset,
            device,
            resident,
        }
    }

    /// The images at `indices`, in order, `batch_size` at a time.
    ///
    /// # Errors
    /// [`DataError::ZeroBatchSize`]; [`DataError::IndexRange`] if the data set lacks an image;
    /// [`DataError::Thread`] if the operating system grants no thread.
    pub fn batches(&self, indices: &[u32], batch_size: usize) -> Result<Batches, DataError> {
        self.mirrored_batches(indices, &[], batch_size)
    }

    /// The same, but each image is mirrored left to right if its place in `mirrored` says so; none is
    /// beyond its end.
    ///
    /// # Errors
    /// As [`DeviceImages::batches`].
    pub fn mirrored_batches(
        &self,
        indices: &[u32],
        mirrored: &[bool],
        batch_size: usize,
    ) -> Result<Batches, DataError> {
        if batch_size == 0 {
            return Err(DataError::ZeroBatchSize);
        }
        check_range(&self.dataset, indices)?;
        let source = match &self.resident {
            Some(resident) => {
                let order = Order::upload(indices, mirrored, &self.device);
                Source::Resident(Box::new((resident.clone(), order)))
            }
            None => Source::Ahead(Ahead::start(
                self.dataset.clone(),
                indices.to_vec(),
                mirrored.to_vec(),
                batch_size,
            )?),
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

/// Batches `[n, 1, height, width]` with values in [0, 1], without autodiff, of as many images as were
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
        let batch = match &self.source {
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

/// A thread that makes the next batch while the caller computes. It ends when this is dropped.
#[derive(Debug)]
struct Ahead {
    // Both are `Some` until `drop`.
    receiver: Option<Receiver<HostBatch>>,
    worker: Option<JoinHandle<()>>,
}

impl Ahead {
    fn start(
        dataset: Arc<Dataset>,
        indices: Vec<u32>,
        mirrored: Vec<bool>,
        batch_size: usize,
    ) -> Result<Self, DataError> {
        let (sender, receiver) = sync_channel(PREFETCH);
        let worker = thread::Builder::new()
            .name("batches".to_owned())
            .spawn(move || {
                for (batch, indices) in indices.chunks(batch_size).enumerate() {
                    let mirrored = mirrored.get(batch * batch_size..).unwrap_or_default();
                    let batch = HostBatch::gather_checked(&dataset, indices, mirrored);
                    // An error means that the caller has stopped asking.
                    if sender.send(batch).is_err() {
                        return;
                    }
                }
            });
        Ok(Self {
            receiver: Some(receiver),
            worker: Some(worker.map_err(DataError::Thread)?),
        })
    }

    fn next(&self) -> Option<HostBatch> {
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // In this order: the worker may be waiting to send, and wakes when no one can receive.
        self.receiver.take();
        if let Some(worker) = self.worker.take() {
            // It has no way to panic, and a destructor must not.
            let _ = worker.join();
        }
    }
}

/// All images of a data set in a GPU's memory.
#[derive(Clone, Debug)]
struct Resident {
    /// `[N, words]`, four pixels to each, the first in the lowest byte; zeros behind the last one.
    words: Tensor<2, Int>,
    /// `[1, 1, 4]`, by how many bits each pixel of a word is shifted.
    shifts: Tensor<3, Int>,
    height: usize,
    width: usize,
}

impl Resident {
    fn upload(dataset: &Dataset, device: &Device) -> Self {
        let image_len = dataset.image_len();
        let words_per_image = image_len.div_ceil(PIXELS_PER_WORD);
        let mut words = Vec::with_capacity(dataset.len() * words_per_image);
        for image in dataset.pixels.chunks_exact(image_len) {
            words.extend(image.chunks(PIXELS_PER_WORD).map(|pixels| {
                let mut word = [0; PIXELS_PER_WORD];
                word[..pixels.len()].copy_from_slice(pixels);
                i32::from_le_bytes(word)
            }));
        }
        let words = TensorData::new(words, [dataset.len(), words_per_image]);
        Self {
            words: Tensor::from_data(words, device),
            shifts: Tensor::from_data([[[0, 8, 16, 24]]], device),
            height: dataset.height,
            width: dataset.width,
        }
    }

    /// The images at the places `start..end` of `order`: `[n, 1, height, width]`.
    fn gather(&self, order: &Order, start: usize, end: usize) -> Tensor<4> {
        let (images, image_len) = (end - start, self.height * self.width);
        let indices = order.indices.clone().slice(start..end);
        let words: Tensor<3, Int> = self.words.clone().select(0, indices).unsqueeze_dim(2); // [n, words, 1]
        let [_, words_per_image, _] = words.dims();
        let bytes = words
            .bitwise_right_shift(self.shifts.clone())
            .bitwise_and_scalar(0xff); // [n, words, 4]
        let pixels = (bytes.float() / 255.0)
            .reshape([images, words_per_image * PIXELS_PER_WORD])
            .slice([0..images, 0..image_len])
            .reshape([images, 1, self.height, self.width]);
        match &order.mirrored {
            None => pixels,
            Some(mirrored) => {
                let mirrored = mirrored.clone().slice(start..end).equal_elem(1);
                let mask = mirrored.reshape([images, 1, 1, 1]).expand(pixels.dims());
                pixels.clone().mask_where(mask, pixels.flip([3]))
            }
        }
    }
}

/// An epoch's order, on the device. It's uploaded at once, since each upload ends what was to be one
/// submission to the GPU.
#[derive(Debug)]
struct Order {
    /// `[images]`
    indices: Tensor<1, Int>,
    /// `[images]`, 1 for each that is to be mirrored.
    mirrored: Option<Tensor<1, Int>>,
}

impl Order {
    fn upload(indices: &[u32], mirrored: &[bool], device: &Device) -> Self {
        let upload = |values: Vec<i32>| {
            let count = values.len();
            Tensor::from_data(TensorData::new(values, [count]), device)
        };
        #[expect(
            clippy::cast_possible_wrap,
            reason = "images in memory: fewer than 2³¹"
        )]
        let places = indices.iter().map(|&index| index as i32).collect();
        let mirrored = (!mirrored.is_empty()).then(|| {
            let flags = mirrored.iter().map(|&flag| i32::from(flag));
            let none = std::iter::repeat(0);
            upload(flags.chain(none).take(indices.len()).collect())
        });
        Self {
            indices: upload(places),
            mirrored,
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
