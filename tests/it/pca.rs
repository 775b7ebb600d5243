//! Principal components: the exact and the randomised method, against each other and at their limits.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::alone;
use burn::tensor::Device;
use rand::Rng;
use trainer::ImageShape;
use trainer::data::{ClassSelection, DataError, HostBatch, ImageParts, Images};
use trainer::metrics::evaluate_pca;
use trainer::pca::{EXACT_PIXELS, Method, Pca};
use trainer::rng::{Stream, rng};
use trainer::ssim::SsimConfig;

const METHODS: [Method; 2] = [Method::Exact, Method::Randomised];

fn fashion_mnist() -> Arc<Images> {
    Arc::new(Images::fashion_mnist(&ClassSelection::default()).expect("embedded"))
}

/// `values` `[N, C, H, W]`, of which no two images are alike.
fn made(values: Vec<u8>, [channels, height, width]: [usize; 3]) -> Images {
    let shape = ImageShape {
        channels,
        height,
        width,
    };
    let count = values.len() / shape.len();
    let images = Images::new(ImageParts {
        values,
        shape,
        labels: None,
        manifest: vec![String::new(); count],
        source: "made".to_owned(),
    })
    .expect("images");
    assert_eq!(images.len(), count, "images that differ");
    images
}

fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    rng(0, Stream::Init, 0).fill_bytes(&mut bytes);
    bytes
}

/// How far the products of columns are from those of orthonormal ones, at most.
fn skew(pca: &Pca) -> f64 {
    let count = pca.len();
    let mut products = vec![0.0; count * count];
    for row in pca.components().chunks_exact(count) {
        for (products, &left) in products.chunks_exact_mut(count).zip(row) {
            for (product, &right) in products.iter_mut().zip(row) {
                *product += f64::from(left) * f64::from(right);
            }
        }
    }
    let skew = |(place, product): (usize, &f64)| {
        let expected = f64::from(u8::from(place % (count + 1) == 0));
        (product - expected).abs()
    };
    // `max` would hide a NaN.
    assert!(products.iter().all(|product| product.is_finite()));
    products.iter().enumerate().map(skew).fold(0.0, f64::max)
}

/// The variance of the images, of all pixels together, and how much of it the components leave.
fn variance_and_rest(images: &Images, indices: &[u32], pca: &Pca) -> (f64, f64) {
    let (mut variance, mut rest) = (0.0, 0.0);
    for &index in indices {
        let batch = HostBatch::gather(images, &[index]).expect("an image");
        let mut coordinates = vec![0.0; pca.len()];
        let (pixels, rows) = (batch.values.iter(), pca.components());
        let rows = rows.chunks_exact(pca.len());
        let mut square = 0.0;
        for ((&pixel, &mean), row) in pixels.zip(pca.mean()).zip(rows) {
            let value = f64::from(pixel) - f64::from(mean);
            square += value * value;
            for (coordinate, &component) in coordinates.iter_mut().zip(row) {
                *coordinate += value * f64::from(component);
            }
        }
        variance += square;
        rest += square - coordinates.iter().map(|value| value * value).sum::<f64>();
    }
    let count = f64::from(u32::try_from(indices.len()).expect("few images"));
    (variance / count, rest / count)
}

#[test]
fn small_images_are_fitted_exactly() {
    assert_eq!(Method::for_pixels(EXACT_PIXELS), Method::Exact);
    assert_eq!(Method::for_pixels(EXACT_PIXELS + 1), Method::Randomised);
    let images = fashion_mnist();
    let train: Vec<u32> = (0..500).collect();
    let [exact, randomised] =
        METHODS.map(|method| Pca::fit_with(&images, &train, 8, method).expect("images"));
    assert_ne!(exact, randomised, "methods that round differently");
    assert_eq!(Pca::fit(&images, &train, 8).expect("images"), exact);
}

#[test]
fn the_randomised_method_is_as_good_as_the_exact_one() {
    let images = fashion_mnist();
    let [train, test]: [Vec<u32>; 2] = [(0..9_000).collect(), (9_000..10_000).collect()];
    let ssim_config = SsimConfig::default();
    for components in [16, 128] {
        let [exact, randomised] = METHODS.map(|method| {
            let pca = Pca::fit_with(&images, &train, components, method).expect("images");
            assert_eq!((pca.pixels(), pca.len()), (784, components));
            assert!(skew(&pca) < 1e-6, "{method:?}: {}", skew(&pca));
            let scores = evaluate_pca(&pca, &images, &test, &ssim_config, &Device::flex());
            let (_, rest) = variance_and_rest(&images, &train[..2_000], &pca);
            (scores.expect("images").quality().ssim, rest)
        });
        let ssim = (randomised.0 - exact.0).abs();
        assert!(ssim < 1e-4, "{components}: {randomised:?} and {exact:?}");
        let rest = (randomised.1 / exact.1 - 1.0).abs();
        assert!(rest < 1e-3, "{components}: {randomised:?} and {exact:?}");
    }
}

#[test]
fn two_fits_are_the_same() {
    let images = made(random_bytes(300 * 40 * 40), [1, 40, 40]);
    let train: Vec<u32> = (0..300).collect();
    let fit = || Pca::fit(&images, &train, 20).expect("images");
    let first = fit();
    assert_eq!(Method::for_pixels(first.pixels()), Method::Randomised);
    for _ in 0..3 {
        assert_eq!(fit(), first);
    }
}

