//! The values of other libraries, in double precision: scikit-image, torchmetrics and scipy.

use std::collections::HashMap;

use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::ValueEnum;
use rayon::prelude::*;
use serde::Deserialize;
use trainer::data::Images;
use trainer::ssim::{Preset, SsimConfig, ssim, ssim_map};

use super::pairs::{Pair, Stored, read, scores, stack, values, wide};
use super::{SCORE_TOLERANCE, devices, oracle, score_tolerance};

#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    images: Stored,
    /// By preset, in f64.
    scores: HashMap<String, f64>,
    /// By library, in f32: tensorflow and pytorch-msssim have preset `tf`, torchmetrics its own.
    others: HashMap<String, f64>,
}

fn cases() -> Vec<Case> {
    read(include_str!("../../reference/ssim_cases.json"))
}

/// 512×512 pixels, from files.
fn photo() -> (Pair, HashMap<String, f64>, HashMap<String, f64>) {
    #[derive(Deserialize)]
    struct Photo {
        scale: f32,
        scores: HashMap<String, f64>,
        others: HashMap<String, f64>,
    }
    let pixels = |png: &[u8]| image::load_from_memory(png).unwrap().into_luma8();
    let photo: Photo = serde_json::from_str(include_str!("../../reference/photo.json")).unwrap();
    let x = pixels(include_bytes!("../../reference/camera.png"));
    let y = pixels(include_bytes!("../../reference/camera_noisy.png"));
    let values = |image: &image::GrayImage| {
        image
            .as_raw()
            .iter()
            .map(|&byte| f32::from(byte) / photo.scale)
            .collect()
    };
    let pair = Pair {
        size: [1, 512, 512],
        x: values(&x),
        y: values(&y),
    };
    (pair, photo.scores, photo.others)
}

fn presets() -> impl Iterator<Item = Preset> {
    Preset::value_variants().iter().copied()
}

