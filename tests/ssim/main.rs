//! SSIM, through its public surface: reference values in double precision, the properties that any
//! SSIM has, and gradients against finite differences.
//!
//! `reference/ssim_cases.json` holds image pairs with scikit-image's scores of them, and
//! `reference/make_ssim_cases.py` makes it. `Pair::oracle` is SSIM by its textbook formula in
//! f64, without separable passes: it agrees with scikit-image to 1e-9, so what differentiates it
//! numerically is a judge of gradients.

mod pairs;

use std::sync::LazyLock;

use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use trainer::config::Backend;
use trainer::device;
use trainer::ssim::{SsimConfig, SsimError, ssim};

use pairs::{
    Case, Pair, case, cases, constants, gradients, relative_error, scores, stack, values, waves,
};

/// How far an f32 score may lie from the f64 one.
const SCORE_TOLERANCE: f64 = 2e-5;
/// The same where both images consist of two flat halves: see the test of them.
const FLAT_STEP_TOLERANCE: f64 = 5e-5;
/// Sides of random images are below this.
const MAX_SIDE: usize = 30;
/// How far a gradient may lie from finite differences, relative to the largest entry.
const GRADIENT_TOLERANCE: f64 = 1e-3;

/// Every backend that runs here. On the last one, where it's there, the kernels run.
fn devices() -> Vec<(&'static str, Device)> {
    #[expect(
        deprecated,
        reason = "burn-ndarray is deprecated, and still a choice of users"
    )]
    let ndarray = Device::ndarray();
    let mut devices = vec![("flex", Device::flex()), ("ndarray", ndarray)];
    // The first selection configures the runtime, before any tensor.
    static WGPU: LazyLock<Option<Device>> =
        LazyLock::new(|| Some(device::select(Backend::Wgpu, 0).ok()?.device));
    devices.extend(WGPU.clone().map(|device| ("wgpu", device)));
    devices
}

#[test]
fn the_oracle_agrees_with_scikit_image() {
    for case in cases() {
        let deviation = (case.pair().oracle() - case.ssim).abs();
        assert!(deviation < 1e-9, "{}: {deviation:e}", case.name);
    }
}

