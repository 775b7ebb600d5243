//! `trainer compare RUN RUN…`: where runs differ, in settings, scores and pictures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use super::runs::{Entry, NOTHING};
use super::table::{Column, json, printable, table_lines, table_width, terminal_width};
use super::{Exit, log};
use crate::config::Backend;
use crate::data::{CLASS_NAMES, HostBatch};
use crate::error::Error;
use crate::metrics::reconstruct;
use crate::run::{
    GridColumn, Originals, RunDir, RunError, comparison_grid, draw_comparison, save_png,
};
use crate::train::{Trained, open_trained, samples};

/// Compares runs: settings that differ, scores, curves and reconstructions
///
/// Scores come with their difference from the first run. compare.png shows losses and validation SSIM
/// by epoch, compare_images.png what the best weights of each run make of the same test images: those
/// that the first run's pictures show.
#[derive(Args, Debug)]
pub(super) struct CompareArgs {
    /// The runs' folders
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Folder for compare.png and compare_images.png
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,

    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,

    /// Where to reconstruct: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(long, value_enum, default_value_t, env = "TRAINER_BACKEND")]
    backend: Backend,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N", default_value_t = 0)]
    device: usize,
}

/// A score of a run.
struct Measure {
    name: &'static str,
    key: &'static str,
    decimals: usize,
    value: fn(&Entry) -> Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
const MEASURES: [Measure; 10] = [
    Measure {
        name: "best validation SSIM",
        key: "best_validation_ssim",
        decimals: 4,
        value: |run| run.best_validation.ssim,
    },
    Measure {
        name: "best validation PSNR, dB",
        key: "best_validation_psnr",
        decimals: 2,
        value: |run| run.best_validation.psnr,
    },
    Measure {
        name: "best validation loss",
        key: LOSS,
        decimals: 4,
        value: |run| run.best_validation.loss,
    },
    Measure {
        name: "test SSIM",
        key: "test_ssim",
        decimals: 4,
        value: |run| Some(run.summary.as_ref()?.test.ssim),
    },
    Measure {
        name: "test PSNR, dB",
        key: "test_psnr",
        decimals: 2,
        value: |run| Some(run.summary.as_ref()?.test.psnr),
    },
    Measure {
        name: "test MSE",
        key: "test_mse",
        decimals: 5,
        value: |run| Some(run.summary.as_ref()?.test.mse),
    },
    Measure {
        name: "PCA's test SSIM",
        key: "pca_test_ssim",
        decimals: 4,
        value: |run| Some(run.summary.as_ref()?.pca.as_ref()?.test.ssim),
    },
    Measure {
        name: "parameters",
        key: "parameters",
        decimals: 0,
        value: |run| Some(run.summary.as_ref()?.parameters as f64),
    },
    Measure {
        name: "seconds",
        key: "seconds",
        decimals: 1,
        value: |run| Some(run.seconds),
    },
    Measure {
        name: "epochs",
        key: "epochs",
        decimals: 0,
        value: |run| Some(run.epochs as f64),
    },
];
const LOSS: &str = "best_validation_loss";

impl Measure {
    fn of(&self, run: &Entry) -> Option<f64> {
        (self.value)(run).filter(|value| value.is_finite())
    }

    /// The difference from the first run; none between different losses.
    fn delta(&self, run: &Entry, first: &Entry) -> Option<f64> {
        if self.key == LOSS && (setting(run, "loss") != setting(first, "loss")) {
            return None;
        }
        Some(self.of(run)? - self.of(first)?)
    }
}

#[derive(Serialize)]
struct Comparison {
    runs: Vec<ComparedRun>,
    /// The settings that differ: a value for each run, null where a run lacks it.
    settings: Map<String, Value>,
    warnings: Vec<String>,
    pictures: Vec<PathBuf>,
}

#[derive(Serialize)]
struct ComparedRun {
    run: PathBuf,
    metrics: Map<String, Value>,
    /// From the first run.
    delta: Map<String, Value>,
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let mut runs = Vec::new();
    for path in &args.runs {
        RunDir::open(path).map_err(Error::from)?;
        runs.extend(Entry::read(path));
    }
    let mut warnings: Vec<String> = (1..)
        .zip(&runs)
        .flat_map(|(number, run)| {
            let problems = run.problems.iter();
            problems.map(move |problem| format!("run {number}: {}", printable(problem)))
        })
        .collect();
    warnings.extend(incomparable(&runs));
    for warning in &warnings {
        tracing::warn!("{warning}");
    }

