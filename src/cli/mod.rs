//! The command line: what there is to say, one file for each command, and exit codes.

mod bench;
mod compare;
mod completions;
mod devices;
mod eval;
mod log;
mod progress;
mod report;
mod resume;
mod runs;
mod serve;
mod ssim;
mod sweep;
mod table;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Parser, Subcommand};

use crate::config::TrainConfig;
use crate::data::DataError;
use crate::error::{ConfigError, Error};

/// Trains autoencoders on images, on any GPU or a CPU, and judges them by SSIM.
///
/// Without a command it trains. Results go to standard output, progress to standard error, and
/// everything else into a new folder under runs/.
#[derive(Parser, Debug)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    config: TrainConfig,

    #[command(flatten)]
    output: OutputArgs,
}

/// What a run says and where it writes, besides the settings that determine its result.
#[derive(Args, Debug, Clone)]
pub(crate) struct OutputArgs {
    /// Take settings from a TOML file, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,

    /// Show the resolved settings, the images and the layers, and write nothing
    #[arg(long, help_heading = "Settings")]
    dry_run: bool,

    /// Folder for run folders
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs",
        env = "TRAINER_RUNS",
        help_heading = "Output"
    )]
    runs: PathBuf,

    /// Name of the run folder, behind the time [default: network and latent size]
    #[arg(long, help_heading = "Output")]
    name: Option<String>,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress, only warnings and the result
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Lists the backends and their devices
    Devices {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
    /// Goes on with a run that was stopped, or trains a finished one longer
    Resume(resume::ResumeArgs),
    /// Evaluates a run's best weights on its test images
    Eval(eval::EvalArgs),
    /// Trains over latent sizes, architectures and losses, and draws quality by latent size
    ///
    /// Settings that aren't swept are those of training, and have the same defaults.
    Sweep(sweep::SweepArgs),
    Runs(runs::RunsArgs),
    Compare(compare::CompareArgs),
    Ssim(ssim::SsimArgs),
    Report(report::ReportArgs),
    Serve(serve::ServeArgs),
    /// Measures speed on this machine
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Prints a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The matches of the subcommand itself.
fn innermost(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    matches
}

/// Whether a setting was given, by a flag or the environment.
fn is_given(matches: &ArgMatches, key: &str) -> bool {
    matches!(
        matches.value_source(key),
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    )
}

impl Cli {
    /// Does what the command line says; `matches` tells which flags were given.
    ///
    /// # Errors
    ///
    /// Whatever stopped the command, to be printed once.
    pub fn run(self, matches: &ArgMatches) -> anyhow::Result<Exit> {
        match self.command {
            None => train::run(self.config, &self.output, matches),
            Some(Command::Devices { json }) => devices::run(json),
            Some(Command::Resume(args)) => resume::run(&args),
            Some(Command::Eval(args)) => eval::run(&args),
            Some(Command::Sweep(args)) => sweep::run(&args, innermost(matches)),
            Some(Command::Runs(args)) => runs::run(&args),
            Some(Command::Compare(args)) => compare::run(&args),
            Some(Command::Ssim(args)) => ssim::run(&args),
            Some(Command::Report(args)) => report::run(&args),
            Some(Command::Serve(args)) => serve::run(&args),
            Some(Command::Bench(command)) => bench::run(command, innermost(matches)),
            Some(Command::Completions { shell }) => Ok(completions::run(shell)),
        }
    }
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked for.
    Done,
    /// It could not.
    Failed,
    /// It was asked for something impossible.
    Usage,
    /// It was stopped by the user.
    Interrupted,
}

impl Exit {
    /// The exit for an error: settings that can't work are wrong usage, whatever they're found by.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        match error.downcast_ref::<Error>() {
            Some(Error::Config(ConfigError::Checkpoint { .. })) => Self::Failed,
            Some(Error::Config(_) | Error::Data(DataError::EmptySplit { .. })) => Self::Usage,
            Some(Error::Compare(error)) if error.is_wrong_usage() => Self::Usage,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::Usage => Self::from(2),
            // 128 + SIGINT, as shells have it.
            Exit::Interrupted => Self::from(130),
        }
    }
}
