//! `trainer export`: the structure of what it writes. What onnxruntime and PyTorch compute of it, `tests/export/run`
//! checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use prost::Message;
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::tempdir;
use trainer::export::proto::{FLOAT, GraphProto, ModelProto, ValueInfoProto};
use trainer::export::{self, OnnxModels};
use trainer::model::Architecture;
use trainer::{Device, Images, Model, TrainConfig, train};

use crate::apply::{Case, array, picture};
use crate::common::folder::names_in;
use crate::common::trainer;
use crate::model_file::made;

const LATENT: usize = 5;
const ARCHITECTURES: [Architecture; 4] = [
    Architecture::Linear,
    Architecture::Baseline,
    Architecture::Modified,
    Architecture::Residual,
];
const MODEL_FILES: [&str; 5] = [
    "autoencoder.onnx",
    "autoencoder.py",
    "decoder.onnx",
    "encoder.onnx",
    "pytorch.safetensors",
];

/// A model of images of a shape, barely trained.
fn trained(arch: Architecture, shape: [usize; 3]) -> Model {
    let images: Images = made(30, shape);
    let mut config = TrainConfig::for_arch(arch);
    config.model.latent_dim = LATENT;
    config.training.epochs = 1;
    config.training.ssim_preset = trainer::ssim::Preset::Skimage;
    train::fit(&config, &images, &Device::flex()).expect("a model")
}

fn graph(bytes: &[u8]) -> GraphProto {
    let model = ModelProto::decode(bytes).expect("a message");
    assert_eq!(model.opset_import[0].version, 17);
    model.graph.expect("a graph")
}

fn operators(graph: &GraphProto) -> BTreeSet<&str> {
    graph
        .node
        .iter()
        .map(|node| node.op_type.as_str())
        .collect()
}

/// Name and sides of an input or output; a side that isn't fixed is its name.
fn described(values: &[ValueInfoProto]) -> String {
    let [value] = values else {
        panic!("one value, not {}", values.len());
    };
    let tensor = value.r#type.clone().and_then(|kind| kind.tensor_type);
    let tensor = tensor.expect("a tensor");
    assert_eq!(tensor.elem_type, FLOAT);
    let sides = tensor.shape.expect("a shape").dim.into_iter().map(|side| {
        let length = side.dim_value.map(|length| length.to_string());
        length.or(side.dim_param).expect("a length or a name")
    });
    format!("{} {}", value.name, sides.collect::<Vec<_>>().join("×"))
}

/// Each value is there before it's used and made once, and each tensor has as many bytes as its shape says.
fn check_whole(graph: &GraphProto) {
    let mut there = BTreeSet::from([graph.input[0].name.clone()]);
    for tensor in &graph.initializer {
        let values = tensor.dims.iter().product::<i64>();
        let size = if tensor.data_type == FLOAT { 4 } else { 8 };
        let bytes = i64::try_from(tensor.raw_data.len()).expect("few");
        assert_eq!(bytes, size * values, "{}", tensor.name);
        assert!(there.insert(tensor.name.clone()), "{}", tensor.name);
    }
    let mut used = BTreeSet::new();
    for node in &graph.node {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            assert!(there.contains(input), "{}: {input}", node.name);
            used.insert(input.clone());
        }
        assert!(there.insert(node.output[0].clone()), "{}", node.name);
    }
    used.insert(graph.output[0].name.clone());
    assert_eq!(there, used, "nothing is left over");
}

#[test]
fn each_architecture_becomes_whole_graphs_for_batches_of_any_size() {
    for arch in ARCHITECTURES {
        for shape in [[1, 16, 16], [3, 15, 13]] {
            let model = trained(arch, shape);
            let OnnxModels {
                encoder,
                decoder,
                autoencoder,
            } = export::onnx(&model).expect("graphs");
            let [encoder, decoder, autoencoder] =
                [encoder, decoder, autoencoder].map(|bytes| graph(&bytes));
            let [channels, height, width] = shape;
            let sides = format!("batch×{channels}×{height}×{width}");
            let (images, codes) = (format!("images {sides}"), format!("codes batch×{LATENT}"));
            let restored = format!("reconstructions {sides}");
            for (graph, input, output) in [
                (&encoder, &images, &codes),
                (&decoder, &codes, &restored),
                (&autoencoder, &images, &restored),
            ] {
                check_whole(graph);
                assert_eq!(&described(&graph.input), input);
                assert_eq!(&described(&graph.output), output);
            }
            assert_eq!(
                autoencoder.node,
                [encoder.node.clone(), decoder.node.clone()].concat()
            );
            let is_cut = shape == [3, 15, 13] && arch != Architecture::Linear;
            let operators = operators(&autoencoder);
            assert_eq!(operators.contains("Pad"), is_cut, "{arch:?}");
            assert_eq!(operators.contains("Slice"), is_cut, "{arch:?}");
            let own: &[&str] = match arch {
                Architecture::Linear => &["Clip"],
                Architecture::Baseline => &["MaxPool", "Resize", "Sigmoid"],
                Architecture::Modified => &["BatchNormalization", "Sigmoid"],
                Architecture::Residual => &["DepthToSpace", "Add", "Clip"],
            };
            assert!(
                own.iter().all(|own| operators.contains(own)),
                "{operators:?}"
            );
        }
    }
}

