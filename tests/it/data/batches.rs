//! How images become batches.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use trainer::data::{
    DataError, DeviceImages, HostBatch, ImageParts, Images, Variations, mirror_half, small_shifts,
};
use trainer::device::{self, Backend};
use trainer::image::ImageShape;
use trainer::rng::{Stream, rng};

/// Ten images of 2x3 pixels; pixel `p` of image `i` is `25 i + p`.
fn ten_small_images() -> Arc<Images> {
    let values = (0..10_u8)
        .flat_map(|i| (0..6).map(move |p| 25 * i + p))
        .collect();
    Arc::new(unlabelled(values, [1, 2, 3]))
}

fn unlabelled(values: Vec<u8>, [channels, height, width]: [usize; 3]) -> Images {
    let shape = ImageShape {
        channels,
        height,
        width,
    };
    let count = values.len() / shape.len();
    Images::new(ImageParts {
        values,
        shape,
        labels: None,
        manifest: (0..count).map(|index| index.to_string()).collect(),
        source: "made".to_owned(),
    })
    .unwrap()
}

fn values(batch: Tensor<4>) -> Vec<f32> {
    batch.into_data().try_to_vec().expect("f32")
}

/// A GPU, or llvmpipe, where there is an adapter.
fn wgpu() -> Option<Device> {
    let selection = device::select(Backend::Wgpu, 0);
    if let Err(error) = &selection {
        eprintln!("not tested on a GPU: {error}");
    }
    Some(selection.ok()?.device)
}

/// WGSL allows a division 2.5 units in the last place.
fn assert_close(pixels: &[f32], expected: &[f32]) {
    assert_eq!(pixels.len(), expected.len());
    for (pixel, expected) in pixels.iter().zip(expected) {
        assert!((pixel - expected).abs() <= 2.5 * f32::EPSILON * expected);
    }
}

/// The CPU, and a GPU where there is one.
fn devices() -> Vec<Device> {
    let mut devices = vec![Device::flex()];
    devices.extend(wgpu());
    devices
}

fn images_on(dataset: &Arc<Images>, device: &Device) -> DeviceImages {
    DeviceImages::new(dataset.clone(), device)
}

#[test]
fn batches_hold_every_index_once_in_order_and_the_last_may_be_smaller() {
    let dataset = ten_small_images();
    let indices = [9, 0, 3, 4, 8, 1, 2];
    for device in devices() {
        let batches = images_on(&dataset, &device).batches(&indices, 3).unwrap();
        assert_eq!(batches.len(), 3);
        let batches: Vec<Tensor<4>> = batches.collect();
        let shapes: Vec<[usize; 4]> = batches.iter().map(Tensor::dims).collect();
        assert_eq!(shapes, [[3, 1, 2, 3], [3, 1, 2, 3], [1, 1, 2, 3]]);
        let seen: Vec<f32> = batches.into_iter().flat_map(values).collect();
        let expected = HostBatch::gather(&dataset, &indices).unwrap().values;
        assert_close(&seen, &expected);
    }
}

#[test]
fn pixels_are_bytes_over_255() {
    let dataset = Arc::new(unlabelled((0..=255).collect(), [1, 16, 8]));
    let expected: Vec<f32> = (128..=255)
        .chain(0..128)
        .map(|byte: u8| f32::from(byte) / 255.0)
        .collect();
    let batch = HostBatch::gather(&dataset, &[1, 0]).unwrap();
    assert_eq!(batch.values, expected);
    for device in devices() {
        let images = images_on(&dataset, &device);
        let batch = images.batches(&[1, 0], 2).unwrap().next().unwrap();
        assert_close(&values(batch), &expected);
    }
}

#[test]
fn a_batch_becomes_a_tensor_of_one_channel_with_its_pixels() {
    let batch = HostBatch::gather(&ten_small_images(), &[1, 2]).unwrap();
    let tensor = batch.clone().into_tensor(&Device::flex());
    assert_eq!(tensor.dims(), [2, 1, 2, 3]);
    assert_eq!(values(tensor), batch.values);
}

/// Images that don't fit the budget stay in host memory, and are the same on the device.
#[test]
fn images_without_room_on_a_device_are_streamed() {
    let bytes = (0..10 * 3 * 4 * 5).map(|value| u8::try_from(value % 251).unwrap());
    let images = Arc::new(unlabelled(bytes.collect(), [3, 4, 5]));
    let order = [3, 9, 0, 4, 4];
    let mirrored = [true, false, true, true, false];
    for device in devices() {
        let seen = |images: DeviceImages| -> Vec<Vec<f32>> {
            let batches = images
                .varied_batches(&order, only_mirrored(&mirrored), 2)
                .unwrap();
            batches.map(self::values).collect()
        };
        let resident = seen(DeviceImages::new(images.clone(), &device));
        // A byte less than they take.
        let streamed = seen(DeviceImages::within(
            images.clone(),
            &device,
            10 * 3 * 4 * 5 - 1,
        ));
        assert_eq!(streamed.len(), 3);
        for (streamed, resident) in streamed.iter().zip(&resident) {
            assert_close(streamed, resident);
        }
    }
}

