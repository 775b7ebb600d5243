//! Models for other programs: the structure of what is written. What onnxruntime and PyTorch compute of it,
//! `tests/export/run` checks.

mod command;
mod onnx_file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::tempdir;
use trainer::export::{self, OnnxModels};
use trainer::model::Architecture;
use trainer::{Device, Images, Model, TrainConfig, train};

use crate::model_file::made;
use onnx_file::{FLOAT, Graph, entries};

const LATENT: usize = 5;
const ARCHITECTURES: [Architecture; 4] = [
    Architecture::Linear,
    Architecture::Baseline,
    Architecture::Modified,
    Architecture::Residual,
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

/// Each value is there before it's used and made once, and each tensor has as many bytes as its shape says.
fn check_whole(graph: &Graph) {
    let (input, _) = graph.input.split_once(' ').expect("a name");
    let (output, _) = graph.output.split_once(' ').expect("a name");
    let mut there = BTreeSet::from([input]);
    for (name, sides, kind, bytes) in &graph.tensors {
        let values = usize::try_from(sides.iter().product::<u64>()).expect("few");
        let size = if *kind == FLOAT { 4 } else { 8 };
        assert_eq!(*bytes, size * values, "{name}");
        assert!(there.insert(name), "{name}");
    }
    let mut used = BTreeSet::from([output]);
    for node in &graph.nodes {
        for input in node.inputs.iter().filter(|input| !input.is_empty()) {
            assert!(there.contains(input.as_str()), "{}: {input}", node.name);
            used.insert(input);
        }
        assert!(there.insert(&node.outputs[0]), "{}", node.name);
    }
    assert_eq!(there, used, "nothing is left over");
}

#[test]
fn each_architecture_becomes_whole_graphs_for_batches_of_any_size() {
    for arch in ARCHITECTURES {
        for shape in [[1, 16, 16], [3, 15, 17]] {
            let model = trained(arch, shape);
            let OnnxModels {
                encoder,
                decoder,
                autoencoder,
            } = export::onnx(&model).expect("graphs");
            let [encoder, decoder, autoencoder] =
                [encoder, decoder, autoencoder].map(|bytes| Graph::of(&bytes));
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
                assert_eq!(&graph.input, input);
                assert_eq!(&graph.output, output);
            }
            assert_eq!(
                autoencoder.nodes,
                [encoder.nodes.clone(), decoder.nodes.clone()].concat()
            );
            let is_cut = shape == [3, 15, 17] && arch != Architecture::Linear;
            let operators = autoencoder.operators();
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
    let model = trained(Architecture::Modified, [3, 15, 17]);
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

/// Shape and values by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Each tensor, and the metadata.
fn tensors(bytes: &[u8]) -> (Tensors, Value) {
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
        let model = trained(arch, [3, 15, 17]);
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
        assert_eq!(record["design"]["image"], serde_json::json!([3, 15, 17]));
    }
}

#[test]
fn the_metadata_tells_what_the_model_file_does_and_thresholds() {
    let model = trained(Architecture::Modified, [3, 15, 17]);
    let onnx = export::onnx(&model).expect("graphs");
    let entries = entries(&onnx.decoder);
    assert_eq!(entries["arch"], "modified");
    assert_eq!(entries["latent_dim"], LATENT.to_string());
    assert_eq!(entries["classes"], model.info().classes.join(", "));
    assert_eq!(entries["fit"], "crop, background none");
    let record: Value = serde_json::from_str(&entries["trainer"]).expect("JSON");
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
