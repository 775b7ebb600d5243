//! What holds for any images and any settings.

use proptest::prelude::*;
use trainer::ssim::{Border, Covariance, SsimConfig, Window, ssim, ssim_composed, ssim_map};

use super::pairs::{Pair, relative_error, scores, stack, values, waves, wide};
use super::{SCORE_TOLERANCE, devices, oracle};

/// Sides of random images are below this.
const MAX_SIDE: usize = 30;

/// Settings of any kind. The windows are few, since each is a kernel to compile.
fn configs() -> impl Strategy<Value = SsimConfig> {
    let windows = prop::sample::select(vec![
        Window::Gaussian {
            size: 11,
            sigma: 1.5,
        },
        Window::Gaussian {
            size: 5,
            sigma: 0.8,
        },
        Window::Uniform { size: 7 },
    ]);
    let borders = prop::sample::select(vec![Border::Valid, Border::Zero, Border::Reflect]);
    let covariances = prop::sample::select(vec![Covariance::Population, Covariance::Sample]);
    (windows, borders, covariances).prop_map(|(window, border, covariance)| SsimConfig {
        window,
        border,
        covariance,
        ..SsimConfig::default()
    })
}

/// Sizes on both sides of the limit of the kernel for small planes; few, for the same reason.
fn sizes() -> impl Strategy<Value = [usize; 2]> {
    prop::sample::select(vec![[11, 11], [12, 29], [17, 13], [28, 28], [33, 40]])
}

/// Pixels for any pair, to be drawn at once.
fn pixels(count: usize) -> impl Strategy<Value = Vec<[f32; 2]>> {
    prop::collection::vec([0.0..1.0_f32, 0.0..1.0_f32], count)
}

/// The left half of x and y at the first two levels, the right half at the others, and around them
/// `pixels` with some contrast: 0 for none, 1 for nothing but the pixels.
fn steps(size: [usize; 2], levels: [f32; 4], contrast: f32, pixels: &[[f32; 2]]) -> Pair {
    Pair::new(size, |row, column| {
        let right = usize::from(column >= size[1] / 2);
        let pixel = pixels[(row * size[1] + column) % pixels.len()];
        std::array::from_fn(|image| {
            let level = levels[2 * right + image];
            level + contrast * (pixel[image] - level)
        })
    })
}

fn check_against_oracle(pair: &Pair, config: &SsimConfig) -> Result<(), TestCaseError> {
    let expected = pair.oracle(config);
    for (backend, device) in devices() {
        let score = pair.score(config, &device);
        prop_assert!((-1.0 - 1e-6..=1.0).contains(&score), "{backend}: {score}");
        let deviation = (score - expected).abs();
        prop_assert!(
            deviation < SCORE_TOLERANCE,
            "{backend}: off by {deviation:.1e}"
        );
    }
    Ok(())
}

