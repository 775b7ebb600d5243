//! Images of every kind that the tests compare, and the command that compares them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::{EncodableLayout, ImageBuffer, Luma, PixelWithColorType};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::trainer;

/// What the library promises against double precision.
pub const TOLERANCE: f64 = 2e-5;
/// Sides of the images that are made here.
pub const HEIGHT: u32 = 24;
pub const WIDTH: u32 = 32;

pub fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

pub fn reference(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join("reference").join(name)
}

pub fn ssim(a: &Path, b: &Path) -> Command {
    let mut command = trainer();
    command.args(["ssim", "--backend", "flex"]).arg(a).arg(b);
    command
}

pub fn parsed(command: &mut Command) -> Value {
    let assert = command.arg("--json").assert();
    serde_json::from_slice(&assert.get_output().stdout).expect("JSON on standard output")
}

pub fn score(a: &Path, b: &Path) -> f64 {
    number(&parsed(&mut ssim(a, b))["ssim"])
}

pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

pub fn assert_near(actual: f64, expected: f64, tolerance: f64) {
    assert!(
        (actual - expected).abs() <= tolerance,
        "{actual} instead of {expected}"
    );
}

/// A pixel of a texture; each `seed` has another one.
pub fn texture(seed: u32, x: u32, y: u32) -> u8 {
    let wave = (x + 3 * y + 7 * seed) * (13 + seed) + x * y;
    u8::try_from(wave % 251).expect("below 251")
}

/// Writes the texture as a grey image and returns its path.
pub fn grey(folder: &Path, name: &str, seed: u32) -> PathBuf {
    sized(folder, name, seed, [HEIGHT, WIDTH])
}

pub fn sized(folder: &Path, name: &str, seed: u32, [height, width]: [u32; 2]) -> PathBuf {
    save(folder, name, [height, width], |x, y| {
        Luma([texture(seed, x, y)])
    })
}

/// Writes any kind of image, its parent folders among it, and returns its path.
pub fn save<P>(
    folder: &Path,
    name: &str,
    [height, width]: [u32; 2],
    pixel: impl Fn(u32, u32) -> P,
) -> PathBuf
where
    P: PixelWithColorType,
    [P::Subpixel]: EncodableLayout,
{
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
    ImageBuffer::<P, Vec<P::Subpixel>>::from_fn(width, height, pixel)
        .save(&path)
        .expect("a written image");
    path
}

/// A PNG file, chunk by chunk, for what the encoder doesn't write.
pub fn raw_png(
    [height, width]: [u32; 2],
    [depth, color]: [u8; 2],
    chunks: &[(&[u8], &[u8])],
    rows: &[u8],
) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], data: &[u8]| {
        let length = u32::try_from(data.len()).expect("a short chunk");
        file.extend(length.to_be_bytes());
        file.extend(name);
        file.extend(data);
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(data);
        file.extend(crc.sum().to_be_bytes());
    };
    let header = [
        &width.to_be_bytes(),
        &height.to_be_bytes(),
        &[depth, color, 0, 0][..],
        &[0],
    ];
    chunk(b"IHDR", &header.concat());
    for (name, data) in chunks {
        chunk(name, data);
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(rows).expect("memory");
    chunk(b"IDAT", &encoder.finish().expect("memory"));
    chunk(b"IEND", &[]);
    file
}

/// Two folders: `first.png` and `sub/second.png` in both, in three sizes; and others around them.
pub fn two_folders() -> (TempDir, PathBuf, PathBuf) {
    let root = folder();
    let [a, b] = ["a", "b"].map(|name| root.path().join(name));
    for (side, seed) in [(&a, 1), (&b, 2)] {
        sized(side, "first.png", seed, [HEIGHT, WIDTH]);
        sized(side, "sub/second.png", seed, [WIDTH, HEIGHT]);
        sized(side, "third.PNG.png", 3, [WIDTH, HEIGHT]);
        fs::write(side.join("notes.txt"), "no image").expect("a written file");
        fs::write(side.join("._first.png"), "no image").expect("a written file");
    }
    (root, a, b)
}
