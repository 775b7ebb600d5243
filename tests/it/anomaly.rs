//! Anomaly scores: numbers against NumPy's and scikit-learn's, near codes against all of them, and `trainer score`.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use trainer::anomaly::{
    Aggregate, AnomalyScore, CodeStatistics, Detection, Mahalanobis, Measure, PixelErrors,
    ScoreQuantiles, quantile,
};
use trainer::apply::{Applied, Neighbours};
use trainer::model::Architecture;
use trainer::{Device, ImageShape, Model, train};

use crate::common::{only_run, trainer};
use crate::model_file::{made, small};

/// Numbers without a pattern, in [0, 1].
fn draws(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let draw = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).expect("16 bits")) / f32::from(u16::MAX)
    };
    (0..count).map(draw).collect()
}

#[track_caller]
fn assert_near(found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{found} instead of {expected}"
        );
    }
}

#[test]
fn detection_is_scikit_learns() {
    // roc_auc_score, average_precision_score and the best F1 of precision_recall_curve of scikit-learn 1.7.
    let scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.2, 0.9];
    let is_anomalous = [0, 0, 1, 1, 0, 1, 0, 1].map(|mark| mark == 1);
    let found = Detection::of(&scores, &is_anomalous).expect("both kinds");
    assert_near(
        [found.auroc, found.average_precision, found.best_f1],
        &[0.8125, 0.816_666_666_666_666_7, 0.8],
        1e-12,
    );
    assert_eq!(Detection::of(&scores, &[true; 8]), None);
    assert_eq!(Detection::of(&scores, &[false; 8]), None);
}

#[test]
fn quantiles_are_numpys() {
    let sorted = [1.0, 1.0, 3.0, 4.0, 5.0];
    let found = [0.0, 0.1, 0.5, 0.99, 1.0].map(|share| quantile(&sorted, share));
    assert_near(found, &[1.0, 1.0, 3.0, 4.96, 5.0], 1e-12);

    // Of many, those that are kept are theirs, and those between are near.
    let mut values = draws(5_000, 3);
    let kept = ScoreQuantiles::new(5_000, 0, [(AnomalyScore::Latent, values.clone())]);
    values.sort_by(f32::total_cmp);
    for (share, tolerance) in [
        (0.0, 1e-7),
        (0.37, 1e-7),
        (0.995, 1e-7),
        (1.0, 1e-7),
        (0.523, 0.001),
        (0.9987, 0.001),
    ] {
        let threshold = kept.threshold(AnomalyScore::Latent, share);
        let expected = quantile(&values, share);
        assert_near(threshold, &[expected], tolerance);
    }
    let other = AnomalyScore::Pixels(Measure::Mse, Aggregate::Mean);
    assert_eq!(kept.threshold(other, 0.5), None);
    assert_eq!(kept.threshold(AnomalyScore::Latent, 1.5), None);
}

#[test]
fn distances_of_codes_are_those_of_a_shrunk_covariance() {
    let codes: Vec<f32> = (0..12_u8)
        .flat_map(|row| {
            (0..3_u8).map(move |column| {
                let is_second = column == 1;
                let (row, column) = (f32::from(row), f32::from(column));
                let rising = if is_second { 0.3 * row } else { 0.0 };
                (1.3 * row + column * column + 0.5).sin() * (column + 1.0) + rising
            })
        })
        .collect();
    let statistics = CodeStatistics::of(&codes, 3).expect("finite codes");
    let doubles = |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
    // scikit-learn's LedoitWolf of the codes divided by their standard deviations.
    assert_near(
        doubles(statistics.mean()),
        &[0.134_647_40, 1.842_375_55, -0.327_271_86],
        1e-6,
    );
    let covariance = [
        [0.486_147_21, 0.413_961_21, -0.748_386_19],
        [0.413_961_21, 2.995_773_46, -2.275_364_64],
        [-0.748_386_19, -2.275_364_64, 4.403_752_82],
    ];
    assert_near(
        doubles(statistics.covariance()),
        covariance.as_flattened(),
        2e-6,
    );

    let distances = Mahalanobis::new(&statistics);
    assert_near(
        doubles(&distances.distances(statistics.mean())),
        &[0.0],
        1e-6,
    );
    // Cramer's rule for the inverse's first element: d² of a step along the first axis.
    let [[first, ..], ..] = covariance;
    let minor = |row: usize, column: usize| {
        let rows = (0..3).filter(|&place| place != row);
        let kept: Vec<f64> = rows
            .flat_map(|row| {
                (0..3)
                    .filter(|&place| place != column)
                    .map(move |column| covariance[row][column])
            })
            .collect();
        kept[0] * kept[3] - kept[1] * kept[2]
    };
    let determinant =
        first * minor(0, 0) - covariance[0][1] * minor(0, 1) + covariance[0][2] * minor(0, 2);
    let mut step = statistics.mean().to_vec();
    step[0] += 2.0;
    assert_near(
        doubles(&distances.distances(&step)),
        &[2.0 * (minor(0, 0) / determinant).sqrt()],
        1e-4,
    );
}

