//! `trainer runs`: the runs of a folder, as a table.

mod column;
mod entry;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use clap::{Args, ValueEnum};
use rayon::prelude::*;

use column::ColumnName;
pub(super) use column::NOTHING;
pub(super) use entry::Entry;

use super::table::{Column, json, printable, table_lines, table_width, terminal_width};
use super::{Exit, log};
use crate::error::Error;
use crate::run::RunError;

/// A name isn't made shorter than this; columns are left out first.
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
    /// Folder of the run folders
    #[arg(long, value_name = "DIR", default_value = "runs", env = "TRAINER_RUNS")]
    runs: PathBuf,

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
    let mut entries = read_all(&args.runs).map_err(Error::from)?;
    entries.sort_by(|a, b| args.sort.order(a, b, now, args.reverse));
    let text = if args.json {
        json(&entries)? + "\n"
    } else if entries.is_empty() {
        format!(
            "no runs in {}\n",
            printable(&args.runs.display().to_string())
        )
    } else {
        list(&entries, now, terminal_width())
    };
    // A reader such as `head` may have seen enough.
    match stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Done),
    }
}

/// Every folder in `runs` that holds a run's files.
fn read_all(runs: &Path) -> Result<Vec<Entry>, RunError> {
    let unreadable = |source| RunError::ReadFolder {
        path: runs.to_owned(),
        source,
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(runs).map_err(unreadable)? {
        folders.push(entry.map_err(unreadable)?.path());
    }
    Ok(folders
        .par_iter()
        .filter_map(|folder| Entry::read(folder))
        .collect())
}

/// The table, with what is wrong with a run below its line.
fn list(entries: &[Entry], now: DateTime<Local>, width: Option<usize>) -> String {
    let mut shown = ColumnName::value_variants().to_vec();
    let columns = |shown: &[ColumnName]| -> Vec<Column> {
        let column = |name: &ColumnName| Column {
            heading: name.heading().to_owned(),
            figures: name.is_figures(),
            cells: entries.iter().map(|entry| name.cell(entry, now)).collect(),
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
    for (row, entry) in rows.zip(entries) {
        lines.push(row);
        let problems = entry.problems.iter().map(|problem| printable(problem));
        lines.extend(problems.map(|problem| format!("  ! {problem}")));
    }
    lines.join("\n") + "\n"
}
