//! `trainer bench ssim`, through the program.

mod common;

use common::{has_wgpu_adapter, trainer};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

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

/// One channel and several ones take different paths through burn's convolutions.
#[test]
fn a_gpu_is_measured_like_a_cpu() {
    if !has_wgpu_adapter() {
        return;
    }
    for shape in ["4x1x28x28", "2x3x40x36"] {
        let report = report("wgpu", shape);
        assert_eq!(report["backend"], "wgpu");
        assert!(!report["driver"].as_str().unwrap().is_empty());
        let numbers: Vec<u64> = shape.split('x').map(|side| side.parse().unwrap()).collect();
        check(&report, numbers.try_into().unwrap());
    }
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
