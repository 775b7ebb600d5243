//! Multi-scale SSIM, against values in f64 that agree with TensorFlow's and pytorch-msssim's.

use burn::tensor::Tensor;
use serde::Deserialize;
use trainer::ssim::MsSsim;

use super::pairs::{Stored, constants, read, relative_error, stack, values, wide};
use super::{SCORE_TOLERANCE, devices};

#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    images: Stored,
    scales: usize,
    score: f64,
}

fn cases() -> Vec<Case> {
    read(include_str!("../../reference/ms_ssim_cases.json"))
}

#[test]
fn scores_agree_with_other_libraries() {
    let metric = MsSsim::default();
    for (backend, device) in devices() {
        let mut worst: f64 = 0.0;
        for case in cases() {
            let [x, y] = case.images.pair().tensors(&device);
            let found = metric.scores(x, y).unwrap();
            assert_eq!(found.scales, case.scales, "{}", case.images.name);
            let score = f64::from(values(found.scores)[0]);
            let deviation = (score - case.score).abs();
            worst = worst.max(deviation);
            let name = &case.images.name;
            assert!(
                deviation < SCORE_TOLERANCE,
                "{backend}, {name}: {score}, not {}",
                case.score
            );
        }
        println!("{backend}: off by {worst:.1e} at worst");
    }
}

#[test]
fn scales_are_those_that_the_window_fits() {
    let metric = MsSsim::default();
    let scales = |side| metric.scales(side, side + 3);
    assert_eq!(
        [10, 11, 20, 21, 28, 41, 160, 161, 1000].map(scales),
        [0, 1, 1, 2, 2, 3, 4, 5, 5]
    );
}

#[test]
fn gradients_are_finite_for_any_images_and_follow_the_score() {
    let metric = MsSsim::default();
    for (backend, device) in devices() {
        let device = device.autodiff();
        for case in cases() {
            let pair = case.images.pair();
            if pair.size[1] > 50 {
                continue;
            }
            let [x, y] = stack(std::slice::from_ref(&pair), &device).map(Tensor::require_grad);
            let score = metric.scores(x.clone(), y.clone()).unwrap().scores.sum();
            let all = score.backward();
            for gradient in [x.grad(&all), y.grad(&all)] {
                let gradient = values(gradient.unwrap());
                assert!(
                    gradient.iter().all(|value| value.is_finite()),
                    "{backend}, {}",
                    case.images.name
                );
            }
        }
        // Equal up to a constant: luminance alone is small.
        let [x, y] = constants(0.2, 0.9).tensors(&device);
        let x = x.require_grad();
        let score = metric.scores(x.clone(), y).unwrap().scores.sum();
        let gradient = values(x.grad(&score.backward()).unwrap());
        assert!(gradient.iter().all(|value| value.is_finite()), "{backend}");
    }
}

/// All backends agree on a gradient that isn't zero.
#[test]
fn gradients_are_the_same_on_every_backend() {
    let metric = MsSsim::default();
    let case = cases()
        .into_iter()
        .find(|case| case.scales == 2 && case.score > 0.1)
        .unwrap();
    let all: Vec<Vec<f32>> = devices()
        .into_iter()
        .map(|(_, device)| {
            let [x, y] = case.images.pair().tensors(&device.autodiff());
            let x = x.require_grad();
            let score = metric.scores(x.clone(), y).unwrap().scores.sum();
            values(x.grad(&score.backward()).unwrap())
        })
        .collect();
    let first = wide(&all[0]);
    for (found, (backend, _)) in all.iter().zip(devices()) {
        let error = relative_error(found, &first);
        assert!(error < 1e-3, "{backend}: {error:e}");
    }
}