#[test]
fn codes_that_never_change_and_few_of_many_values_have_distances() {
    let same = CodeStatistics::of(&[0.5; 20], 4).expect("finite codes");
    assert!(same.covariance().iter().all(|value| value.is_finite()));
    let far = Mahalanobis::new(&same).distances(&[0.75; 4])[0];
    assert!(far.is_finite() && far > 0.0);
    assert!(Mahalanobis::new(&same).distances(&[0.5; 4])[0] < 1e-6);
    let few = CodeStatistics::of(&draws(5 * 40, 7), 40).expect("finite codes");
    let found = Mahalanobis::new(&few).distances(&draws(40, 8));
    assert!(found[0].is_finite() && found[0] > 0.0);
    // No covariance of what isn't finite, nor of very wide codes.
    assert_eq!(CodeStatistics::of(&[1.0, f32::NAN], 1), None);
    assert_eq!(CodeStatistics::of(&[1.0, f32::INFINITY], 2), None);
    assert_eq!(CodeStatistics::of(&[0.0; 4_000], 2_000), None);
}

#[test]
fn principal_directions_are_those_of_the_covariance() {
    let codes = CodeStatistics::of(&draws(400 * 6, 9), 6).expect("finite codes");
    let (variance, directions) = codes.directions(6);
    let covariance = codes.covariance();
    let diagonal: f64 = (0..6).map(|place| f64::from(covariance[7 * place])).sum();
    assert_near([variance], &[diagonal], 1e-9);
    // All of them together are the covariance.
    for row in 0..6 {
        for column in 0..6 {
            let products = directions.iter().map(|step| step[row] * step[column]);
            let expected = f64::from(covariance[6 * row + column]);
            assert_near([products.sum()], &[expected], 1e-9);
        }
    }
    let lengths: Vec<f64> = directions
        .iter()
        .map(|step| step.iter().map(|value| value * value).sum())
        .collect();
    assert!(lengths.is_sorted_by(|a, b| a >= b), "{lengths:?}");
    assert_eq!(codes.directions(2).1, directions[..2]);
}

