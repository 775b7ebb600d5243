//! `--map`: where a pair differs, as an image.

use std::fs;

use image::Rgb;
use predicates::str::contains;

use crate::support::{HEIGHT, WIDTH, folder, grey, save, ssim, texture};

#[test]
fn a_map_is_white_where_images_are_equal_and_dark_where_they_differ() {
    let images = folder();
    let a = grey(images.path(), "a.png", 1);
    // The left half is as in `a`, and the right half is its negative.
    let b = save(images.path(), "b.png", [HEIGHT, WIDTH], |x, y| {
        let value = texture(1, x, y);
        Rgb([if x < WIDTH / 2 { value } else { 255 - value }; 3])
    });
    for (preset, [height, width]) in [
        ("skimage", [HEIGHT - 6, WIDTH - 6]),
        ("same", [HEIGHT, WIDTH]),
    ] {
        let map = images.path().join("map.png");
        ssim(&a, &b)
            .args(["--ssim-preset", preset, "--map"])
            .arg(&map)
            .assert()
            .success()
            .stdout(contains("3 channels"));
        let map = image::open(&map).expect("a map");
        let map = map.as_luma8().expect("grey, 8 bits a pixel");
        assert_eq!(map.dimensions(), (width, height));
        assert!((0..height).all(|y| map.get_pixel(0, y).0 == [255]));
        assert!((0..height).all(|y| map.get_pixel(width - 1, y).0 == [0]));
        // 11 pixels, the largest window, around the edge between the halves.
        assert!((0..height).all(|y| map.get_pixel(width / 2 - 6, y).0 == [255]));
    }
}

#[test]
fn a_map_replaces_a_file_but_neither_image() {
    let images = folder();
    let [a, b] = [1, 2].map(|seed| grey(images.path(), &format!("{seed}.png"), seed));
    let map = images.path().join("map.png");
    fs::write(&map, "an older map").expect("a written file");
    ssim(&a, &b).arg("--map").arg(&map).assert().success();
    assert!(image::open(&map).is_ok());
    for image in [&a, &b] {
        let before = fs::read(image).expect("the image");
        // The same file by another path.
        let map = images
            .path()
            .join(".")
            .join(image.file_name().expect("a name"));
        ssim(&a, &b)
            .arg("--map")
            .arg(&map)
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains("--map"))
            .stderr(contains(image.display().to_string()));
        assert_eq!(fs::read(image).expect("the image"), before);
    }
}