#[test]
fn scores_agree_with_scikit_image() {
    let mut failures = Vec::new();
    for (backend, device) in devices() {
        let mut worst = (0.0, String::new());
        for case in cases() {
            let found = case.pair().score(&device);
            let deviation = (found - case.ssim).abs();
            if deviation > worst.0 {
                worst = (deviation, case.name.clone());
            }
            if deviation.is_nan() || deviation >= SCORE_TOLERANCE {
                failures.push(format!(
                    "{backend}, {}: {found}, not {} (off by {deviation:.1e})",
                    case.name, case.ssim
                ));
            }
        }
        println!("{backend}: at worst off by {:.2e} ({})", worst.0, worst.1);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_batch_scores_like_its_images_one_by_one() {
    let pairs: Vec<Pair> = cases()
        .iter()
        .map(Case::pair)
        .filter(|pair| [pair.height, pair.width] == [28, 28])
        .collect();
    assert!(pairs.len() > 10);
    for (backend, device) in devices() {
        let batch = scores(&pairs, &device);
        for (pair, in_batch) in pairs.iter().zip(batch) {
            let alone = pair.score(&device);
            assert!(
                (in_batch - alone).abs() < 1e-6,
                "{backend}: {in_batch} and {alone}"
            );
        }
    }
}

#[test]
fn channels_are_averaged() {
    let pairs = [
        waves([12, 13], 0.0),
        waves([12, 13], 2.0),
        waves([12, 13], 4.0),
    ];
    for (backend, device) in devices() {
        let [x, y] = stack(&pairs, &device).map(|images| images.reshape([1, 3, 12, 13]));
        let colour = f64::from(values(ssim(x, y, &SsimConfig::default()).unwrap())[0]);
        let mean = scores(&pairs, &device).iter().sum::<f64>() / 3.0;
        assert!(
            (colour - mean).abs() < 1e-6,
            "{backend}: {colour} and {mean}"
        );
    }
}

#[test]
fn an_image_is_perfectly_similar_to_itself() {
    for (backend, device) in devices() {
        for case in cases() {
            let score = case.pair().with_itself().score(&device);
            assert!(
                (score - 1.0).abs() < 1e-6,
                "{backend}, {}: {score}",
                case.name
            );
        }
    }
}

#[test]
fn the_images_may_change_places() {
    for (backend, device) in devices() {
        for case in cases() {
            let pair = case.pair();
            let (score, swapped) = (pair.score(&device), pair.swapped().score(&device));
            assert!(
                (score - swapped).abs() < 1e-6,
                "{backend}, {}: {score}, {swapped}",
                case.name
            );
        }
    }
}

#[test]
fn no_score_is_above_one() {
    for (backend, device) in devices() {
        for case in cases() {
            for pair in [case.pair(), case.pair().with_itself()] {
                let score = pair.score(&device);
                assert!(score <= 1.0, "{backend}, {}: {score}", case.name);
            }
        }
    }
}

#[test]
fn the_data_range_scales_with_the_images() {
    for (backend, device) in devices() {
        for case in cases() {
            let [x, y] = case.pair().tensors(&device);
            let score = f64::from(
                values(
                    ssim(
                        x * 255.0,
                        y * 255.0,
                        &SsimConfig::default().with_data_range(255.0),
                    )
                    .unwrap(),
                )[0],
            );
            let deviation = (score - case.ssim).abs();
            assert!(
                deviation < SCORE_TOLERANCE,
                "{backend}, {}: {deviation:e}",
                case.name
            );
        }
    }
}

/// Pixels for any pair, to be drawn at once.
fn pixels() -> impl Strategy<Value = Vec<[f32; 2]>> {
    prop::collection::vec([0.0..1.0_f32, 0.0..1.0_f32], MAX_SIDE * MAX_SIDE)
}

/// The left half of x and y at the first two levels, the right half at the others, and around them
/// `pixels` with some contrast: 0 for none, 1 for nothing but the pixels.
fn steps(size: [usize; 2], levels: [f32; 4], contrast: f32, pixels: &[[f32; 2]]) -> Pair {
    Pair::new(size, |row, column| {
        let right = usize::from(column >= size[1] / 2);
        let pixel = pixels[row * MAX_SIDE + column];
        std::array::from_fn(|image| {
            let level = levels[2 * right + image];
            level + contrast * (pixel[image] - level)
        })
    })
}

fn check_against_oracle(pair: &Pair, tolerance: f64) -> Result<(), TestCaseError> {
    let expected = pair.oracle();
    for (backend, device) in devices() {
        let score = pair.score(&device);
        prop_assert!(score <= 1.0, "{backend}: {score}");
        let deviation = (score - expected).abs();
        prop_assert!(deviation < tolerance, "{backend}: off by {deviation:.1e}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_pair_scores_as_in_double_precision(
        size in [11..MAX_SIDE, 11..MAX_SIDE],
        [x, y] in [0.0..1.0_f32, 0.0..1.0_f32],
        contrast in prop_oneof![Just(0.0), Just(1.0), 0.0..0.1_f32],
        pixels in pixels(),
    ) {
        check_against_oracle(&steps(size, [x, y, x, y], contrast, &pixels), SCORE_TOLERANCE)?;
    }

    #[test]
    fn steps_score_as_in_double_precision(
        size in [11..MAX_SIDE, 11..MAX_SIDE],
        levels in prop::array::uniform4(0.0..1.0_f32),
        contrast in 0.05..1.0_f32,
        pixels in pixels(),
    ) {
        check_against_oracle(&steps(size, levels, contrast, &pixels), SCORE_TOLERANCE)?;
    }

    /// Two flat halves are f32's worst case: no one constant brings both near zero, so variances
    /// that should vanish come from cancellation, with the same error all over a half.
    #[test]
    fn flat_steps_lose_little_precision(
        size in [11..MAX_SIDE, 11..MAX_SIDE],
        levels in prop::array::uniform4(0.0..1.0_f32),
    ) {
        let pixels = [[0.0; 2]; MAX_SIDE * MAX_SIDE];
        check_against_oracle(&steps(size, levels, 0.0, &pixels), FLAT_STEP_TOLERANCE)?;
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let pairs = [
        ("waves", waves([13, 16], 0.0)),
        ("far waves", waves([16, 13], 2.5)),
        ("t-shirt, blurred", case("t-shirt, blurred")),
        ("two trousers", case("two trousers")),
        ("bright, low contrast", case("bright, low contrast")),
        ("constant and noise", case("constant and noise")),
        ("noise and its negative", case("noise and its negative")),
        ("11x11", case("11x11")),
    ];
    let mut failures = Vec::new();
    for (name, pair) in pairs {
        let expected = [
            pair.finite_differences(),
            pair.swapped().finite_differences(),
        ];
        for (backend, device) in devices() {
            let found = pair.gradients(&device);
            for (image, (found, expected)) in ["x", "y"].iter().zip(found.iter().zip(&expected)) {
                let error = relative_error(found, expected);
                println!("{backend}, {name}, by {image}: {error:.1e}");
                if error.is_nan() || error >= GRADIENT_TOLERANCE {
                    failures.push(format!("{backend}, {name}, by {image}: off by {error:.1e}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_image_of_a_batch_has_its_own_gradient() {
    let pairs = [waves([12, 13], 0.0), waves([12, 13], 2.0)];
    let weights = [1.0_f32, -3.0];
    for (backend, device) in devices() {
        let [by_x, by_y] = gradients(&pairs, &weights, &device);
        for (index, (pair, weight)) in pairs.iter().zip(weights).enumerate() {
            let alone = pair.gradients(&device);
            for (found, alone) in [&by_x, &by_y].into_iter().zip(alone) {
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
        ("checkerboards, opposite", case("checkerboards, opposite")),
        ("checkerboards, in phase", case("checkerboards, in phase")),
        ("noise and itself", case("noise and itself")),
        ("t-shirt and itself", case("t-shirt and itself")),
        ("t-shirt and black", case("t-shirt and black")),
    ];
    for (backend, device) in devices() {
        for (name, pair) in &pairs {
            for gradient in pair.gradients(&device) {
                assert!(
                    gradient.iter().all(|value| value.is_finite()),
                    "{backend}, {name}"
                );
            }
        }
    }
}

/// Equal images are SSIM's maximum, so all derivatives are zero there.
#[test]
fn equal_images_have_no_gradient() {
    for (backend, device) in devices() {
        for case in cases() {
            for gradient in case.pair().with_itself().gradients(&device) {
                let largest = gradient
                    .iter()
                    .fold(0.0_f32, |largest, value| largest.max(value.abs()));
                assert!(largest < 1e-6, "{backend}, {}: {largest:e}", case.name);
            }
        }
    }
}

#[test]
fn images_of_different_shapes_are_refused() {
    let device = Device::flex();
    let x = Tensor::<4>::zeros([2, 1, 28, 28], &device);
    let y = Tensor::<4>::zeros([2, 1, 28, 27], &device);
    let error = ssim(x, y, &SsimConfig::default()).unwrap_err();
    assert_eq!(error, SsimError::Shapes([2, 1, 28, 28], [2, 1, 28, 27]));
    let message = error.to_string();
    assert!(
        message.contains("[2, 1, 28, 28]") && message.contains("[2, 1, 28, 27]"),
        "{message}"
    );
}

#[test]
fn images_smaller_than_the_window_are_refused() {
    let device = Device::flex();
    for [height, width] in [[10, 28], [28, 10], [1, 1]] {
        let image = Tensor::<4>::zeros([1, 1, height, width], &device);
        let error = ssim(image.clone(), image, &SsimConfig::default()).unwrap_err();
        assert!(matches!(
            error,
            SsimError::SmallImage {
                window: 11,
                smallest: 11,
                ..
            }
        ));
        let message = error.to_string();
        assert!(message.contains(&format!("{height}×{width}")), "{message}");
        assert!(message.contains("11×11"), "{message}");
    }
}

#[test]
fn a_data_range_that_is_no_range_is_refused() {
    let image = Tensor::<4>::zeros([1, 1, 28, 28], &Device::flex());
    for range in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = ssim(
            image.clone(),
            image.clone(),
            &SsimConfig::default().with_data_range(range),
        )
        .unwrap_err();
        // NaN isn't equal to itself.
        assert!(
            matches!(error, SsimError::NotPositive { value: found, .. } if found.to_bits() == range.to_bits())
        );
    }
}
