//! Compression: whole numbers to bytes and back, the file, `trainer compress` and `decompress`, and training for it.

use std::fs;
use std::io::Write;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::Value;
use trainer::apply::{Compressor, Goal};
use trainer::codec::{
    BLOCK, CodecError, CodedImage, GREATEST, Header, Reader, SymbolModel, Writer,
};
use trainer::data::{Inputs, Watch};
use trainer::model::{CodeRate, Rounding};
use trainer::{Device, Model};

use crate::apply::{Case, LATENT, array, picture};
use crate::common::{has_wgpu_adapter, json, only_run, small_run, trainer};

fn header(latent_dim: usize) -> Header {
    Header {
        model: "of a test".to_owned(),
        latent_dim,
        step: 0.3,
    }
}

fn image(index: usize) -> CodedImage {
    CodedImage {
        path: format!("ünter/\n{index}.png"),
        size: [index + 1, 3],
    }
}

fn written(values: &[i32], symbols: SymbolModel, with_images: bool) -> Vec<u8> {
    let width = symbols.width();
    let mut writer = Writer::new(Vec::new(), &header(width), symbols, with_images).expect("memory");
    for (index, code) in values.chunks_exact(width).enumerate() {
        writer.push(code, image(index)).expect("memory");
    }
    writer.finish().expect("memory")
}

/// The numbers and the images of a file.
fn read(file: &[u8], mut symbols: SymbolModel) -> Result<(Vec<i32>, Vec<CodedImage>), CodecError> {
    let mut reader = Reader::new(file)?;
    let (mut values, mut images) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block(&mut symbols)? {
        values.extend(block.values);
        images.extend(block.images.into_iter().flatten());
    }
    Ok((values, images))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_whole_numbers_come_back(
        width in 1_usize..6,
        spread in prop::option::of(0.0_f64..100.0),
        magnitudes in prop::collection::vec(0_u32..25, 0..200),
        seed: u64,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = magnitudes.len() / width * width;
        let values: Vec<i32> = magnitudes[..count].iter().map(|&bits| {
            let below = 1_i32 << bits.min(24);
            rng.random_range(1 - below..below)
        }).collect();
        let deviations = spread.map(|spread| vec![spread; width]);
        let symbols = SymbolModel::new(width, deviations.as_deref());
        let file = written(&values, symbols.clone(), true);
        let (found, images) = read(&file, symbols)?;
        prop_assert_eq!(found, values);
        let expected: Vec<CodedImage> = (0..count / width).map(image).collect();
        prop_assert_eq!(images, expected);
    }
}

/// Bytes as Deflate packs them, behind their number; nothing of nothing.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    if !bytes.is_empty() {
        let level = flate2::Compression::fast();
        let mut encoder = flate2::write::ZlibEncoder::new(&mut content, level);
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory");
    }
    behind_its_length(&content)
}

fn behind_its_length(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("few");
    [&length.to_le_bytes(), bytes].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever stands behind checksums that are true, it's an error or some images.
    #[test]
    fn no_block_brings_a_reader_down(
        count: u32,
        is_small: bool,
        names in prop::collection::vec(any::<u8>(), 0..40),
        sizes in prop::collection::vec(any::<u8>(), 0..40),
        codes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        const END: usize = 4 + 8 + 4;
        const SUM: usize = 4;
        let symbols = SymbolModel::new(3, None);
        let empty = written(&[], symbols.clone(), true);
        let header = &empty[..empty.len() - END];
        let count = if is_small { count % 8 } else { count };
        let block = [
            count.to_le_bytes().to_vec(),
            packed(&names),
            packed(&sizes),
            behind_its_length(&codes),
        ].concat();
        let sum = crc32c::crc32c_append(crc32c::crc32c(&header[..header.len() - SUM]), &block);
        let file = [header, &block, &sum.to_le_bytes()].concat();
        // Without its end, it is no file in any case.
        prop_assert!(read(&file, symbols).is_err());
        let decoded = SymbolModel::new(2, None).decode(&codes, names.len());
        prop_assert!(decoded.is_none_or(|values| values.len() == 2 * names.len()));
    }
}