fn limited(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(limited(64))]

    #[test]
    fn any_pair_scores_as_in_double_precision(
        config in configs(),
        size in sizes(),
        [x, y] in [0.0..1.0_f32, 0.0..1.0_f32],
        contrast in prop_oneof![Just(0.0), Just(1.0), 0.0..0.1_f32],
        pixels in pixels(MAX_SIDE * MAX_SIDE),
    ) {
        check_against_oracle(&steps(size, [x, y, x, y], contrast, &pixels), &config)?;
    }

    /// No one constant brings both halves near zero, which is where variances cancel in f32.
    #[test]
    fn steps_score_as_in_double_precision(
        config in configs(),
        size in sizes(),
        levels in prop::array::uniform4(0.0..1.0_f32),
        contrast in prop_oneof![Just(0.0), 0.05..1.0_f32],
        pixels in pixels(MAX_SIDE * MAX_SIDE),
    ) {
        check_against_oracle(&steps(size, levels, contrast, &pixels), &config)?;
    }

    #[test]
    fn the_images_may_change_places(
        config in configs(),
        size in sizes(),
        levels in prop::array::uniform4(-1.0..1.0_f32),
        contrast in 0.0..1.0_f32,
        pixels in pixels(MAX_SIDE * MAX_SIDE),
    ) {
        let pair = steps(size, levels, contrast, &pixels);
        for (backend, device) in devices() {
            let (score, swapped) =
                (pair.score(&config, &device), pair.swapped().score(&config, &device));
            prop_assert!((score - swapped).abs() < 1e-6, "{backend}: {score}, {swapped}");
        }
    }

    #[test]
    fn an_image_scores_the_same_wherever_it_is_in_a_batch(
        config in configs(),
        size in sizes(),
        order in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
        pixels in pixels(MAX_SIDE * MAX_SIDE),
    ) {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let pairs: Vec<Pair> = (0..5)
            .map(|index| steps(size, [0.2, 0.3, 0.8, index as f32 / 5.0], 0.5, &pixels[index..]))
            .collect();
        let shuffled: Vec<Pair> = order.iter().map(|&index| pairs[index].clone()).collect();
        for (backend, device) in devices() {
            let expected = scores(&pairs, &config, &device);
            let found = scores(&shuffled, &config, &device);
            for (&index, found) in order.iter().zip(found) {
                let expected = expected[index];
                prop_assert!((found - expected).abs() < 1e-6, "{backend}: {found}, {expected}");
            }
        }
    }

    /// The kernels' gradients and maps, and those of the plain tensor operations by burn's autodiff.
    #[test]
    fn kernels_and_tensor_operations_agree(
        config in configs(),
        size in sizes(),
        levels in prop::array::uniform4(0.0..1.0_f32),
        contrast in 0.2..1.0_f32,
        pixels in pixels(MAX_SIDE * MAX_SIDE),
    ) {
        let pair = steps(size, levels, contrast, &pixels);
        let expected = oracle::map(&config, size, &wide(&pair.x), &wide(&pair.y));
        for (backend, device) in devices() {
            let [x, y] = pair.tensors(&device);
            let map = values(ssim_map(x, y, &config).unwrap());
            for (found, expected) in map.iter().zip(&expected) {
                let deviation = (f64::from(*found) - expected).abs();
                prop_assert!(deviation < 1e-3, "{backend}: {found}, {expected}");
            }

            let [x, y] = pair.tensors(&device.clone().autodiff());
            let x = x.require_grad();
            let composed = ssim_composed(x.clone(), y, &config).unwrap().sum();
            let composed = values(x.grad(&composed.backward()).unwrap());
            let [grad_x, _] = pair.gradients(&config, &device);
            let error = relative_error(&grad_x, &wide(&composed));
            prop_assert!(error < 1e-3, "{backend}: gradients differ by {error:e}");
        }
    }
}

#[test]
fn channels_are_averaged() {
    let config = SsimConfig::default();
    let pairs = [0.0, 2.0, 4.0].map(|phase| waves([12, 13], phase));
    let colour = Pair {
        size: [3, 12, 13],
        x: pairs.iter().flat_map(|pair| &pair.x).copied().collect(),
        y: pairs.iter().flat_map(|pair| &pair.y).copied().collect(),
    };
    for (backend, device) in devices() {
        let [x, _] = stack(std::slice::from_ref(&colour), &device);
        assert_eq!(x.dims(), [1, 3, 12, 13]);
        let score = colour.score(&config, &device);
        let mean = scores(&pairs, &config, &device).iter().sum::<f64>() / 3.0;
        assert!((score - mean).abs() < 1e-6, "{backend}: {score} and {mean}");
    }
}

/// A model whose weights are lost makes such images, and its loss has to show it.
#[test]
fn an_image_that_is_no_number_has_no_score() {
    let config = SsimConfig::default();
    for size in [[12, 13], [60, 70]] {
        let usual = waves(size, 1.0);
        let mut lost = usual.clone();
        lost.x.fill(f32::NAN);
        let mut spotted = usual.clone();
        spotted.x[6 * size[1] + 6] = f32::NAN;
        for (backend, device) in devices() {
            let found = scores(
                &[usual.clone(), lost.clone(), spotted.clone()],
                &config,
                &device,
            );
            assert!(found[0].is_finite(), "{backend}: {found:?}");
            assert!(found[1].is_nan(), "{backend}: {found:?}");
            assert!(found[2].is_nan(), "{backend}: {found:?}");

            // By the kernels that compute gradients with it, too.
            let device = device.autodiff();
            let [x, y] = stack(&[lost.clone(), spotted.clone()], &device);
            let trained = values(ssim(x.require_grad(), y, &config).unwrap().inner());
            assert!(
                trained.iter().all(|score| score.is_nan()),
                "{backend}: {trained:?}"
            );

            let [x, y] = stack(std::slice::from_ref(&lost), &device);
            let map = values(ssim_map(x, y, &config).unwrap());
            assert!(map.iter().all(|value| value.is_nan()), "{backend}");
        }
    }
}
