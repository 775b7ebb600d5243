//! Model files: what they hold, what opens them, and what is refused.

use std::fs;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::TempDir;
use trainer::data::{ImageParts, Labels};
use trainer::model::{Architecture, ModelError};
use trainer::{ImageShape, Images, Model, TrainConfig, train};

/// `count` images of a shape, all different, of three classes.
pub fn made(count: usize, [channels, height, width]: [usize; 3]) -> Images {
    let shape = ImageShape {
        channels,
        height,
        width,
    };
    let names = ["round", "square", "none of these"].map(str::to_owned);
    // A bright bar whose place depends on the image, on a gradient.
    let values = (0..count).flat_map(|image| {
        (0..channels).flat_map(move |channel| {
            (0..height).flat_map(move |y| {
                (0..width).map(move |x| {
                    let bar = (x + 3 * channel + 7 * image) % width < 1 + width / 6;
                    let level = if bar { 150 } else { 0 };
                    u8::try_from(level + (5 * y + 11 * image) % 100).expect("below 256")
                })
            })
        })
    });
    Images::new(ImageParts {
        values: values.collect(),
        shape,
        labels: Some(Labels {
            ids: (0..3).cycle().take(count).collect(),
            names: names.to_vec(),
        }),
        manifest: (0..count).map(|index| format!("made/{index}")).collect(),
        source: "made images".to_owned(),
    })
    .expect("images")
}

/// Settings for a few made images.
pub fn small(arch: Architecture) -> TrainConfig {
    let mut config = TrainConfig::for_arch(arch);
    config.model.latent_dim = 4;
    config.training.epochs = 2;
    config.training.batch_size = 8;
    config.training.refine = config.training.refine.min(3);
    config.output.samples = 3;
    config
}

