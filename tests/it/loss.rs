//! Losses: what expressions mean and what is said about wrong ones; values and gradients; and whose
//! SSIM they go by.

use std::path::Path;

use crate::common::{run_folders, trainer};
use burn::tensor::{Device, Tensor, TensorData, activation};
use predicates::prelude::*;
use predicates::str::contains;
use proptest::prelude::*;
use tempfile::TempDir;
use trainer::config::TrainConfig;
use trainer::image::ImageShape;
use trainer::loss::{Loss, LossError, Term};
use trainer::prediction::Prediction;
use trainer::ssim::{MsSsim, Preset, SsimConfig};

/// A config.toml without `ssim_preset` and with a plain name for a loss, as the first runs have it.
const OLD_CONFIG: &str = r#"
backend = "flex"
device = 0
arch = "baseline"
latent_dim = 128
epochs = 50
batch_size = 32
learning_rate = 0.002
schedule = "cosine"
optimizer = "adam"
loss = "mse"
augment = "flip"
patience = 10
min_delta = 0.0
seed = 0
classes = "t-shirt,trouser"
split = "0.8,0.1,0.1"
samples = 10
"#;

fn loss(expression: &str) -> Loss {
    expression.parse().expect("a loss")
}

fn tensor(values: impl IntoIterator<Item = f32>, shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = values.into_iter().collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values(loss: &Loss, logits: &Tensor<4>, images: &Tensor<4>, config: &SsimConfig) -> Vec<f64> {
    let losses = loss.per_image(&Prediction::Logits(logits.clone()), images.clone(), config);
    let losses = losses.into_data().try_to_vec::<f32>().expect("f32");
    losses.into_iter().map(f64::from).collect()
}

/// Logits and images of 28×28 pixels that look alike, but not very much.
fn similar_pair(count: usize, device: &Device) -> [Tensor<4>; 2] {
    let shape = [count, 1, 28, 28];
    let waves = |phase: f32| {
        (0_u16..)
            .map(move |index| (f32::from(index) * 0.3 + phase).sin())
            .take(count * 784)
    };
    let logits = tensor(waves(0.0).map(|wave| 3.0 * wave), shape, device);
    let images = tensor(waves(0.6).map(|wave| 0.5 + 0.4 * wave), shape, device);
    [logits, images]
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < tolerance,
            "{found}, not {expected}"
        );
    }
}

#[test]
fn an_expression_is_a_sum_of_weighted_names() {
    let terms = |expression| loss(expression).terms().to_vec();
    assert_eq!(terms("bce"), [(1.0, Term::Bce)]);
    let sum = [(0.8, Term::Ssim), (0.2, Term::L1)];
    assert_eq!(terms("0.8*ssim+0.2*l1"), sum);
    assert_eq!(terms("\t.8 * ssim  + 2e-1*l1 "), sum);
    assert_eq!(
        terms("mse+10*ms-ssim"),
        [(1.0, Term::Mse), (10.0, Term::MsSsim)]
    );
    assert_eq!(loss(" 1 * bce").to_string(), "bce");
    assert_eq!(Loss::default().to_string(), "bce");
}

/// The line of the expression, and what the line below it marks.
fn marked(error: &LossError) -> (String, String) {
    let message = error.to_string();
    let lines: Vec<&str> = message.lines().collect();
    let (expression, mark) = (lines[1], lines[2]);
    assert!(
        mark.trim_start().chars().all(|mark| mark == '^'),
        "{message}"
    );
    let marked = expression
        .chars()
        .zip(mark.chars())
        .filter_map(|(char, mark)| (mark == '^').then_some(char));
    (expression.trim_start().to_owned(), marked.collect())
}

