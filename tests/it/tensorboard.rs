//! The event files for TensorBoard, read by this file's own reader.

use std::fs;
use std::path::Path;

use crate::common::folder::{Outcome, history, names_in, new_run};
use crate::common::{column, only_run, small_run};
use image::RgbImage;
use trainer::run::{EventFile, RunDir, save_png};

/// CRC-32C by its definition, a bit at a time: the polynomial 0x1EDC6F41, reflected.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The events of a file, whose frames and CRCs are right.
fn events(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut events = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(u32_at(&bytes, at + 8), masked(crc32c(&bytes[at..at + 8])));
        let end = at + 12 + usize::try_from(length).unwrap();
        let event = bytes[at + 12..end].to_vec();
        assert_eq!(u32_at(&bytes, end), masked(crc32c(&event)));
        events.push(event);
        at = end + 4;
    }
    events
}

/// Where a protobuf field begins: its tag, its length if it has one, and its content.
fn contains(event: &[u8], field: &[u8]) -> bool {
    event.windows(field.len()).any(|window| window == field)
}

/// `Value { tag: "…", simple_value: … }` as bytes.
fn scalar(tag: &str, value: f32) -> Vec<u8> {
    let mut bytes = vec![0x0a, u8::try_from(tag.len()).unwrap()];
    bytes.extend(tag.as_bytes());
    bytes.push(0x15);
    bytes.extend(value.to_le_bytes());
    bytes
}

fn event_files(run: &RunDir) -> Vec<String> {
    names_in(&run.path().join("tb"))
}

#[test]
fn the_readers_crc_is_the_known_one() {
    // RFC 3720, B.4, and the check value of the catalogue of CRCs
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn a_file_begins_as_tensorflows_do_and_has_the_numbers_and_the_picture_of_each_epoch() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let picture = run.epoch_picture(1);
    save_png(&RgbImage::new(300, 2), &picture)?;
    let mut file = EventFile::new(&run);
    assert!(!run.path().join("tb").exists(), "no epoch, no file");
    for row in &history(2) {
        file.record(row, &picture);
    }

    let names = event_files(&run);
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with("events.out.tfevents."), "{names:?}");
    let path = run.path().join("tb").join(&names[0]);
    let events = events(&path);
    assert_eq!(events.len(), 2 + 2 * 2);
    // The frame of the 24 bytes of TensorFlow's own first event.
    let bytes = fs::read(&path)?;
    assert_eq!(
        bytes[..12],
        [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]
    );
    assert_eq!(events[0][0], 0x09, "wall time, eight bytes");
    assert_eq!(events[0][9..], *b"\x1a\x0dbrain.Event:2");
    assert_eq!(events[1][9..], *b"\x10\x01\x3a\x02\x08\x01", "a start");

    for (row, event) in history(2).iter().zip([&events[2], &events[4]]) {
        assert_eq!(event[9..11], [0x10, u8::try_from(row.epoch)?]);
        #[expect(clippy::cast_possible_truncation, reason = "as they are written")]
        let scalars = [
            ("loss/train", row.train_loss as f32),
            ("loss/validation", row.validation_loss as f32),
            ("validation/ssim", row.validation_ssim as f32),
            ("validation/psnr", row.validation_psnr as f32),
            ("validation/mse", row.validation_mse as f32),
            ("learning_rate", row.learning_rate as f32),
            ("speed/images_per_second", row.images_per_second as f32),
        ];
        for (tag, value) in scalars {
            assert!(contains(event, &scalar(tag, value)), "{tag}");
        }
    }
    let png = fs::read(&picture)?;
    for event in [&events[3], &events[5]] {
        // Height 2, width 300 (a varint of two bytes), RGB.
        assert!(contains(event, b"\x08\x02\x10\xac\x02\x18\x03\x22"));
        assert!(event.ends_with(&png));
    }
    Ok(())
}

#[test]
fn another_process_adds_a_file() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    save_png(&RgbImage::new(1, 1), &run.epoch_picture(1))?;
    for _ in 0..3 {
        EventFile::new(&run).record(&history(1)[0], &run.epoch_picture(1));
    }
    assert_eq!(event_files(&run).len(), 3);
    Ok(())
}

#[test]
fn a_failure_is_no_failure_of_the_run() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    fs::write(run.path().join("tb"), "in the way")?;
    let mut file = EventFile::new(&run);
    for row in &history(2) {
        file.record(row, &run.epoch_picture(1));
    }
    assert_eq!(fs::read(run.path().join("tb"))?, b"in the way");
    Ok(())
}

#[test]
fn training_writes_them() {
    let runs = tempfile::tempdir().expect("a folder");
    small_run(runs.path()).assert().success();
    let path = only_run(runs.path());
    let run = RunDir::open(&path).expect("a run");
    let events = events(&path.join("tb").join(&event_files(&run)[0]));
    assert_eq!(events.len(), 2 + 2 * 2);
    for (ssim, event) in column(&path, "validation_ssim")
        .into_iter()
        .zip([&events[2], &events[4]])
    {
        #[expect(clippy::cast_possible_truncation, reason = "as it is written")]
        let field = scalar("validation/ssim", ssim as f32);
        assert!(contains(event, &field));
    }
}
