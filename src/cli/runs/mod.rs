//! `trainer runs`: the runs of a folder, as a table.

mod column;

use chrono::{DateTime, Local};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde::Serialize;

use column::ColumnName;
pub(super) use column::NOTHING;

use super::runs_folder::RunsFolder;
use super::table::{Column, printable, quoted, table_lines, table_width, terminal_width};
use super::{Exit, log, output};
use crate::path_text::path_text;
use crate::run::{BestValidation, Meta, RunRecord, RunState, Status, Summary, holds_run};

/// Names aren't shortened below this; columns are left out first.
const SHORTEST_NAME: usize = 20;
/// Losses can be long sums.
const LONGEST_LOSS: usize = 20;
/// What a narrow terminal does without, in this order. A name usually tells network and latent size.
const LEFT_OUT: [ColumnName; 7] = [
    ColumnName::Backend,
    ColumnName::Arch,
    ColumnName::Latent,
    ColumnName::Time,
    ColumnName::Loss,
    ColumnName::Pca,
    ColumnName::Age,
];

/// Lists the runs of a folder, damaged ones included
///
/// On a terminal, long names are shortened in the middle, and where there is no room some columns
/// are left out.
#[derive(Args, Debug)]
pub(super) struct RunsArgs {
    #[command(flatten)]
    runs: RunsFolder,

    /// The column to sort by, the smallest value first
    #[arg(long, value_name = "COLUMN", value_enum, default_value = "age")]
    sort: ColumnName,

    /// The largest value first
    #[arg(long)]
    reverse: bool,

    /// Print all that is known of each run as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RunsArgs) -> anyhow::Result<Exit> {
    log::start(true);
    let now = Local::now();
    let found = args.runs.discover()?;
    let mut runs: Vec<RunRecord> = found
        .folders
        .par_iter()
        .map(|folder| RunRecord::read(folder))
        .collect();
    runs.sort_by(|a, b| args.sort.order(a, b, now, args.reverse));
    if args.json {
        let listed: Vec<Listed> = runs.iter().map(Listed::of).collect();
        output::json(&listed)?;
    } else if runs.is_empty() {
        let folder = path_text(args.runs.path());
        let is_run = holds_run(args.runs.path()).unwrap_or(false);
        output::line(format_args!(
            "no runs in {}{}",
            printable(&folder),
            if is_run {
                ", which is a run itself: give the folder that it is in"
            } else {
                ""
            }
        ))?;
    } else {
        output::text(list(&runs, now, terminal_width()))?;
    }
    if !args.json {
        for subfolder in &found.subfolders {
            let subfolder = printable(&path_text(subfolder));
            output::line(format_args!(
                "more runs in {subfolder}: trainer runs --runs {}",
                quoted(&subfolder)
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// What is printed of a run as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    path: String,
    state: RunState,
    killed: bool,
    config: &'a Option<toml::Table>,
    meta: &'a Option<Meta>,
    status: &'a Option<Status>,
    summary: &'a Option<Summary>,
    /// Epochs in `metrics.csv`.
    epochs: usize,
    best_validation: BestValidation,
    /// Of training so far, or of all of the run once it is complete.
    seconds: f64,
    problems: &'a [String],
}

impl<'a> Listed<'a> {
    fn of(run: &'a RunRecord) -> Self {
        Self {
            name: &run.name,
            path: path_text(&run.path),
            state: run.state,
            killed: run.state == RunState::Killed,
            config: &run.config,
            meta: &run.meta,
            status: &run.status,
            summary: &run.summary,
            epochs: run.history.len(),
            best_validation: run.best_validation(),
            seconds: run.seconds(),
            problems: &run.problems,
        }
    }
}

/// The table, with why a run failed, and what is wrong with its files, below its line.
fn list(runs: &[RunRecord], now: DateTime<Local>, width: Option<usize>) -> String {
    let mut shown = ColumnName::value_variants().to_vec();
    let columns = |shown: &[ColumnName]| -> Vec<Column> {
        let column = |name: &ColumnName| Column {
            heading: name.heading().to_owned(),
            figures: name.is_figures(),
            cells: runs.iter().map(|run| name.cell(run, now)).collect(),
        };
        shown.iter().map(column).collect()
    };
    let mut table = columns(&shown);
    if let Some(width) = width {
        let fit = |table: &mut [Column], shown: &[ColumnName]| {
            for (column, name) in table.iter_mut().zip(shown) {
                if *name == ColumnName::Loss {
                    column.shorten(LONGEST_LOSS);
                }
            }
            let name_width = table[0].width();
            let excess = table_width(table).saturating_sub(width);
            let room = name_width.saturating_sub(excess);
            table[0].shorten(room.max(SHORTEST_NAME.min(name_width)));
            table_width(table) <= width
        };
        let mut left_out = LEFT_OUT.into_iter();
        while !fit(&mut table, &shown) {
            let Some(name) = left_out.next() else { break };
            shown.retain(|column| *column != name);
            table = columns(&shown);
        }
    }

    let mut rows = table_lines(&table).into_iter();
    let mut lines: Vec<String> = rows.next().into_iter().collect();
    for (row, run) in rows.zip(runs) {
        lines.push(row);
        let status = run.status.as_ref();
        let reason = status.filter(|_| run.state == RunState::Failed);
        let reason = reason.and_then(|status| status.reason.as_ref());
        let problems = reason.into_iter().chain(&run.problems);
        let problems = problems.map(|problem| printable(problem));
        lines.extend(problems.map(|problem| format!("  ! {problem}")));
    }
    lines.join("\n") + "\n"
}
