//! `trainer ssim` for folders: a line a pair as soon as its score is known, and their mean.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use serde::Serialize;

use super::{Shape, SsimArgs, comparer, count, shown};
use crate::cli::progress::{bar, span};
use crate::cli::table::printable;
use crate::cli::terminal::Live;
use crate::cli::{Exit, output};
use crate::compare::{CompareError, Comparer, LookAlike, Matches, Pair, joins_batch};
use crate::decode::NotedFiles;
use crate::host::Stopwatch;
use crate::metrics::mean;
use crate::ssim::Preset;

#[derive(Serialize)]
struct FoldersResult {
    /// None if no pair could be compared.
    mean: Option<f64>,
    preset: Preset,
    a: String,
    b: String,
    pairs: Vec<FileScore>,
    unmatched: Unmatched,
    failed: Vec<Failure>,
}

#[derive(Serialize)]
struct FileScore {
    file: String,
    ssim: f64,
    #[serde(flatten)]
    shape: Shape,
}

/// Files that are in one folder only.
#[derive(Serialize)]
struct Unmatched {
    a: Vec<String>,
    b: Vec<String>,
}

#[derive(Serialize)]
struct Failure {
    file: String,
    error: String,
}

/// Files that are named of those that only one folder has; JSON has all.
const NAMED: usize = 10;

pub(super) fn compare(args: &SsimArgs) -> anyhow::Result<Exit> {
    let matches = Matches::find(&args.a, &args.b)?;
    for (folder, files) in [(&args.a, &matches.only_a), (&args.b, &matches.only_b)] {
        let folder = printable(&shown(folder));
        for file in files.iter().take(NAMED) {
            tracing::warn!("only in {folder}: {}", printable(&shown(file)));
        }
        if let Some(more @ 1..) = files.len().checked_sub(NAMED) {
            tracing::warn!("only in {folder}: {more} more");
        }
    }
    for LookAlike { a, b, difference } in &matches.look_alike {
        let [a, b] = [a, b].map(|path| printable(&shown(path)));
        tracing::warn!("{a} and {b} may be one name and aren't compared: {difference}");
    }
    let mut comparison = Comparison::start(args, &matches)?;
    for file in &matches.both {
        comparison.add(file)?;
    }
    comparison.compare_waiting()?;

    let Comparison {
        progress,
        mut result,
        notes,
        ..
    } = comparison;
    drop(progress);
    for line in notes.lines() {
        tracing::warn!("{}", printable(&line));
    }
    let failed_pairs = result.failed.len();
    for unreadable in matches.unreadable {
        let error = CompareError::Unreadable {
            path: unreadable.path,
            source: unreadable.source,
        };
        let error = with_causes(error);
        tracing::error!("{}", printable(&error));
        result.failed.push(Failure {
            file: shown(&unreadable.folder),
            error,
        });
    }
    if !result.pairs.is_empty() {
        result.mean = Some(mean(result.pairs.iter().map(|pair| pair.ssim)));
    }
    if args.json {
        output::json(&result)?;
    } else if let Some(mean) = result.mean {
        output::line(format_args!(
            "{mean:>9.6}  mean of {} ({})",
            count(result.pairs.len(), "pair"),
            args.ssim_preset.name()
        ))?;
    }
    if result.failed.is_empty() {
        return Ok(Exit::Done);
    }
    if failed_pairs > 0 {
        let pairs = count(matches.both.len(), "pair");
        tracing::error!("{failed_pairs} of {pairs} couldn't be compared");
    }
    Ok(Exit::Failed)
}

/// What has been compared, and what waits for its batch to be full.
struct Comparison<'a> {
    args: &'a SsimArgs,
    comparer: Comparer,
    progress: Option<Progress>,
    files: Vec<&'a Path>,
    pairs: Vec<Pair>,
    notes: NotedFiles,
    result: FoldersResult,
}