#[test]
fn the_oracle_agrees_with_other_libraries() {
    let mut compared = 0;
    for case in cases() {
        for preset in presets() {
            let Some(&expected) = case.scores.get(preset.name()) else {
                continue;
            };
            let found = case.images.pair().oracle(&preset.config());
            let deviation = (found - expected).abs();
            let name = &case.images.name;
            assert!(deviation < 1e-9, "{name}, {}: {deviation:e}", preset.name());
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared} values");
}

/// Prints how far each backend is off at worst, beside TensorFlow and others in f32.
#[test]
fn scores_agree_with_other_libraries() {
    let mut failures = Vec::new();
    let mut pairs: Vec<_> = cases()
        .into_iter()
        .map(|case| {
            let pair = case.images.pair();
            (case.images.name, pair, case.scores, case.others)
        })
        .collect();
    let (pair, expected, others) = photo();
    pairs.push(("photo".to_owned(), pair, expected, others));
    for (backend, device) in devices() {
        for preset in presets() {
            let mut worst = (0.0, "");
            for (name, pair, expected, _) in &pairs {
                let Some(expected) = expected.get(preset.name()) else {
                    assert!(
                        !pair.fits(&preset.config()) || preset == Preset::Tf,
                        "{name}"
                    );
                    continue;
                };
                let found = pair.score(&preset.config(), &device);
                let deviation = (found - expected).abs();
                if deviation > worst.0 {
                    worst = (deviation, name);
                }
                if deviation.is_nan() || deviation >= score_tolerance(backend) {
                    failures.push(format!(
                        "{backend}, {}, {name}: {found}, not {expected} (off by {deviation:.1e})",
                        preset.name()
                    ));
                }
            }
            let (preset, (deviation, name)) = (preset.name(), worst);
            println!("{backend:<8} {preset:<17} off by {deviation:.1e} at worst ({name})");
        }
    }
    print_table(&pairs);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

type Named = (String, Pair, HashMap<String, f64>, HashMap<String, f64>);

/// The README's table: the pairs on which TensorFlow is furthest off.
fn print_table(pairs: &[Named]) {
    let config = Preset::Tf.config();
    let off = |(_, _, expected, others): &Named, library: &str| {
        let deviation = others.get(library)? - expected.get("tf")?;
        Some(deviation.abs())
    };
    let mut rows: Vec<&Named> = pairs
        .iter()
        .filter(|pair| off(pair, "tensorflow").is_some())
        .collect();
    rows.sort_by(|a, b| {
        off(b, "tensorflow")
            .partial_cmp(&off(a, "tensorflow"))
            .unwrap()
    });
    let names: Vec<&str> = devices().iter().map(|(name, _)| *name).collect();
    println!(
        "\n| pair | SSIM | {} | TensorFlow | pytorch-msssim |",
        names.join(" | ")
    );
    for pair in rows.iter().take(8) {
        let expected = pair.2["tf"];
        let ours: Vec<String> = devices()
            .iter()
            .map(|(_, device)| {
                let deviation = (pair.1.score(&config, device) - expected).abs();
                format!("{deviation:.0e}")
            })
            .collect();
        let theirs = |library| format!("{:.0e}", off(pair, library).unwrap());
        println!(
            "| {} | {expected:.4} | {} | {} | {} |",
            pair.0,
            ours.join(" | "),
            theirs("tensorflow"),
            theirs("pytorch-msssim")
        );
    }
}

/// On those pairs where single precision shows, each backend is nearer to the truth.
#[test]
fn nearer_to_double_precision_than_tensorflow() {
    for (backend, device) in devices() {
        let (mut ours, mut theirs) = (0.0_f64, 0.0_f64);
        for case in cases() {
            let (Some(expected), Some(tensorflow)) =
                (case.scores.get("tf"), case.others.get("tensorflow"))
            else {
                continue;
            };
            let found = case.images.pair().score(&Preset::Tf.config(), &device);
            ours = ours.max((found - expected).abs());
            theirs = theirs.max((tensorflow - expected).abs());
        }
        assert!(
            10.0 * ours < theirs,
            "{backend}: {ours:e}, TensorFlow {theirs:e}"
        );
    }
}

#[test]
fn a_batch_scores_like_its_images_one_by_one() {
    let pairs: Vec<Pair> = cases()
        .iter()
        .map(|case| case.images.pair())
        .filter(|pair| pair.size == [1, 28, 28])
        .collect();
    assert!(pairs.len() > 10);
    let config = SsimConfig::default();
    for (backend, device) in devices() {
        let batch = scores(&pairs, &config, &device);
        for (pair, in_batch) in pairs.iter().zip(batch) {
            let alone = pair.score(&config, &device);
            assert!(
                (in_batch - alone).abs() < 1e-6,
                "{backend}: {in_batch} and {alone}"
            );
        }
    }
}

/// Seventy thousand pairs of embedded images, by a rule that `ssim_batch.json` states.
struct Batch {
    pixels: Vec<f32>,
    pairs: Vec<[usize; 2]>,
}

impl Batch {
    fn new() -> Self {
        const IMAGES: usize = 14_000;
        const STEP: usize = 1009;
        let dataset = Images::fashion_mnist(&"t-shirt,trouser".parse().unwrap()).unwrap();
        assert_eq!(dataset.len(), IMAGES);
        let bytes = dataset.values().iter();
        Self {
            pixels: bytes.map(|&byte| f32::from(byte) / 255.0).collect(),
            pairs: (1..=5)
                .flat_map(|shift| (0..IMAGES).map(move |i| [i, (i + shift * STEP) % IMAGES]))
                .collect(),
        }
    }

    /// The first rows and columns of an image.
    fn image(&self, index: usize, side: usize) -> Vec<f32> {
        let rows = self.pixels[index * 784..][..784].chunks_exact(28);
        rows.take(side)
            .flat_map(|row| &row[..side])
            .copied()
            .collect()
    }

    fn oracle(&self, side: usize) -> Vec<f64> {
        let score = |&[x, y]: &[usize; 2]| {
            let [x, y] = [x, y].map(|index| wide(&self.image(index, side)));
            oracle::score(&SsimConfig::default(), [1, side, side], &x, &y)
        };
        self.pairs.par_iter().map(score).collect()
    }

    /// Scores of images, so many at a time.
    fn scores(&self, side: usize, at_once: usize, device: &Device) -> Vec<f64> {
        let scores = |pairs: &[[usize; 2]]| {
            let [x, y] = [0, 1].map(|which| {
                let images = pairs.iter().flat_map(|pair| self.image(pair[which], side));
                let values = TensorData::new(images.collect(), [pairs.len(), 1, side, side]);
                Tensor::<4>::from_data(values, device)
            });
            wide(&values(ssim(x, y, &SsimConfig::default()).unwrap()))
        };
        self.pairs.chunks(at_once).flat_map(scores).collect()
    }
}

#[test]
fn seventy_thousand_images_score_as_in_scikit_image() {
    #[derive(Deserialize)]
    struct Stored {
        block: usize,
        block_means: Vec<f64>,
        every: usize,
        scores: Vec<f64>,
    }
    let stored: Stored =
        serde_json::from_str(include_str!("../../reference/ssim_batch.json")).unwrap();
    let batch = Batch::new();
    let expected = batch.oracle(28);
    let of_oracle = expected.iter().step_by(stored.every);
    for (stored, of_oracle) in stored.scores.iter().zip(of_oracle) {
        let deviation = (stored - of_oracle).abs();
        assert!(deviation < 1e-9, "the oracle is off by {deviation:e}");
    }
    for (backend, device) in devices() {
        // WebGPU promises buffers of 128 MiB, and many adapters have no larger ones.
        let at_once = if backend == "wgpu" { 35_000 } else { 70_000 };
        let found = batch.scores(28, at_once, &device);
        assert_eq!(found.len(), 70_000);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let deviation = (found - expected).abs();
            assert!(
                deviation < score_tolerance(backend),
                "{backend}, pair {index}: {deviation:.1e}"
            );
        }
        for (block, expected) in found.chunks_exact(stored.block).zip(&stored.block_means) {
            #[expect(clippy::cast_precision_loss, reason = "a thousand")]
            let mean = block.iter().sum::<f64>() / block.len() as f64;
            let deviation = (mean - expected).abs();
            assert!(
                deviation < score_tolerance(backend),
                "{backend}: {deviation:.1e}"
            );
        }
    }
}

/// A dispatch has 65,535 workgroups in a row at most.
#[test]
fn seventy_thousand_images_score_in_one_dispatch() {
    const SIDE: usize = 20;
    let batch = Batch::new();
    let expected = batch.oracle(SIDE);
    for (backend, device) in devices() {
        let found = batch.scores(SIDE, 70_000, &device);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let deviation = (found - expected).abs();
            assert!(
                deviation < score_tolerance(backend),
                "{backend}, pair {index}: {deviation:.1e}"
            );
        }
    }
}

