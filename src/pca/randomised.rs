//! Principal components of images too large for a covariance matrix, by randomised subspace
//! iteration.
//!
//! Halko, Martinsson and Tropp, "Finding structure with randomness: Probabilistic algorithms for
//! constructing approximate matrix decompositions", SIAM Review 53 (2011), algorithm 4.4: a random
//! subspace, somewhat larger than the wanted one, is multiplied by the covariance and
//! orthonormalised a few times, which turns it towards the directions of largest variance; within
//! it, the components are the eigenvectors of a small matrix.
//!
//! With N images X (mean removed), the covariance XᵀX / N is never made: X comes a batch at a time
//! and twice, as X·B and Xᵀ·(X·B). A basis of L vectors is an L×P matrix, one column for each
//! pixel; nalgebra stores columns one after the other, so that its memory is `[P, L]` row-major.
//! Products with images are in single precision, whose rounding (1e-7 of the largest variance) is
//! far below the variance of any component that matters; vectors are orthonormalised in double
//! precision.

use nalgebra::{Cholesky, DMatrix, DMatrixView, DMatrixViewMut, Dyn, SymmetricEigen};
use rand::Rng;
use rand::rngs::ChaCha8Rng;
use rayon::prelude::*;

use super::{Pca, Rows, leading, single};
use crate::data::DataError;
use crate::rng::{Stream, rng};

/// Multiplications by the covariance. Each shrinks what lies outside of the wanted subspace by the
/// ratio of its variance to that of the last component. With 6 of them, 128 components of
/// Fashion-MNIST leave 1.0001 times the squared error that the exact ones do.
const ITERATIONS: usize = 6;
/// Vectors beyond those that are wanted, at least; the paper finds 5 or 10 enough where variances
/// fall fast.
const OVERSAMPLING: usize = 16;
/// One more vector for so many wanted: the variances of images fall ever more slowly.
const COMPONENTS_PER_EXTRA: usize = 4;
/// Pixels in a batch, as `f32`: 32 MiB.
const BATCH_PIXELS: usize = 1 << 23;
/// Images in a batch, beyond which products don't get faster.
const BATCH_IMAGES: usize = 512;
/// Parts that pixels are divided into for threads; not by how many threads there are, so that sums
/// are the same on every machine.
const PARTS: usize = 16;
/// Images that one thread projects at a time; with much fewer, products get slower.
const PART_IMAGES: usize = 128;
/// The length, about, of the random vector that is added to each vector of length 1 before they're
/// orthonormalised. It's longer than rounding errors, so that there are as many directions as
/// vectors even where images have fewer; its square, 1e-10, is about the share of a component's
/// variance that it costs.
const NOISE: f64 = 1e-5;
/// Rounds that make any vectors orthonormal: the first brings them within reach of the others.
const ROUNDS: usize = 3;

/// The leading `components` of `images`; no more than an image has pixels.
pub(super) fn fit(images: Rows, components: usize) -> Result<Pca, DataError> {
    let pixels = images.pixels();
    let extra = OVERSAMPLING + components / COMPONENTS_PER_EXTRA;
    let size = pixels.min(components + extra);
    let images = Centred {
        mean: mean(images)?,
        images,
    };
    let mut noise = Noise::new();
    let mut basis = DMatrix::from_fn(size, pixels, |_, _| noise.next());
    for iteration in 1..=ITERATIONS {
        basis = images.times_covariance(&basis)?;
        // Between iterations, vectors have only to be kept from becoming one and the same.
        let rounds = if iteration < ITERATIONS { 1 } else { ROUNDS };
        basis = orthonormal(basis, rounds, &mut noise);
    }
    let eigen = SymmetricEigen::new(images.covariance_within(&basis)?);
    let order = leading(&eigen.eigenvalues, components);
    let leading = eigen.eigenvectors.select_columns(&order);
    Ok(Pca {
        mean: images.mean,
        components: transformed(&leading.transpose(), &basis)
            .as_slice()
            .to_vec(),
    })
}