    let names = shown_names(&runs);
    let settings = differing_settings(&runs);
    if !args.json {
        print_tables(&names, &runs, &settings);
    }
    std::fs::create_dir_all(&args.output).map_err(|source| {
        Error::from(RunError::Write {
            path: args.output.clone(),
            source,
        })
    })?;
    let mut pictures = vec![args.output.join("compare.png")];
    let histories: Vec<_> = names
        .iter()
        .cloned()
        .zip(runs.iter().map(|run| run.history.clone()))
        .collect();
    let title = format!("Losses and validation SSIM of {} runs", runs.len());
    let curves = draw_comparison(&title, &histories).map_err(Error::from)?;
    save_png(&curves, &pictures[0]).map_err(Error::from)?;
    let images = args.output.join("compare_images.png");
    if draw_images(args, &names, &images, &mut warnings)? {
        pictures.push(images);
    }

    if args.json {
        let comparison = Comparison {
            runs: compared(&runs),
            settings,
            warnings,
            pictures,
        };
        println!("{}", json(&comparison)?);
    } else {
        for picture in &pictures {
            println!("{}", picture.display());
        }
    }
    Ok(Exit::Done)
}

/// A run's name in tables and pictures: the folder's, or where two have the same one, the path.
fn shown_names(runs: &[Entry]) -> Vec<String> {
    let show = |run: &Entry| {
        let count = runs.iter().filter(|other| other.name == run.name).count();
        let name = match count {
            1 => run.name.clone(),
            _ => run.path.display().to_string(),
        };
        printable(&name)
    };
    runs.iter().map(show).collect()
}

fn setting<'a>(run: &'a Entry, key: &str) -> Option<&'a toml::Value> {
    run.config.as_ref()?.get(key)
}

/// The settings in which not all runs agree.
fn differing_settings(runs: &[Entry]) -> Map<String, Value> {
    let keys: BTreeSet<&String> = runs
        .iter()
        .filter_map(|run| run.config.as_ref())
        .flat_map(toml::Table::keys)
        .collect();
    let differ = |key: &&String| {
        let mut values = runs.iter().map(|run| setting(run, key));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let value = |run: &Entry, key| serde_json::to_value(setting(run, key)).unwrap_or_default();
    keys.into_iter()
        .filter(differ)
        .map(|key| {
            let values = runs.iter().map(|run| value(run, key)).collect();
            (key.clone(), Value::Array(values))
        })
        .collect()
}

/// Why scores of these runs can't be set against each other.
fn incomparable(runs: &[Entry]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut check = |what: &dyn Fn(&Entry) -> Option<String>, consequence: &str| {
        let Some(expected) = runs.first().and_then(what) else {
            return;
        };
        for (number, run) in (1..).zip(runs).skip(1) {
            if let Some(value) = what(run).filter(|value| *value != expected) {
                let (value, expected) = (printable(&value), printable(&expected));
                warnings.push(format!(
                    "run {number} has {value}, run 1 {expected}: {consequence}"
                ));
            }
        }
    };
    let hash = |run: &Entry| {
        let hash = run.meta.as_ref()?.dataset.hash.as_ref()?;
        Some(format!("images with hash {hash:.12}"))
    };
    check(&hash, "they were trained and tested on other images");
    for (key, unset) in [
        ("split", None),
        ("seed", None),
        ("limit", Some("all images")),
    ] {
        let value = |run: &Entry| {
            run.config.as_ref()?;
            let value = setting(run, key).map(|value| format!("{key} {}", plain(value)));
            value.or(unset.map(str::to_owned))
        };
        check(
            &value,
            "they were tested on different images, and one may have seen the other's in training",
        );
    }
    let preset = |run: &Entry| {
        run.config.as_ref()?;
        let preset = setting(run, "ssim_preset").map_or("tf".to_owned(), plain);
        Some(format!("ssim_preset {preset}"))
    };
    check(&preset, "their SSIM isn't the same measure");
    let loss = |run: &Entry| Some(format!("loss {}", plain(setting(run, "loss")?)));
    check(&loss, "their losses aren't the same measure");
    warnings
}

/// A setting without TOML's quotes.
fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn print_tables(names: &[String], runs: &[Entry], settings: &Map<String, Value>) {
    for (number, name) in (1..).zip(names) {
        println!("{number}  {name}");
    }
    println!();
    let text = |value: &Value| match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) => printable(text),
        value => printable(&value.to_string()),
    };
    let run_column = |index: usize, cells| Column {
        heading: (index + 1).to_string(),
        figures: true,
        cells,
    };
    if settings.is_empty() {
        println!("no setting differs");
    } else {
        let labels = settings.keys().map(|key| printable(key)).collect();
        let columns = (0..runs.len()).map(|index| {
            let cells = settings.values().map(|values| text(&values[index]));
            run_column(index, cells.collect())
        });
        print_table("setting", labels, columns.collect());
    }
    println!();
    let labels = MEASURES.iter().map(|measure| measure.name.to_owned());
    let columns = runs.iter().enumerate().map(|(index, run)| {
        let cells = MEASURES.iter().map(|measure| {
            let decimals = measure.decimals;
            let value = measure
                .of(run)
                .map_or(NOTHING.to_owned(), |value| format!("{value:.decimals$}"));
            let delta = measure
                .delta(run, &runs[0])
                .map_or(NOTHING.to_owned(), |delta| format!("{delta:+.decimals$}"));
            if index == 0 {
                value
            } else {
                format!("{value}  {delta:>9}")
            }
        });
        run_column(index, cells.collect())
    });
    print_table("score", labels.collect(), columns.collect());
    println!();
}

