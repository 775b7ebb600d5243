//! How images become batches.

use std::sync::Arc;

use burn::tensor::Device;
use trainer::data::{Batches, DataError, Dataset, HostBatch};
use trainer::rng::{Stream, rng};

/// Ten images of 2x3 pixels; pixel `p` of image `i` is `25 i + p`.
fn ten_small_images() -> Arc<Dataset> {
    let pixels = (0..10_u8)
        .flat_map(|i| (0..6).map(move |p| 25 * i + p))
        .collect();
    Arc::new(Dataset::new(pixels, vec![0; 10], 2, 3, "small".to_owned()).unwrap())
}

#[test]
fn batches_hold_every_index_once_in_order_and_the_last_may_be_smaller() {
    let indices = vec![9, 0, 3, 4, 8, 1, 2];
    let batches = Batches::new(ten_small_images(), indices.clone(), 3).unwrap();
    assert_eq!(batches.len(), 3);
    let batches: Vec<HostBatch> = batches.collect();
    assert_eq!(
        batches.iter().map(HostBatch::len).collect::<Vec<_>>(),
        [3, 3, 1]
    );
    let seen: Vec<u32> = batches
        .iter()
        .flat_map(|batch| batch.indices.clone())
        .collect();
    assert_eq!(seen, indices);
    for batch in &batches {
        assert_eq!(
            (batch.height, batch.width, batch.pixels.len()),
            (2, 3, 6 * batch.len())
        );
    }
}

#[test]
fn pixels_are_bytes_over_255() {
    let dataset = Dataset::new((0..=255).collect(), vec![0; 2], 16, 8, "bytes".to_owned()).unwrap();
    let batch = HostBatch::gather(&dataset, &[1, 0]).unwrap();
    let (first, last) = (batch.pixels[128], batch.pixels[127]);
    assert_eq!(
        (first.to_bits(), last.to_bits()),
        (0_f32.to_bits(), 1_f32.to_bits())
    );
    let expected = (128..=255)
        .chain(0..128)
        .map(|byte: u8| f32::from(byte) / 255.0);
    assert!(
        batch
            .pixels
            .iter()
            .zip(expected)
            .all(|(pixel, value)| pixel.to_bits() == value.to_bits())
    );
    let batches = Batches::new(Arc::new(dataset), vec![1, 0], 2).unwrap();
    assert_eq!(batches.collect::<Vec<_>>(), [batch]);
}

#[test]
fn a_batch_becomes_a_tensor_of_one_channel_with_its_pixels() {
    let batch = HostBatch::gather(&ten_small_images(), &[1, 2]).unwrap();
    let tensor = batch.clone().into_tensor(&Device::flex());
    assert_eq!(tensor.dims(), [2, 1, 2, 3]);
    assert_eq!(
        tensor.into_data().try_to_vec::<f32>().unwrap(),
        batch.pixels
    );
}

#[test]
fn dropping_batches_half_way_ends_their_thread() {
    let dataset = ten_small_images();
    let mut batches = Batches::new(dataset.clone(), (0..10).collect(), 1).unwrap();
    assert_eq!(batches.next().unwrap().indices, [0]);
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
    assert_eq!(
        Batches::new(ten_small_images(), vec![], 4).unwrap().count(),
        0
    );
}

#[test]
fn a_batch_size_of_zero_and_an_index_beyond_the_data_are_refused() {
    assert_error!(
        Batches::new(ten_small_images(), vec![0], 0),
        DataError::ZeroBatchSize
    );
    assert_error!(
        Batches::new(ten_small_images(), vec![0, 10], 4),
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
fn a_flip_mirrors_about_half_of_the_images_left_to_right() {
    let images = ten_small_images();
    let mut mirrored = 0;
    for seed in 0..20 {
        let indices: Vec<u32> = (0..10).collect();
        let original = HostBatch::gather(&images, &indices).unwrap();
        let mut batch = original.clone();
        batch.flip(&mut rng(seed, Stream::Augment, 0));
        let pairs = original.pixels.chunks(6).zip(batch.pixels.chunks(6));
        for (image, flipped) in pairs {
            let mirror = [2, 1, 0, 5, 4, 3].map(|pixel| image[pixel]);
            assert!(flipped == image || flipped == mirror);
            mirrored += usize::from(flipped == mirror);
        }
    }
    assert!((70..130).contains(&mirrored), "{mirrored} of 200");
}