/// The mean of each pixel.
fn mean(images: Rows) -> Result<Vec<f32>, DataError> {
    let pixels = images.pixels();
    let mut sums = vec![0.0_f64; pixels];
    for batch in images.batches(batch_size(pixels)) {
        for image in batch?.chunks_exact(pixels) {
            for (sum, &value) in sums.iter_mut().zip(image) {
                *sum += f64::from(value);
            }
        }
    }
    let count = images.count();
    Ok(sums.into_iter().map(|sum| single(sum / count)).collect())
}

fn batch_size(pixels: usize) -> usize {
    (BATCH_PIXELS / pixels).clamp(1, BATCH_IMAGES)
}

/// Images, less their mean.
struct Centred<'a> {
    images: Rows<'a>,
    /// `[P]`
    mean: Vec<f32>,
}

impl Centred<'_> {
    /// Batches of n images as P×n matrices: one image a column.
    fn batches(&self) -> impl Iterator<Item = Result<DMatrix<f32>, DataError>> {
        let pixels = self.mean.len();
        self.images.batches(batch_size(pixels)).map(move |batch| {
            let mut batch = batch?;
            for image in batch.chunks_exact_mut(pixels) {
                for (value, mean) in image.iter_mut().zip(&self.mean) {
                    *value -= mean;
                }
            }
            let count = batch.len() / pixels;
            Ok(DMatrix::from_vec(pixels, count, batch))
        })
    }

    /// The vectors of `basis` (L×P), each multiplied by the covariance and the number of images.
    fn times_covariance(&self, basis: &DMatrix<f32>) -> Result<DMatrix<f32>, DataError> {
        let (size, pixels) = basis.shape();
        let mut products = DMatrix::zeros(size, pixels);
        for batch in self.batches() {
            let batch = batch?;
            let coordinates = project(basis, &batch);
            let part = pixels.div_ceil(PARTS);
            products
                .as_mut_slice()
                .par_chunks_mut(size * part)
                .enumerate()
                .for_each(|(place, products)| {
                    let count = products.len() / size;
                    let mut products = DMatrixViewMut::from_slice(products, size, count);
                    // The same pixels of all images, one image a row.
                    let values = DMatrixView::from_slice_with_strides_generic(
                        &batch.as_slice()[place * part..],
                        Dyn(batch.ncols()),
                        Dyn(count),
                        Dyn(pixels),
                        Dyn(1),
                    );
                    products.gemm(1.0, &coordinates, &values, 1.0);
                });
        }
        Ok(products)
    }

    /// The covariance of the images' coordinates along `basis` (L×P), times the number of images:
    /// L×L.
    fn covariance_within(&self, basis: &DMatrix<f32>) -> Result<DMatrix<f64>, DataError> {
        let mut covariance = DMatrix::zeros(basis.nrows(), basis.nrows());
        for batch in self.batches() {
            covariance += gram(&project(basis, &batch?));
        }
        Ok(covariance)
    }
}

/// The coordinates of images (P×n) along `basis` (L×P): L×n.
fn project(basis: &DMatrix<f32>, images: &DMatrix<f32>) -> DMatrix<f32> {
    let (size, (pixels, count)) = (basis.nrows(), images.shape());
    let mut coordinates = DMatrix::zeros(size, count);
    coordinates
        .as_mut_slice()
        .par_chunks_mut(size * PART_IMAGES)
        .zip(images.as_slice().par_chunks(pixels * PART_IMAGES))
        .for_each(|(coordinates, images)| {
            let count = images.len() / pixels;
            let images = DMatrixView::from_slice(images, pixels, count);
            DMatrixViewMut::from_slice(coordinates, size, count).gemm(1.0, basis, &images, 0.0);
        });
    coordinates
}

