//! `trainer report`: runs as one HTML file.

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use super::{Exit, log, output};
use crate::report::{Pictures, ReportError, collect, page, run_folders};
use crate::run::{latest, write_atomically};

/// Writes one HTML file that shows runs: scores beside PCA's, curves, pictures, single test images.
///
/// The file needs nothing else: no network and no server. Runs that aren't finished, or are damaged,
/// are shown as far as they go.
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Run folders, or their names in the folder of all runs [default: the latest run]
    #[arg(value_name = "RUN", conflicts_with = "all")]
    selected: Vec<PathBuf>,

    /// All runs
    #[arg(long)]
    all: bool,

    /// Folder of the run folders
    #[arg(
        long = "runs",
        value_name = "DIR",
        default_value = "runs",
        env = "TRAINER_RUNS"
    )]
    folder: PathBuf,

    /// The file to write [default: report.html in the run's folder, or in that of all runs]
    #[arg(long, short, value_name = "FILE")]
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
            tracing::warn!("{}: {problem}", entry.name);
        }
    }
    let file = args.output.clone().unwrap_or_else(|| {
        let home = match folders.as_slice() {
            [folder] if !args.all => folder,
            _ => &args.folder,
        };
        home.join("report.html")
    });
    write_atomically(&file, page(&entries)?.as_bytes())?;
    output::line(file.display())?;
    Ok(Exit::Done)
}

fn chosen(args: &ReportArgs) -> Result<Vec<PathBuf>, ReportError> {
    if !args.selected.is_empty() {
        return args
            .selected
            .iter()
            .map(|name| named(name, &args.folder))
            .collect();
    }
    let folders = run_folders(&args.folder)?;
    match latest(&folders) {
        None => Err(ReportError::NoRuns {
            path: args.folder.clone(),
        }),
        Some(_) if args.all => Ok(folders),
        Some(latest) => Ok(vec![latest.to_owned()]),
    }
}

/// The folder `name`, or else the folder of that name among the runs.
fn named(name: &Path, runs: &Path) -> Result<PathBuf, ReportError> {
    [name.to_owned(), runs.join(name)]
        .into_iter()
        .find(|path| path.is_dir())
        .ok_or_else(|| ReportError::NoSuchRun {
            name: name.to_owned(),
            runs: runs.to_owned(),
        })
}
