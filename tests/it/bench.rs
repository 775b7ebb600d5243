//! `trainer bench`, through the program; and what `bench ssim` does where not everything fits.

use std::time::Duration;

use crate::common::{alone, has_wgpu_adapter, trainer, write_data_set};
use burn::tensor::{Device, DeviceKind, Tensor};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;
use trainer::bench::launches::Counter;
use trainer::bench::timing::{Effort, Timing, measure};

/// The smallest effort that is one.
const QUICK: [&str; 6] = ["--trials", "2", "--warm-up", "0", "--seconds", "1"];

fn report(backend: &str, shapes: &str) -> Value {
    let assert = trainer()
        .args([
            "bench",
            "ssim",
            "--json",
            "--backend",
            backend,
            "--shapes",
            shapes,
        ])
        .args(QUICK)
        .assert()
        .success();
    serde_json::from_slice(&assert.get_output().stdout).expect("JSON alone on standard output")
}

/// Every method on every pass, with rates that belong to the trials.
fn check(report: &Value, shape: [u64; 4]) {
    assert!(report["copy"]["gigabytes_per_second"].as_f64().unwrap() > 0.0);
    let rows = report["measurements"].as_array().unwrap();
    let mut seen = Vec::new();
    for row in rows {
        assert_eq!(row["error"], Value::Null, "{row}");
        assert_eq!(row["shape"], serde_json::json!(shape));
        seen.push((
            row["pass"].as_str().unwrap(),
            row["method"].as_str().unwrap(),
        ));
        let number = |key: &str| {
            row[key]
                .as_f64()
                .unwrap_or_else(|| panic!("{key} of {row}"))
        };
        let trials: Vec<f64> = row["trial_seconds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|seconds| seconds.as_f64().unwrap())
            .collect();
        assert!((1..=2).contains(&trials.len()), "{row}");
        let [min, median, max] = ["min_seconds", "median_seconds", "max_seconds"].map(number);
        assert!(0.0 < min && min <= median && median <= max, "{row}");
        assert!(trials.contains(&min) && trials.contains(&max), "{row}");

        let images = number("images");
        assert!((1.0..=4.0).contains(&images), "{row}");
        let rate = number("images_per_second");
        assert!((rate * median / images - 1.0).abs() < 1e-9, "{row}");
        let bytes = if row["pass"] == "forward" { 8.0 } else { 12.0 };
        let values: u64 = shape[1..].iter().product();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let gigabytes = rate * bytes * values as f64 / 1e9;
        assert!((number("gigabytes_per_second") / gigabytes - 1.0).abs() < 1e-9);
        assert!(number("share_of_copy") > 0.0);
        assert!(number("kernel_speedup") > 0.0);
    }
    let methods = ["kernel", "composed", "conv2d"];
    let expected: Vec<(&str, &str)> = ["forward", "forward_backward"]
        .into_iter()
        .flat_map(|pass| methods.map(|method| (pass, method)))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_bench_says_what_is_wrong_once_in_words_about_its_flags() {
    trainer()
        .args([
            "bench",
            "training",
            "--backend",
            "flex",
            "--limit",
            "200",
            "--epochs",
            "1",
        ])
        .args(["--trials", "1", "--latent-dim", "5000"])
        .assert()
        .code(1)
        .stderr(contains("--latent-dim 5000, of images of 784 values").count(1));
    trainer()
        .args(["bench", "scale", "--backend", "flex", "--images", "99999"])
        .assert()
        .code(1)
        .stderr(contains("--images 99999: there are 14000"));
    trainer()
        .args(["bench", "scale", "--plot", "/nonexistent/scale.png"])
        .assert()
        .code(2)
        .stderr(contains("--plot").and(contains("no such folder")));
}

#[test]
fn json_has_every_measurement_and_what_it_was_made_on() {
    let report = report("flex", "4x1x28x28");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["backend"], "flex");
    assert_eq!(report["trials"], 2);
    assert_eq!(report["warm_up"], 0);
    for key in ["adapter", "cpu", "system"] {
        assert!(!report[key].as_str().unwrap().is_empty(), "{key}");
    }
    check(&report, [4, 1, 28, 28]);
}

/// With one channel, where burn's fusion reads what convolutions put out in the wrong places.
#[test]
fn a_gpu_is_measured_like_a_cpu() {
    if !has_wgpu_adapter() {
        return;
    }
    let report = report("wgpu", "4x1x28x28");
    assert_eq!(report["backend"], "wgpu");
    assert!(!report["driver"].as_str().unwrap().is_empty());
    check(&report, [4, 1, 28, 28]);
}

#[test]
fn the_table_goes_to_standard_output_and_progress_to_standard_error() {
    trainer()
        .args([
            "bench",
            "ssim",
            "--backend",
            "flex",
            "--shapes",
            "2x1x12x14,1x3x16x11",
        ])
        .args(QUICK)
        .assert()
        .success()
        .stdout(contains("2x1x12x14, forward\n"))
        .stdout(contains("1x3x16x11, forward + backward\n"))
        .stdout(contains("by the first image only"))
        .stdout(contains("INFO").not())
        .stderr(contains("2x1x12x14, forward, kernel"));
}

#[test]
fn fewer_images_are_measured_where_all_would_take_too_long() {
    let report = report("flex", "1000000x1x28x28");
    for row in report["measurements"].as_array().unwrap() {
        assert!(row["images"].as_u64().unwrap() < 1_000_000, "{row}");
        let reason = row["fewer_images_because"].as_str().unwrap();
        assert!(reason.contains("longer than 1 s"), "{row}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_names_the_flag() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["--shapes", "1x2"], &["--shapes", "512x3x256x256"]),
        (&["--shapes", "axbxcxd"], &["--shapes"]),
        (&["--shapes", ""], &["--shapes"]),
        (&["--shapes", "0x1x28x28"], &["--shapes"]),
        (
            &["--shapes", "4x1x10x10"],
            &["--shapes", "10×10", "at least 11"],
        ),
        (&["--shapes", "4x1x28x28,4x1x10x28"], &["--shapes", "10×28"]),
        (
            &["--shapes", "1x1x99999999x99999999"],
            &["--shapes", "at most"],
        ),
        (
            &["--shapes", "1x99999999999x99999999999x99999999999"],
            &["--shapes", "at most"],
        ),
        (&["--trials", "0"], &["--trials"]),
        (&["--warm-up", "some"], &["--warm-up"]),
        (&["--seconds", "0"], &["--seconds"]),
        (&["--seconds", "nan"], &["--seconds"]),
        (&["--seconds", "1e300"], &["--seconds"]),
        (&["--backend", "cuda"], &["--backend"]),
    ];
    for (arguments, named) in cases {
        let mut assert = trainer()
            .args(["bench", "ssim"])
            .args(*arguments)
            .assert()
            .code(2)
            .stderr(contains("panicked").not());
        for word in *named {
            assert = assert.stderr(contains(*word));
        }
    }
    trainer()
        .args(["bench", "ssim", "--backend", "flex", "--device", "7"])
        .assert()
        .code(1)
        .stderr(contains("--device 7"));
}

/// Work that takes no time, on at most `fitting` images.
fn limited(fitting: usize) -> Result<Timing, String> {
    let device = Device::flex();
    let effort = Effort {
        trials: 3,
        warm_up: 1,
        cap: Duration::from_mins(1),
    };
    measure(&device, 100, 1 << 16, &effort, |images| {
        assert!(images <= fitting, "Out Of Memory: {images} images");
        let x = Tensor::<4>::ones([images, 1, 1, 1], &Device::flex());
        Box::new(move || x.clone() + 1.0)
    })
}

/// burn tells of a full device by a panic.
#[test]
fn what_does_not_fit_is_measured_on_fewer_images() {
    // Tried are 100, 50, 25, 12, 6, 3 and 1, from 12 on.
    for (fitting, measured) in [(100, 100), (99, 50), (30, 25), (12, 12), (11, 6), (1, 1)] {
        let timing = limited(fitting).expect("one image fits");
        assert_eq!(timing.images, measured, "where {fitting} fit");
        let reason = (measured < 100).then(|| "out of memory".to_owned());
        assert_eq!(timing.fewer_images_because, reason);
        assert_eq!(timing.trial_seconds.len(), 3);
        assert!(timing.repetitions > 1);
    }
    assert_eq!(limited(0).unwrap_err(), "out of memory");
}

fn bench(command: &str, more: &[&str]) -> assert_cmd::assert::Assert {
    trainer()
        .args([
            "bench",
            command,
            "--backend",
            "flex",
            "--limit",
            "120",
            "--trials",
            "1",
        ])
        .args(more)
        .assert()
}

#[test]
fn time_to_ssim_tells_whether_the_target_is_reached() {
    let near = bench("time-to-ssim", &["--target", "0.3", "--json"]).success();
    let report: Value = serde_json::from_slice(&near.get_output().stdout).expect("JSON");
    let seconds = report["seconds"]["median"].as_f64().expect("seconds");
    assert!(seconds > 0.0 && seconds < 120.0, "{seconds}");
    assert!(report["arrivals"][0]["ssim"].as_f64().expect("SSIM") >= 0.3);
    assert_eq!(report["machine"]["config"]["arch"], "linear");

    let far = ["--target", "0.9999", "--epochs", "1", "--latent-dim", "2"];
    let stdout = bench("time-to-ssim", &far)
        .code(1)
        .get_output()
        .stdout
        .clone();
    assert!(String::from_utf8_lossy(&stdout).contains("not reached"));
    bench("time-to-ssim", &["--target", "2"]).code(2);
}

#[test]
fn training_and_scale_report_rates_and_memory() {
    let settings = ["--epochs", "2", "--latent-dim", "4", "--json"];
    let done = bench("training", &settings).success();
    let report: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    for quantity in [
        "training_images_per_second",
        "inference_images_per_second",
        "seconds_to_first_step",
    ] {
        let spread = &report[quantity];
        assert!(
            spread["median"].as_f64().expect("a median") > 0.0,
            "{quantity}"
        );
        assert_eq!(spread["trials"].as_array().expect("trials").len(), 1);
    }
    let folder = TempDir::new().expect("a folder");
    let plot = folder.path().join("scale.png");
    let plot = plot.to_str().expect("UTF-8");
    let sizes = ["--images", "60,120", "--batches", "8,16", "--plot", plot];
    let done = bench("scale", &[&settings[..], &sizes].concat()).success();
    let report: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    assert_eq!(report["points"].as_array().expect("points").len(), 4);
    assert_eq!(image::open(plot).expect("a picture").width(), 1200);
}

/// A GPU is waited for once an epoch.
#[test]
fn an_epoch_on_a_gpu_is_read_at_once() {
    let settings = [
        "--limit",
        "60",
        "--batch-size",
        "8",
        "--latent-dim",
        "4",
        "--json",
    ];
    let launches = |backend| {
        let mut command = trainer();
        command.args([
            "bench",
            "launches",
            "--arch",
            "baseline",
            "--backend",
            backend,
        ]);
        command.args(settings).assert()
    };
    launches("flex").code(2).stderr(contains("--backend flex"));
    if !has_wgpu_adapter() {
        return;
    }
    let done = launches("wgpu").success();
    let report: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    let count = |key: &str| report["epoch"][key].as_u64().expect("a count");
    assert_eq!(count("reads"), 1);
    assert_eq!(count("steps"), 6);
    let kernels = report["epoch"]["kernels"].as_object().expect("by kernel");
    let launches: u64 = kernels
        .values()
        .map(|count| count.as_u64().expect("a count"))
        .sum();
    assert_eq!(count("launches"), launches);
    // Each step has several kernels, and each submission at least one.
    assert!(
        launches > 6 * 10 && count("submissions") < launches,
        "{report}"
    );
}

/// The counter itself, on work of which one knows what it asks for. In a process of its own, since it
/// counts what all threads ask for.
#[test]
fn reads_and_launches_of_a_gpu_are_counted() {
    if has_wgpu_adapter() {
        alone("bench::reads_and_launches_of_a_gpu");
    }
}

#[test]
#[ignore = "run by the test above"]
fn reads_and_launches_of_a_gpu() {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let x = Tensor::<1>::ones([64], &device);
    drop((x.clone() + 1.0).into_data());
    let counter = Counter::start();
    for _ in 0..3 {
        let sum = (x.clone() + 2.0)
            .into_data()
            .try_to_vec::<f32>()
            .expect("f32");
        assert_eq!(sum, [3.0; 64]);
    }
    let counts = counter.counts();
    assert_eq!((counts.reads, counts.launches), (3, 3), "{counts:?}");
}

#[test]
fn start_up_is_measured() {
    trainer()
        .args(["bench", "start-up", "--trials", "2"])
        .assert()
        .success()
        .stdout(contains("trainer --help, ms"));
}

#[test]
fn one_class_goes_over_the_classes_that_are_there() {
    let folder = TempDir::new().expect("a folder");
    write_data_set(folder.path(), 80, 0);
    // Labels from 1 on, as EMNIST's letters have.
    for name in ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"] {
        let path = folder.path().join(name);
        let mut labels = std::fs::read(&path).expect("labels");
        labels[8..].iter_mut().for_each(|label| *label += 1);
        std::fs::write(&path, labels).expect("labels");
    }
    let bench = |classes: &str| {
        let mut command = trainer();
        command.args([
            "bench",
            "one-class",
            "--backend",
            "flex",
            "--json",
            "--data",
        ]);
        command.arg(folder.path()).args(["--classes", classes]);
        command.args(["--arch", "linear", "--latent-dim", "4", "--epochs", "1"]);
        command.assert()
    };
    for classes in ["all", "2,1"] {
        let done = bench(classes).success();
        let report: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
        assert_eq!(report["classes"], serde_json::json!(["1", "2"]));
        let rows = report["rows"].as_array().expect("rows");
        let is_whole = |row: &Value| row["auroc"].as_array().is_some_and(|all| all.len() == 2);
        assert!(rows.iter().all(is_whole));
    }
    bench("1")
        .code(1)
        .stderr(contains("fewer than two classes"));
}

#[test]
fn one_class_refuses_what_would_change_nothing() {
    let help = trainer().args(["bench", "one-class", "--help"]).assert();
    let help = String::from_utf8(help.success().get_output().stdout.clone()).expect("UTF-8");
    for words in [
        &["--split", "0.8,0.1,0.1"][..],
        &["--samples", "3"],
        &["--no-pca"],
        &["--checkpoint-every", "5m"],
    ] {
        assert!(!help.contains(words[0]), "{help}");
        let mut command = trainer();
        command
            .args(["bench", "one-class"])
            .args(words)
            .assert()
            .code(2)
            .stderr(contains(words[0]).and(contains("leave it out")));
    }
    assert!(
        help.contains("Nine tenths of a class's training images"),
        "{help}"
    );
}
