//! `trainer report`, through the program: what is in the page, whatever state runs are in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::folder::{Outcome, history, new_run, some_time};
use crate::common::{only_run, small_run, trainer};
use chrono::TimeDelta;
use predicates::str::contains;
use serde_json::Value;
use trainer::run::{DatasetOrigin, Meta, State, Status, TestImage};

/// The data in a page, whose markup must be the template's alone.
fn data(page: &str) -> Value {
    let start = "<script id=\"data\" type=\"application/json\">";
    let (_, rest) = page.split_once(start).expect("data");
    let (json, _) = rest.split_once("</script>").expect("its end");
    assert!(!json.contains('<'), "an unescaped `<`");
    serde_json::from_str(json).expect("JSON")
}

fn report(runs: &Path, arguments: &[&str]) -> (PathBuf, String) {
    let mut command = trainer();
    command
        .arg("report")
        .args(arguments)
        .arg("--runs")
        .arg(runs);
    let output = command.output().expect("the program runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let path = String::from_utf8(output.stdout).expect("a path");
    let path = PathBuf::from(path.trim_end());
    let page = fs::read_to_string(&path).expect("the report");
    (path, page)
}

/// A run as training leaves it behind when it is stopped, made without training.
fn stopped_run(runs: &Path, epochs: u8) -> Result<trainer::run::RunDir, trainer::run::RunError> {
    let run = new_run(runs)?;
    run.write_config("arch = \"baseline\"\nloss = \"bce\"\nepochs = 50\nlatent_dim = 128\n")?;
    run.write_metrics(&history(epochs))?;
    run.write_status(&Status::now(State::Interrupted, usize::from(epochs)))?;
    Ok(run)
}

fn problems(entry: &Value) -> String {
    entry["problems"].to_string()
}

#[test]
fn what_a_pattern_gives_besides_runs_is_passed_over() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = stopped_run(home.path(), 2)?;
    let earlier = home.path().join("report.html");
    fs::write(&earlier, "earlier")?;
    let [run, earlier] = [run.path(), &earlier].map(|path| path.display().to_string());
    let output = home.path().join("new.html");
    let (_, page) = report(
        home.path(),
        &[&run, &earlier, "-o", &output.display().to_string()],
    );
    assert_eq!(data(&page)["runs"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[test]
fn a_run_leaves_its_test_images_and_the_report_shows_them() -> Outcome {
    let home = tempfile::tempdir()?;
    small_run(home.path()).assert().success();
    let run = only_run(home.path());
    let images: Vec<TestImage> = csv::Reader::from_path(run.join("test.csv"))?
        .deserialize()
        .collect::<Result<_, _>>()?;
    let summary = crate::common::json(&run.join("summary.json"));
    assert_eq!(
        Some(images.len() as u64),
        summary["test"]["images"].as_u64()
    );
    #[expect(clippy::cast_precision_loss, reason = "a count of images")]
    let mean = images.iter().map(|image| image.ssim).sum::<f64>() / images.len() as f64;
    assert!((mean - summary["test"]["ssim"].as_f64().unwrap()).abs() < 1e-9);
    assert!(
        images
            .iter()
            .all(|image| image.pc1.is_finite() && image.tile.is_some())
    );
    assert!(images.iter().any(|image| image.pc1.abs() > 1e-3));
    // Few enough images that each has a thumbnail, in one row.
    let thumbnails = image::open(run.join("thumbnails.png"))?;
    assert_eq!(thumbnails.height(), 28);
    assert_eq!(thumbnails.width() as usize, 28 * images.len());
    assert!(run.join("best.png").is_file());

    let (path, page) = report(home.path(), &[]);
    assert_eq!(path, run.join("report.html"));
    let data = data(&page);
    let entry = &data["runs"][0];
    assert_eq!(entry["state"], "finished");
    assert_eq!(entry["problems"], serde_json::json!([]));
    assert_eq!(entry["history"]["epoch"], serde_json::json!([1, 2]));
    assert_eq!(entry["pictures"].as_array().unwrap().len(), 2);
    assert_eq!(
        entry["images"]["ssim"].as_array().unwrap().len(),
        images.len()
    );
    assert!(
        entry["best_picture"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );
    Ok(())
}

#[test]
fn nothing_in_the_page_is_loaded_from_elsewhere() -> Outcome {
    let home = tempfile::tempdir()?;
    stopped_run(home.path(), 2)?;
    let (_, page) = report(home.path(), &["--all"]);
    let markup = page.replace("http://www.w3.org/2000/svg", "");
    for forbidden in [
        "http://",
        "https://",
        "src=\"",
        "innerHTML",
        "eval(",
        "@import",
        "url(",
    ] {
        assert!(!markup.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
    Ok(())
}

#[test]
fn names_and_settings_are_no_markup() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = stopped_run(home.path(), 2)?;
    let hostile = "</script><img src=x onerror=alert(1)>{{script}}";
    run.write_config(&format!("loss = '{hostile}'\n\"<b>\" = 1\n"))?;
    // File systems of Windows refuse such a name.
    let name = if cfg!(unix) {
        "<img src=x onerror=alert(1)>"
    } else {
        "plain"
    };
    fs::rename(run.path(), home.path().join(name))?;
    let (_, page) = report(home.path(), &["--all"]);
    let data = data(&page);
    assert_eq!(data["runs"][0]["name"], name);
    assert_eq!(data["runs"][0]["loss"], hostile);
    assert_eq!(data["runs"][0]["config"]["<b>"], "1");
    assert!(!page.contains("<img src=x"));
    Ok(())
}

#[test]
fn damaged_runs_are_listed_with_what_is_wrong() -> Outcome {
    let home = tempfile::tempdir()?;
    for (file, content) in [
        ("metrics.csv", "epoch,step\nnonsense,\"\n"),
        ("summary.json", "{\"best_epoch\": 1"),
        ("status.json", "\u{0}"),
        ("config.toml", "= = ="),
        ("meta.json", "[]"),
        ("test.csv", "index,label\n1,t-shirt,3\n"),
    ] {
        let run = stopped_run(home.path(), 3)?;
        fs::write(run.path().join(file), content)?;
        fs::write(run.test_picture(), "no PNG")?;
        let (_, page) = report(home.path(), &[run.path().to_str().unwrap()]);
        let data = data(&page);
        let entry = &data["runs"][0];
        assert!(
            problems(entry).contains(file),
            "{file}: {}",
            problems(entry)
        );
        let state = if file == "status.json" {
            "damaged"
        } else {
            "interrupted"
        };
        assert_eq!(entry["state"], state, "{file}");
        assert_eq!(entry["test_picture"], Value::Null);
    }
    let bare = home.path().join("bare");
    fs::create_dir(&bare)?;
    fs::write(bare.join("status.json"), "{}")?;
    let (_, page) = report(home.path(), &["--all"]);
    let data = data(&page);
    let entries = data["runs"].as_array().unwrap();
    assert_eq!(entries.len(), 7);
    assert!(
        entries
            .iter()
            .any(|entry| entry["problems"][0] == "no config.toml")
    );
    Ok(())
}

#[test]
fn a_run_of_an_earlier_version_says_what_it_lacks() -> Outcome {
    let home = tempfile::tempdir()?;
    small_run(home.path()).assert().success();
    let run = only_run(home.path());
    for file in ["test.csv", "best.png", "thumbnails.png"] {
        fs::remove_file(run.join(file))?;
    }
    let (_, page) = report(home.path(), &[]);
    let data = data(&page);
    let entry = &data["runs"][0];
    assert_eq!(entry["problems"], serde_json::json!([]));
    assert!(
        entry["images_missing"]
            .as_str()
            .unwrap()
            .contains("test.csv")
    );
    assert!(entry["worst_picture"].is_string());
    Ok(())
}

#[test]
fn many_epochs_are_thinned_out_evenly_and_the_file_stays_small() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = stopped_run(home.path(), 50)?;
    // Noise is the largest that a picture can be.
    let mut seed = 1_u32;
    for epoch in 1..=50 {
        let picture = image::RgbImage::from_fn(200, 200, |_, _| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [red, green, blue, _] = seed.to_be_bytes();
            image::Rgb([red, green, blue])
        });
        trainer::run::save_png(&picture, &run.epoch_picture(epoch))?;
    }
    let (_, page) = report(home.path(), &[]);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    let data = data(&page);
    let entry = &data["runs"][0];
    assert_eq!(entry["pictures_found"], 50);
    let epochs: Vec<u64> = entry["pictures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|picture| picture["epoch"].as_u64().unwrap())
        .collect();
    assert!(epochs.len() > 5 && epochs.len() < 50, "{epochs:?}");
    assert_eq!((epochs[0], epochs[epochs.len() - 1]), (1, 50));
    let gaps: Vec<u64> = epochs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        gaps.iter().max().unwrap() - gaps.iter().min().unwrap() <= 1,
        "{epochs:?}"
    );
    Ok(())
}

#[test]
fn images_without_labels_are_shown() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = stopped_run(home.path(), 2)?;
    let image = |index, label: Option<u32>, class: Option<&str>| TestImage {
        index,
        path: None,
        label,
        class: class.map(str::to_owned),
        ssim: 0.5,
        psnr: 20.0,
        mse: 0.01,
        pc1: 0.0,
        pc2: 0.0,
        tile: None,
    };
    let mut images = vec![image(0, None, None), image(1, None, None)];
    run.write_test_images(&images)?;
    let shown = || data(&report(home.path(), &[]).1)["runs"][0].clone();
    let entry = shown();
    assert_eq!(entry["problems"], serde_json::json!(["no meta.json"]));
    assert_eq!(entry["images"]["classes"], serde_json::json!({}));
    assert_eq!(entry["images"]["label"], serde_json::json!([null, null]));

    images.extend([image(2, Some(300), Some("bag")), image(3, Some(5), None)]);
    run.write_test_images(&images)?;
    let shown = &shown()["images"];
    assert_eq!(
        shown["classes"],
        serde_json::json!({"5": "5", "300": "bag"})
    );
    assert_eq!(shown["label"], serde_json::json!([null, null, 300, 5]));
    Ok(())
}

#[test]
fn the_latest_run_is_shown_whatever_its_name() -> Outcome {
    let home = tempfile::tempdir()?;
    for (name, started) in [("z", 0), ("a", 2), ("m", 1)] {
        let run = stopped_run(home.path(), 1)?;
        let origin = DatasetOrigin {
            source: "embedded".to_owned(),
            hash: None,
        };
        let time = some_time() + TimeDelta::days(started);
        run.write_meta(&Meta::collect("flex", None, origin, time))?;
        fs::rename(run.path(), home.path().join(name))?;
    }
    let (path, page) = report(home.path(), &[]);
    assert_eq!(path, home.path().join("a/report.html"));
    assert_eq!(data(&page)["runs"][0]["name"], "a");
    Ok(())
}

#[test]
fn what_is_not_there_is_a_clear_error() -> Outcome {
    let home = tempfile::tempdir()?;
    let [empty, runs] = ["empty", "runs"].map(|name| home.path().join(name));
    fs::create_dir(&empty)?;
    let run = stopped_run(&runs, 1)?;
    let file = run.status_path();
    let [empty, runs, file] = [&empty, &runs, &file].map(|path| path.to_str().expect("UTF-8"));
    for (arguments, expected) in [
        (vec!["report"], "no run in it"),
        (vec!["report", "nonsense"], "no such run"),
        (vec!["report", empty], "holds no file of a run"),
        (vec!["report", file], "is a file"),
        (vec!["report", runs], "but holds some. Name one of them"),
        (vec!["eval", runs], "but holds some. Name one of them"),
        (
            vec!["report", "--runs", "/nonexistent"],
            "can't list the folder",
        ),
        (
            vec!["serve", "--runs", "/nonexistent"],
            "can't list the folder",
        ),
    ] {
        let output = trainer()
            .env("TRAINER_RUNS", home.path())
            .args(&arguments)
            .output()?;
        let message = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    trainer()
        .args(["report", "--output", empty])
        .assert()
        .code(2)
        .stderr(contains("it is a folder; expected the name of a file"));
    Ok(())
}