#[test]
fn errors_of_pixels_become_scores_and_maps() {
    let shape = ImageShape {
        channels: 2,
        height: 20,
        width: 10,
    };
    let (original, restored) = (draws(400, 1), draws(400, 2));
    // Windows of 5×5: those about the pixels of rows 2 to 17 and columns 2 to 7.
    let windows = [16, 6];
    let ssim = draws(2 * 96, 3);
    let errors = PixelErrors::new(&original, &restored, shape, &ssim, windows);
    let pixel = |index: usize, error: fn(f32) -> f32| {
        let channels = [index, 200 + index];
        channels
            .map(|place| error(original[place] - restored[place]))
            .iter()
            .sum::<f32>()
            / 2.0
    };
    let window = |y: usize, x: usize| 1.0 - f32::midpoint(ssim[y * 6 + x], ssim[96 + y * 6 + x]);
    let of_pixel = |y: usize, x: usize| window(y.clamp(2, 17) - 2, x.clamp(2, 7) - 2);

    for (y, x) in [(0, 0), (1, 9), (5, 4), (17, 7), (19, 3)] {
        let place = y * 10 + x;
        let both = of_pixel(y, x) + pixel(place, f32::abs);
        assert!((errors.map(Measure::Mse)[place] - pixel(place, |d| d * d)).abs() < 1e-6);
        assert!((errors.map(Measure::Ssim)[place] - of_pixel(y, x)).abs() < 1e-6);
        assert!((errors.map(Measure::SsimL1)[place] - both).abs() < 1e-6);
        assert!((errors.absolute()[place] - pixel(place, f32::abs)).abs() < 1e-6);
    }
    let mean: f32 = ssim.iter().map(|score| 1.0 - score).sum::<f32>() / 192.0;
    assert!((errors.score(Measure::Ssim, Aggregate::Mean) - mean).abs() < 1e-5);
    // The worst hundredth of 200 pixels is two, of 96 windows one.
    let mut squares: Vec<f32> = (0..200).map(|index| pixel(index, |d| d * d)).collect();
    squares.sort_by(f32::total_cmp);
    let worst = f32::midpoint(squares[198], squares[199]);
    assert!((errors.score(Measure::Mse, Aggregate::Worst) - worst).abs() < 1e-6);
    let windows = (0..96).map(|place| window(place / 6, place % 6));
    let worst = windows.fold(0.0, f32::max);
    assert!((errors.score(Measure::Ssim, Aggregate::Worst) - worst).abs() < 1e-6);
}

#[test]
fn regional_errors_are_of_local_means_and_of_brightness() {
    let shape = ImageShape {
        channels: 1,
        height: 48,
        width: 64,
    };
    let errors = |original: &dyn Fn(usize, usize) -> f32,
                  restored: &dyn Fn(usize, usize) -> f32| {
        let pixels = |value: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
            (0..48 * 64)
                .map(|place| value(place / 64, place % 64))
                .collect()
        };
        PixelErrors::new(&pixels(original), &pixels(restored), shape, &[1.0], [1, 1])
    };
    // The same everywhere, at the borders, too: a tenth of brightness, up to what is added to it, or the square of
    // the difference of roots.
    for level in [0.2_f32, 0.8] {
        let errors = errors(&|_, _| level, &|_, _| 0.9 * level);
        let relative = 0.1 * level / (level + 0.05);
        let roots = (level.sqrt() - (0.9 * level).sqrt()).powi(2);
        for (measure, expected) in [(Measure::Relative, relative), (Measure::Sqrt, roots)] {
            let found = errors.map(measure);
            assert!(found.iter().all(|error| (error - expected).abs() < 1e-5));
        }
    }
    // A dot is spread by a normal distribution of 48/32 pixels, to three of which it reaches.
    let dot = errors(&|_, _| 0.5, &|y, x| {
        if (y, x) == (20, 30) { 0.0 } else { 0.5 }
    });
    let (relative, roots) = (dot.map(Measure::Relative), dot.map(Measure::Sqrt));
    let at = |y: usize, x: usize| f64::from(relative[y * 64 + x]) * 0.55;
    let normal = |distance: f64| (-0.5 * (distance / 1.5).powi(2)).exp();
    let total: f64 = (-5..=5).map(|step| normal(f64::from(step))).sum();
    for (y, x) in [(20_usize, 30_usize), (21, 30), (20, 27), (23, 34)] {
        let distances = [y.abs_diff(20), x.abs_diff(30)]
            .map(|steps| f64::from(u8::try_from(steps).expect("few")));
        let expected = 0.5 * normal(distances[0]) * normal(distances[1]) / total.powi(2);
        assert!((at(y, x) - expected).abs() < 1e-6, "{y} {x}");
        // The root of a half is missing there in place of a half.
        let found = f64::from(roots[y * 64 + x]);
        let expected = std::f64::consts::SQRT_2 * expected;
        assert!((found.sqrt() - expected).abs() < 1e-6, "{y} {x}");
    }
    assert!(at(20, 36) < 1e-9);
    // Noise that is as often too dark as too bright hardly counts.
    let noise = |y: usize, x: usize| if (x + y).is_multiple_of(2) { 0.1 } else { -0.1 };
    let spoilt = errors(&|_, _| 0.5, &|y, x| 0.5 + noise(y, x));
    assert!(spoilt.map(Measure::Relative)[20 * 64 + 30] < 0.01);
    assert!(spoilt.map(Measure::Sqrt)[20 * 64 + 30] < 1e-4);
    // The same difference counts for more in the dark.
    let [dark, bright] = [0.1, 0.8].map(|level| {
        let errors = errors(&|_, _| level, &|_, _| level - 0.05);
        errors.score(Measure::Sqrt, Aggregate::Mean)
    });
    assert!(dark > 4.0 * bright);
}