impl<'a> Comparison<'a> {
    fn start(args: &'a SsimArgs, matches: &Matches) -> anyhow::Result<Self> {
        let comparer = comparer(args)?;
        if !args.json {
            output::line(format_args!(
                "{:>9}  {:>11}  channels  file",
                "SSIM", "size"
            ))?;
        }
        let [only_a, only_b] = [&matches.only_a, &matches.only_b]
            .map(|files| files.iter().map(|file| shown(file)).collect());
        Ok(Self {
            args,
            comparer,
            progress: Progress::new(args, matches.both.len()),
            files: Vec::new(),
            pairs: Vec::new(),
            notes: NotedFiles::default(),
            result: FoldersResult {
                mean: None,
                preset: args.ssim_preset,
                a: shown(&args.a),
                b: shown(&args.b),
                pairs: Vec::new(),
                unmatched: Unmatched {
                    a: only_a,
                    b: only_b,
                },
                failed: Vec::new(),
            },
        })
    }

    fn add(&mut self, file: &'a Path) -> anyhow::Result<()> {
        let [a, b] = [&self.args.a, &self.args.b].map(|folder| folder.join(file));
        match Pair::read(&a, &b, &self.comparer.config) {
            Ok(pair) => {
                for (path, notes) in [a, b].iter().zip(pair.notes()) {
                    self.notes.add(&shown(path), notes);
                }
                if !joins_batch(&self.pairs, &pair) {
                    self.compare_waiting()?;
                }
                self.files.push(file);
                self.pairs.push(pair);
            }
            Err(error) => self.fail(file, with_causes(error)),
        }
        Ok(())
    }

    fn compare_waiting(&mut self) -> anyhow::Result<()> {
        let scores = match self.comparer.scores(&self.pairs) {
            Ok(scores) => scores,
            Err(error) => {
                let error = with_causes(error);
                self.pairs.clear();
                for file in std::mem::take(&mut self.files) {
                    self.fail(file, format!("{}: {error}", file.display()));
                }
                return Ok(());
            }
        };
        for ((file, pair), ssim) in self.files.drain(..).zip(self.pairs.drain(..)).zip(scores) {
            let score = FileScore {
                file: shown(file),
                ssim,
                shape: Shape::of(&pair),
            };
            if !self.args.json {
                let Shape {
                    height,
                    width,
                    channels,
                } = score.shape;
                output::line(format_args!(
                    "{ssim:>9.6}  {:>11}  {channels:>8}  {}",
                    format!("{height}×{width}"),
                    printable(&score.file)
                ))?;
            }
            self.result.pairs.push(score);
            self.progress.iter_mut().for_each(Progress::done);
        }
        Ok(())
    }

    fn fail(&mut self, file: &Path, error: String) {
        tracing::error!("{}", printable(&error));
        self.result.failed.push(Failure {
            file: shown(file),
            error,
        });
        self.progress.iter_mut().for_each(Progress::done);
    }
}

/// The message as `main` prints it.
fn with_causes(error: CompareError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// A bar where somebody watches, and doesn't watch the scores themselves.
struct Progress {
    live: Live,
    done: usize,
    pairs: usize,
    clock: Stopwatch,
}

impl Progress {
    fn new(args: &SsimArgs, pairs: usize) -> Option<Self> {
        let scores_are_seen = stdout().is_terminal() && !args.json;
        let live = if scores_are_seen { None } else { Live::new() };
        live.map(|live| Self {
            live,
            done: 0,
            pairs,
            clock: Stopwatch::start(),
        })
    }

    /// One more pair.
    #[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
    fn done(&mut self) {
        /// Columns.
        const BAR: usize = 30;
        self.done += 1;
        if !self.live.is_due() {
            return;
        }
        let (done, pairs) = (self.done as f64, self.pairs as f64);
        let rate = done / self.clock.seconds();
        self.live.show(vec![format!(
            "{}  {}/{} pairs, {rate:.1}/s, {} left",
            bar(done / pairs, BAR),
            self.done,
            self.pairs,
            span((pairs - done) / rate)
        )]);
    }
}
