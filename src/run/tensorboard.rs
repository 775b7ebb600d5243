//! `tb/events.out.tfevents.<time>.<host>`: the run for TensorBoard, an event file for each process
//! that trains it.
//!
//! An event file is a sequence of records (TFRecord), each of which is, in little-endian order,
//!
//! ```text
//! length: u64 · masked CRC-32C of the length: u32 · event · masked CRC-32C of the event: u32
//! ```
//!
//! and an event is a protobuf message (tensorflow/core/util/event.proto). Of its messages only a few
//! fields are needed, which are encoded here by hand.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::holder::own_host;
use super::{EpochMetrics, RunDir};

/// Writes what happens in a run for TensorBoard. A failure is a warning, the first time, and ends
/// the writing: a run doesn't fail for it.
#[derive(Debug)]
pub struct EventFile {
    folder: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No epoch yet, and no file.
    Empty,
    Open(File),
    Failed,
}

impl EventFile {
    /// The event file of this process in a run. It is created with the first epoch.
    #[must_use]
    pub fn new(run: &RunDir) -> Self {
        Self {
            folder: run.path().join("tb"),
            state: State::Empty,
        }
    }

    /// Adds an epoch: its numbers, and the picture of its reconstructions, a PNG file. The bytes have
    /// been handed to the system when this returns.
    pub fn record(&mut self, metrics: &EpochMetrics, picture: &Path) {
        if matches!(self.state, State::Failed) {
            return;
        }
        if let Err(error) = self.try_record(metrics, picture) {
            tracing::warn!(
                "{}: can't write for TensorBoard, so there will be nothing more: {error}",
                self.folder.display()
            );
            self.state = State::Failed;
        }
    }

    fn try_record(&mut self, metrics: &EpochMetrics, picture: &Path) -> io::Result<()> {
        let now = seconds_since_1970();
        let mut records = Vec::new();
        if let State::Empty = self.state {
            self.state = State::Open(create(&self.folder, now)?);
            push_record(&mut records, &first_event(now));
            push_record(&mut records, &start_event(now, metrics.epoch));
        }
        push_record(&mut records, &scalars_event(now, metrics));
        // Without the feature `cli`, none is drawn.
        if let Ok(png) = fs::read(picture) {
            push_record(&mut records, &picture_event(now, metrics.epoch, &png)?);
        }
        match &mut self.state {
            // One write an epoch: a reader sees whole records, but for a full disk.
            State::Open(file) => file.write_all(&records),
            State::Empty | State::Failed => Ok(()),
        }
    }
}

fn seconds_since_1970() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

/// Creates a file that no other process has; TensorBoard reads them in the order of their names.
fn create(folder: &Path, now: f64) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let host = own_host().unwrap_or_else(|| "localhost".to_owned());
    let host: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = format!("events.out.tfevents.{now:.0}.{host}");
    let mut path = folder.join(&name);
    let mut count = 1_u32;
    loop {
        match File::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                count += 1;
                path = folder.join(format!("{name}.{count}"));
            }
            result => return result,
        }
    }
}

fn push_record(records: &mut Vec<u8>, event: &[u8]) {
    let length = (event.len() as u64).to_le_bytes();
    records.extend(length);
    records.extend(masked_crc(&length).to_le_bytes());
    records.extend(event);
    records.extend(masked_crc(event).to_le_bytes());
}

/// Masked, since a CRC of data with CRCs in it is weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// `Event { wall_time = 1, file_version = 3 }`, which every file begins with.
fn first_event(now: f64) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, now);
    event.bytes(3, b"brain.Event:2");
    event.0
}

/// `Event { wall_time = 1, step = 2, session_log = 7 }` with `SessionLog { status = 1: START = 1 }`:
/// readers forget what earlier files say of this step and later ones, which are done again.
fn start_event(now: f64, step: usize) -> Vec<u8> {
    let mut log = Message::default();
    log.integer(1, 1);
    let mut event = Message::default();
    event.double(1, now);
    event.integer(2, step as u64);
    event.bytes(7, &log.0);
    event.0
}

fn scalars_event(now: f64, metrics: &EpochMetrics) -> Vec<u8> {
    let scalars = [
        ("loss/train", metrics.train_loss),
        ("loss/validation", metrics.validation_loss),
        ("validation/ssim", metrics.validation_ssim),
        ("validation/psnr", metrics.validation_psnr),
        ("validation/mse", metrics.validation_mse),
        ("learning_rate", metrics.learning_rate),
        ("speed/images_per_second", metrics.images_per_second),
    ];
    // Value { tag = 1, simple_value = 2 }
    let values = scalars.map(|(tag, value)| {
        let mut message = Message::default();
        message.bytes(1, tag.as_bytes());
        message.float(2, value);
        message
    });
    summary_event(now, metrics.epoch, &values)
}

fn picture_event(now: f64, step: usize, png: &[u8]) -> io::Result<Vec<u8>> {
    const RGB: u64 = 3;
    let reader = image::ImageReader::with_format(io::Cursor::new(png), image::ImageFormat::Png);
    let (width, height) = reader.into_dimensions().map_err(io::Error::other)?;
    // Image { height = 1, width = 2, colorspace = 3, encoded_image_string = 4 }
    let mut image = Message::default();
    image.integer(1, height.into());
    image.integer(2, width.into());
    image.integer(3, RGB);
    image.bytes(4, png);
    // Value { tag = 1, image = 4 }
    let mut value = Message::default();
    value.bytes(1, b"reconstructions");
    value.bytes(4, &image.0);
    Ok(summary_event(now, step, &[value]))
}

/// `Event { wall_time = 1, step = 2, summary = 5 }` with `Summary { repeated value = 1 }`.
fn summary_event(now: f64, step: usize, values: &[Message]) -> Vec<u8> {
    let mut summary = Message::default();
    for value in values {
        summary.bytes(1, &value.0);
    }
    let mut event = Message::default();
    event.double(1, now);
    event.integer(2, step as u64);
    event.bytes(5, &summary.0);
    event.0
}

/// A protobuf message: fields, each after its number and the way it is encoded.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    const VARINT: u64 = 0;
    const EIGHT_BYTES: u64 = 1;
    const LENGTH_FIRST: u64 = 2;
    const FOUR_BYTES: u64 = 5;

    fn integer(&mut self, field: u64, value: u64) {
        self.varint(field << 3 | Self::VARINT);
        self.varint(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | Self::EIGHT_BYTES);
        self.0.extend(value.to_le_bytes());
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "TensorBoard's scalars are f32"
    )]
    fn float(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | Self::FOUR_BYTES);
        self.0.extend((value as f32).to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | Self::LENGTH_FIRST);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    /// Seven bits a byte, the lowest first; the highest bit says that there are more.
    #[expect(clippy::cast_possible_truncation, reason = "masked")]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
