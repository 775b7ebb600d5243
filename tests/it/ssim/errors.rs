//! What can't be compared is refused, and the error says why.

use burn::tensor::{Device, Tensor};
use trainer::ssim::{Border, Covariance, MsSsim, SsimConfig, SsimError, Window, ssim, ssim_map};

use super::devices;

fn refusal(x: [usize; 4], y: [usize; 4], config: &SsimConfig) -> SsimError {
    let device = Device::flex();
    let images = |shape| Tensor::<4>::zeros(shape, &device);
    let error = ssim(images(x), images(y), config).unwrap_err();
    let of_map = ssim_map(images(x), images(y), config).unwrap_err();
    // NaN isn't equal to itself.
    assert_eq!(of_map.to_string(), error.to_string());
    error
}

fn window(size: usize) -> SsimConfig {
    SsimConfig {
        window: Window::Uniform { size },
        ..SsimConfig::default()
    }
}

#[test]
fn images_of_different_shapes_are_refused() {
    let error = refusal([2, 1, 28, 28], [2, 1, 28, 27], &SsimConfig::default());
    assert_eq!(error, SsimError::Shapes([2, 1, 28, 28], [2, 1, 28, 27]));
    let message = error.to_string();
    assert!(
        message.contains("[2, 1, 28, 28]") && message.contains("[2, 1, 28, 27]"),
        "{message}"
    );
}

#[test]
fn images_smaller_than_the_window_are_refused() {
    let size = |border, [height, width]: [usize; 2]| {
        let config = SsimConfig {
            border,
            ..SsimConfig::default()
        };
        let shape = [1, 1, height, width];
        config.check(shape, shape)
    };
    for sides in [[10, 28], [28, 10], [1, 1]] {
        let [height, width] = sides;
        let shape = [1, 1, height, width];
        let message = refusal(shape, shape, &SsimConfig::default()).to_string();
        assert!(message.contains(&format!("{height}×{width}")), "{message}");
        assert!(message.contains("11×11"), "{message}");
    }
    // A mirror shows each pixel once, and zeros are never short.
    assert!(size(Border::Reflect, [5, 28]).is_err());
    assert!(size(Border::Reflect, [6, 6]).is_ok());
    assert!(size(Border::Zero, [1, 1]).is_ok());
    assert_eq!(
        size(Border::Zero, [0, 9]),
        Err(SsimError::Empty([1, 1, 0, 9]))
    );
}

#[test]
fn windows_that_are_no_windows_are_refused() {
    let shape = [1, 1, 28, 28];
    assert_eq!(refusal(shape, shape, &window(4)), SsimError::EvenWindow(4));
    assert_eq!(refusal(shape, shape, &window(0)), SsimError::EvenWindow(0));
    assert_eq!(
        refusal(shape, shape, &window(257)),
        SsimError::WindowSize(257)
    );
    let one_sample = SsimConfig {
        covariance: Covariance::Sample,
        ..window(1)
    };
    assert_eq!(refusal(shape, shape, &one_sample), SsimError::WindowSize(1));
}

#[test]
fn numbers_that_must_be_positive_are_refused() {
    let shape = [1, 1, 28, 28];
    let default = SsimConfig::default();
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let window = Window::Gaussian {
            size: 11,
            sigma: value,
        };
        let configs = [
            ("data range", default.with_data_range(value)),
            (
                "k1",
                SsimConfig {
                    k1: value,
                    ..default
                },
            ),
            (
                "k2",
                SsimConfig {
                    k2: value,
                    ..default
                },
            ),
            ("sigma", SsimConfig { window, ..default }),
        ];
        for (name, config) in configs {
            let message = refusal(shape, shape, &config).to_string();
            assert!(message.contains(name), "{message}");
            assert!(message.contains(&value.to_string()), "{message}");
        }
    }
}

/// Their constants would be infinite, or zero, so that equal images had no score.
#[test]
fn data_ranges_beyond_single_precision_are_refused() {
    let shape = [1, 1, 28, 28];
    for value in [1e-25, 1e20, 1e22] {
        let config = SsimConfig::default().with_data_range(value);
        let error = refusal(shape, shape, &config);
        assert_eq!(error, SsimError::Precision { data_range: value });
    }
}

/// A window of 255 pixels needs a megabyte: more than any GPU's workgroups have. Elsewhere it works.
#[test]
fn a_window_beyond_the_memory_of_a_gpu_is_refused_there() {
    for (backend, device) in devices() {
        let image = Tensor::<4>::ones([1, 1, 256, 256], &device);
        let result = ssim(image.clone(), image, &window(255));
        if backend == "wgpu" {
            let error = result.unwrap_err();
            assert!(
                matches!(error, SsimError::SharedMemory { window: 255, needed, available } if needed > available),
                "{error}"
            );
            assert!(error.to_string().contains("255×255"), "{error}");
        } else {
            let score: f32 = result.unwrap().into_scalar();
            assert!((score - 1.0).abs() < 1e-6, "{backend}: {score}");
        }
    }
}

#[test]
fn weights_of_scales_must_be_positive() {
    let image = Tensor::<4>::zeros([1, 1, 28, 28], &Device::flex());
    for weights in [vec![], vec![0.5, 0.0], vec![-1.0], vec![f64::NAN]] {
        let metric = MsSsim {
            weights,
            ..MsSsim::default()
        };
        let error = metric.scores(image.clone(), image.clone()).unwrap_err();
        assert!(matches!(error, SsimError::Weights(_)), "{error}");
    }
}