#[test]
fn the_data_range_scales_with_the_images() {
    for (backend, device) in devices() {
        for case in cases() {
            let Some(expected) = case.scores.get("tf") else {
                continue;
            };
            let [x, y] = stack(&[case.images.pair()], &device);
            let config = SsimConfig::default().with_data_range(255.0);
            let score = f64::from(values(ssim(x * 255.0, y * 255.0, &config).unwrap())[0]);
            let deviation = (score - expected).abs();
            assert!(
                deviation < SCORE_TOLERANCE,
                "{backend}, {}: {deviation:e}",
                case.images.name
            );
        }
    }
}

#[test]
fn an_image_is_perfectly_similar_to_itself_and_to_no_other_more() {
    for (backend, device) in devices() {
        for case in cases() {
            for preset in presets() {
                let (pair, config) = (case.images.pair(), preset.config());
                if !pair.fits(&config) {
                    continue;
                }
                let itself = pair.with_itself().score(&config, &device);
                let other = pair.score(&config, &device);
                let name = format!("{backend}, {}, {}", preset.name(), case.images.name);
                assert!((itself - 1.0).abs() < 1e-6, "{name}: {itself}");
                assert!(itself <= 1.0 && other <= 1.0, "{name}: {itself}, {other}");
            }
        }
    }
}

/// A plane with more tiles than an emulated GPU may count in one loop.
#[test]
fn a_photo_of_seventeen_megapixels_scores_as_by_its_map() {
    for (backend, device) in devices() {
        if backend == "ndarray" {
            continue; // As flex, in more time.
        }
        let [rows, columns] =
            [4100, 4200].map(|side| Tensor::<1, Int>::arange(0..side, &device).float());
        let rows = (rows * 0.05).sin().reshape([1, 1, 4100, 1]);
        let columns = (columns * 0.03).cos().reshape([1, 1, 1, 4200]);
        let x = rows * columns * 0.4 + 0.5;
        let y = x.clone() * x.clone() + 0.1;
        let config = Preset::Same.config();
        let score = values(ssim(x.clone(), y.clone(), &config).unwrap())[0];
        let map = wide(&values(ssim_map(x, y, &config).unwrap()));
        #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
        let mean = map.iter().sum::<f64>() / map.len() as f64;
        let deviation = (f64::from(score) - mean).abs();
        assert!(deviation < SCORE_TOLERANCE, "{backend}: {score}, {mean}");
    }
}
