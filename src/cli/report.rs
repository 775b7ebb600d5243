//! `trainer report`: runs as one HTML file.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;

use super::runs_folder::RunsFolder;
use super::table::printable;
use super::{Exit, log, output};
use crate::report::{Pictures, collect, page};
use crate::run::{RunError, latest, write_output};

/// Writes one HTML file that shows runs: scores beside PCA's, curves, pictures, single test images.
///
/// The file needs nothing else: no network and no server. Runs that aren't finished, or are damaged,
/// are shown as far as they go.
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Runs: their folders, their folders' names, or `latest` [default: latest]
    #[arg(value_name = "RUN", conflicts_with = "all")]
    selected: Vec<PathBuf>,

    /// All runs
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    runs: RunsFolder,

    /// The file to write [default: report.html in the run's folder, or in that of all runs]
    #[arg(long, short, value_name = "FILE", value_parser = output::file())]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let folders = chosen(args)?;
    let pictures = Pictures::Embedded {
        runs: folders.len(),
    };
    let entries: Vec<_> = folders
        .par_iter()
        .map(|folder| collect(folder, pictures))
        .collect();
    for entry in &entries {
        for problem in &entry.problems {
            tracing::warn!("{}: {}", printable(&entry.name), printable(problem));
        }
    }
    let file = args.output.clone().unwrap_or_else(|| {
        let home = match folders.as_slice() {
            [folder] if !args.all => folder,
            _ => args.runs.path(),
        };
        home.join("report.html")
    });
    write_output(&file, page(&entries)?.as_bytes())?;
    output::path(&file)?;
    Ok(Exit::Done)
}

fn chosen(args: &ReportArgs) -> Result<Vec<PathBuf>, RunError> {
    if !args.selected.is_empty() {
        let mut runs = args.runs.find_all(&args.selected)?;
        // Named twice, or by a name and a pattern, it is one run.
        let mut seen = HashSet::new();
        runs.retain(|run| seen.insert(run.clone()));
        return Ok(runs);
    }
    let folders = args.runs.discover()?.folders;
    match latest(&folders) {
        None => Err(RunError::NoRuns {
            path: args.runs.path().to_owned(),
        }),
        Some(_) if args.all => Ok(folders),
        Some(latest) => Ok(vec![latest.to_owned()]),
    }
}