#[test]
fn a_wrong_expression_is_shown_with_a_mark_below_what_is_wrong() {
    let cases = [
        ("sim", "sim", "there is no loss `sim`"),
        ("0.8*sim+0.2*l1", "sim", "there is no loss `sim`"),
        ("0.8 * ssim + 0.2 * L1", "L1", "there is no loss `L1`"),
        ("bce + x*ssim", "x", "`x` is no weight"),
        ("ssim*0.8", "ssim", "`ssim` is no weight"),
        ("0*bce", "0", "a number above 0"),
        ("l1+-1*bce", "-1", "a number above 0"),
        ("nan*bce", "nan", "a number above 0"),
        ("bce+inf*l1", "inf", "a number above 0"),
        ("1e-300*l1", "1e-300", "a number above 0"),
        ("1e300*l1", "1e300", "a number above 0"),
        ("*bce+l1", "*", "a weight is missing"),
        ("2*3*bce", "2*3*bce", "one weight times one name"),
        ("0.5*+l1", "+", "the name of a loss is missing"),
        ("bce++l1", "+", "the name of a loss is missing"),
        ("l1+mse+0.1*l1", "l1", "`l1` is there twice"),
        ("bce, l1", "bce, l1", "there is no loss `bce, l1`"),
        ("2*b\u{7}ce", "b\\u{7}ce", "there is no loss `b\\u{7}ce`"),
        ("l1+ä*mse", "ä", "`ä` is no weight"),
    ];
    for (expression, place, problem) in cases {
        let error = expression.parse::<Loss>().expect_err(expression);
        let message = error.to_string();
        assert!(message.contains(problem), "{message}");
        assert!(message.contains("WEIGHT*NAME"), "{message}");
        assert!(
            message.contains("bce, mse, l1, psnr, ssim, ms-ssim"),
            "{message}"
        );
        let (shown, marked) = marked(&error);
        assert_eq!(shown, expression.replace('\u{7}', "\\u{7}"));
        assert_eq!(marked, place, "{message}");
    }
    // What is missing at the end is marked behind it.
    for expression in ["", "   ", "bce+", "0.5*"] {
        let error = expression.parse::<Loss>().expect_err("incomplete");
        let message = error.to_string();
        let mark = message.lines().nth(2).expect("a mark").to_owned();
        assert!(message.contains("is missing"), "{message}");
        assert_eq!(mark.find('^'), Some(2 + expression.len()), "{message}");
    }
}

#[test]
fn a_wrong_expression_exits_with_2_names_the_term_and_writes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let runs = folder.path().join("runs");
    let refused = |command: &mut assert_cmd::Command| {
        command
            .arg("--runs")
            .arg(&runs)
            .assert()
            .code(2)
            .stderr(contains("there is no loss `sim`"))
            .stderr(contains("  0.8*sim+0.2*l1\n      ^^^\n"))
            .stderr(contains("panicked").not())
    };
    refused(trainer().args(["--loss", "0.8*sim+0.2*l1"])).stderr(contains("--loss"));

    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "loss = \"0.8*sim+0.2*l1\"\n").expect("a file");
    refused(trainer().arg("--config").arg(&file))
        .stderr(contains("settings.toml"))
        .stderr(contains("in `loss`"));
    assert!(run_folders(&runs).is_empty());
}

#[test]
fn the_help_has_the_grammar_and_the_names() {
    let mut help = trainer().arg("--help").assert().success();
    for part in [
        "NAME or WEIGHT*NAME",
        "0.8*ssim+0.2*l1",
        "[default: ssim+psnr; bce for baseline and modified]",
    ] {
        help = help.stdout(contains(part));
    }
    for term in Term::ALL {
        help = help.stdout(contains(format!("- {}:", term.name())));
    }
}

#[test]
fn a_config_file_of_an_older_run_still_reads() {
    let folder = TempDir::new().expect("a folder");
    let read = |text: &str| {
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).expect("a file");
        TrainConfig::read(&path).expect("a config")
    };
    let config = read(OLD_CONFIG);
    assert_eq!(config.training.loss, Loss::from(Term::Mse));
    assert_eq!(config.training.ssim_preset, Preset::Tf);

    let mut sum = config;
    sum.training.loss = loss("0.8*ssim + 0.2*l1");
    sum.training.ssim_preset = Preset::SkimageGaussian;
    let text = sum.to_toml();
    assert!(text.contains("loss = \"0.8*ssim+0.2*l1\""), "{text}");
    assert_eq!(read(&text), sum);
}

