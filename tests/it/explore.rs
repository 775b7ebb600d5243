//! `trainer explore`: what the page holds. What it shows is tested in a browser.

use std::fs;
use std::path::Path;

use predicates::str::contains;
use serde_json::Value;

use crate::apply::Case;

/// What the program wrote into a page for its script.
fn data(page: &Path) -> Value {
    let html = fs::read_to_string(page).expect("a page");
    let start = r#"<script id="data" type="application/json">"#;
    let (_, rest) = html.split_once(start).expect("its data");
    let (json, _) = rest.split_once("</script>").expect("their end");
    serde_json::from_str(json).expect("JSON")
}

fn length(value: &Value) -> usize {
    value.as_array().expect("an array").len()
}

#[test]
fn a_page_has_maps_directions_and_ways_between_images() {
    for arch in ["linear", "residual"] {
        let case = Case::new(arch, &[]);
        let page = case.path("codes.html");
        let mut command = case.command("explore");
        command.arg(case.photos()).arg("-o").arg(&page);
        command
            .assert()
            .success()
            .stdout(contains("30 images of 31"));
        let data = data(&page);
        assert_eq!(data["arch"], arch);
        assert_eq!(data["classes"], serde_json::json!(["cat", "dog"]));
        for key in ["path", "label", "ssim", "score"] {
            assert_eq!(length(&data[key]), 30, "{key}");
        }
        let maps: Vec<&str> = data["maps"]
            .as_array()
            .expect("maps")
            .iter()
            .map(|map| map["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(maps, ["PCA of the codes", "t-SNE"]);
        let shares = data["directions"]["shares"].as_array().expect("shares");
        let shares: Vec<f64> = shares.iter().filter_map(Value::as_f64).collect();
        // Five latent values have five directions, which are all of the variance.
        assert_eq!(shares.len(), 5);
        assert!(
            (shares.iter().sum::<f64>() - 1.0).abs() < 1e-4,
            "{shares:?}"
        );
        assert!(shares.is_sorted_by(|a, b| a >= b));
        assert_eq!(data["directions"]["linear"].is_object(), arch == "linear");
        assert_eq!(length(&data["between"]["chosen"]), 10);
        // The same images make the same page, but for the time.
        let again = case.path("again.html");
        let mut command = case.command("explore");
        command.arg(case.photos()).arg("-o").arg(&again);
        command.assert().success();
        let mut again = self::data(&again);
        again["made"] = data["made"].clone();
        assert!(again == data);
    }
}

#[test]
fn equal_images_one_image_and_wrong_calls_are_no_trouble() {
    let case = Case::new("linear", &[]);
    let one = case.path("photos/dog/01.png");
    let equal = case.path("equal");
    fs::create_dir(&equal).expect("a folder");
    for copy in 0..40 {
        fs::copy(&one, equal.join(format!("{copy:02}.png"))).expect("a copy");
    }
    let page = case.path("codes.html");
    for images in [&equal, &one] {
        let mut command = case.command("explore");
        command.arg(images).args(["--force", "-o"]).arg(&page);
        command.assert().success();
        assert_eq!(length(&data(&page)["maps"]), 1);
    }
    for (more, message) in [
        (vec!["--shard", "1/2"], "--most"),
        (vec![], "exists already"),
        (vec!["--most", "0", "--force"], "from 1"),
    ] {
        let mut command = case.command("explore");
        command.arg(case.photos()).args(&more).arg("-o").arg(&page);
        command.assert().failure().stderr(contains(message));
    }
}