#[test]
fn near_codes_are_those_that_all_distances_give() {
    // More than are multiplied at once, and no whole number of groups.
    let (count, width) = (33_001, 6);
    let mut codes = draws(count * width, 5);
    // Two that are equal, far from the origin.
    codes.copy_within(0..width, 900 * width);
    let codes: Vec<f32> = codes.iter().map(|value| value + 10.0).collect();
    let queries: Vec<f32> = draws(20 * width, 6)
        .iter()
        .map(|value| value + 10.0)
        .collect();
    let neighbours = Neighbours::new(codes.clone(), width, &Device::flex());
    let found = neighbours.nearest(&queries, 7).expect("distances");
    for (query, nearest) in queries.chunks_exact(width).zip(&found) {
        let mut all: Vec<(f64, usize)> = codes
            .chunks_exact(width)
            .map(|code| {
                let pairs = code.iter().zip(query);
                pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
            })
            .zip(0..)
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        let rows: Vec<usize> = nearest.iter().map(|neighbour| neighbour.row).collect();
        let expected: Vec<usize> = all.iter().take(7).map(|&(_, row)| row).collect();
        assert_eq!(rows, expected);
        assert_near(
            nearest
                .iter()
                .map(|neighbour| f64::from(neighbour.distance)),
            &all[..7]
                .iter()
                .map(|(square, _)| square.sqrt())
                .collect::<Vec<_>>(),
            1e-5,
        );
    }

    let own = neighbours
        .nearest_of_own(&[0, 900, 5], 1)
        .expect("distances");
    assert_eq!([own[0][0].row, own[1][0].row], [900, 0]);
    assert!(own[0][0].distance < 1e-12 && own[1][0].distance < 1e-12);
    assert!(own[2][0].row != 5 && own[2][0].distance > 0.0);
    // There are no more than all of them.
    let two = Neighbours::new(vec![1.0, 2.0], 1, &Device::flex());
    assert_eq!(two.nearest(&[0.0], 9).expect("distances")[0].len(), 2);
}

#[test]
fn a_trained_model_knows_usual_scores_and_codes() {
    for arch in [Architecture::Linear, Architecture::Residual] {
        let images = made(60, [3, 40, 24]);
        let mut config = small(arch);
        config.training.ssim_preset = trainer::ssim::Preset::Skimage;
        let model = train::fit(&config, &images, &Device::flex()).expect("a model");
        let calibration = model.calibration().expect("what is usual").clone();
        assert_eq!(calibration.scores.images, 6);
        let codes = calibration.codes.clone().expect("narrow codes");
        assert_eq!(codes.width(), 4);

        // Its own scores are in the range of those that were kept, up to rounding.
        let folder = tempdir().expect("a folder");
        let path = folder.path().join("made.safetensors");
        model.save(&path).expect("a file");
        let opened = Model::open(&path, &Device::flex()).expect("a model");
        assert_eq!(opened.calibration(), Some(&calibration));
        let score = AnomalyScore::Pixels(Measure::Mse, Aggregate::Mean);
        let [least, most] = [0.0, 1.0].map(|share| {
            let kept = calibration.scores.threshold(score, share);
            kept.expect("it is kept")
        });
        let applied = Applied::new(&opened, None);
        let measured = applied.measure(images.values()).expect("scores");
        let inside = measured.errors.iter().filter(|errors| {
            let found = f64::from(errors.score(Measure::Mse, Aggregate::Mean));
            (least - 1e-6..=most + 1e-6).contains(&found)
        });
        assert!(least < most && inside.count() >= 6);
        let distances = Mahalanobis::new(&codes).distances(&measured.codes);
        let mean = distances
            .iter()
            .map(|&value| f64::from(value).powi(2))
            .sum::<f64>()
            / 60.0;
        // Of codes of four values, the squared distance is four on average.
        assert!((2.0..6.0).contains(&mean), "{mean}");
    }
}