#[test]
fn images_smaller_than_the_presets_window_are_refused_by_name() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, OLD_CONFIG).expect("a file");
    let config = TrainConfig::read(Path::new(&path)).expect("a config");
    let check = |ssim_preset, height| {
        let mut config = config.clone();
        config.training.ssim_preset = ssim_preset;
        config.check_images(ImageShape {
            channels: 1,
            height,
            width: 28,
        })
    };
    let message = check(Preset::Tf, 10).expect_err("10 < 11").to_string();
    assert!(message.contains("`ssim_preset` tf"), "{message}");
    assert!(message.contains("at least 11 pixels"), "{message}");
    assert!(message.contains("preset same"), "{message}");
    check(Preset::Tf, 11).expect("11×28 pixels fit");
    check(Preset::Skimage, 7).expect("the window is smaller");
    check(Preset::Same, 1).expect("borders are zeros");
}

#[test]
fn each_term_is_the_number_that_its_definition_gives() {
    // σ(ln 3) = 3/4.
    let logit = 3.0_f32.ln();
    let device = Device::flex();
    let shape = [2, 1, 1, 2];
    let logits = tensor([logit, 0.0, logit, 0.0], shape, &device);
    let images = tensor([0.25, 1.0, 0.75, 0.5], shape, &device);
    let found = |name: &str| values(&loss(name), &logits, &images, &SsimConfig::default());
    assert_close(&found("mse"), &[0.25, 0.0], 1e-6);
    assert_close(&found("l1"), &[0.5, 0.0], 1e-6);
    // As a share of 60 dB, which a perfect reconstruction has.
    let decibels = -10.0 * (0.25_f64 + 1e-6).log10();
    assert_close(&found("psnr"), &[1.0 - decibels / 60.0, 0.0], 1e-5);
    // −x·ln y − (1 − x)·ln(1 − y), with y of 3/4 and 1/2.
    let entropy = |x: f64, y: f64| -x * y.ln() - (1.0 - x) * (1.0 - y).ln();
    let bce = [
        f64::midpoint(entropy(0.25, 0.75), entropy(1.0, 0.5)),
        f64::midpoint(entropy(0.75, 0.75), entropy(0.5, 0.5)),
    ];
    assert_close(&found("bce"), &bce, 1e-6);

    // Flat images differ in luminance alone: with a of 3/4 and b of 1/4, and then with a = b.
    let shape = [2, 1, 28, 28];
    let logits = tensor(vec![logit; 2 * 784], shape, &device);
    let images = tensor([[0.25; 784], [0.75; 784]].concat(), shape, &device);
    let found = |name: &str| values(&loss(name), &logits, &images, &SsimConfig::default());
    let c1 = 0.01_f64.powi(2);
    let luminance = (2.0 * 0.75 * 0.25 + c1) / (0.75 * 0.75 + 0.25 * 0.25 + c1);
    assert_close(&found("ssim"), &[1.0 - luminance, 0.0], 5e-5);
    // Two scales, of which the second has the luminance.
    let exponent = 0.2856 / (0.0448 + 0.2856);
    let ms_ssim = [1.0 - luminance.powf(exponent), 0.0];
    assert_close(&found("ms-ssim"), &ms_ssim, 5e-5);
}

#[test]
fn a_weighted_sum_is_the_sum_of_its_weighted_terms() {
    #[expect(
        deprecated,
        reason = "burn-ndarray is deprecated, and still a choice of users"
    )]
    let ndarray = Device::ndarray();
    for device in [Device::flex(), ndarray] {
        let [logits, images] = similar_pair(3, &device);
        let config = SsimConfig::default();
        let sum = loss("0.8*ssim + 3*bce + 0.25*ms-ssim + mse + 10*l1 + 2*psnr");
        let mut expected = vec![0.0; 3];
        for (weight, term) in sum.terms() {
            let term = values(&Loss::from(*term), &logits, &images, &config);
            for (expected, value) in expected.iter_mut().zip(term) {
                assert!(value > 0.01, "a term of {value} would prove nothing");
                *expected += weight * value;
            }
        }
        assert_close(&values(&sum, &logits, &images, &config), &expected, 2e-5);
    }
}

