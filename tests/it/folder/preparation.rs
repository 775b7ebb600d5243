//! What pictures are made into: channels, size, fit.

use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, Luma, Rgba, RgbaImage};
use tempfile::tempdir;
use trainer::data::{Channels, Fit, ImageOptions, Images, Size};
use trainer::image::ImageShape;

use super::{load, picture, sized, skipped};
use crate::common::folder::Outcome;

fn with(folder: &Path, options: ImageOptions) -> Images {
    Images::folder(folder, options).expect("images")
}

fn shape(images: &Images) -> (usize, usize, usize) {
    let ImageShape {
        channels,
        height,
        width,
    } = images.shape();
    (channels, height, width)
}

#[test]
fn images_keep_their_size_if_it_is_one_and_small() -> Outcome {
    let home = tempdir()?;
    let same = home.path().join("same");
    sized(&same, "a.png", 1, 128, 97);
    sized(&same, "b.bmp", 2, 128, 97);
    assert_eq!(shape(&load(&same)?), (3, 97, 128));
    sized(&same, "c.png", 3, 97, 128);
    assert_eq!(shape(&load(&same)?), (3, 64, 64), "two sizes");
    let large = home.path().join("large");
    sized(&large, "a.png", 1, 129, 20);
    assert_eq!(shape(&load(&large)?), (3, 64, 64), "a long side");
    let size = "48x20".parse()?;
    let asked = ImageOptions {
        size,
        ..ImageOptions::default()
    };
    assert_eq!(shape(&with(&large, asked)), (3, 20, 48));
    for wrong in ["0", "x", "64x", "64x0", "9999", "-3", "64x64x64", ""] {
        assert!(wrong.parse::<Size>().is_err(), "{wrong}");
    }
    Ok(())
}

