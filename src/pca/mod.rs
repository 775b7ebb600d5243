//! Principal component analysis: what the best linear autoencoder reaches, to measure others by.
//!
//! - [`Pca`]: mean and leading components of images, fitted by one of two [`Method`]s: exactly from
//!   the covariance matrix (`exact`), or by a randomised subspace iteration, which needs no such
//!   matrix (`randomised`);
//! - [`principal`]: the leading components of any vectors, and [`plane()`]: their coordinates along the first two.
//!
//! Images of P pixels (of all channels) are rows of P numbers in [0, 1]. Everything is on the host:
//! whoever computes with components makes tensors of them on a device.

mod exact;
mod plane;
mod projection;
mod randomised;

use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::DVector;

use crate::data::{DataError, HostBatch, Images};

pub use plane::{Principal, plane, principal};
pub use projection::Projection;

/// Pixels up to which the exact method is affordable: a covariance matrix of 8 MiB, whose
/// eigenvectors take a second or two. Both grow fast: at 3×64×64 pixels it would be 1.2 GB and the
/// better part of a day.
pub const EXACT_PIXELS: usize = 1024;

/// How components are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All eigenvectors of the covariance matrix, in double precision: P² numbers of memory and P³
    /// steps for images of P pixels.
    Exact,
    /// A subspace that is iterated towards the leading eigenvectors, from a random one (Halko,
    /// Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53, 2011, algorithm
    /// 4.4): memory for a few times P·K numbers, and a few passes over the images. The seed is
    /// fixed, so that the same images give the same components.
    Randomised,
}

impl Method {
    /// The exact method, where images are small enough for it.
    #[must_use]
    pub fn for_pixels(pixels: usize) -> Self {
        if pixels <= EXACT_PIXELS {
            Self::Exact
        } else {
            Self::Randomised
        }
    }
}

/// A projection of images of P pixels onto their K leading principal components.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    mean: Vec<f32>,
    components: Vec<f32>,
}

impl Pca {
    /// The leading `components` of the images at `indices`, or as many as an image has pixels, if
    /// that is less; by the method that [`Method::for_pixels`] chooses.
    ///
    /// Images differ in fewer directions than there are images. Components beyond those have no
    /// variance, and are any that are orthonormal to all others.
    ///
    /// # Errors
    ///
    /// [`DataError::IndexRange`] if the data set has no such image; [`DataError::NoImages`] if
    /// `indices` is empty.
    pub fn fit(images: &Images, indices: &[u32], components: usize) -> Result<Self, DataError> {
        let method = Method::for_pixels(images.shape().len());
        Self::fit_with(images, indices, components, method)
    }

    /// The same by a method of choice.
    ///
    /// # Errors
    ///
    /// As [`Pca::fit`].
    pub fn fit_with(
        images: &Images,
        indices: &[u32],
        components: usize,
        method: Method,
    ) -> Result<Self, DataError> {
        if indices.is_empty() {
            return Err(DataError::NoImages {
                dataset: images.source().to_owned(),
            });
        }
        let rows = Rows { images, indices };
        let components = components.min(rows.pixels());
        match method {
            Method::Exact => exact::fit(rows, components),
            Method::Randomised => randomised::fit(rows, components),
        }
    }

    /// P: the pixels of an image.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.mean.len()
    }

    /// K: the components that there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len() / self.pixels()
    }

    /// Whether there is no component.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// The mean image, `[P]`.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// `[P, K]`, row-major: orthonormal columns, the one along which images vary most first.
    #[must_use]
    pub fn components(&self) -> &[f32] {
        &self.components
    }

    /// The mean image on `device`, `[1, P]`.
    #[must_use]
    pub fn mean_tensor(&self, device: &Device) -> Tensor<2> {
        let shape = [1, self.pixels()];
        Tensor::from_data(TensorData::new(self.mean.clone(), shape), device)
    }

    /// The components on `device`, `[P, K]`.
    #[must_use]
    pub fn components_tensor(&self, device: &Device) -> Tensor<2> {
        let shape = [self.pixels(), self.len()];
        Tensor::from_data(TensorData::new(self.components.clone(), shape), device)
    }
}

/// The images that components are of: the one place that reads pixels.
#[derive(Clone, Copy)]
struct Rows<'a> {
    images: &'a Images,
    /// At least one.
    indices: &'a [u32],
}

impl<'a> Rows<'a> {
    fn pixels(self) -> usize {
        self.images.shape().len()
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of images")]
    fn count(self) -> f64 {
        self.indices.len() as f64
    }

    /// `size` images at a time, `[n, P]` row-major with values in [0, 1].
    fn batches(self, size: usize) -> impl Iterator<Item = Result<Vec<f32>, DataError>> + use<'a> {
        let batches = self.indices.chunks(size);
        batches.map(move |indices| Ok(HostBatch::gather(self.images, indices)?.values))
    }
}

/// The places of the `count` largest eigenvalues, or of all, the largest first.
pub(crate) fn leading(eigenvalues: &DVector<f64>, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
    order.truncate(count);
    order
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "models compute in single precision"
)]
fn single(value: f64) -> f32 {
    value as f32
}