/// Stripes are usual, and some have a spot; a model of those without.
struct Case {
    home: TempDir,
}

fn stripes(index: u32, spot: bool) -> RgbImage {
    let noise = draws(24 * 24, u64::from(index));
    RgbImage::from_fn(24, 24, |x, y| {
        let level = if (x + index) % 6 < 3 { 60 } else { 150 };
        let noise = if noise[(24 * y + x) as usize] > 0.5 {
            20
        } else {
            0
        };
        let level = level + noise + u8::try_from((index * 7) % 30).expect("a byte");
        let is_spot = spot && (8..13).contains(&x) && (10..15).contains(&y);
        if is_spot {
            Rgb([250; 3])
        } else {
            Rgb([level; 3])
        }
    })
}

impl Case {
    fn new() -> Self {
        let home = tempdir().expect("a folder");
        let save = |folder: &str, index: u32, spot: bool| {
            let folder = home.path().join(folder);
            fs::create_dir_all(&folder).expect("a folder");
            let path = folder.join(format!("{index:03}.png"));
            stripes(index, spot).save(path).expect("a picture");
        };
        for index in 0..150 {
            save("usual", index, false);
        }
        for index in 200..220 {
            save("mixed/good", index, false);
            save("mixed/spot", index, true);
        }
        trainer()
            .args(["--backend", "flex", "--latent-dim", "6", "--epochs", "6"])
            .args(["--refine", "2", "--no-cache", "--quiet", "--data"])
            .arg(home.path().join("usual"))
            .arg("--runs")
            .arg(home.path().join("runs"))
            .assert()
            .success();
        Self { home }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    fn run(&self) -> PathBuf {
        only_run(&self.path("runs"))
    }

    fn command(&self, name: &str, model: &Path) -> assert_cmd::Command {
        let mut command = trainer();
        command
            .args([name, "--backend", "flex"])
            .arg(model)
            .arg(self.path("mixed"));
        command
    }

    fn score(&self, more: &[&str]) -> (Value, Vec<[String; 4]>) {
        let output = self.path("scores.csv");
        let mut command = self.command("score", &self.run());
        command
            .args(more)
            .args(["--force", "--json", "-o"])
            .arg(&output);
        let done = command.assert().success();
        let said = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
        let mut reader = csv::Reader::from_path(&output).expect("a table");
        let header: Vec<String> = reader
            .headers()
            .expect("a header")
            .iter()
            .map(str::to_owned)
            .collect();
        assert_eq!(header, ["path", "score", "threshold", "anomalous"]);
        let records = reader.records().map(|record| record.expect("a row"));
        let rows = records.map(|record| [0, 1, 2, 3].map(|column| record[column].to_owned()));
        (said, rows.collect())
    }
}

#[test]
fn spots_are_found_and_pca_is_measured_beside() {
    let case = Case::new();
    let (said, rows) = case.score(&["--normal", "good"]);
    assert_eq!(rows.len(), 40);
    assert!(rows.iter().map(|row| &row[0]).is_sorted());
    assert_eq!(said["score"], "ssim+l1 worst");
    assert_eq!(said["detection"]["anomalous"], 20);
    let auroc = said["detection"]["model"]["auroc"]
        .as_f64()
        .expect("a number");
    assert!(auroc > 0.99, "{auroc}");
    assert!(
        said["detection"]["pca"]["auroc"]
            .as_f64()
            .expect("a number")
            > 0.9
    );
    // The table says the same.
    let threshold = said["threshold"].as_f64().expect("a number");
    let scores: Vec<f32> = rows
        .iter()
        .map(|row| row[1].parse().expect("a number"))
        .collect();
    let spots: Vec<bool> = rows.iter().map(|row| row[0].starts_with("spot/")).collect();
    let found = Detection::of(&scores, &spots).expect("both kinds");
    assert_near([found.auroc], &[auroc], 1e-12);
    for (row, score) in rows.iter().zip(&scores) {
        // serde_json reads numbers to within the last bit.
        let written: f64 = row[2].parse().expect("a number");
        assert!((written - threshold).abs() <= f64::EPSILON * written.abs());
        assert_eq!(row[3] == "true", f64::from(*score) > threshold);
    }
    let marked = rows.iter().filter(|row| row[3] == "true").count();
    assert_eq!(said["anomalous"], marked);

    for by in ["mse", "ssim", "ssim+l1", "relative", "sqrt"] {
        for over in ["mean", "worst"] {
            let (said, _) = case.score(&["--by", by, "--over", over]);
            assert_eq!(said["score"], format!("{by} {over}"));
            assert_eq!(said.get("detection"), None);
        }
    }
    let (strict, _) = case.score(&["--quantile", "1"]);
    let (loose, _) = case.score(&["--quantile", "0.5"]);
    assert!(strict["threshold"].as_f64() > loose["threshold"].as_f64());
    let (given, rows) = case.score(&["--threshold", "-1"]);
    assert_eq!(given["anomalous"], 40);
    assert!(rows.iter().all(|row| row[3] == "true"));
}

#[test]
fn what_is_usual_comes_from_the_model_or_from_images_or_from_codes() {
    let case = Case::new();
    let usual = case.path("usual");
    let (spread, _) = case.score(&["--by", "latent", "--normal", "good"]);
    assert!(
        spread["threshold_is"]
            .as_str()
            .expect("words")
            .contains("validation images")
    );
    let usual = usual.to_str().expect("UTF-8");
    let (from_images, _) = case.score(&["--calibrate", usual, "--refine", "0"]);
    assert!(
        from_images["threshold_is"]
            .as_str()
            .expect("words")
            .contains("150 images of --calibrate")
    );

    // Codes of other steps lie elsewhere than those that the model knows.
    let mut command = case.command("score", &case.run());
    command.args(["--by", "latent", "--refine", "0", "--threshold", "1"]);
    command
        .arg("-o")
        .arg(case.path("other.csv"))
        .assert()
        .code(1)
        .stderr(contains("refined in 2 steps, not in one pass"));
    case.score(&["--by", "latent", "--refine", "0", "--calibrate", usual]);

    let codes = case.path("codes.npy");
    trainer()
        .args(["encode", "--backend", "flex"])
        .arg(case.run())
        .arg(usual)
        .arg("-o")
        .arg(&codes)
        .assert()
        .success();
    let codes = codes.to_str().expect("UTF-8");
    let (nearest, _) = case.score(&["--by", "latent", "--codes", codes, "--normal", "good"]);
    assert!(
        nearest["score"]
            .as_str()
            .expect("words")
            .contains("five nearest")
    );
    assert!(
        nearest["threshold_is"]
            .as_str()
            .expect("words")
            .contains("150 codes")
    );

    // The last epoch's file says nothing of usual images.
    let last = case.run().join("checkpoints/last.safetensors");
    let mut command = case.command("score", &last);
    command.args(["-o"]).arg(case.path("last.csv"));
    command.assert().failure().stderr(contains(
        "give usual images by --calibrate, or a --threshold",
    ));
    command.args(["--calibrate", usual]).assert().success();
    // Other steps of refinement give other scores.
    let mut command = case.command("score", &case.run());
    command
        .args(["--refine", "0", "-o"])
        .arg(case.path("other.csv"));
    command
        .assert()
        .failure()
        .stderr(contains("in one pass").and(contains("--calibrate")));
}

#[test]
fn classes_come_from_a_table_too() {
    let case = Case::new();
    let table = case.path("labels.csv");
    let rows = (200..220).flat_map(|index| {
        [
            format!("good/{index}.png,fine"),
            format!("spot/{index}.png,broken"),
        ]
    });
    let lines: Vec<String> = ["path,class".to_owned()].into_iter().chain(rows).collect();
    fs::write(&table, lines.join("\n")).expect("a table");
    let labels = table.to_str().expect("UTF-8");
    let (said, _) = case.score(&["--labels", labels, "--normal", "fine"]);
    assert_eq!(said["detection"]["usual"], 20);
    let mut command = case.command("score", &case.run());
    command.args(["--labels", labels, "--normal", "good"]);
    command
        .assert()
        .failure()
        .stderr(contains("they are of broken, fine"));
}

#[test]
fn heat_maps_are_as_many_as_images_and_wrong_input_is_refused() {
    let case = Case::new();
    let maps = case.path("maps");
    let mut command = case.command("score", &case.run());
    command
        .arg("--maps")
        .arg(&maps)
        .arg("-o")
        .arg(case.path("s.csv"));
    command.assert().success();
    let picture = image::open(maps.join("spot/203.png"))
        .expect("a picture")
        .to_rgb8();
    assert!(picture.width() > 4 * 120 && picture.height() > 120);
    // The spot is hot in one of the overlays: nothing of the stripes is.
    let is_hot = |pixel: &&Rgb<u8>| pixel[0] > 240 && pixel[1] > 190 && pixel[2] < 200;
    let clean = image::open(maps.join("good/203.png"))
        .expect("a picture")
        .to_rgb8();
    assert!(picture.pixels().filter(is_hot).count() > 20 + clean.pixels().filter(is_hot).count());
    // Again: nothing is replaced.
    command
        .assert()
        .failure()
        .stderr(contains("exists already"));

    for (more, message) in [
        (vec!["--quantile", "1.5"], "expected a number from 0 to 1"),
        (vec!["--threshold", "nan"], "expected a finite number"),
        (
            vec!["--by", "latent", "--codes", "nowhere.npy"],
            "can't read nowhere.npy",
        ),
        (vec!["--codes", "nowhere.npy"], "--by latent"),
        (vec!["--by", "latent", "--over", "mean"], "--over"),
        (
            vec!["--normal", "good", "--shard", "1/2"],
            "cannot be used with",
        ),
        (
            vec!["--by", "latent", "--codes", "s.csv"],
            "it has no columns row",
        ),
        (vec!["--normal", "cat"], "they are of good, spot"),
        (vec!["--calibrate", "nowhere"], "nowhere"),
        (vec!["-o", "no/such/folder.csv"], "there is no such folder"),
    ] {
        let mut command = case.command("score", &case.run());
        command.args(&more).current_dir(&case.home);
        command.assert().failure().stderr(contains(message));
    }
    // What is read is never written over, not even when asked to replace files.
    let table = case.path("labels.csv");
    fs::write(&table, "path,class\ngood/200.png,fine\n").expect("a table");
    let mut command = case.command("score", &case.run());
    command
        .args(["--normal", "fine", "--force", "--labels"])
        .arg(&table);
    command
        .arg("-o")
        .arg(&table)
        .assert()
        .failure()
        .stderr(contains("is a file that is read"));
}

#[test]
fn a_model_of_one_training_image_and_one_of_wide_codes_can_be_opened() {
    let home = tempdir().expect("a folder");
    let data = home.path().join("data");
    fs::create_dir(&data).expect("a folder");
    for index in 0..3 {
        stripes(index, false)
            .save(data.join(format!("{index}.png")))
            .expect("a picture");
    }
    for (arch, latent_dim) in [("baseline", "8"), ("linear", "1100")] {
        let runs = home.path().join(arch);
        trainer()
            .args([
                "--backend",
                "flex",
                "--arch",
                arch,
                "--latent-dim",
                latent_dim,
            ])
            .args([
                "--split",
                "0.34,0.33,0.33",
                "--epochs",
                "1",
                "--no-pca",
                "--refine",
                "0",
            ])
            .args(["--no-cache", "--quiet", "--channels", "3", "--data"])
            .arg(&data)
            .arg("--runs")
            .arg(&runs)
            .assert()
            .success();
        let run = only_run(&runs);
        trainer().arg("info").arg(&run).assert().success();
        let mut command = trainer();
        command
            .args(["score", "--backend", "flex", "--force"])
            .arg(&run)
            .arg(data.join("1.png"));
        command
            .arg("-o")
            .arg(home.path().join("s.csv"))
            .assert()
            .success();
        command.args(["--by", "latent"]);
        if latent_dim == "8" {
            command.assert().success();
        } else {
            command
                .assert()
                .failure()
                .stderr(contains("more than 1024 values"));
        }
    }
}