#[test]
fn images_are_grey_if_every_one_is_however_its_file_has_it() -> Outcome {
    let home = tempdir()?;
    let grey = GrayImage::from_fn(16, 12, |x, y| {
        Luma([u8::try_from(9 * x + y).expect("small")])
    });
    let grey = DynamicImage::from(grey);
    grey.save(home.path().join("l.png"))?;
    grey.to_rgb8().save(home.path().join("rgb.png"))?;
    grey.to_luma16().save(home.path().join("l16.png"))?;
    grey.to_rgba8().save(home.path().join("rgba.png"))?;
    let images = load(home.path())?;
    assert_eq!(shape(&images), (1, 12, 16));
    assert_eq!(images.duplicates(), 3);
    assert_eq!(images.image(0), grey.to_luma8().as_raw().as_slice());
    let modes: Vec<&str> = {
        let files = &images.collection().expect("files").files;
        files.iter().map(|file| file.mode.as_str()).collect()
    };
    assert_eq!(modes, ["L", "I;16", "RGB", "RGBA"]);

    picture(home.path(), "z.png", 1);
    let images = load(home.path())?;
    assert_eq!(shape(&images), (3, 12, 16));
    let plane = images.shape().pixels();
    assert_eq!(images.image(0)[..plane], images.image(0)[2 * plane..]);
    let options = ImageOptions {
        channels: Channels::Grey,
        ..ImageOptions::default()
    };
    let made = with(home.path(), options);
    assert_eq!(made.image(0), grey.to_luma8().as_raw().as_slice());
    // By the weights of Pillow's convert("L").
    let pixel = [
        images.image(4)[0],
        images.image(4)[plane],
        images.image(4)[2 * plane],
    ];
    let [red, green, blue] = pixel.map(u32::from);
    let expected = (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16;
    assert_eq!(u32::from(made.image(4)[0]), expected);
    Ok(())
}

#[test]
fn transparent_images_are_skipped_unless_there_is_a_background() -> Outcome {
    let home = tempdir()?;
    let glass = RgbaImage::from_fn(16, 12, |x, _| {
        Rgba([200, 100, 0, if x < 8 { 255 } else { 51 }])
    });
    glass.save(home.path().join("glass.png"))?;
    let error = load(home.path()).expect_err("nothing is left").to_string();
    assert!(error.contains("`background` white"), "{error}");
    for seed in 0..30 {
        picture(home.path(), &format!("{seed}.png"), seed);
    }
    assert!(skipped(&load(home.path())?)[0].starts_with("glass.png: it has transparent pixels"));
    let options = ImageOptions {
        background: Some("#ff0010".parse()?),
        ..ImageOptions::default()
    };
    let images = with(home.path(), options);
    let glass = images.image(30);
    let plane = images.shape().pixels();
    let pixel = |x: usize| [0, 1, 2].map(|channel| glass[channel * plane + x]);
    assert_eq!(pixel(0), [200, 100, 0]);
    // 51 is a fifth.
    assert_eq!(pixel(15), [244, 20, 13]);
    Ok(())
}

fn reference(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join("reference/pictures/resized").join(name)
}

/// Mean difference of what a picture is made into from what Pillow makes of it.
fn error(name: &str, size: &str, fit: Fit) -> Result<f64, Box<dyn std::error::Error>> {
    let home = tempdir()?;
    std::fs::copy(
        reference(&format!("{name}.png")),
        home.path().join("photo.png"),
    )?;
    let options = ImageOptions {
        size: size.parse()?,
        fit,
        ..ImageOptions::default()
    };
    let images = with(home.path(), options);
    let word = if fit == Fit::Crop { "crop" } else { "stretch" };
    let expected = image::open(reference(&format!("{name}-{size}-{word}.png")))?;
    let expected = match images.shape().channels {
        1 => expected.to_luma8().into_raw(),
        _ => expected.to_rgb8().into_raw(),
    };
    let (channels, plane) = (images.shape().channels, images.shape().pixels());
    let made = images.image(0);
    let differences = expected.iter().enumerate().map(|(place, &value)| {
        let ours = made[place % channels * plane + place / channels];
        f64::from(ours.abs_diff(value))
    });
    Ok(differences.sum::<f64>() / f64::from(u32::try_from(expected.len())?))
}

#[test]
fn resizing_is_pillows_bicubic() -> Outcome {
    for name in ["photo", "photo-grey"] {
        for (size, fit) in [
            ("32x32", Fit::Stretch),
            ("32x32", Fit::Crop),
            ("40x24", Fit::Crop),
            ("128x128", Fit::Crop),
        ] {
            let error = error(name, size, fit)?;
            assert!(error < 1.0, "{name} {size} {fit:?}: {error}");
        }
    }
    Ok(())
}

#[test]
fn padding_shows_all_of_a_picture_between_bars() -> Outcome {
    let home = tempdir()?;
    sized(home.path(), "wide.png", 250, 32, 16);
    let options = ImageOptions {
        size: "16".parse()?,
        fit: Fit::Pad,
        background: Some("white".parse()?),
        ..ImageOptions::default()
    };
    let images = with(home.path(), options);
    let blue = &images.image(0)[2 * 256..];
    assert_eq!(blue[..4 * 16], [255; 4 * 16]);
    assert_eq!(blue[4 * 16..12 * 16], [250; 8 * 16]);
    assert_eq!(blue[12 * 16..], [255; 4 * 16]);
    let black = with(
        home.path(),
        ImageOptions {
            background: None,
            ..options
        },
    );
    assert_eq!(black.image(0)[..4 * 16], [0; 4 * 16]);
    Ok(())
}

#[test]
fn a_grey_picture_among_coloured_ones_has_bars_of_their_colour() -> Outcome {
    let home = tempdir()?;
    sized(home.path(), "colour.png", 250, 32, 16);
    image::GrayImage::from_pixel(32, 16, image::Luma([90])).save(home.path().join("grey.png"))?;
    let options = ImageOptions {
        size: "16".parse()?,
        fit: Fit::Pad,
        background: Some("#ff0000".parse()?),
        ..ImageOptions::default()
    };
    let images = with(home.path(), options);
    for row in 0..2 {
        let corner = [0, 256, 512].map(|place| images.image(row)[place]);
        assert_eq!(corner, [255, 0, 0]);
    }
    assert_eq!(images.image(1)[8 * 16], 90);

    // Where all are grey, bars have the colour's brightness, as for a model of grey images.
    std::fs::remove_file(home.path().join("colour.png"))?;
    let grey = ImageOptions {
        channels: Channels::Grey,
        ..options
    };
    let images = [options, grey].map(|options| with(home.path(), options));
    assert_eq!(images[0].shape().channels, 1);
    assert_eq!(images[0].values(), images[1].values());
    assert_eq!(images[0].values()[0], 76);
    Ok(())
}