#[test]
fn sizes_that_no_image_has_are_no_file() {
    for size in [[0, 1], [65_536, 1], [4_000_000_000, 4_000_000_000]] {
        let symbols = SymbolModel::new(1, None);
        let mut writer =
            Writer::new(Vec::new(), &header(1), symbols.clone(), true).expect("memory");
        let path = "a.png".to_owned();
        writer
            .push(&[1], CodedImage { path, size })
            .expect("memory");
        let file = writer.finish().expect("memory");
        assert!(
            matches!(read(&file, symbols), Err(CodecError::Damaged(_))),
            "{size:?}"
        );
    }
}

#[test]
fn there_may_be_more_images_than_a_block_has() {
    let greatest = i32::try_from(GREATEST).expect("24 bits");
    let values: Vec<i32> = (0..=i32::try_from(2 * BLOCK).expect("a count"))
        .map(|index| {
            if index == 77 {
                -greatest
            } else {
                index % 5 - 2
            }
        })
        .collect();
    let symbols = SymbolModel::new(1, None);
    let file = written(&values, symbols.clone(), false);
    let (found, images) = read(&file, symbols).expect("a file");
    assert_eq!(found, values);
    assert!(images.is_empty());
}

#[test]
fn numbers_take_about_as_many_bits_as_their_entropy() {
    const WIDTH: usize = 4;
    const COUNT: usize = 4_000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut values = Vec::new();
    for index in 0..WIDTH * COUNT {
        // Of a Laplace distribution, of another width for each value of a code.
        let scale = [0.2, 0.7, 2.0, 9.0][index % WIDTH];
        let uniform: f64 = rng.random::<f64>() - 0.5;
        let value = -scale * uniform.signum() * (1.0 - 2.0 * uniform.abs()).ln();
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        values.push(value.round() as i32);
    }
    let mut bits = 0.0;
    for place in 0..WIDTH {
        let mut counts = std::collections::BTreeMap::new();
        for value in values.iter().skip(place).step_by(WIDTH) {
            *counts.entry(value).or_insert(0_u32) += 1;
        }
        for &count in counts.values() {
            let share = f64::from(count) / 4_000.0;
            bits -= f64::from(count) * share.log2();
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
    let found = 8.0 * SymbolModel::new(WIDTH, None).encode(&values).len() as f64;
    assert!(
        found > 0.99 * bits && found < 1.03 * bits,
        "{found} of {bits}"
    );
    // What is known beforehand helps where there is little to learn from.
    let few = &values[..WIDTH * 20];
    let deviations = [0.2, 0.7, 2.0, 9.0].map(|scale: f64| scale * 2_f64.sqrt());
    let known = SymbolModel::new(WIDTH, Some(&deviations)).encode(few);
    let unknown = SymbolModel::new(WIDTH, None).encode(few);
    assert!(
        known.len() < unknown.len(),
        "{} {}",
        known.len(),
        unknown.len()
    );
}

#[test]
fn every_byte_that_is_changed_or_missing_is_noticed() {
    let values: Vec<i32> = (0..60).map(|index| (index * index) % 17 - 8).collect();
    let symbols = SymbolModel::new(3, Some(&[1.0, 5.0, 9.0]));
    let file = written(&values, symbols.clone(), true);
    assert_eq!(read(&file, symbols.clone()).expect("a file").0, values);
    let is_refused = |bytes: &[u8]| {
        let refused = Reader::new(bytes).and_then(|reader| {
            // A file that says another width needs other probabilities.
            let width = reader.header().latent_dim;
            if width == 3 {
                read(bytes, symbols.clone()).map(|_| ())
            } else {
                Ok(())
            }
        });
        refused.is_err()
    };
    for place in 0..file.len() {
        assert!(is_refused(&file[..place]), "without all from {place}");
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[place] ^= 1 << bit;
            assert!(is_refused(&changed), "bit {bit} of byte {place}");
        }
    }
    let longer = [file.as_slice(), b"\0"].concat();
    assert!(is_refused(&longer));
}

fn compressed(case: &Case, name: &str, more: &[&str]) -> Value {
    let mut command = case.command("compress");
    command.arg(case.photos()).arg("-o").arg(case.path(name));
    let output = command.args(more).arg("--json").assert().success();
    serde_json::from_slice(&output.get_output().stdout).expect("JSON")
}

fn decompress(case: &Case, file: &str, output: &str) -> Command {
    let mut command = case.command("decompress");
    command
        .arg(case.path(file))
        .arg("-o")
        .arg(case.path(output));
    command
}

#[test]
fn images_come_back_with_their_names_sizes_and_the_quality_that_was_said() {
    let case = Case::new("linear", &[]);
    picture(99, 24)
        .save(case.photos().join("cat/large.png"))
        .expect("a picture");
    let told = compressed(&case, "all.codes", &["--step", "0.2"]);
    assert_eq!(told["images"], 31);
    assert_eq!(told["skipped"][0]["path"], "dog/broken.png");
    let length = fs::metadata(case.path("all.codes")).expect("a file").len();
    assert_eq!(told["bytes"], length);

    // A folder that is there is written into.
    fs::create_dir(case.path("back")).expect("a folder");
    decompress(&case, "all.codes", "back").assert().success();
    decompress(&case, "all.codes", "back")
        .assert()
        .code(1)
        .stderr(contains("--force"));
    decompress(&case, "all.codes", "back")
        .arg("--force")
        .assert()
        .success();
    let large = image::open(case.path("back/cat/large.png")).expect("a picture");
    assert_eq!((large.width(), large.height()), (24, 24));
    let small = image::open(case.path("back/dog/01.png")).expect("a picture");
    assert_eq!((small.width(), small.height()), (16, 16));
    decompress(&case, "all.codes", "own")
        .arg("--model-size")
        .assert()
        .success();
    let large = image::open(case.path("own/cat/large.png")).expect("a picture");
    assert_eq!((large.width(), large.height()), (16, 16));

    // The codes are the same on all backends, and their images as good as was said.
    fs::write(case.path("codes.json"), "of others").expect("a file");
    let refused = decompress(&case, "all.codes", "codes.npy").assert();
    refused.code(1).stderr(contains("codes.json exists"));
    decompress(&case, "all.codes", "codes.npy")
        .arg("--force")
        .assert()
        .success();
    assert!(!case.path("codes.json").exists());
    let codes = array(&case.path("codes.npy"));
    decompress(&case, "all.codes", "all.parquet")
        .assert()
        .success();
    let width = trainer::Model::open(case.model(), &Device::flex()).expect("a model");
    let width = width.info().latent_dim;
    let (table, rows) =
        trainer::apply::read_codes(&case.path("all.parquet"), width).expect("codes");
    assert_eq!(table, codes);
    assert!(
        rows.expect("paths")
            .iter()
            .any(|row| row.path == "cat/large.png")
    );
    for backend in ["ndarray", "wgpu"] {
        if backend == "wgpu" && !has_wgpu_adapter() {
            continue;
        }
        let name = format!("{backend}.npy");
        let mut other = decompress(&case, "all.codes", &name);
        other.args(["--backend", backend]).assert().success();
        let found = array(&case.path(&name));
        let bits = |values: &[f32]| {
            values
                .iter()
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        };
        assert_eq!(bits(&found), bits(&codes), "{backend}");
    }
    let model = Model::open(case.model(), &Device::flex()).expect("a model");
    let info = model.info();
    let inputs = Inputs::open(&[case.photos()]).expect("images");
    let mut originals = Vec::new();
    let read = inputs.read(
        info.image,
        info.preparation,
        8,
        &Watch::default(),
        |batch| {
            originals.extend(batch.values);
            Ok::<(), ()>(())
        },
    );
    read.expect("images");
    let compressor = Compressor::new(&model, None);
    let coarseness = compressor
        .sample(originals.clone())
        .and_then(|sample| compressor.choose(&sample, Goal::Step(0.2)));
    let found = compressor
        .compress(&originals, &coarseness.expect("a step"))
        .expect("codes");
    assert_eq!(compressor.codes(&found.values, 0.2), codes);
    #[expect(clippy::cast_precision_loss, reason = "31")]
    let mean =
        found.ssim.iter().map(|&ssim| f64::from(ssim)).sum::<f64>() / found.ssim.len() as f64;
    let said = told["ssim"].as_f64().expect("a number");
    assert!((mean - said).abs() < 1e-6, "{mean} {said}");
}

#[test]
fn the_target_is_met_from_few_bytes() {
    let case = Case::new("linear", &[]);
    let best = compressed(&case, "fine.codes", &["--step", "0.001", "--no-names"]);
    let best = best["ssim"].as_f64().expect("a number");
    let mut bytes = u64::MAX;
    for (place, cost) in [0.01, 0.05].into_iter().enumerate() {
        let target = best - cost;
        let flag = format!("ssim={target}");
        let name = format!("{place}.codes");
        let told = compressed(&case, &name, &["--target", &flag, "--no-names"]);
        let ssim = told["ssim"].as_f64().expect("a number");
        assert!(
            ssim >= target && ssim < target + 0.5 * cost + 0.005,
            "{ssim} for {target}"
        );
        let found = told["bytes"].as_u64().expect("a number");
        assert!(found < bytes, "{found} {bytes}");
        bytes = found;
    }
    // Without names, images are numbered.
    decompress(&case, "0.codes", "numbered").assert().success();
    assert!(case.path("numbered/000000.png").exists());

    let mut refused = case.command("compress");
    refused
        .arg(case.photos())
        .arg("-o")
        .arg(case.path("no.codes"));
    refused
        .args(["--target", "ssim=0.9999999"])
        .assert()
        .code(1)
        .stderr(contains("--target: out of reach"));
    assert!(!case.path("no.codes").exists());
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_lost() {
    let case = Case::new("linear", &[]);
    compressed(&case, "all.codes", &["--step", "0.2"]);
    let file = fs::read(case.path("all.codes")).expect("a file");

    let other = Case::new("linear", &["--seed", "1"]);
    let mut wrong = other.command("decompress");
    wrong
        .arg(case.path("all.codes"))
        .arg("-o")
        .arg(other.path("back"));
    let own = Model::open(case.model(), &Device::flex()).expect("a model");
    let own = own.sha256().expect("the CPU");
    wrong
        .assert()
        .code(1)
        .stderr(contains("another model").and(contains(own)));
    assert!(!other.path("back").exists());

    let again = || {
        let mut command = case.command("compress");
        command
            .arg(case.photos())
            .arg("-o")
            .arg(case.path("all.codes"));
        command
    };
    again().assert().code(1).stderr(contains("--force"));
    again()
        .args(["--step", "1e-30", "--force"])
        .assert()
        .code(1)
        .stderr(contains("--step: choose a larger one"));
    again()
        .args(["--step", "0"])
        .assert()
        .code(2)
        .stderr(contains("above 0"));
    again()
        .args(["--target", "psnr=30"])
        .assert()
        .code(2)
        .stderr(contains("ssim=0.95"));
    assert_eq!(fs::read(case.path("all.codes")).expect("a file"), file);

    for (name, bytes, message) in [
        ("cut", &file[..file.len() / 2], "its end is missing"),
        (
            "other",
            b"PK\x03\x04 an archive" as &[u8],
            "isn't a file that `trainer compress` wrote",
        ),
        ("empty", b"", "isn't a file"),
        ("newer", b"trainer codes 9\n", "newer version"),
    ] {
        fs::write(case.path(name), bytes).expect("a file");
        decompress(&case, name, "back")
            .assert()
            .code(1)
            .stderr(contains(message));
        assert!(!case.path("back").exists(), "{name}");
    }
    decompress(&case, "nowhere", "back")
        .assert()
        .code(1)
        .stderr(contains("can't read"));
    #[cfg(target_os = "linux")]
    {
        let mut full = case.command("compress");
        full.arg(case.photos()).args(["-o", "/dev/full", "--force"]);
        full.assert().code(1).stderr(contains("/dev/full"));
    }
}

#[test]
fn a_model_that_is_trained_for_few_bits_has_codes_of_whole_steps() {
    let home = tempfile::tempdir().expect("a folder");
    let train = |name: &str, more: &[&str]| {
        let runs = home.path().join(name);
        small_run(&runs)
            .args(["--arch", "residual", "--loss", "ssim", "--refine", "0"])
            .args(more)
            .assert()
            .success();
        only_run(&runs)
    };
    let run = train("rate", &["--rate", "0.002"]);
    let summary = json(&run.join("summary.json"));
    let packed = summary["bytes_per_image"].as_f64().expect("a number");
    assert!(packed > 1.0 && packed < 400.0, "{packed}");
    let model =
        Model::open(run.join("checkpoints/best.safetensors"), &Device::flex()).expect("a model");
    let rate = model.objective().rate;
    assert!((rate.weight - 0.002).abs() < 1e-12);
    // An epoch is judged by what its codes cost, too.
    let mut table = csv::Reader::from_path(run.join("metrics.csv")).expect("a table");
    let header = table.headers().expect("a header").clone();
    let place = |name: &str| {
        header
            .iter()
            .position(|column| column == name)
            .expect("a column")
    };
    for row in table.records() {
        let row = row.expect("a row");
        let of = |name: &str| row[place(name)].parse::<f64>().expect("a number");
        assert!(
            of("validation_loss") > 1.0 - of("validation_ssim") + 0.002,
            "{row:?}"
        );
    }
    assert_eq!(Compressor::new(&model, None).refine(), 20);
    let images =
        trainer::Images::fashion_mnist(&"trouser".parse().expect("a class")).expect("embedded");
    let some = images.of_rows(&(0..40).collect::<Vec<u32>>());
    let codes = trainer::apply::Applied::new(&model, None)
        .encode(&some)
        .expect("the CPU");
    for code in &codes {
        let steps = code / rate.step;
        assert!((steps - steps.round()).abs() < 1e-3, "{code}");
    }
    assert!(codes.iter().any(|&code| code != 0.0));

    let mut command = trainer();
    command
        .args(["bench", "compress", "--json", "--targets", "0.5"])
        .arg(&run);
    let output = command.assert().success();
    let rows: Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
    let last = rows.as_array().and_then(|rows| rows.last());
    let last = last.expect("a row");
    assert_eq!(last["method"], "trainer");
    assert!(last["ssim"].as_f64().expect("a number") >= 0.49);
    let png = 400.0;
    assert!(last["bytes_per_image"].as_f64().expect("a number") < png);

    let runs = home.path().join("refused");
    let mut refused = small_run(&runs);
    refused
        .args(["--rate", "0.001", "--refine", "5"])
        .assert()
        .failure()
        .stderr(contains("rate"));
}

#[test]
fn bits_that_cost_a_lot_are_saved() {
    let bytes = |rate: &str| {
        let runs = tempfile::tempdir().expect("a folder");
        small_run(runs.path())
            .args(["--arch", "linear", "--loss", "ssim", "--refine", "0"])
            .args(["--limit", "400", "--batch-size", "16", "--epochs", "4"])
            .args(["--rate", rate])
            .assert()
            .success();
        let summary = json(&only_run(runs.path()).join("summary.json"));
        summary["bytes_per_image"].as_f64().expect("a number")
    };
    let [cheap, dear] = ["0.0001", "0.1"].map(bytes);
    assert!(dear < cheap - 1.0, "{dear}, {cheap}");
}

#[test]
fn a_rate_counts_bytes_and_its_noise_is_within_half_a_step() {
    use burn::tensor::{Tensor, TensorData};
    let shape = trainer::ImageShape {
        channels: 1,
        height: 28,
        width: 28,
    };
    let rate = CodeRate::new(0.001, shape, 2, 7);
    let device = Device::flex();
    let codes = |values: Vec<f32>| {
        let rows = values.len() / 2;
        Tensor::<2>::from_data(TensorData::new(values, [rows, 2]), &device)
    };
    let zeros = codes(vec![0.0; 2_000]);
    let draw = trainer::model::DropoutDraw { step: 3 };
    let noise = rate
        .noisy(zeros.clone(), draw)
        .into_data()
        .try_to_vec::<f32>()
        .expect("floats");
    assert!(noise.iter().all(|value| value.abs() <= 0.5 * rate.step));
    let mean_square = noise
        .iter()
        .map(|value| (value / rate.step).powi(2))
        .sum::<f32>()
        / 2_000.0;
    assert!((mean_square - 1.0 / 12.0).abs() < 0.01, "{mean_square}");
    let again = rate
        .noisy(zeros.clone(), draw)
        .into_data()
        .try_to_vec::<f32>()
        .expect("floats");
    assert_eq!(noise, again);

    let bytes = |codes| {
        let bytes: f32 = rate.bytes(codes).into_scalar();
        bytes
    };
    assert!(bytes(zeros) < 0.01);
    // A two-sided geometric distribution with a ratio of 1/2 has a mean magnitude of 4/3, and 2.7516 bits:
    // 1/3 of 0, and 1/3 · 2^-n of ±n each.
    let entropy: f64 = {
        let of = |share: f64| -share * share.log2();
        of(1.0 / 3.0) + (1..60).map(|n| 2.0 * of(2_f64.powi(-n) / 3.0)).sum::<f64>()
    };
    let one = codes(vec![4.0 / 3.0 * rate.step, 0.0]);
    let found = f64::from(bytes(one)) * 8.0;
    assert!((found - entropy).abs() < 0.05, "{found} {entropy}");
}

#[test]
fn rounding_by_price_is_better_than_to_the_nearest() {
    use burn::tensor::{Tensor, TensorData};
    let case = Case::new("linear", &[]);
    let model = Model::open(case.model(), &Device::flex()).expect("a model");
    let images = trainer::Images::folder(case.photos(), trainer::data::ImageOptions::default())
        .expect("images");
    let values: Vec<u8> = images.values().to_vec();
    let floats: Vec<f32> = values
        .iter()
        .map(|&level| f32::from(level) / 255.0)
        .collect();
    let device = Device::flex();
    let images: Tensor<4> = Tensor::from_data(
        TensorData::new(floats, images.shape().batch(images.len())),
        &device,
    );
    let objective = model.objective();
    let codes = objective.encode(model.network(), images.clone());
    let row = |value: f32| Tensor::<2>::full([1, LATENT], value, &device);
    let rounding = |price| Rounding {
        mean: row(0.0),
        step: 0.5,
        bits: row(1.5),
        price,
    };
    let cost = |steps: Tensor<2>, price: f64| {
        let codes = rounding(price).codes(steps.clone());
        let losses = objective.losses(&model.network().predict(codes), images.clone());
        let bits: Tensor<1> = steps.abs().sum_dim(1).flatten(0, 1);
        let mean: f32 = (losses + bits * (1.5 * price)).mean().into_scalar();
        mean
    };
    let nearest = objective.round(
        model.network(),
        images.clone(),
        codes.clone(),
        &rounding(0.0),
    );
    for price in [1e-4, 1e-3, 1e-2] {
        let by_price = objective.round(
            model.network(),
            images.clone(),
            codes.clone(),
            &rounding(price),
        );
        let data = by_price
            .clone()
            .into_data()
            .try_to_vec::<f32>()
            .expect("floats");
        assert!(
            data.iter().all(|value| value.fract() == 0.0),
            "whole numbers"
        );
        let (found, plain) = (cost(by_price, price), cost(nearest.clone(), price));
        assert!(found < plain, "{found} {plain}");
    }
}
