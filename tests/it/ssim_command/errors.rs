//! What can go wrong: the messages, the exit codes, and nothing written.

use std::fs;

use image::LumaA;
use predicates::prelude::*;
use predicates::str::contains;

use super::support::{
    HEIGHT, WIDTH, folder, grey, raw_png, save, sized, ssim, texture, two_folders,
};
use crate::common::trainer;

#[test]
fn wrong_usage_exits_with_2_and_writes_nothing() {
    let (root, a, b) = two_folders();
    let file = a.join("first.png");
    let map = root.path().join("map.png");
    ssim(&a, &b)
        .arg("--map")
        .arg(&map)
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("--map").and(contains("folders")));
    for (a, b) in [(&a, &file), (&file, &a)] {
        ssim(a, b)
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains("is a folder and").and(contains(file.display().to_string())));
    }
    for arguments in [
        ["--ssim-preset", "mine"],
        ["--backend", "cuda"],
        ["--device", "x"],
    ] {
        trainer()
            .arg("ssim")
            .args([&file, &file])
            .args(arguments)
            .assert()
            .code(2)
            .stderr(contains(arguments[0]));
    }
    trainer().arg("ssim").arg(&file).assert().code(2);
    assert!(!map.exists());
}

#[test]
fn images_that_cannot_be_compared_are_named_with_a_way_out_and_nothing_is_written() {
    let images = folder();
    let path = images.path();
    let good = grey(path, "good.png", 1);
    let write = |name: &str, bytes: &[u8]| {
        fs::write(path.join(name), bytes).expect("a written file");
    };
    let bytes = fs::read(&good).expect("the image");
    write("empty.png", b"");
    write("signature.png", &bytes[..8]);
    write("header.png", &bytes[..33]);
    write("cut.png", &bytes[..bytes.len() / 2]);
    write("photo.jpg", b"\xff\xd8\xff\xe0 and so on");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 0x10;
    write("flipped.png", &flipped);
    write("no_pixels.png", &raw_png([0, 0], [8, 0], &[], &[]));
    // Bombs: small files that claim large images.
    write("wide.png", &raw_png([1, 16_385], [8, 0], &[], &[0]));
    write("large.png", &raw_png([16_384, 16_384], [8, 0], &[], &[0]));
    write(
        "huge.png",
        &raw_png([i32::MAX as u32; 2], [16, 6], &[], &[0]),
    );
    sized(path, "small.png", 1, [10, 40]);
    sized(path, "turned.png", 1, [WIDTH, HEIGHT]);
    save(path, "glass.png", [HEIGHT, WIDTH], |x, y| {
        let opacity = if x == 3 && y == 4 { 254 } else { 255_u8 };
        LumaA([texture(1, x, y), opacity])
    });

    let broken = "isn't a whole PNG image";
    let too_large = "expected at most 16384 pixels a side and 67 megapixels";
    let map = path.join("map.png");
    for (name, message) in [
        ("missing.png", "can't read"),
        ("empty.png", broken),
        ("signature.png", broken),
        ("header.png", broken),
        ("cut.png", broken),
        ("photo.jpg", broken),
        ("flipped.png", broken),
        ("no_pixels.png", broken),
        ("wide.png", too_large),
        ("large.png", too_large),
        ("huge.png", too_large),
        ("glass.png", "transparent"),
        ("turned.png", "32×24"),
    ] {
        let bad = path.join(name);
        for (a, b) in [(&good, &bad), (&bad, &good)] {
            ssim(a, b)
                .arg("--map")
                .arg(&map)
                .assert()
                .code(1)
                .stdout("")
                .stderr(contains(bad.display().to_string()))
                .stderr(contains(message))
                .stderr(contains("panicked").not());
            assert!(!map.exists(), "{name}");
        }
    }
    let small = path.join("small.png");
    ssim(&small, &small)
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains(small.display().to_string()))
        .stderr(contains(
            "10×40 pixels is too small for SSIM's 11×11 window",
        ))
        .stderr(contains("--ssim-preset same"));
    ssim(&small, &small)
        .args(["--ssim-preset", "same"])
        .assert()
        .success();
}

#[test]
fn folders_without_a_pair_and_maps_without_a_place_are_failures() {
    let (root, a, b) = two_folders();
    let [empty, other] = ["empty", "other"].map(|name| root.path().join(name));
    fs::create_dir(&empty).expect("a folder");
    grey(&other, "another.png", 1);
    for (folder, files) in [(&empty, "(0)"), (&other, "(1)")] {
        ssim(&a, folder)
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains("no PNG file has the same name"))
            .stderr(contains(format!("{} {files}", folder.display())));
    }
    let nowhere = root.path().join("nowhere").join("map.png");
    let [first, second] = [&a, &b].map(|folder| folder.join("first.png"));
    ssim(&first, &second)
        .arg("--map")
        .arg(&nowhere)
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains(nowhere.display().to_string()));
    // A folder in the map's place, which is seen before anything is compared.
    ssim(&first, &second)
        .arg("--map")
        .arg(&empty)
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("it is a folder"));
    assert!(empty.is_dir());
    ssim(&first, &second)
        .args(["--device", "7"])
        .assert()
        .code(1)
        .stderr(contains("--device 7"));
}

#[cfg(unix)]
#[test]
fn names_are_shown_without_what_a_terminal_acts_on() {
    let (_root, a, b) = two_folders();
    let name = "red\u{1b}[31m\nerror.png";
    for (folder, seed) in [(&a, 1), (&b, 2)] {
        grey(folder, name, seed);
        // A pair that fails.
        fs::write(folder.join(format!("broken {name}")), "no image").expect("a written file");
    }
    grey(&a, "only here\u{7}.png", 3);
    let shown = "red\\u{1b}[31m\\nerror.png";
    let output = ssim(&a, &b).assert().code(1).get_output().clone();
    let [table, messages] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert!(table.lines().any(|line| line.ends_with(shown)), "{table}");
    assert!(messages.contains(&format!("broken {shown}")), "{messages}");
    assert!(messages.contains("only here\\u{7}.png"), "{messages}");
    // The error of a command that ends with it.
    let missing = a.join("missing\u{1b}[2J\n\u{202e}.png");
    let output = ssim(&missing, &b).assert().code(1).get_output().clone();
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        error.contains("missing\\u{1b}[2J\\n\\u{202e}.png"),
        "{error}"
    );
    let output = ssim(&a, &b)
        .arg(&missing)
        .assert()
        .code(2)
        .get_output()
        .clone();
    let usage = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(usage.contains("unexpected argument"), "{usage}");
    for text in [table, messages, error, usage] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("error.png")),
            "{text}"
        );
    }
}
