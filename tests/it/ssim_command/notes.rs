//! What PNG files hold besides their pixels, and pixels that they can't hold.

use std::fs;
use std::path::{Path, PathBuf};

use predicates::prelude::*;
use predicates::str::contains;

use super::support::{HEIGHT, WIDTH, folder, grey, raw_png, ssim, texture, two_folders};

/// `texture` without its seed, as a PNG file's rows, each of which begins with its filter: none.
fn rows() -> Vec<u8> {
    let row = |y| std::iter::once(0).chain((0..WIDTH).map(move |x| texture(1, x, y)));
    (0..HEIGHT).flat_map(row).collect()
}

/// The texture with other chunks before its pixels.
fn with_chunks(folder: &Path, name: &str, chunks: &[(&[u8], &[u8])]) -> PathBuf {
    let path = folder.join(name);
    let file = raw_png([HEIGHT, WIDTH], [8, 0], chunks, &rows());
    fs::write(&path, file).expect("a written file");
    path
}

/// An ICC profile with nothing but a description, as version 2 and version 4 have it.
fn profiles(name: &str) -> [Vec<u8>; 2] {
    let number = |value: usize| u32::try_from(value).expect("a small number").to_be_bytes();
    let ascii = [
        b"desc\0\0\0\0",
        &number(name.len() + 1)[..],
        name.as_bytes(),
        b"\0",
    ]
    .concat();
    let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let header = [
        b"mluc\0\0\0\0",
        &number(1)[..],
        &number(12),
        b"enUS",
        &number(utf16.len()),
        &number(28),
    ];
    [ascii, [header.concat(), utf16].concat()].map(|description| {
        let mut profile = vec![0; 128];
        profile.extend(
            [
                &number(1)[..],
                b"desc",
                &number(144),
                &number(description.len()),
            ]
            .concat(),
        );
        profile.extend(description);
        profile
    })
}

fn compressed(profile: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder =
        flate2::write::ZlibEncoder::new(b"name\0\0".to_vec(), flate2::Compression::fast());
    encoder.write_all(profile).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_gamma_or_a_profile_that_is_not_srgb_is_named() {
    let images = folder();
    let plain = grey(images.path(), "plain.png", 1);
    let [of_2, of_4] = profiles("Adobe RGB (1998)").map(|profile| compressed(&profile));
    let [srgb_2, srgb_4] = profiles("sRGB IEC61966-2.1").map(|profile| compressed(&profile));
    let linear = 100_000_u32.to_be_bytes();
    let usual = 45_455_u32.to_be_bytes();
    for (name, chunks, warning) in [
        (
            "gamma.png",
            vec![(&b"gAMA"[..], &linear[..])],
            Some("a gamma of 1.00000 (gAMA)"),
        ),
        (
            "profile_2.png",
            vec![(b"iCCP", &of_2)],
            Some("(ICC), Adobe RGB (1998), which isn't sRGB's"),
        ),
        (
            "profile_4.png",
            vec![(b"iCCP", &of_4)],
            Some("(ICC), Adobe RGB (1998), which isn't sRGB's"),
        ),
        ("usual.png", vec![(b"gAMA", &usual)], None),
        ("srgb.png", vec![(b"sRGB", b"\0"), (b"gAMA", &linear)], None),
        (
            "srgb_2.png",
            vec![(b"iCCP", &srgb_2), (b"gAMA", &linear)],
            None,
        ),
        ("srgb_4.png", vec![(b"iCCP", &srgb_4)], None),
    ] {
        let path = with_chunks(images.path(), name, &chunks);
        let assert = ssim(&path, &plain)
            .assert()
            .success()
            .stdout(contains("SSIM 1.000000"));
        match warning {
            None => assert.stderr(""),
            Some(warning) => assert
                .stderr(contains(path.display().to_string()).and(contains(warning)))
                .stderr(contains("WARN").count(1)),
        };
    }
}

#[test]
fn an_animation_and_few_levels_are_named() {
    let images = folder();
    let plain = grey(images.path(), "plain.png", 1);
    let path = with_chunks(
        images.path(),
        "film.png",
        &[(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0])],
    );
    ssim(&path, &plain).assert().success().stderr(contains(
        "an animation, of which only the first image is read",
    ));

    for (name, factor, is_dark) in [("sensor.png", 16, true), ("whole.png", 257, false)] {
        let value = |x, y| (u16::from(texture(1, x, y)) * factor).to_be_bytes();
        let row = |y| std::iter::once(0).chain((0..WIDTH).flat_map(move |x| value(x, y)));
        let rows: Vec<u8> = (0..HEIGHT).flat_map(row).collect();
        let path = images.path().join(name);
        fs::write(&path, raw_png([HEIGHT, WIDTH], [16, 0], &[], &rows)).expect("a written file");
        let warning = contains("none above 4095");
        let assert = ssim(&path, &path).assert().success();
        if is_dark {
            assert.stderr(warning);
        } else {
            assert.stderr("");
        }
    }
}

