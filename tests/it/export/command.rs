//! `trainer export`: what it writes, says and refuses.

use std::fs;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use trainer::{Device, Model, export};

use crate::apply::{Case, LATENT, array, picture};
use crate::common::folder::names_in;
use crate::common::trainer;

const MODEL_FILES: [&str; 5] = [
    "autoencoder.onnx",
    "autoencoder.py",
    "decoder.onnx",
    "encoder.onnx",
    "pytorch.safetensors",
];

#[test]
fn the_command_writes_what_other_programs_need_and_says_what_they_lack() {
    let case = Case::new("linear", &["--refine", "3"]);
    let folder = case.path("new/exported");
    let export = |more: &[&str]| {
        let mut command = case.command("export");
        command.arg("-o").arg(&folder).args(more);
        command
    };
    export(&[])
        .assert()
        .success()
        .stdout(contains("refinement isn't part of the export").and(contains("3 steps")));
    assert_eq!(names_in(&folder), MODEL_FILES);
    let model = Model::open(case.model(), &Device::flex()).expect("a model");
    let expected = export::onnx(&model).expect("graphs");
    assert!(fs::read(folder.join("encoder.onnx")).expect("a file") == expected.encoder);
    let module = fs::read_to_string(folder.join("autoencoder.py")).expect("a file");
    assert_eq!(module, export::PYTORCH_MODULE);
    let mut info = trainer();
    info.args(["info", "--backend", "flex"])
        .arg(folder.join("pytorch.safetensors"));
    info.assert()
        .code(1)
        .stderr(contains("for PyTorch; take the model's own file"));

    // What is there stays.
    fs::write(folder.join("decoder.onnx"), "mine").expect("a file");
    export(&[])
        .assert()
        .failure()
        .stderr(contains("encoder.onnx exists already, and 4 files more").and(contains("--force")));
    assert_eq!(
        fs::read(folder.join("decoder.onnx")).expect("a file"),
        b"mine"
    );
    let assert = export(&["--force", "--json"]).assert().success();
    assert!(fs::read(folder.join("decoder.onnx")).expect("a file") == expected.decoder);
    let said: Value = serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    assert_eq!(said["latent_dim"], LATENT);
    assert_eq!(said["refine_left_out"], 3);
    assert_eq!(
        said["files"].as_array().map(Vec::len),
        Some(MODEL_FILES.len())
    );

    // Of codes that aren't refined, there is nothing to say.
    let case = Case::new("linear", &["--refine", "0"]);
    let mut command = case.command("export");
    let assert = command.arg("-o").arg(case.path("exported")).assert();
    assert.success().stdout(contains("refine").not());
}

#[test]
fn images_come_with_what_one_pass_of_the_encoder_makes_of_them() {
    let case = Case::new("linear", &["--refine", "3"]);
    let larger = case.path("larger.png");
    picture(40, 33).save(&larger).expect("a picture");
    let folder = case.path("exported");
    let mut command = case.command("export");
    command.arg("-o").arg(&folder).arg("--images");
    command
        .arg(case.photos())
        .arg(&larger)
        .args(["--most", "40"]);
    command.assert().success().stderr(
        contains("1 of 31 images resized to 16×16")
            .and(contains("skipped"))
            .and(contains("broken.png")),
    );
    let names = names_in(&folder);
    for name in ["check.py", "codes.npy", "inputs.npy", "reconstructions.npy"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    assert_eq!(names.len(), MODEL_FILES.len() + 4);

    let codes = case.path("codes.npy");
    let mut command = case.command("encode");
    command.arg(case.photos()).arg(&larger);
    command
        .args(["--refine", "0", "-o"])
        .arg(&codes)
        .assert()
        .success();
    assert_eq!(array(&folder.join("codes.npy")), array(&codes));
    let inputs = array(&folder.join("inputs.npy"));
    assert_eq!(inputs.len(), 31 * 3 * 16 * 16);
    assert!(
        inputs.iter().all(|value| (0.0..=1.0).contains(value)) && inputs.contains(&(13.0 / 255.0))
    );
    let restored = array(&folder.join("reconstructions.npy"));
    let model = Model::open(case.model(), &Device::flex()).expect("a model");
    let codes = array(&codes);
    let codes = burn::tensor::TensorData::new(codes, [31, LATENT]);
    let codes = burn::tensor::Tensor::from_data(codes, model.device());
    let expected = model.decode(codes).expect("images").into_data();
    let expected = expected.try_to_vec::<f32>().expect("f32");
    assert_eq!(restored.len(), expected.len());
    for (found, expected) in restored.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }

    let few = case.path("few");
    let mut command = case.command("export");
    command
        .arg("-o")
        .arg(&few)
        .args(["--json", "--quiet", "--images"]);
    let assert = command.arg(case.photos()).assert().success();
    let said: Value = serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    assert!(
        said["images"]
            .as_u64()
            .is_some_and(|images| (15..=16).contains(&images)),
        "{said}"
    );
}

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    let case = Case::new("linear", &[]);
    let folder = case.path("exported");
    let refused = |command: &mut assert_cmd::Command, why: &str| {
        command.assert().failure().stderr(contains(why));
        assert!(!folder.exists(), "{why}");
    };
    let broken = case.path("photos/dog/broken.png");
    let mut command = trainer();
    command.args(["export", "--backend", "flex"]).arg(&broken);
    refused(
        command.arg("-o").arg(&folder),
        "isn't a model file of trainer",
    );
    let mut command = case.command("export");
    command.arg("-o").arg(&folder).arg("--images").arg(&broken);
    refused(&mut command, "none of the 1 file can be used");
    let mut command = case.command("export");
    command
        .arg("-o")
        .arg(&folder)
        .arg("--images")
        .arg(case.path("nowhere"));
    refused(&mut command, "nowhere");
    let mut command = case.command("export");
    refused(command.arg("-o").arg(&broken), "it is no folder");
    let mut command = case.command("export");
    refused(
        command.arg("-o").arg(&folder).args(["--most", "3"]),
        "--images",
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_cannot_be_written_to_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let case = Case::new("linear", &[]);
    let folder = case.path("closed");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("permissions");
    let Some(mut command) = crate::common::ordinary_user(case.home.path()) else {
        return;
    };
    command
        .args(["export", "--backend", "flex"])
        .arg(case.model());
    let output = command.arg("-o").arg(&folder).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("closed/encoder.onnx"),
        "{said}"
    );
    assert!(names_in(&folder).is_empty());
}
