//! `trainer eval`: only on the images that the run was trained on.

use std::fs;
use std::path::Path;

use crate::common::{json, only_run, small_run, trainer};
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;
use trainer::data::FILE_STEMS;

/// Two IDX files of `count` images of 28×28, all different, and two of the same number of labels.
fn write_data_set(folder: &Path, count: u32, offset: u32) {
    for pair in FILE_STEMS.chunks(2) {
        let is_train = pair[0].starts_with("train");
        let first = if is_train { offset } else { offset + count };
        let mut images: Vec<u8> = [0x803, count, 28, 28].map(u32::to_be_bytes).concat();
        let mut labels: Vec<u8> = [0x801, count].map(u32::to_be_bytes).concat();
        for image in first..first + count {
            images.extend((0..784).map(|pixel| (pixel * (image + 3) / 16 % 256).to_le_bytes()[0]));
            labels.push(image.to_le_bytes()[0] & 1);
        }
        fs::write(folder.join(pair[0]), images).expect("a file");
        fs::write(folder.join(pair[1]), labels).expect("a file");
    }
}

#[test]
fn images_that_are_not_the_runs_are_refused_with_both_hashes() {
    let folder = TempDir::new().expect("a folder");
    let (data, runs) = (folder.path().join("data"), folder.path().join("runs"));
    fs::create_dir(&data).expect("a folder");
    write_data_set(&data, 40, 0);
    small_run(&runs).arg("--data").arg(&data).assert().success();
    let run = only_run(&runs);
    let eval = || {
        let mut command = trainer();
        command.arg("eval").arg(&run);
        command
    };
    eval().assert().success().stdout(contains("SSIM"));

    let meta = json(&run.join("meta.json"));
    let expected = meta["dataset"]["hash"].as_str().expect("a hash");
    write_data_set(&data, 40, 1);
    eval()
        .assert()
        .code(1)
        .stderr(contains(expected))
        .stderr(contains("those found now have"))
        .stderr(contains("panicked").not());
    // Its model needs no images.
    let model = trainer::train::open_model(&run, &burn::tensor::Device::flex());
    assert_eq!(
        model.expect("a model").info().classes,
        ["t-shirt", "trouser"]
    );
}