#[test]
fn in_folders_a_note_is_made_once() {
    let (_root, a, b) = two_folders();
    for name in ["first.png", "third.PNG.png"] {
        fs::remove_file(a.join(name)).expect("a file");
    }
    for name in ["1.png", "2.png", "3.png"] {
        with_chunks(&a, name, &[(b"gAMA", &100_000_u32.to_be_bytes())]);
        grey(&b, name, 1);
    }
    ssim(&a, &b)
        .assert()
        .success()
        .stderr(contains("1.png and 2 other files: a gamma of 1.00000"))
        .stderr(contains("gAMA").count(1));
}

#[test]
fn an_index_beyond_the_palette_is_an_error() {
    let images = folder();
    let plain = grey(images.path(), "plain.png", 1);
    let palette: Vec<u8> = (0..10).flat_map(|value| [value; 3]).collect();
    let path = images.path().join("short.png");
    let file = raw_png([HEIGHT, WIDTH], [8, 3], &[(b"PLTE", &palette)], &rows());
    fs::write(&path, file).expect("a written file");
    ssim(&path, &plain)
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains("of a palette of 10").and(contains(path.display().to_string())));
}

#[test]
fn palettes_of_few_colours_are_looked_up() {
    let images = folder();
    // Sixteen colours, of which two are in a byte; the first is on the left.
    let color = |x: u32, y: u32| u8::try_from((x * 3 + y) % 16).expect("below 16");
    let row = |y| {
        let byte = move |x: u32| color(2 * x, y) << 4 | color(2 * x + 1, y);
        std::iter::once(0).chain((0..WIDTH / 2).map(byte))
    };
    let rows: Vec<u8> = (0..HEIGHT).flat_map(row).collect();
    let palette: Vec<u8> = (0..16)
        .flat_map(|value| [value * 16, 255 - value, value])
        .collect();
    let indexed = images.path().join("indexed.png");
    // Only the first colours have an alpha, of which none lets anything through.
    let chunks = [(&b"PLTE"[..], &palette[..]), (b"tRNS", &[255; 3])];
    fs::write(&indexed, raw_png([HEIGHT, WIDTH], [4, 3], &chunks, &rows)).expect("a written file");
    let rgb = super::support::save(images.path(), "rgb.png", [HEIGHT, WIDTH], |x, y| {
        let value = color(x, y);
        image::Rgb([value * 16, 255 - value, value])
    });
    ssim(&indexed, &rgb)
        .assert()
        .success()
        .stdout(contains("SSIM 1.000000"));
}

