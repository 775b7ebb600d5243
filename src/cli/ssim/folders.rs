//! `trainer ssim` for folders: a line a pair as soon as its score is known, and their mean.

use std::io::{IsTerminal, stderr, stdout};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Shape, SsimArgs, comparer, count, shown};
use crate::cli::{Exit, log, output};
use crate::compare::{CompareError, Comparer, Matches, Pair, joins_batch};
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

pub(super) fn compare(args: &SsimArgs) -> anyhow::Result<Exit> {
    let matches = Matches::find(&args.a, &args.b)?;
    for (folder, files) in [(&args.a, &matches.only_a), (&args.b, &matches.only_b)] {
        for file in files {
            tracing::warn!("only in {}: {}", folder.display(), file.display());
        }
    }
    let mut comparison = Comparison::start(args, &matches)?;
    for file in &matches.both {
        comparison.add(file)?;
    }
    comparison.compare_waiting()?;
    comparison.progress.finish_and_clear();

    let mut result = comparison.result;
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
    tracing::error!(
        "{} of {} couldn't be compared",
        result.failed.len(),
        count(matches.both.len(), "pair")
    );
    Ok(Exit::Failed)
}

/// What has been compared, and what waits for its batch to be full.
struct Comparison<'a> {
    args: &'a SsimArgs,
    comparer: Comparer,
    progress: ProgressBar,
    files: Vec<&'a Path>,
    pairs: Vec<Pair>,
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
            progress: progress(args, matches.both.len()),
            files: Vec::new(),
            pairs: Vec::new(),
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
                    score.file
                ))?;
            }
            self.result.pairs.push(score);
            self.progress.inc(1);
        }
        Ok(())
    }

    fn fail(&mut self, file: &Path, error: String) {
        tracing::error!("{error}");
        self.result.failed.push(Failure {
            file: shown(file),
            error,
        });
        self.progress.inc(1);
    }
}

/// The message as `main` prints it.
fn with_causes(error: CompareError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// A bar where somebody watches, and doesn't watch the scores themselves.
fn progress(args: &SsimArgs, files: usize) -> ProgressBar {
    let scores_are_seen = stdout().is_terminal() && !args.json;
    if scores_are_seen || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} pairs, {per_sec}, {eta} left");
    log::bars()
        .add(ProgressBar::new(files as u64))
        .with_style(style.expect("the template is well-formed"))
}
