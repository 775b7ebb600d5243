//! Scores of pairs of images.

use std::fs;
use std::time::Duration;

use image::{Luma, LumaA, Rgb, Rgba};
use predicates::str::contains;

use super::support::{
    HEIGHT, TOLERANCE, WIDTH, assert_near, folder, grey, number, parsed, raw_png, reference, save,
    score, ssim, texture,
};
use crate::common::{has_wgpu_adapter, json, trainer};

#[test]
fn a_photograph_scores_as_in_double_precision_by_every_preset() {
    let expected = json(&reference("photo.json"));
    let [a, b] = ["x", "y"].map(|side| reference(expected[side].as_str().expect("a name")));
    let presets = ["tf", "skimage", "skimage-gaussian", "torchmetrics", "same"];
    for preset in presets {
        let result = parsed(ssim(&a, &b).args(["--ssim-preset", preset]));
        assert_near(
            number(&result["ssim"]),
            number(&expected["scores"][preset]),
            TOLERANCE,
        );
        assert_eq!(result["preset"], preset);
    }
    let result = parsed(&mut ssim(&a, &b));
    assert_eq!(result["preset"], "tf");
    assert_eq!(result["a"], a.display().to_string());
    assert_eq!(result["b"], b.display().to_string());
    assert_eq!(result["height"], 512);
    assert_eq!(result["width"], 512);
    assert_eq!(result["channels"], 1);
}

#[test]
fn a_pair_is_one_line_on_standard_output_and_nothing_else() {
    let images = folder();
    let [a, b] = [1, 2].map(|seed| grey(images.path(), &format!("{seed}.png"), seed));
    let expected = format!(
        "SSIM {:.6}  (same, 24×32, 1 channel)\n",
        number(&parsed(ssim(&a, &b).args(["--ssim-preset", "same"]))["ssim"])
    );
    ssim(&a, &b)
        .args(["--ssim-preset", "same"])
        .assert()
        .success()
        .stdout(expected)
        .stderr("");
}

#[test]
fn the_same_file_twice_scores_1() {
    let images = folder();
    let a = grey(images.path(), "a.png", 1);
    ssim(&a, &a)
        .assert()
        .success()
        .stdout("SSIM 1.000000  (tf, 24×32, 1 channel)\n");
}

#[test]
fn a_gpu_gives_the_same_score() {
    if !has_wgpu_adapter() {
        return;
    }
    let images = folder();
    let [a, b] = [1, 2].map(|seed| grey(images.path(), &format!("{seed}.png"), seed));
    let mut on_gpu = trainer();
    on_gpu
        .args(["ssim", "--backend", "wgpu"])
        .args([&a, &b])
        .timeout(Duration::from_mins(5));
    assert_near(
        number(&parsed(&mut on_gpu)["ssim"]),
        score(&a, &b),
        2.0 * TOLERANCE,
    );
}

#[test]
fn the_channels_of_colour_images_are_averaged() {
    let images = folder();
    let of_channels: Vec<f64> = (0..3)
        .map(|channel| {
            let a = grey(images.path(), "a.png", channel);
            let b = grey(images.path(), "b.png", channel + 3);
            score(&a, &b)
        })
        .collect();
    let [a, b] = [0, 3].map(|first| {
        let name = format!("colour{first}.png");
        save(images.path(), &name, [HEIGHT, WIDTH], |x, y| {
            Rgb([0, 1, 2].map(|channel| texture(first + channel, x, y)))
        })
    });
    let result = parsed(&mut ssim(&a, &b));
    assert_eq!(result["channels"], 3);
    let mean = of_channels.iter().sum::<f64>() / 3.0;
    assert_near(number(&result["ssim"]), mean, 1e-6);
    ssim(&a, &b).assert().stdout(contains("3 channels"));
}

#[test]
fn a_grey_image_and_its_copies_of_other_kinds_are_equal() {
    let images = folder();
    let size = [HEIGHT, WIDTH];
    let value = |x, y| texture(1, x, y);
    let deep = |x, y| u16::from(value(x, y)) * 257;
    let original = grey(images.path(), "grey.png", 1);
    save(images.path(), "grey16.png", size, |x, y| Luma([deep(x, y)]));
    save(images.path(), "rgb.png", size, |x, y| Rgb([value(x, y); 3]));
    save(
        images.path(),
        "rgb16.png",
        size,
        |x, y| Rgb([deep(x, y); 3]),
    );
    save(images.path(), "grey_alpha.png", size, |x, y| {
        LumaA([value(x, y), 255])
    });
    save(images.path(), "opaque.png", size, |x, y| {
        let value = value(x, y);
        Rgba([value, value, value, 255])
    });
    let palette: Vec<u8> = (0..=255).flat_map(|value| [value; 3]).collect();
    let rows: Vec<u8> = (0..HEIGHT)
        // Each row begins with its filter: none.
        .flat_map(|y| std::iter::once(0).chain((0..WIDTH).map(move |x| texture(1, x, y))))
        .collect();
    let indexed = raw_png(size, [8, 3], &[(b"PLTE", &palette)], &rows);
    fs::write(images.path().join("palette.png"), indexed).expect("a written file");

    for (name, channels) in [
        ("grey16.png", 1),
        ("grey_alpha.png", 1),
        ("rgb.png", 3),
        ("rgb16.png", 3),
        ("opaque.png", 3),
        ("palette.png", 3),
    ] {
        let copy = images.path().join(name);
        for (a, b) in [(&original, &copy), (&copy, &original)] {
            let result = parsed(&mut ssim(a, b));
            assert_near(number(&result["ssim"]), 1.0, 1e-6);
            assert_eq!(result["channels"], channels, "{name}");
        }
    }
}

#[test]
fn an_image_of_two_levels_is_expanded() {
    let images = folder();
    let bit = |x: u32, y: u32| (x / 3 + y / 5) % 2;
    let rows: Vec<u8> = (0..HEIGHT)
        .flat_map(|y| {
            let byte = move |group: u32| {
                (0..8).fold(0, |byte, x| {
                    byte << 1 | u8::from(bit(8 * group + x, y) == 1)
                })
            };
            std::iter::once(0).chain((0..WIDTH / 8).map(byte))
        })
        .collect();
    let two_levels = images.path().join("bits.png");
    fs::write(&two_levels, raw_png([HEIGHT, WIDTH], [1, 0], &[], &rows)).expect("a written file");
    let bytes = save(images.path(), "bytes.png", [HEIGHT, WIDTH], |x, y| {
        Luma([if bit(x, y) == 1 { 255_u8 } else { 0 }])
    });
    assert_near(score(&two_levels, &bytes), 1.0, 1e-6);
}
