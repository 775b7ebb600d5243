//! The convolution stage against burn's own layers: outputs and gradients, on every CPU backend.

#![expect(
    deprecated,
    reason = "burn-ndarray is deprecated in favour of burn-flex, but users still choose it"
)]

use burn::tensor::module::{conv2d, interpolate, max_pool2d};
use burn::tensor::ops::{
    ConvOptions as BurnConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions,
};
use burn::tensor::{Device, Shape, Tensor, TensorData, activation};
use proptest::prelude::*;
use rand::RngExt;
use trainer::ops::{ConvOptions, conv3x3};
use trainer::rng::{Stream, rng};

/// Relative to the largest value of a tensor.
const TOLERANCE: f32 = 1e-4;

fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = rng(seed, Stream::Init, 0);
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| 2.0 * rng.random::<f32>() - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, Shape::from(shape)), device)
}

fn by_burns_layers(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: ConvOptions,
) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let mut x = x;
    if options.activate {
        x = activation::relu(x);
    }
    if options.upsample {
        let doubling = InterpolateOptions::new(InterpolateMode::Nearest)
            .with_output_size([2 * height, 2 * width]);
        x = interpolate(x, doubling);
    }
    let stride = if options.halve { 2 } else { 1 };
    x = conv2d(
        x,
        weight,
        Some(bias),
        BurnConvOptions::new([stride, stride], [1, 1], [1, 1], 1),
    );
    if options.relu {
        x = activation::relu(x);
    }
    if options.max_pool {
        x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
    }
    if options.shuffle {
        x = shuffled(x);
    }
    x
}

/// `[N, 4·C, H, W]` → `[N, C, 2H, 2W]`: channel `4c + 2a + b` is channel `c` at `(2y + a, 2x + b)`.
fn shuffled(x: Tensor<4>) -> Tensor<4> {
    let [images, channels, height, width] = x.dims();
    let column = |a: usize, b: usize| {
        let planes = (0..channels / 4).map(|c| x.clone().narrow(1, 4 * c + 2 * a + b, 1));
        Tensor::cat(planes.collect(), 1)
    };
    let rows = [0, 1].map(|a| {
        let columns: Vec<Tensor<5>> =
            vec![column(a, 0).unsqueeze_dim(4), column(a, 1).unsqueeze_dim(4)];
        let row: Tensor<4> =
            Tensor::cat(columns, 4).reshape([images, channels / 4, height, 2 * width]);
        row.unsqueeze_dim::<5>(3)
    });
    Tensor::cat(rows.to_vec(), 3).reshape([images, channels / 4, 2 * height, 2 * width])
}

type Conv = fn(Tensor<4>, Tensor<4>, Tensor<1>, ConvOptions) -> Tensor<4>;

