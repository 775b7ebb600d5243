//! `trainer compare RUN RUN…`: where runs differ, in settings, scores and pictures.

mod measures;
mod pictures;
mod settings;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use measures::{MEASURES, Measure};
use pictures::draw_images;
use settings::{differing_settings, incomparable};

use super::moved_data::MovedDataArgs;
use super::numbers::whole;
use super::output::{self, OutputError, unless_closed};
use super::runs::NOTHING;
use super::runs_folder::RunsFolder;
use super::table::{Column, printable, table_width, terminal_width};
use super::{Exit, log};
use crate::device::Backend;
use crate::path_text::path_text;
use crate::plot::draw_histories;
use crate::run::{EpochMetrics, RunDir, RunError, RunRecord, export_png};

/// Compares runs: settings that differ, scores, curves and reconstructions
///
/// Scores come with their difference from the first run. compare.png shows losses and validation SSIM
/// by epoch, compare_images.png what the best weights of each run make of the same test images: those
/// that the first run's pictures show.
#[derive(Args, Debug)]
pub(super) struct CompareArgs {
    /// The runs: their folders, their folders' names, or `latest`
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    selected: Vec<PathBuf>,

    #[command(flatten)]
    runs: RunsFolder,

    /// Folder for compare.png and compare_images.png
    #[arg(long, value_name = "DIR", default_value = ".", value_parser = output::folder())]
    output: PathBuf,

    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,

    /// Where to reconstruct: auto takes a real GPU through wgpu where there is one, else flex
    #[arg(long, value_enum, default_value_t, env = "TRAINER_BACKEND")]
    backend: Backend,

    /// Which of the backend's devices, by its number in `trainer devices`
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole("device"))]
    device: usize,

    #[command(flatten)]
    data: MovedDataArgs,
}

#[derive(Serialize)]
struct Comparison {
    runs: Vec<ComparedRun>,
    /// The settings that differ: a value for each run, null where a run lacks it.
    settings: Map<String, Value>,
    warnings: Vec<String>,
    pictures: Vec<String>,
}

#[derive(Serialize)]
struct ComparedRun {
    run: String,
    metrics: Map<String, Value>,
    /// From the first run.
    delta: Map<String, Value>,
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let mut runs = Vec::new();
    let paths = args.runs.find_all(&args.selected)?;
    if paths.len() < 2 {
        bail!("only one of these is a run: name another to compare it with");
    }
    for path in paths {
        RunDir::open(&path)?;
        runs.push(RunRecord::read(&path));
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
        // The pictures are drawn even if nothing reads the tables.
        unless_closed(print_tables(&names, &runs, &settings))?;
    }
    std::fs::create_dir_all(&args.output).map_err(|source| RunError::Write {
        path: args.output.clone(),
        source,
    })?;
    let mut pictures = vec![args.output.join("compare.png")];
    let histories: Vec<_> = names
        .iter()
        .cloned()
        .zip(
            runs.iter()
                .map(|run| run.history.iter().map(EpochMetrics::point).collect()),
        )
        .collect();
    let title = format!("Losses and validation SSIM of {} runs", runs.len());
    let curves = draw_histories(&title, &histories)?;
    export_png(&curves, &pictures[0])?;
    let images = args.output.join("compare_images.png");
    if draw_images(args, &runs, &names, &images, &mut warnings)? {
        pictures.push(images);
    }

    if args.json {
        let comparison = Comparison {
            runs: compared(&runs),
            settings,
            warnings,
            pictures: pictures.iter().map(path_text).collect(),
        };
        output::json(&comparison)?;
    } else {
        for picture in &pictures {
            output::path(picture)?;
        }
    }
    Ok(Exit::Done)
}

/// A run's name in tables and pictures: the folder's, or where two have the same one, the path.
fn shown_names(runs: &[RunRecord]) -> Vec<String> {
    let show = |run: &RunRecord| {
        let count = runs.iter().filter(|other| other.name == run.name).count();
        let name = match count {
            1 => run.name.clone(),
            _ => path_text(&run.path),
        };
        printable(&name)
    };
    runs.iter().map(show).collect()
}

fn print_tables(
    names: &[String],
    runs: &[RunRecord],
    settings: &Map<String, Value>,
) -> Result<(), OutputError> {
    for (number, name) in (1..).zip(names) {
        output::line(format_args!("{number}  {name}"))?;
    }
    output::line("")?;
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
        output::line("no setting differs")?;
    } else {
        let labels = settings.keys().map(|key| printable(key)).collect();
        let columns = (0..runs.len()).map(|index| {
            let cells = settings.values().map(|values| text(&values[index]));
            run_column(index, cells.collect())
        });
        print_table("setting", labels, columns.collect())?;
    }
    output::line("")?;
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
    print_table("score", labels.collect(), columns.collect())?;
    output::line("")
}

/// Prints a table of runs, in several parts where it is wider than the terminal.
fn print_table(heading: &str, labels: Vec<String>, runs: Vec<Column>) -> Result<(), OutputError> {
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
            output::table(&part)?;
            output::line("")?;
            part = [label()].into_iter().chain(next).collect();
        }
    }
    output::table(&part)
}

fn compared(runs: &[RunRecord]) -> Vec<ComparedRun> {
    let values = |value: &dyn Fn(&Measure) -> Option<f64>| {
        MEASURES
            .iter()
            .map(|measure| (measure.key.to_owned(), value(measure).into()))
            .collect()
    };
    runs.iter()
        .map(|run| ComparedRun {
            run: path_text(&run.path),
            metrics: values(&|measure| measure.of(run)),
            delta: values(&|measure| measure.delta(run, &runs[0])),
        })
        .collect()
}