#[test]
fn what_is_wrong_with_a_file_is_said_once_and_in_words() {
    let images = folder();
    let plain = grey(images.path(), "plain.png", 1);
    let whole = fs::read(&plain).expect("the image");
    let place = whole
        .windows(4)
        .position(|name| name == b"IDAT")
        .expect("pixels");
    let mut changed = whole.clone();
    changed[place + 8] ^= 1;
    let length = whole[place - 4..place].try_into().expect("a length");
    let checksum = place + 4 + usize::try_from(u32::from_be_bytes(length)).expect("a length");
    let mut unsure = whole.clone();
    unsure[checksum] ^= 1;
    let transferred: Vec<u8> = whole
        .iter()
        .copied()
        .filter(|&byte| byte != b'\r')
        .collect();
    for (name, bytes, words) in [
        ("changed.png", changed.as_slice(), "is damaged"),
        ("unsure.png", unsure.as_slice(), "a checksum is wrong"),
        ("cut.png", &whole[..whole.len() / 2], "it ends too early"),
        ("start.png", &whole[..5], "it ends too early"),
        ("empty.png", b"", "it's empty"),
        (
            "photo.png",
            b"\xff\xd8\xff\xe0 and so on",
            "it's a JPEG image",
        ),
        (
            "page.png",
            b"<!DOCTYPE html><title>404</title>",
            "it's HTML",
        ),
        (
            "lfs.png",
            b"version https://git-lfs.github.com/spec/v1\n",
            "git lfs pull",
        ),
        ("text.png", &transferred, "its line ends were changed"),
        (
            "other.png",
            b"something",
            "it doesn't begin as PNG files do",
        ),
    ] {
        let path = images.path().join(name);
        fs::write(&path, bytes).expect("a written file");
        ssim(&path, &plain)
            .assert()
            .code(1)
            .stderr(contains(words).count(1).and(contains("ChunkType").not()))
            .stderr(contains("CRC").not());
    }
}

#[test]
fn names_that_differ_only_in_how_accents_are_written_are_shown() {
    let (_root, a, b) = two_folders();
    grey(&a, "cafe\u{301} ru\u{308}be.png", 1);
    grey(&b, "caf\u{e9} r\u{fc}be.png", 1);
    grey(&a, "\u{e4}.png", 1);
    grey(&b, "\u{e5}.png", 1);
    ssim(&a, &b)
        .assert()
        .success()
        .stdout(contains("mean of 3 pairs"))
        .stderr(contains(
            "cafe\u{301} ru\u{308}be.png and caf\u{e9} r\u{fc}be.png may be one name",
        ))
        .stderr(contains("may be one name").count(1));
}

#[test]
fn names_that_differ_only_in_case_are_shown() {
    let (_root, a, b) = two_folders();
    grey(&a, "Cat.PNG", 1);
    grey(&b, "cat.png", 1);
    ssim(&a, &b)
        .assert()
        .success()
        .stderr(contains("Cat.PNG and cat.png may be one name"));

    let home = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = ["a", "b"].map(|name| home.path().join(name));
    for folder in [&a, &b] {
        fs::create_dir(folder).expect("a folder");
    }
    grey(&a, "CAT.png", 1);
    grey(&b, "cat.png", 1);
    ssim(&a, &b)
        .assert()
        .code(1)
        .stderr(contains("(1 PNG file)").and(contains("upper and lower case differ")));
}

/// Root may read every folder, so that another user has to look.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_read_is_named_and_the_rest_compared() {
    use std::os::unix::fs::PermissionsExt;

    use crate::common::ordinary_user;
    let (root, a, b) = two_folders();
    let Some(mut user) = ordinary_user(root.path()) else {
        return;
    };
    let locked = b.join("sub");
    let set = |mode| fs::set_permissions(&locked, fs::Permissions::from_mode(mode));
    set(0o000).expect("permissions");
    user.args(["ssim", "--backend", "flex"]).args([&a, &b]);
    let table = user.output().expect("it runs");
    let json = user.arg("--json").output().expect("it runs");
    set(0o755).expect("permissions");
    let [said, shown] = [&table.stderr, &table.stdout].map(|text| String::from_utf8_lossy(text));
    assert_eq!(table.status.code(), Some(1), "{said}");
    assert!(shown.contains("mean of 2 pairs"), "{shown}");
    assert!(
        said.contains(&format!("can't read {}", locked.display())),
        "{said}"
    );
    assert!(!said.contains("only in"), "{said}");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["failed"][0]["file"], "sub");
    assert_eq!(json["pairs"].as_array().map(Vec::len), Some(2));
}