#[test]
fn ssim_in_a_loss_goes_by_the_conventions_of_the_run() {
    let device = Device::flex();
    let [logits, images] = similar_pair(2, &device);
    let mut seen: Vec<f64> = Vec::new();
    for preset in [
        Preset::Tf,
        Preset::Skimage,
        Preset::Torchmetrics,
        Preset::Same,
    ] {
        let config = preset.config();
        let restored = activation::sigmoid(logits.clone());
        let score = |scores: Tensor<1>| -> Vec<f64> {
            let scores = scores.into_data().try_to_vec::<f32>().expect("f32");
            scores
                .into_iter()
                .map(|ssim| 1.0 - f64::from(ssim))
                .collect()
        };
        let single = trainer::ssim::ssim(restored.clone(), images.clone(), &config);
        let single = score(single.expect("28×28 pixels fit"));
        assert_close(
            &values(&loss("ssim"), &logits, &images, &config),
            &single,
            1e-6,
        );
        let multi = MsSsim::new(config).scores(restored, images.clone());
        let multi = score(multi.expect("28×28 pixels fit").scores);
        assert_close(
            &values(&loss("ms-ssim"), &logits, &images, &config),
            &multi,
            1e-6,
        );

        for value in [single[0], multi[0]] {
            let is_new = seen.iter().all(|other| (other - value).abs() > 1e-5);
            assert!(is_new, "{preset:?}: {value} after {seen:?}");
            seen.push(value);
        }
    }
}

#[test]
fn gradients_are_finite_at_perfect_reconstructions_and_saturated_logits() {
    let device = Device::flex().autodiff();
    let shape = [1, 1, 28, 28];
    let [mild, images] = similar_pair(1, &device);
    let all = |value: f32| tensor(vec![value; 784], shape, &device);
    let signs = |size: f32| (0..784).map(move |index| if index % 3 == 0 { size } else { -size });
    let cases = [
        (
            "a perfect reconstruction",
            mild.clone(),
            activation::sigmoid(mild),
        ),
        ("a perfect flat one", all(0.0), all(0.5)),
        ("all black and right", all(-200.0), all(0.0)),
        ("all black and wrong", all(-200.0), all(1.0)),
        (
            "saturated both ways",
            tensor(signs(200.0), shape, &device),
            images,
        ),
    ];
    for (case, logits, images) in cases {
        for term in Term::ALL {
            let logits = logits.clone().detach().require_grad();
            let images = images.clone().detach();
            let config = SsimConfig::default();
            let loss =
                Loss::from(term).per_image(&Prediction::Logits(logits.clone()), images, &config);
            let gradients = loss.clone().sum().backward();
            let gradient = logits.grad(&gradients).expect("logits have a gradient");
            let gradient = gradient.into_data().try_to_vec::<f32>().expect("f32");
            let loss = loss.into_data().try_to_vec::<f32>().expect("f32");
            assert!(
                loss.iter().chain(&gradient).all(|value| value.is_finite()),
                "{case}: {}: {loss:?}",
                term.name()
            );
        }
    }
}

fn any_weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1.0),
        1e-3..1e3,
        1e-30..1e-20,
        1e20..1e30,
        Just(f64::from(f32::MIN_POSITIVE)),
        Just(f64::from(f32::MAX)),
    ]
}

fn any_expression() -> impl Strategy<Value = String> {
    let terms = Just(Term::ALL.to_vec()).prop_shuffle();
    (terms, proptest::collection::vec(any_weight(), 1..=5)).prop_map(|(terms, weights)| {
        let terms = terms.iter().zip(weights);
        let written: Vec<String> = terms
            .map(|(term, weight)| format!("{weight:e} * {}", term.name()))
            .collect();
        written.join(" + ")
    })
}

proptest! {
    #[test]
    fn what_is_displayed_reads_back_as_the_same_loss(expression in any_expression()) {
        let loss: Loss = expression.parse().expect("a loss");
        prop_assert_eq!(loss.to_string().parse::<Loss>(), Ok(loss));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        if let Err(error) = text.parse::<Loss>() {
            prop_assert!(error.to_string().contains('^'));
        }
    }

    #[test]
    fn nor_does_what_looks_like_an_expression(text in "([0-9.e*+ -]|bce|mse|l1|ms-|ssim|é|\t){0,12}") {
        match text.parse::<Loss>() {
            Ok(loss) => prop_assert_eq!(loss.to_string().parse::<Loss>(), Ok(loss)),
            Err(error) => prop_assert!(error.to_string().lines().count() >= 4, "{}", error),
        }
    }
}
