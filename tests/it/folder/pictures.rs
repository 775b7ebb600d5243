//! Every format and peculiarity, read to the pixel. `tests/reference/make_pictures.py` made the files, and
//! beside each what Pillow reads from it.

use std::fs;
use std::path::{Path, PathBuf};

use image::DynamicImage;
use moxcms::{ColorProfile, Layout, TransformOptions};
use proptest::prelude::*;
use tempfile::tempdir;
use trainer::decode::{Background, Fault, Largest, Note, Samples, Upright, decode, upright_size};

use super::{load, skipped};
use crate::common::folder::Outcome;

const LARGEST: Largest = Largest {
    side: 10_000,
    area: 1 << 24,
};

fn folder() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join("reference/pictures")
}

/// Files in a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("UTF-8")
}

fn read(path: &Path) -> Result<Upright, Fault> {
    decode(&fs::read(path).expect("a file"), LARGEST)?.upright(None)
}

/// The files that are read, and what Pillow reads from them.
fn pairs() -> Vec<(PathBuf, PathBuf)> {
    let all = files(&folder());
    let expected = |path: &PathBuf| path.with_file_name(format!("{}.png", name(path)));
    let pairs = all.iter().map(|path| (path.clone(), expected(path)));
    pairs.filter(|(_, expected)| expected.is_file()).collect()
}

#[test]
fn every_file_is_read_to_the_pixel() {
    let pairs = pairs();
    assert!(pairs.len() > 70, "{}", pairs.len());
    for (path, expected) in pairs {
        let name = name(&path);
        let picture = read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = image::open(&expected).expect("PNG");
        assert_eq!(
            (picture.width, picture.height),
            (expected.width() as usize, expected.height() as usize),
            "{name}"
        );
        let expected = match picture.channels {
            1 => expected.to_luma8().into_raw(),
            _ => expected.to_rgb8().into_raw(),
        };
        let differences = expected.iter().zip(&picture.pixels);
        let differences: Vec<u8> = differences.map(|(&a, &b)| a.abs_diff(b)).collect();
        let most = differences.iter().copied().max().unwrap_or(0);
        let sum: f64 = differences.iter().copied().map(f64::from).sum();
        let mean = sum / f64::from(u32::try_from(differences.len()).expect("few"));
        let is_subsampled =
            name.contains("-420") || name.contains("-422") || name == "webp-lossy.webp";
        let is_lossy = name.starts_with("jpeg") || name == "tiff-rgb-jpeg.tif";
        if is_subsampled {
            assert!(mean <= 2.0, "{name}: {mean}");
        } else {
            // CMYK is rounded on its way to RGB.
            let limit = match name {
                _ if is_lossy => 3,
                "tiff-cmyk.tif" => 1,
                _ => 0,
            };
            assert!(most <= limit, "{name}: {most}");
        }
        let size = upright_size(&fs::read(&path).expect("a file"), LARGEST).expect("a size");
        assert_eq!(size, [picture.height, picture.width], "{name}");
        let is_animated = name.contains("animated");
        assert_eq!(
            picture.notes.contains(&Note::Animation),
            is_animated,
            "{name}"
        );
        let has_pages = name.contains("pages");
        assert_eq!(picture.notes.contains(&Note::Pages), has_pages, "{name}");
    }
}

#[test]
fn a_folder_of_them_is_read_and_every_broken_file_is_named() -> Outcome {
    let home = tempdir()?;
    let broken = files(&folder().join("broken"));
    for (path, _) in pairs() {
        fs::copy(&path, home.path().join(name(&path)))?;
    }
    for path in &broken {
        fs::copy(path, home.path().join(format!("zz-{}", name(path))))?;
    }
    let before: Vec<_> = files(home.path()).iter().map(fs::metadata).collect();
    let images = load(home.path())?;
    assert_eq!(images.len(), pairs().len());
    let named = skipped(&images);
    assert_eq!(named.len(), broken.len(), "{named:#?}");
    for path in &broken {
        let start = format!("zz-{}: ", name(path));
        let line = named.iter().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{start} is not in {named:#?}"));
        let expected = match name(path) {
            "html.jpg" => "it's HTML or XML",
            "heic.jpg" => "it's an AVIF or HEIC image",
            "png-empty.png" => "it's empty",
            "png-huge.png" => "it is too large",
            "png-transparent.png" => "it has transparent pixels",
            "png-flipped-byte.png" => "PNG",
            "tiff-float.tif" => "that isn't read",
            "jpeg-cmyk-no-adobe.jpg" => "it is CMYK",
            cut if cut.contains("cut") || cut.contains("no-end") => "take another copy",
            other => panic!("{other} is not expected"),
        };
        assert!(line.contains(expected), "{line}");
    }
    for (path, before) in files(home.path()).iter().zip(before) {
        assert_eq!(fs::metadata(path)?.modified()?, before?.modified()?);
    }
    Ok(())
}

/// A file that is cut off anywhere is none, or (where only what follows the pixels is missing) whole.
#[test]
fn no_cut_file_is_read_as_a_part_of_a_picture() {
    for file in [
        "jpeg-444.jpg",
        "jpeg-progressive.jpg",
        "jpeg-grey.jpg",
        "png-rgb.png",
        "webp-lossless.webp",
        "webp-lossy.webp",
        "gif-plain.gif",
        "tiff-rgb.tif",
        "tiff-rgb-lzw.tif",
        "tiff-palette.tif",
        "tiff-palette-4.tif",
        "bmp-24.bmp",
        "bmp-palette-8.bmp",
        "pnm-p6.ppm",
        "pnm-p5.pgm",
        "qoi-rgb.qoi",
    ] {
        let path = folder().join(file);
        let whole = fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let picture = read(&path).expect("a picture");
        for length in 0..whole.len() {
            let cut = decode(&whole[..length], LARGEST);
            let cut = cut.and_then(|decoded| decoded.upright(None));
            if let Ok(cut) = cut {
                assert_eq!(cut.pixels, picture.pixels, "{file} cut to {length} bytes");
            }
        }
    }
}

#[test]
fn values_of_16_bits_are_rounded() {
    let words = [
        0_u16, 127, 128, 129, 385, 386, 32_767, 32_896, 65_406, 65_407, 65_535,
    ];
    let bytes = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    let expected: Vec<u8> = words
        .iter()
        .map(|&word| {
            let value = (f64::from(word) / 257.0).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 255"
            )]
            let byte = value as u8;
            byte
        })
        .collect();
    assert_eq!(Samples::Words(bytes).into_bytes(), expected);
}