#[test]
fn dropping_batches_half_way_ends_their_thread() {
    let dataset = ten_small_images();
    let indices: Vec<u32> = (0..10).collect();
    let mut batches = images_on(&dataset, &Device::flex())
        .batches(&indices, 1)
        .unwrap();
    let first = values(batches.next().unwrap());
    assert_eq!(first, HostBatch::gather(&dataset, &[0]).unwrap().values);
    assert_eq!(batches.len(), 9);
    drop(batches);
    assert_eq!(
        Arc::strong_count(&dataset),
        1,
        "the thread still holds the data set"
    );
}

#[test]
fn an_epoch_of_no_images_has_no_batches() {
    for device in devices() {
        let images = images_on(&ten_small_images(), &device);
        assert_eq!(images.batches(&[], 4).unwrap().count(), 0);
    }
}

#[test]
fn a_batch_size_of_zero_and_an_index_beyond_the_data_are_refused() {
    let images = images_on(&ten_small_images(), &Device::flex());
    assert_error!(images.batches(&[0], 0), DataError::ZeroBatchSize);
    assert_error!(
        images.batches(&[0, 10], 4),
        DataError::IndexRange {
            index: 10,
            images: 10,
            ..
        }
    );
    assert_error!(
        HostBatch::gather(&ten_small_images(), &[11]),
        DataError::IndexRange { index: 11, .. }
    );
}

#[test]
fn the_images_that_are_to_be_mirrored_are_and_no_others() {
    let dataset = ten_small_images();
    let indices = [7, 1, 0, 9, 4];
    let original = HostBatch::gather(&dataset, &indices).unwrap().values;
    // One is beyond the end.
    let mirrored = [true, false, false, true];
    let expected: Vec<f32> = original
        .chunks(6)
        .zip(mirrored.into_iter().chain([false]))
        .flat_map(|(image, mirrored)| {
            let order = if mirrored {
                [2, 1, 0, 5, 4, 3]
            } else {
                [0, 1, 2, 3, 4, 5]
            };
            order.map(|pixel| image[pixel])
        })
        .collect();
    for device in devices() {
        let images = images_on(&dataset, &device);
        let batches = images
            .varied_batches(&indices, only_mirrored(&mirrored), 2)
            .unwrap();
        let seen: Vec<f32> = batches.flat_map(values).collect();
        assert_close(&seen, &expected);
    }
}

#[test]
fn about_half_of_the_images_are_mirrored() {
    let count = mirror_half(1_000, &mut rng(0, Stream::Augment, 0))
        .into_iter()
        .filter(|&mirrored| mirrored)
        .count();
    assert!((430..570).contains(&count), "{count} of 1,000");
}

fn only_mirrored(mirrored: &[bool]) -> Variations {
    Variations {
        mirrored: mirrored.to_vec(),
        ..Variations::default()
    }
}

#[test]
fn images_are_moved_and_their_edges_repeated() {
    let shape = ImageShape {
        channels: 2,
        height: 2,
        width: 3,
    };
    let parts = ImageParts {
        values: (0..12).collect(),
        shape,
        labels: None,
        manifest: vec!["a".to_owned()],
        source: "test".to_owned(),
    };
    let images = Arc::new(Images::new(parts).unwrap());
    let on_device = DeviceImages::new(images, &Device::flex());
    for (shift, mirrored, expected) in [
        ([0, 0], false, [0, 1, 2, 3, 4, 5]),
        ([1, 0], false, [0, 1, 2, 0, 1, 2]),
        ([-1, 0], false, [3, 4, 5, 3, 4, 5]),
        ([0, 1], false, [0, 0, 1, 3, 3, 4]),
        ([0, -2], false, [2, 2, 2, 5, 5, 5]),
        ([1, 1], true, [1, 0, 0, 1, 0, 0]),
        ([9, -9], false, [2, 2, 2, 2, 2, 2]),
    ] {
        let variations = Variations {
            mirrored: vec![mirrored],
            shifts: vec![shift],
        };
        let mut batches = on_device.varied_batches(&[0], variations, 1).unwrap();
        let values: Vec<f32> = batches.next().unwrap().into_data().try_to_vec().unwrap();
        let bytes: Vec<u8> = values
            .iter()
            .map(|value| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a byte"
                )]
                let byte = (value * 255.0).round() as u8;
                byte
            })
            .collect();
        assert_eq!(bytes[..6], expected, "{shift:?}");
        assert_eq!(bytes[6..], expected.map(|value| value + 6), "{shift:?}");
    }
}

#[test]
fn shifts_are_small_and_of_all_sizes() {
    let shape = ImageShape {
        channels: 1,
        height: 64,
        width: 20,
    };
    let shifts = small_shifts(5_000, shape, &mut rng(0, Stream::Augment, 0));
    for (axis, most) in [(0, 4), (1, 1)] {
        for amount in -most..=most {
            let count = shifts.iter().filter(|shift| shift[axis] == amount).count();
            let expected = 5_000 / usize::try_from(2 * most + 1).unwrap();
            assert!(count.abs_diff(expected) < 150, "{axis} {amount}: {count}");
        }
        assert!(shifts.iter().all(|shift| shift[axis].abs() <= most));
    }
}