#[test]
fn equal_models_make_equal_files() {
    let home = tempdir().expect("a folder");
    let model = trained(Architecture::Modified, [3, 15, 13]);
    let path = home.path().join("model.safetensors");
    model.save(&path).expect("a file");
    let opened = Model::open(&path, &Device::flex()).expect("a model");
    for other in [&model, &opened] {
        assert!(export::onnx(&model).expect("graphs") == export::onnx(other).expect("graphs"));
        assert!(
            export::pytorch(&model).expect("a file") == export::pytorch(other).expect("a file")
        );
    }
}

/// Shape and values of each tensor, and the metadata.
fn tensors(bytes: &[u8]) -> (BTreeMap<String, (Vec<usize>, Vec<f32>)>, Value) {
    let (_, header) = SafeTensors::read_metadata(bytes).expect("a header");
    let metadata = header.metadata().as_ref().expect("metadata");
    let record = serde_json::from_str(&metadata["trainer"]).expect("JSON");
    let file = SafeTensors::deserialize(bytes).expect("a file");
    let tensors = file.iter().map(|(name, view)| {
        let (values, _) = view.data().as_chunks();
        let values = values.iter().map(|&value| f32::from_le_bytes(value));
        (name.to_owned(), (view.shape().to_vec(), values.collect()))
    });
    (tensors.collect(), record)
}

#[test]
fn weights_for_pytorch_have_its_names_and_shapes() {
    let home = tempdir().expect("a folder");
    for arch in ARCHITECTURES {
        let model = trained(arch, [3, 15, 13]);
        let path = home.path().join("model.safetensors");
        model.save(&path).expect("a file");
        let (own, own_record) = tensors(&fs::read(&path).expect("a file"));
        let (theirs, record) = tensors(&export::pytorch(&model).expect("a file"));
        let mut expected = BTreeSet::new();
        for (name, (shape, values)) in &own {
            if name.starts_with("calibration.") {
                continue;
            }
            let name = name.replace(".gamma", ".weight").replace(".beta", ".bias");
            let (their_shape, their_values) = &theirs[&name];
            if let [inputs, outputs] = shape[..] {
                assert_eq!(their_shape, &[outputs, inputs], "{name}");
                let transposed = (0..outputs).all(|output| {
                    (0..inputs).all(|input| {
                        let (value, theirs) = (
                            values[input * outputs + output],
                            their_values[output * inputs + input],
                        );
                        value.to_bits() == theirs.to_bits()
                    })
                });
                assert!(transposed, "{name}");
            } else {
                assert!((their_shape, their_values) == (shape, values), "{name}");
            }
            expected.insert(name);
        }
        assert_eq!(theirs.keys().cloned().collect::<BTreeSet<_>>(), expected);
        for key in [
            "arch",
            "latent_dim",
            "image",
            "preparation",
            "classes",
            "tensors_sha256",
        ] {
            assert_eq!(record[key], own_record[key], "{key}");
        }
        assert_eq!(record["design"]["image"], serde_json::json!([3, 15, 13]));
    }
}

#[test]
fn the_metadata_tells_what_the_model_file_does_and_thresholds() {
    let model = trained(Architecture::Modified, [3, 15, 13]);
    let onnx = export::onnx(&model).expect("graphs");
    let file = ModelProto::decode(onnx.decoder.as_slice()).expect("a message");
    let entries = file.metadata_props.iter();
    let entries: BTreeMap<&str, &str> = entries
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    assert_eq!(entries["arch"], "modified");
    assert_eq!(entries["latent_dim"], LATENT.to_string());
    assert_eq!(entries["classes"], model.info().classes.join(", "));
    assert_eq!(entries["fit"], "crop, background none");
    let record: Value = serde_json::from_str(entries["trainer"]).expect("JSON");
    assert_eq!(record["preparation"]["divisor"], 255);
    assert_eq!(record["version"], env!("CARGO_PKG_VERSION"));
    let usual = &model.calibration().expect("a training that ended").scores;
    let scores = record["thresholds"]["scores"].as_object().expect("scores");
    let share = record["thresholds"]["share"].as_f64().expect("a share");
    for score in trainer::anomaly::AnomalyScore::all() {
        let expected = usual.threshold(score, share).expect("a threshold");
        let found = scores[&score.to_string()].as_f64().expect("a number");
        assert!(
            (found - expected).abs() < 1e-12,
            "{score}: {found}, not {expected}"
        );
    }
}

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

    // What is there stays.
    fs::write(folder.join("decoder.onnx"), "mine").expect("a file");
    export(&[])
        .assert()
        .failure()
        .stderr(contains("encoder.onnx exists already, and 4 more files").and(contains("--force")));
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
    assert!(is_empty(&folder));
}

#[cfg(target_os = "linux")]
fn is_empty(folder: &Path) -> bool {
    names_in(folder).is_empty()
}