/// A profile of other primaries is converted as the crate for colours does it; sRGB's own changes nothing.
#[test]
fn colours_of_another_profile_become_srgb() -> Outcome {
    let home = tempdir()?;
    let pixels: Vec<u8> = (0..=255)
        .flat_map(|level| [level, 255 - level, 100])
        .collect();
    let write =
        |profile: &ColorProfile, file: &str| -> Result<PathBuf, Box<dyn std::error::Error>> {
            let path = home.path().join(file);
            let mut encoder = png::Encoder::new(fs::File::create(&path)?, 16, 16);
            encoder.set_color(png::ColorType::Rgb);
            let mut info = png::Info::with_size(16, 16);
            info.color_type = png::ColorType::Rgb;
            info.bit_depth = png::BitDepth::Eight;
            info.icc_profile = Some(profile.encode()?.into());
            let encoder = png::Encoder::with_info(fs::File::create(&path)?, info)?;
            encoder.write_header()?.write_image_data(&pixels)?;
            Ok(path)
        };
    let p3 = ColorProfile::new_display_p3();
    let picture = read(&write(&p3, "p3.png")?)?;
    let mut expected = vec![0; pixels.len()];
    p3.create_transform_8bit(
        Layout::Rgb,
        &ColorProfile::new_srgb(),
        Layout::Rgb,
        TransformOptions::default(),
    )?
    .transform(&pixels, &mut expected)?;
    assert_ne!(picture.pixels, pixels);
    assert_eq!(picture.pixels, expected);
    assert!(picture.notes.is_empty());
    Ok(())
}

#[test]
fn backgrounds_are_colours_by_name_or_number() {
    for (word, colour, shown) in [
        ("white", [255, 255, 255], "white"),
        ("BLACK", [0, 0, 0], "black"),
        ("#ff8000", [255, 128, 0], "#ff8000"),
        ("#FFFFFF", [255, 255, 255], "white"),
    ] {
        let background: Background = word.parse().expect("a colour");
        assert_eq!(
            (background.0, background.to_string()),
            (colour, shown.to_owned())
        );
    }
    for wrong in ["", "#fff", "ff8000", "#gg0000", "blanc", "#ff80000"] {
        assert!(wrong.parse::<Background>().is_err(), "{wrong}");
    }
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = pairs()
        .iter()
        .map(|(path, _)| fs::read(path).expect("a file"))
        .collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (
        prop::sample::select(files),
        damage,
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(mut bytes, damage, cut, is_cut)| {
            for (place, byte) in damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_bytes_are_a_picture_or_an_error(bytes in any_file()) {
        let _ = upright_size(&bytes, LARGEST);
        if let Ok(decoded) = decode(&bytes, LARGEST)
            && let Ok(picture) = decoded.upright(Some(Background([255; 3])))
        {
            prop_assert_eq!(
                picture.pixels.len(),
                picture.height * picture.width * picture.channels
            );
        }
    }

    #[test]
    fn any_bytes_are_a_picture_or_an_error(start in prop::sample::select(vec![
        &b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"qoif", b"P4\n", b"P7\n",
        b"RIFF\x20\0\0\0WEBPVP8L", b"",
    ]), rest: Vec<u8>) {
        let _ = decode(&[start, &rest].concat(), LARGEST);
    }
}

/// A picture that is used where only its being one matters.
#[test]
fn a_picture_that_claims_a_huge_size_is_refused_before_it_is_decoded() {
    let image = DynamicImage::new_rgb8(3000, 3000);
    for format in [
        image::ImageFormat::Png,
        image::ImageFormat::Jpeg,
        image::ImageFormat::WebP,
        image::ImageFormat::Bmp,
        image::ImageFormat::Gif,
        image::ImageFormat::Tiff,
        image::ImageFormat::Pnm,
        image::ImageFormat::Qoi,
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).expect("encoding");
        let small = Largest {
            side: 10_000,
            area: 1_000_000,
        };
        for found in [
            decode(bytes.get_ref(), small).map(|_| ()),
            upright_size(bytes.get_ref(), small).map(|_| ()),
        ] {
            assert!(matches!(found, Err(Fault::TooLarge(_))), "{format:?}");
        }
    }
}