/// The output, and the gradients of input, weight and bias under a random gradient of the output.
fn run(conv: Conv, case: &Case, device: &Device) -> [Vec<f32>; 4] {
    let device = device.clone().autodiff();
    let Case {
        images,
        inputs,
        outputs,
        height,
        width,
        options,
    } = *case;
    let x = random([images, inputs, height, width], 1, &device).require_grad();
    let weight = random([outputs, inputs, 3, 3], 2, &device).require_grad();
    let bias = random([outputs], 3, &device).require_grad();
    let output = conv(x.clone(), weight.clone(), bias.clone(), options);
    let direction = random(output.dims(), 4, &device);
    let gradients = (output.clone() * direction).sum().backward();
    let values = |data: TensorData| data.try_to_vec::<f32>().expect("f32 tensors");
    [
        values(output.into_data()),
        values(x.grad(&gradients).expect("a gradient").into_data()),
        values(weight.grad(&gradients).expect("a gradient").into_data()),
        values(bias.grad(&gradients).expect("a gradient").into_data()),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Case {
    images: usize,
    inputs: usize,
    outputs: usize,
    height: usize,
    width: usize,
    options: ConvOptions,
}

fn assert_equals_burns_layers(case: &Case) {
    for device in [Device::flex(), Device::ndarray()] {
        let ours = run(conv3x3, case, &device);
        // One reference: burn-flex's layers, so that ndarray is compared with another library too.
        let burns = run(by_burns_layers, case, &Device::flex());
        for (name, (ours, burns)) in [
            "output",
            "input gradient",
            "weight gradient",
            "bias gradient",
        ]
        .iter()
        .zip(ours.iter().zip(&burns))
        {
            assert_eq!(ours.len(), burns.len(), "{name} of {case:?}");
            let scale = burns
                .iter()
                .fold(1.0_f32, |scale, value| scale.max(value.abs()));
            for (index, (ours, burns)) in ours.iter().zip(burns).enumerate() {
                assert!(
                    (ours - burns).abs() <= TOLERANCE * scale,
                    "{name}[{index}] is {ours}, burn has {burns}: {case:?} on {device:?}"
                );
            }
        }
    }
}

/// Every combination of steps that go together.
fn all_options() -> impl Iterator<Item = ConvOptions> {
    let all = (0..64).map(|bits| ConvOptions {
        activate: bits & 1 != 0,
        upsample: bits & 2 != 0,
        halve: bits & 4 != 0,
        relu: bits & 8 != 0,
        max_pool: bits & 16 != 0,
        shuffle: bits & 32 != 0,
    });
    all.filter(|options| {
        let plain_end = !options.relu && !options.max_pool;
        !(options.upsample && options.halve) && (!options.shuffle || plain_end)
    })
}

/// As many as the options can have.
fn outputs(options: ConvOptions, outputs: usize) -> usize {
    if options.shuffle {
        4 * outputs
    } else {
        outputs
    }
}

#[test]
fn layers_of_the_baseline_equal_burns_layers() {
    let case = |inputs, outputs, size, options| Case {
        images: 9,
        inputs,
        outputs,
        height: size,
        width: size,
        options,
    };
    let plain = ConvOptions::default();
    assert_equals_burns_layers(&case(
        1,
        32,
        28,
        ConvOptions {
            relu: true,
            max_pool: true,
            ..plain
        },
    ));
    assert_equals_burns_layers(&case(
        32,
        32,
        14,
        ConvOptions {
            relu: true,
            ..plain
        },
    ));
    assert_equals_burns_layers(&case(
        32,
        1,
        14,
        ConvOptions {
            upsample: true,
            ..plain
        },
    ));
}

#[test]
fn every_combination_of_options_equals_burns_layers() {
    for options in all_options() {
        for (inputs, given) in [(1, 1), (2, 5), (5, 2)] {
            assert_equals_burns_layers(&Case {
                images: 3,
                inputs,
                outputs: outputs(options, given),
                height: 6,
                width: 8,
                options,
            });
        }
    }
}

#[test]
fn odd_sizes_and_single_rows_equal_burns_layers() {
    for options in all_options() {
        for (height, width) in [(5, 7), (3, 3), (4, 9), (9, 4)] {
            assert_equals_burns_layers(&Case {
                images: 2,
                inputs: 2,
                outputs: outputs(options, 3),
                height,
                width,
                options,
            });
        }
    }
    let relu = ConvOptions {
        relu: true,
        ..ConvOptions::default()
    };
    for (height, width) in [(1, 1), (1, 6), (6, 1)] {
        assert_equals_burns_layers(&Case {
            images: 2,
            inputs: 3,
            outputs: 2,
            height,
            width,
            options: relu,
        });
    }
}

/// Enough channels that tiles are transformed; images that fill some lanes of a vector, and one that is wider than all.
#[test]
fn many_channels_equal_burns_layers() {
    for options in all_options().filter(|options| !options.halve && !options.upsample) {
        // Of many results, one may be so near to zero, or to its neighbour, that rounding decides where its gradient goes.
        let is_smooth = !options.relu && !options.max_pool;
        let sizes: &[(usize, usize)] = if is_smooth {
            &[(7, 7), (13, 28), (8, 100)]
        } else {
            &[(7, 7)]
        };
        for &(height, width) in sizes {
            assert_equals_burns_layers(&Case {
                images: 9,
                inputs: 40,
                outputs: 36,
                height,
                width,
                options,
            });
        }
    }
}

#[test]
fn an_image_is_convolved_to_the_same_bits_whatever_is_beside_it() {
    let device = Device::flex();
    for (channels, size) in [(3, 9), (32, 7), (32, 28)] {
        let x: Tensor<4> = random([11, channels, size, size], 1, &device);
        let weight = random([channels, channels, 3, 3], 2, &device);
        let bias = random([channels], 3, &device);
        let values = |x: Tensor<4>| -> Vec<f32> {
            let y = conv3x3(x, weight.clone(), bias.clone(), ConvOptions::default());
            y.into_data().try_to_vec().expect("f32 tensors")
        };
        let together = values(x.clone());
        for (index, beside) in together.chunks_exact(channels * size * size).enumerate() {
            let alone = values(x.clone().narrow(0, index, 1));
            assert!(alone == beside, "image {index} of {channels} channels");
        }
    }
}

#[test]
fn a_nan_is_let_through() {
    for options in all_options() {
        let device = Device::flex();
        let x = Tensor::<4>::from_data(TensorData::new(vec![f32::NAN; 16], [1, 1, 4, 4]), &device);
        let weight = random([outputs(options, 2), 1, 3, 3], 2, &device);
        let bias = random([outputs(options, 2)], 3, &device);
        let output = conv3x3(x, weight, bias, options)
            .into_data()
            .try_to_vec::<f32>();
        assert!(
            output.expect("f32").iter().all(|value| value.is_nan()),
            "{options:?}"
        );
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let options = ConvOptions {
        relu: true,
        max_pool: true,
        ..ConvOptions::default()
    };
    let case = Case {
        images: 50,
        inputs: 3,
        outputs: 4,
        height: 8,
        width: 8,
        options,
    };
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads");
        pool.install(|| run(conv3x3, &case, &Device::ndarray()))
    };
    assert_eq!(with_threads(1), with_threads(5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_shape_equals_burns_layers(
        images in 1_usize..12,
        inputs in 1_usize..6,
        outputs in 1_usize..6,
        height in 2_usize..12,
        width in 2_usize..12,
        bits in 0_usize..8,
    ) {
        let options = all_options().nth(bits).expect("eight of them");
        assert_equals_burns_layers(&Case { images, inputs, outputs, height, width, options });
    }
}
