//! Folders of images: which are paired, tables, and pairs that fail.

use std::fs;
use std::path::Path;

use image::Rgb;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use super::support::{
    HEIGHT, WIDTH, assert_near, folder, grey, number, parsed, save, score, sized, ssim, texture,
    two_folders,
};
use crate::common::without_settings;

#[test]
fn folders_are_compared_by_name_and_averaged() {
    let (_root, a, b) = two_folders();
    let result = parsed(&mut ssim(&a, &b));
    let pairs = result["pairs"].as_array().expect("a list");
    let names: Vec<_> = pairs.iter().map(|pair| pair["file"].as_str()).collect();
    let second = Path::new("sub").join("second.png").display().to_string();
    assert_eq!(
        names,
        [
            Some("first.png"),
            Some(second.as_str()),
            Some("third.PNG.png")
        ]
    );
    let scores: Vec<f64> = pairs.iter().map(|pair| number(&pair["ssim"])).collect();
    assert_near(
        scores[0],
        score(&a.join("first.png"), &b.join("first.png")),
        1e-6,
    );
    assert_near(scores[1], score(&a.join(&second), &b.join(&second)), 1e-6);
    assert_near(scores[2], 1.0, 1e-6);
    assert_near(
        number(&result["mean"]),
        scores.iter().sum::<f64>() / 3.0,
        1e-12,
    );
    assert_eq!(pairs[1]["height"], WIDTH);
    assert_eq!(pairs[1]["width"], HEIGHT);
    assert_eq!(pairs[1]["channels"], 1);
    assert_eq!(result["preset"], "tf");
    assert_eq!(result["failed"], Value::Array(Vec::new()));

    let assert = ssim(&a, &b).assert().success().stderr("");
    let table = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[1].contains(&format!("{:.6}", scores[0])), "{table}");
    assert!(lines[1].ends_with("first.png"), "{table}");
    assert!(lines[4].contains(&format!("{:.6}  mean of 3 pairs", number(&result["mean"]))));
}

#[test]
fn images_of_one_size_keep_their_order_over_several_batches() {
    let root = folder();
    let [a, b] = ["a", "b"].map(|name| root.path().join(name));
    // Three pairs of 2^19 pixels: more than a batch. The middle one is in colour.
    let size = [512, 1024];
    for (side, seed) in [(&a, 0), (&b, 1)] {
        sized(side, "1.png", seed, size);
        save(side, "2.png", size, |x, y| {
            Rgb([0, 1, 1].map(|channel| texture(channel * seed, x, y)))
        });
        sized(side, "3.png", 5, size);
    }
    let result = parsed(&mut ssim(&a, &b));
    let scores: Vec<f64> = (0..3)
        .map(|pair| number(&result["pairs"][pair]["ssim"]))
        .collect();
    assert_near(scores[0], score(&a.join("1.png"), &b.join("1.png")), 1e-6);
    // The first channels are equal, and the others are those of the first pair.
    assert_near(scores[1], (1.0 + 2.0 * scores[0]) / 3.0, 1e-6);
    assert_near(scores[2], 1.0, 1e-6);
}

#[test]
fn files_without_a_partner_are_named_and_left_out() {
    let (_root, a, b) = two_folders();
    grey(&a, "sub/only_a.png", 1);
    grey(&b, "only_b.png", 1);
    let only_a = Path::new("sub").join("only_a.png").display().to_string();
    ssim(&a, &b)
        .assert()
        .success()
        .stdout(contains("mean of 3 pairs"))
        .stdout(contains("only_").not())
        .stderr(contains(format!("only in {}: {only_a}", a.display())))
        .stderr(contains(format!("only in {}: only_b.png", b.display())));
    let result = parsed(&mut ssim(&a, &b));
    assert_eq!(result["unmatched"]["a"], Value::from(vec![only_a]));
    assert_eq!(result["unmatched"]["b"], Value::from(vec!["only_b.png"]));
}

#[test]
fn a_broken_pair_is_reported_and_the_others_are_compared() {
    let (_root, a, b) = two_folders();
    fs::write(b.join("first.png"), b"no image").expect("a written file");
    grey(&a, "sizes.png", 1);
    sized(&b, "sizes.png", 1, [HEIGHT, WIDTH + 1]);
    ssim(&a, &b)
        .assert()
        .code(1)
        .stdout(contains("second.png"))
        .stdout(contains("mean of 2 pairs"))
        .stderr(contains(b.join("first.png").display().to_string()))
        .stderr(contains("isn't a whole PNG image"))
        .stderr(contains("24×33"))
        .stderr(contains("2 of 4 pairs couldn't be compared"));
    let result = parsed(&mut ssim(&a, &b));
    assert_eq!(result["pairs"].as_array().map(Vec::len), Some(2));
    assert_eq!(result["failed"][0]["file"], "first.png");
    let message = result["failed"][1]["error"].as_str().expect("a message");
    assert!(message.contains("24×33"), "{message}");
}

#[test]
fn folders_of_broken_pairs_only_have_no_mean() {
    let root = folder();
    let [a, b] = ["a", "b"].map(|name| root.path().join(name));
    for side in [&a, &b] {
        sized(side, "small.png", 1, [5, 6]);
    }
    ssim(&a, &b)
        .assert()
        .code(1)
        .stdout(contains("mean").not())
        .stderr(contains("1 of 1 pair "));
    assert_eq!(parsed(&mut ssim(&a, &b))["mean"], Value::Null);
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_links_to_folders_are_not() {
    use std::os::unix::fs::symlink;
    let (root, a, b) = two_folders();
    symlink(&a, a.join("circle")).expect("a link");
    symlink(a.join("first.png"), a.join("linked.png")).expect("a link");
    symlink(root.path().join("nowhere"), a.join("broken.png")).expect("a link");
    grey(&b, "linked.png", 2);
    grey(&b, "broken.png", 2);
    let result = parsed(&mut ssim(&a, &b));
    assert_eq!(result["pairs"].as_array().map(Vec::len), Some(4));
    assert_eq!(result["pairs"][1]["file"], "linked.png");
    assert_eq!(result["pairs"][1]["ssim"], result["pairs"][0]["ssim"]);
    assert_eq!(result["failed"][0]["file"], "broken.png");
    assert_eq!(result["unmatched"]["a"], Value::Array(Vec::new()));
}

#[test]
fn an_output_that_nobody_reads_is_no_panic() {
    let (_root, a, b) = two_folders();
    let mut command = without_settings(env!("CARGO_BIN_EXE_trainer"));
    command.args(["ssim", "--backend", "flex"]).args([&a, &b]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = command.stdout(writer).output().expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    assert!(!message.contains("standard output"), "{message}");
}
