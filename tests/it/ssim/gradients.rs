//! Gradients, against finite differences in f64 and PyTorch's autograd.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use trainer::ssim::{Border, Preset, SsimConfig, SsimLoss, Window, ssim_map, ssim_parts};

use super::pairs::{
    Pair, Stored, constants, gradients, read, relative_error, stack, values, waves,
};
use super::{devices, score_tolerance};

/// How far a gradient may lie from PyTorch's, relative to its largest entry: a few times what the guide promises.
const TOLERANCE: f64 = 5e-5;
/// How far from finite differences, of pairs with constant parts and windows of other sizes, too.
const FINITE_TOLERANCE: f64 = 1e-3;

fn borders() -> [(&'static str, SsimConfig); 3] {
    [
        ("valid", Border::Valid),
        ("zero", Border::Zero),
        ("reflect", Border::Reflect),
    ]
    .map(|(name, border)| {
        let config = SsimConfig {
            border,
            ..SsimConfig::default()
        };
        (name, config)
    })
}

fn stored(name: &str) -> Pair {
    let cases: Vec<Stored> = read(include_str!("../../reference/ssim_cases.json"));
    let case = cases.iter().find(|case| case.name == name);
    case.unwrap_or_else(|| panic!("no case {name}")).pair()
}

/// pytorch-msssim for valid windows, torchmetrics for mirrored borders, torch's own convolution for
/// zeros; all in f64.
#[test]
fn gradients_agree_with_pytorch() {
    #[derive(Deserialize)]
    struct Gradients {
        score: f64,
        grad_x: Vec<f64>,
        grad_y: Vec<f64>,
    }
    #[derive(Deserialize)]
    struct Case {
        #[serde(flatten)]
        images: Stored,
        gradients: HashMap<String, Gradients>,
    }
    let cases: Vec<Case> = read(include_str!("../../reference/ssim_gradients.json"));
    let mut failures = Vec::new();
    for (backend, device) in devices() {
        for (border, config) in borders() {
            let mut worst: f64 = 0.0;
            for case in &cases {
                let expected = &case.gradients[border];
                let pair = case.images.pair();
                let score = pair.score(&config, &device);
                let name = format!("{backend}, {border}, {}", case.images.name);
                let deviation = (score - expected.score).abs();
                assert!(
                    deviation < score_tolerance(backend),
                    "{name}: {deviation:e}"
                );
                let [grad_x, grad_y] = pair.gradients(&config, &device);
                for (image, found, expected) in [
                    ("x", grad_x, &expected.grad_x),
                    ("y", grad_y, &expected.grad_y),
                ] {
                    let error = relative_error(&found, expected);
                    worst = worst.max(error);
                    if error.is_nan() || error >= TOLERANCE {
                        failures.push(format!("{name}, gradient of {image}: off by {error:.1e}"));
                    }
                }
            }
            println!("{backend:<8} {border:<8} off by {worst:.1e} at worst");
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn gradients_agree_with_finite_differences() {
    let pairs = [
        ("waves", waves([13, 16], 0.0)),
        ("far waves", waves([16, 13], 2.5)),
        ("large waves", waves([19, 37], 1.0)),
        ("t-shirt, blurred", stored("t-shirt, blurred")),
        ("bright, low contrast", stored("bright, low contrast")),
        ("constant and noise", stored("constant and noise")),
        ("noise and its negative", stored("noise and its negative")),
        ("11x11", stored("11x11")),
        ("negatives, noise", stored("negatives, noise")),
    ];
    let configs = borders().map(|(_, config)| config).into_iter().chain([
        Preset::Skimage.config(),
        SsimConfig {
            window: Window::Uniform { size: 3 },
            border: Border::Reflect,
            ..Preset::Skimage.config()
        },
    ]);
    let mut failures = Vec::new();
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for config in configs {
        for (name, pair) in &pairs {
            let expected = [
                pair.finite_differences(&config),
                pair.swapped().finite_differences(&config),
            ];
            for (backend, device) in devices() {
                let found = pair.gradients(&config, &device);
                for (image, (found, expected)) in ["x", "y"].iter().zip(found.iter().zip(&expected))
                {
                    let error = relative_error(found, expected);
                    let worst = worst.entry(backend).or_default();
                    *worst = worst.max(error);
                    if error.is_nan() || error >= FINITE_TOLERANCE {
                        failures.push(format!(
                            "{backend}, {:?}, {name}, gradient of {image}: off by {error:.1e}",
                            config.border
                        ));
                    }
                }
            }
        }
    }
    for (backend, worst) in worst {
        println!("{backend:<8} off by {worst:.1e} of finite differences at worst");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// In training only the reconstruction has a gradient.
#[test]
fn either_image_may_have_the_only_gradient() {
    let pair = waves([14, 17], 1.0);
    for (_, config) in borders() {
        for (backend, device) in devices() {
            let both = pair.gradients(&config, &device);
            let device = device.autodiff();
            for (index, both) in both.iter().enumerate() {
                let mut images = stack(std::slice::from_ref(&pair), &device);
                images[index] = images[index].clone().require_grad();
                let tracked = images[index].clone();
                let [x, y] = images;
                let loss = SsimLoss { config }.forward(x, y).unwrap();
                let gradient = values(tracked.grad(&loss.backward()).unwrap());
                let expected: Vec<f64> = both.iter().map(|&value| -f64::from(value)).collect();
                let error = relative_error(&gradient, &expected);
                assert!(error < 1e-5, "{backend}, image {index}: {error:e}");
            }
        }
    }
}

/// The gradient of a weighted map is the sum of its windows' gradients.
#[test]
fn a_map_has_gradients() {
    let pair = waves([15, 18], 1.0);
    for (border, config) in borders() {
        let weights = |map: &Tensor<4>| {
            let [_, _, height, width] = map.dims();
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let values: Vec<f32> = (0..height * width)
                .map(|i| (i as f32 * 0.7).sin())
                .collect();
            values
        };
        let weighted = |x: &[f64], y: &[f64]| -> f64 {
            let map = super::oracle::map(&config, [15, 18], x, y);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let terms = map
                .iter()
                .enumerate()
                .map(|(i, s)| s * (i as f64 * 0.7).sin());
            terms.sum()
        };
        let (x, y) = (super::pairs::wide(&pair.x), super::pairs::wide(&pair.y));
        let expected: Vec<f64> = (0..x.len())
            .map(|index| {
                let at = |step: f64| {
                    let mut x = x.clone();
                    x[index] += step;
                    weighted(&x, &y)
                };
                (at(1e-5) - at(-1e-5)) / 2e-5
            })
            .collect();
        for (backend, device) in devices() {
            let device = device.autodiff();
            let [x, y] = stack(std::slice::from_ref(&pair), &device);
            let x = x.require_grad();
            let map = ssim_map(x.clone(), y, &config).unwrap();
            let weights = weights(&map);
            let weights = Tensor::<1>::from_floats(weights.as_slice(), &device).reshape(map.dims());
            let gradient = values(x.grad(&(map * weights).sum().backward()).unwrap());
            let error = relative_error(&gradient, &expected);
            assert!(error < FINITE_TOLERANCE, "{backend}, {border}: {error:e}");
        }
    }
}

#[test]
fn each_part_has_gradients() {
    let pair = waves([14, 17], 1.0);
    for (border, config) in borders() {
        // On the first backend by burn's own operations; the kernels must agree.
        let gradient = |device: &Device, luminance: f32, structure: f32| {
            let device = device.clone().autodiff();
            let [x, y] = stack(std::slice::from_ref(&pair), &device);
            let x = x.require_grad();
            let parts = ssim_parts(x.clone(), y, &config).unwrap();
            let sum = parts.luminance * luminance + parts.contrast_structure * structure;
            values(x.grad(&sum.sum().backward()).unwrap())
        };
        for [luminance, structure] in [[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]] {
            let all: Vec<Vec<f32>> = devices()
                .iter()
                .map(|(_, device)| gradient(device, luminance, structure))
                .collect();
            let first = super::pairs::wide(&all[0]);
            for (found, (backend, _)) in all.iter().zip(devices()) {
                let error = relative_error(found, &first);
                assert!(error < 1e-4, "{backend}, {border}: {error:e}");
            }
        }
    }
}

#[test]
fn each_image_of_a_batch_has_its_own_gradient() {
    let pairs = [waves([12, 13], 0.0), waves([12, 13], 2.0)];
    let weights = [1.0_f32, -3.0];
    let config = SsimConfig::default();
    for (backend, device) in devices() {
        let [grad_x, grad_y] = gradients(&pairs, &weights, &config, &device);
        for (index, (pair, weight)) in pairs.iter().zip(weights).enumerate() {
            let alone = pair.gradients(&config, &device);
            for (found, alone) in [&grad_x, &grad_y].into_iter().zip(alone) {
                let expected: Vec<f64> = alone
                    .iter()
                    .map(|&value| f64::from(weight) * f64::from(value))
                    .collect();
                let found = &found[index * expected.len()..][..expected.len()];
                assert!(
                    relative_error(found, &expected) < 1e-4,
                    "{backend}, image {index}"
                );
            }
        }
    }
}

#[test]
fn gradients_are_finite_where_variances_vanish() {
    let edge = Pair::new([14, 15], |_, column| {
        [if column < 7 { 0.0 } else { 1.0 }, 0.0]
    });
    let pairs = [
        ("equal constants", constants(0.3, 0.3)),
        ("different constants", constants(0.3, 0.7)),
        ("black", constants(0.0, 0.0)),
        ("black and white", constants(0.0, 1.0)),
        ("white", constants(1.0, 1.0)),
        ("edge and black", edge.clone()),
        ("edge and itself", edge.with_itself()),
        ("checkerboards, opposite", stored("checkerboards, opposite")),
        ("checkerboards, in phase", stored("checkerboards, in phase")),
        ("saturated blocks", stored("saturated blocks")),
        ("noise and itself", stored("noise and itself")),
        ("t-shirt and itself", stored("t-shirt and itself")),
        ("t-shirt and black", stored("t-shirt and black")),
    ];
    for (border, config) in borders() {
        for (backend, device) in devices() {
            for (name, pair) in &pairs {
                for gradient in pair.gradients(&config, &device) {
                    assert!(
                        gradient.iter().all(|value| value.is_finite()),
                        "{backend}, {border}, {name}"
                    );
                }
            }
        }
    }
}

/// Equal images are SSIM's maximum, so all derivatives are zero there.
#[test]
fn equal_images_have_no_gradient() {
    let cases: Vec<Stored> = read(include_str!("../../reference/ssim_cases.json"));
    for (border, config) in borders() {
        for (backend, device) in devices() {
            for case in &cases {
                let pair = case.pair().with_itself();
                if !pair.fits(&config) {
                    continue;
                }
                for gradient in pair.gradients(&config, &device) {
                    let largest = gradient
                        .iter()
                        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
                    assert!(
                        largest < 1e-6,
                        "{backend}, {border}, {}: {largest:e}",
                        case.name
                    );
                }
            }
        }
    }
}