/// Orthonormal vectors that span what the rows of `vectors` (L×P) do; where those span less than L
/// dimensions, the others are random. Fewer than [`ROUNDS`] leave them independent, but not
/// orthonormal.
///
/// By Cholesky factors, shifted so that there always is one (Fukaya, Kannan, Nakatsukasa, Yamamoto
/// and Yanagisawa, "Shifted Cholesky QR for computing the QR factorization of ill-conditioned
/// matrices", SIAM Journal on Scientific Computing 42, 2020).
fn orthonormal(mut vectors: DMatrix<f32>, rounds: usize, noise: &mut Noise) -> DMatrix<f32> {
    let (size, pixels) = vectors.shape();
    let lengths = lengths(&vectors);
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵² pixels")]
    let strength = single(NOISE / (pixels as f64).sqrt());
    for mut pixel in vectors.column_iter_mut() {
        for (value, &length) in pixel.iter_mut().zip(&lengths) {
            *value = *value / length + strength * noise.next();
        }
    }
    // No less than what rounding takes from any eigenvalue of the products of vectors that are no
    // longer than 1: P rounding errors in each of the L products of a row.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵² numbers")]
    let shift = f64::EPSILON * (size * pixels) as f64;
    for _ in 0..rounds {
        let mut products = gram(&vectors);
        for place in 0..size {
            products[(place, place)] += shift;
        }
        let factor = Cholesky::new(products).expect("a matrix that rounding leaves positive");
        let mut inverse = DMatrix::identity(size, size);
        factor.l_dirty().solve_lower_triangular_mut(&mut inverse);
        vectors = transformed(&inverse, &vectors);
    }
    vectors
}

/// The length of each row of `vectors`; of one that has none, 1.
fn lengths(vectors: &DMatrix<f32>) -> Vec<f32> {
    let mut squares = vec![0.0_f64; vectors.nrows()];
    for pixel in vectors.column_iter() {
        for (square, &value) in squares.iter_mut().zip(pixel.iter()) {
            *square += f64::from(value).powi(2);
        }
    }
    let length = |square: f64| single(square.sqrt());
    let lengths = squares.into_iter().map(length);
    lengths
        .map(|length| {
            if length > f32::MIN_POSITIVE {
                length
            } else {
                1.0
            }
        })
        .collect()
}

/// The products of the rows of `vectors` (L×P) with each other, in double precision: L×L.
fn gram(vectors: &DMatrix<f32>) -> DMatrix<f64> {
    let size = vectors.nrows();
    let parts: Vec<DMatrix<f64>> = vectors
        .as_slice()
        .par_chunks(size * vectors.ncols().div_ceil(PARTS))
        .map(|part| {
            let part = double(part, size);
            &part * part.transpose()
        })
        .collect();
    let none = DMatrix::zeros(size, size);
    parts.into_iter().fold(none, |sum, part| sum + part)
}

/// `matrix` (M×L) times `vectors` (L×P), in double precision: M×P.
fn transformed(matrix: &DMatrix<f64>, vectors: &DMatrix<f32>) -> DMatrix<f32> {
    let ((rows, size), pixels) = (matrix.shape(), vectors.ncols());
    let part = pixels.div_ceil(PARTS);
    let mut products = DMatrix::zeros(rows, pixels);
    products
        .as_mut_slice()
        // Of no rows, there are no chunks of any size.
        .par_chunks_mut((rows * part).max(1))
        .zip(vectors.as_slice().par_chunks(size * part))
        .for_each(|(products, vectors)| {
            let exact = matrix * double(vectors, size);
            for (product, &value) in products.iter_mut().zip(exact.iter()) {
                *product = single(value);
            }
        });
    products
}

/// Columns of `rows` numbers each, in double precision.
fn double(values: &[f32], rows: usize) -> DMatrix<f64> {
    let count = values.len() / rows;
    DMatrix::from_iterator(rows, count, values.iter().map(|&value| f64::from(value)))
}

/// Random numbers, uniform in [-0.5, 0.5] and the same in every fit.
struct Noise(ChaCha8Rng);

impl Noise {
    fn new() -> Self {
        Self(rng(0, Stream::Subspace, 0))
    }

    fn next(&mut self) -> f32 {
        single(f64::from(self.0.next_u32()) / f64::from(u32::MAX) - 0.5)
    }
}