/// A trained model and its file.
fn saved(arch: Architecture) -> (TempDir, PathBuf, Model, Images) {
    let images = made(40, [3, 40, 24]);
    let model = train::fit(&small(arch), &images, &Device::flex()).expect("a model");
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("made.safetensors");
    model.save(&path).expect("a file");
    (folder, path, model, images)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

#[test]
fn a_model_files_content_is_a_model() {
    let (_folder, path, model, _) = saved(Architecture::Baseline);
    let bytes = burn_std::future::block_on(model.to_bytes()).expect("its content");
    assert_eq!(bytes, fs::read(&path).expect("the file"));
    let again = Model::from_bytes(&bytes, "made.safetensors", &Device::flex()).expect("a model");
    assert_eq!(again.info(), model.info());
    assert_eq!(
        again.sha256().expect("a hash"),
        model.sha256().expect("a hash")
    );
    let error = Model::from_bytes(&bytes[..99], "cut.safetensors", &Device::flex());
    let error = error.expect_err("a part of it").to_string();
    assert!(error.contains("cut.safetensors"), "{error}");
}

#[test]
fn a_file_alone_does_what_the_model_did() {
    for arch in [
        Architecture::Linear,
        Architecture::Baseline,
        Architecture::Modified,
        Architecture::Residual,
    ] {
        let (_folder, path, model, images) = saved(arch);
        let opened = Model::open(&path, &Device::flex()).expect("the file");
        assert_eq!(opened.info(), model.info());
        assert_eq!(opened.info().image, images.shape());
        assert_eq!(opened.info().classes, images.class_names());
        let codes = model.encode(&images).expect("codes");
        assert_eq!(codes.dims(), [images.len(), 4]);
        assert_eq!(
            values(opened.encode(&images).expect("codes")),
            values(codes.clone())
        );
        let restored = opened.decode(codes).expect("images");
        assert_eq!(restored.dims(), images.shape().batch(images.len()));
        let none = opened.decode(Tensor::zeros([0, 4], &Device::flex()));
        assert_eq!(none.expect("no images").dims(), images.shape().batch(0));
        assert!(
            values(restored.clone())
                .iter()
                .all(|value| (0.0..=1.0).contains(value))
        );
        assert_eq!(
            values(restored),
            values(model.reconstruct(&images).expect("images"))
        );
        let [before, after] = [&model, &opened].map(|model| model.score(&images).expect("scores"));
        assert_eq!(before.ssim, after.ssim);
        assert_eq!((before.loss, before.mse), (after.loss, after.mse));

        let again = path.with_extension("again");
        opened.save(&again).expect("a file");
        assert!(fs::read(&path).expect("it") == fs::read(&again).expect("it"));
    }
}

/// One key in the metadata, sorted keys in it, and neither times nor paths.
#[test]
fn a_file_says_what_its_model_is() {
    let (folder, path, ..) = saved(Architecture::Linear);
    let bytes = fs::read(&path).expect("the file");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("safetensors");
    let metadata = header.metadata().clone().expect("metadata");
    let keys: Vec<&String> = metadata.keys().collect();
    assert_eq!(keys, ["trainer"]);
    let text = &metadata["trainer"];
    let record: Value = serde_json::from_str(text).expect("JSON");
    let expected = [
        "arch",
        "calibration",
        "classes",
        "format",
        "image",
        "latent_dim",
        "loss",
        "preparation",
        "refine",
        "ssim_preset",
        "tensors_sha256",
        "version",
        "width",
    ];
    let keys: Vec<&String> = record.as_object().expect("an object").keys().collect();
    assert_eq!(keys, expected);
    let places = expected.map(|key| text.rfind(&format!("\"{key}\":")).expect("a key"));
    assert!(places.is_sorted(), "{text}");
    assert_eq!(record["image"]["height"], 40);
    let folder = folder.path().to_string_lossy();
    assert!(!text.contains(&*folder), "{text}");
}

/// The bytes of a file whose record is another.
fn with_record(bytes: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let length = usize::try_from(u64::from_le_bytes(*length)).expect("a length");
    let header = std::str::from_utf8(&rest[..length]).expect("JSON");
    let header = change(header);
    let length = u64::try_from(header.len()).expect("a length");
    [
        &length.to_le_bytes(),
        header.as_bytes(),
        &rest[usize::try_from(u64::from_le_bytes(*bytes.first_chunk().expect("8"))).expect("n")..],
    ]
    .concat()
}

#[test]
fn damaged_foreign_and_newer_files_are_refused_by_name() {
    let (folder, path, _, images) = saved(Architecture::Linear);
    let bytes = fs::read(&path).expect("the file");
    let open = |bytes: &[u8]| {
        let path = folder.path().join("other.safetensors");
        fs::write(&path, bytes).expect("a file");
        let error = Model::open(&path, &Device::flex()).expect_err("refused");
        assert!(error.to_string().contains("other.safetensors"), "{error}");
        error
    };
    // A bit of the last tensor, another one of the record's checksum, and a file cut off.
    let mut flipped = bytes.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    assert!(matches!(open(&flipped), ModelError::Damaged { .. }));
    let other = with_record(&bytes, |header| {
        header.replacen("tensors_sha256\\\":\\\"", "tensors_sha256\\\":\\\"0", 1)
    });
    assert!(matches!(open(&other), ModelError::Damaged { .. }));
    // A record of a network that nobody has the memory for.
    for (key, value) in [
        ("latent_dim", "60000"),
        ("latent_dim", "1000000000"),
        ("height", "4000000000"),
        ("width", "3"),
    ] {
        let other = with_record(&bytes, |header| {
            let start = header.find(&format!("\\\"{key}\\\":")).expect("a key");
            let (before, after) = header.split_at(start);
            let (_, rest) = after.split_once([',', '}']).expect("a value");
            let end = after[..after.len() - rest.len()]
                .chars()
                .last()
                .expect("a sign");
            format!("{before}\\\"{key}\\\":{value}{end}{rest}")
        });
        let error = open(&other);
        // Of a wrong width, the calibration may tell first.
        assert!(
            matches!(
                error,
                ModelError::Damaged { .. } | ModelError::Foreign { .. }
            ),
            "{key}: {error}"
        );
    }
    for length in [0, 7, 100, bytes.len() - 1] {
        let error = open(&bytes[..length]);
        assert!(matches!(error, ModelError::Foreign { .. }), "{error}");
    }
    assert!(matches!(
        open(b"\x89PNG\r\n\x1a\n and more"),
        ModelError::Foreign { .. }
    ));

    let newer = with_record(&bytes, |header| {
        header.replacen("\\\"format\\\":2", "\\\"format\\\":3", 1)
    });
    let error = open(&newer);
    assert!(
        matches!(error, ModelError::Newer { format: 3, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("Update trainer"), "{error}");

    let error = Model::open(folder.path().join("none"), &Device::flex()).expect_err("no file");
    assert!(matches!(error, ModelError::Read { .. }), "{error}");

    let model = Model::open(&path, &Device::flex()).expect("the file");
    let error = model.encode(&made(9, [1, 40, 24])).expect_err("grey");
    assert!(error.to_string().contains("3×40×24"), "{error}");
    let codes = model.encode(&images).expect("codes").narrow(1, 0, 3);
    assert!(matches!(
        model.decode(codes),
        Err(ModelError::LatentDim {
            expected: 4,
            found: 3
        })
    ));
}

/// What a batch holds besides an image doesn't matter to it, and large images make small batches.
#[test]
fn many_large_images_are_encoded_in_bounded_batches() {
    use trainer::data::inference_batch;
    let shape = |height, width| ImageShape {
        channels: 3,
        height,
        width,
    };
    assert_eq!(inference_batch(shape(28, 28)), 256);
    assert_eq!(inference_batch(shape(256, 256)), 21);
    assert_eq!(inference_batch(shape(4_096, 4_096)), 1);
}
