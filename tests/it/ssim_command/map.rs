//! `--map`: where a pair differs, as an image.

use std::fs;

use image::Rgb;
use predicates::str::contains;

use super::support::{HEIGHT, WIDTH, folder, grey, save, ssim, texture};

#[test]
fn a_map_is_white_where_images_are_equal_and_dark_where_they_differ() {
    let images = folder();
    let a = grey(images.path(), "a.png", 1);
    // The left half is as in `a`, and the right half is its negative.
    let b = save(images.path(), "b.png", [HEIGHT, WIDTH], |x, y| {
        let value = texture(1, x, y);
        Rgb([if x < WIDTH / 2 { value } else { 255 - value }; 3])
    });
    // Within the margin, windows see zeros beyond both images, in which these are alike.
    for (preset, [height, width], margin) in [
        ("skimage", [HEIGHT - 6, WIDTH - 6], 0),
        ("same", [HEIGHT, WIDTH], 5),
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
        let column = |x| (margin..height - margin).map(move |y| map.get_pixel(x, y).0);
        assert!(column(0).all(|level| level == [255]), "{preset}");
        // The last one whose windows don't reach the right half.
        let last_equal = WIDTH / 2 - 1 - (WIDTH - width) - margin;
        assert!(column(last_equal).all(|level| level == [255]), "{preset}");
        // A Gaussian window hardly sees its outermost pixels.
        assert!(
            column(last_equal + 3).all(|level| level < [255]),
            "{preset}"
        );
        assert!(
            column(width - 1 - margin).all(|level| level == [0]),
            "{preset}"
        );
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