/// More components than images have directions, or pixels: all are orthonormal, and the images are
/// restored.
#[test]
fn there_may_be_more_components_than_directions() {
    let noise = made(random_bytes(20 * 100), [1, 10, 10]);
    // Of one brightness each, so that they differ in one direction.
    let brightness = (0..12).flat_map(|image| vec![image * 20; 100]).collect();
    let brightness = made(brightness, [1, 10, 10]);
    // In one pixel each.
    let spots = (0..12).flat_map(|image| (0..100).map(move |pixel| u8::from(pixel == image)));
    let spots = made(spots.collect(), [1, 10, 10]);
    for (images, indices) in [
        (&noise, (0..20).collect()),
        (&noise, vec![3]),
        (&noise, vec![3; 50]),
        (&brightness, (0..12).collect()),
        (&brightness, vec![0, 0, 0]),
        (&spots, (0..12).collect::<Vec<u32>>()),
    ] {
        for method in METHODS {
            for components in [19, 50, 100, 1000] {
                let case = format!("{method:?}, {components} of {indices:?}");
                let pca = Pca::fit_with(images, &indices, components, method).expect("images");
                assert_eq!(pca.len(), components.min(100), "{case}");
                assert!(skew(&pca) < 1e-6, "{case}: {}", skew(&pca));
                let (variance, rest) = variance_and_rest(images, &indices, &pca);
                assert!(
                    rest < 1e-6 * variance + 1e-9,
                    "{case}: {rest} of {variance}"
                );
            }
        }
    }
}

#[test]
fn components_come_by_variance() {
    let images = fashion_mnist();
    let train: Vec<u32> = (0..200).collect();
    for method in METHODS {
        let rests = [1, 5, 10].map(|components| {
            let pca = Pca::fit_with(&images, &train, 10, method).expect("images");
            let fewer = Pca::fit_with(&images, &train, components, method).expect("images");
            // The first column of ten is that of one, but for its sign and what was left to iterate.
            let along: f32 = pca
                .components()
                .iter()
                .step_by(10)
                .zip(fewer.components().iter().step_by(components))
                .map(|(a, b)| a * b)
                .sum();
            assert!(along.abs() > 0.99, "{method:?}, {components}: {along}");
            variance_and_rest(&images, &train, &fewer).1
        });
        assert!(rests[0] > rests[1] && rests[1] > rests[2], "{rests:?}");
    }
}

#[test]
fn no_images_are_an_error() {
    let images = made(random_bytes(2 * 100), [1, 10, 10]);
    for method in METHODS {
        let none = Pca::fit_with(&images, &[], 4, method);
        assert!(matches!(none, Err(DataError::NoImages { .. })), "{none:?}");
        let other = Pca::fit_with(&images, &[0, 2], 4, method);
        assert!(
            matches!(other, Err(DataError::IndexRange { index: 2, .. })),
            "{other:?}"
        );
        let pca = Pca::fit_with(&images, &[0, 1], 0, method).expect("images");
        assert_eq!((pca.len(), pca.pixels()), (0, 100));
    }
}

/// In a process of its own, whose memory is no other test's.
#[test]
fn large_images_take_seconds_and_little_memory() {
    alone("pca::five_thousand_images_of_3x64x64");
}

/// They differ in six patterns and noise. As `f32` they would take 245 MB, and a covariance matrix
/// 1.2 GB.
#[test]
#[ignore = "run by the test above"]
fn five_thousand_images_of_3x64x64() {
    const IMAGES: usize = 5_000;
    const PIXELS: usize = 3 * 64 * 64;
    const PATTERNS: usize = 6;
    const MEMORY: u64 = 160 << 20;
    const TIME: Duration = Duration::from_mins(1);

    let mut generator = rng(0, Stream::Init, 1);
    let mut draw = || i32::try_from(generator.next_u32() >> 26).expect("6 bits") - 32;
    let patterns: Vec<[i32; PATTERNS]> = (0..PIXELS)
        .map(|_| std::array::from_fn(|_| draw().signum()))
        .collect();
    let mut pixels = Vec::with_capacity(IMAGES * PIXELS);
    for _ in 0..IMAGES {
        let strengths: [i32; PATTERNS] = std::array::from_fn(|_| draw() / 2);
        for pattern in &patterns {
            let products = pattern.iter().zip(strengths).map(|(a, b)| a * b);
            let value = 128 + products.sum::<i32>() + draw() / 4;
            pixels.push(u8::try_from(value).expect("128 ± 104"));
        }
    }
    let images = made(pixels, [3, 64, 64]);
    let train: Vec<u32> = (0..5_000).collect();

    let before = resident_memory("VmRSS:");
    let started = Instant::now();
    let pca = Pca::fit(&images, &train, 128).expect("images");
    let took = started.elapsed();
    assert!(took < TIME, "{took:?}");
    if let (Some(before), Some(most)) = (before, resident_memory("VmHWM:")) {
        let more = most.saturating_sub(before);
        assert!(more < MEMORY, "{} MiB more", more >> 20);
        println!("{took:?}, {} MiB", more >> 20);
    }
    assert_eq!((pca.pixels(), pca.len()), (PIXELS, 128));
    assert!(skew(&pca) < 1e-6, "{}", skew(&pca));
    let (variance, rest) = variance_and_rest(&images, &train[..200], &pca);
    // Whole numbers from -8 to 7, of which 0 comes most often: a variance of 18.5.
    #[expect(clippy::cast_precision_loss, reason = "12,288 pixels")]
    let noise = 19.5 / f64::from(255 * 255) * PIXELS as f64;
    assert!(variance > 10.0 * noise, "{variance} and {noise}");
    assert!(rest < noise && rest > noise / 2.0, "{rest} and {noise}");
}

/// Bytes, where the system is Linux: what the process holds now (`VmRSS:`), or held at most
/// (`VmHWM:`).
fn resident_memory(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}