/// Prints a table of runs, in several parts where it is wider than the terminal.
fn print_table(heading: &str, labels: Vec<String>, runs: Vec<Column>) {
    let label = || Column {
        heading: heading.to_owned(),
        figures: false,
        cells: labels.clone(),
    };
    let width = terminal_width().unwrap_or(usize::MAX);
    let mut part = vec![label()];
    for run in runs {
        part.push(run);
        if table_width(&part) > width && part.len() > 2 {
            let next = part.pop();
            print_lines(&part);
            println!();
            part = [label()].into_iter().chain(next).collect();
        }
    }
    print_lines(&part);
}

fn print_lines(columns: &[Column]) {
    for line in table_lines(columns) {
        println!("{line}");
    }
}

fn compared(runs: &[Entry]) -> Vec<ComparedRun> {
    let values = |value: &dyn Fn(&Measure) -> Option<f64>| {
        MEASURES
            .iter()
            .map(|measure| (measure.key.to_owned(), value(measure).into()))
            .collect()
    };
    runs.iter()
        .map(|run| ComparedRun {
            run: run.path.clone(),
            metrics: values(&|measure| measure.of(run)),
            delta: values(&|measure| measure.delta(run, &runs[0])),
        })
        .collect()
}

/// Draws what the runs make of the samples of the first one that can be opened. A run that can't be
/// is left out, with a warning. False if there is nothing to draw.
fn draw_images(
    args: &CompareArgs,
    names: &[String],
    path: &Path,
    warnings: &mut Vec<String>,
) -> Result<bool, Error> {
    let mut shown: Option<(HostBatch, Vec<&str>, crate::ssim::SsimConfig)> = None;
    let mut columns = Vec::new();
    let mut backend = args.backend;
    for (index, (run, name)) in args.runs.iter().zip(names).enumerate() {
        let mut leave_out = |reason: String| {
            let warning = format!(
                "run {} is left out of compare_images.png: {}",
                index + 1,
                printable(&reason)
            );
            tracing::warn!("{warning}");
            warnings.push(warning);
        };
        let opened = open_trained(run, Some(backend), Some(args.device));
        let Trained { prepared, model } = match opened {
            Ok(trained) => trained,
            Err(error) => {
                leave_out(error.to_string());
                continue;
            }
        };
        // What auto has found is looked for once.
        backend = prepared.selection.backend;
        let dataset = &prepared.dataset;
        if shown.is_none() {
            let indices = samples(&prepared);
            let label = |&index: &u32| CLASS_NAMES[usize::from(dataset.labels[index as usize])];
            let labels = indices.iter().map(label).collect();
            let conventions = prepared.config.ssim_preset.config();
            shown = Some((HostBatch::gather(dataset, &indices)?, labels, conventions));
        }
        let Some((batch, _, conventions)) = &shown else {
            continue;
        };
        if (dataset.height, dataset.width) != (batch.height, batch.width) {
            leave_out("its images have another size".to_owned());
            continue;
        }
        let images = batch.clone().into_tensor(&prepared.selection.device);
        let objective = prepared.config.objective();
        let made = reconstruct(&model, images, &objective, conventions);
        columns.push(GridColumn {
            name: name.clone(),
            heading: (index + 1).to_string(),
            pixels: made.pixels,
            ssim: made.ssim,
        });
    }
    let Some((batch, labels, _)) = shown else {
        return Ok(false);
    };
    let originals = Originals {
        pixels: &batch.pixels,
        labels,
        height: batch.height,
        width: batch.width,
    };
    let picture = comparison_grid(
        "Test images, by each run's best weights",
        &originals,
        &columns,
    );
    save_png(&picture, path)?;
    Ok(true)
}
