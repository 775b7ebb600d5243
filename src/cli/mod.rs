//! The command line: what there is to say, one file for each command, and exit codes.

pub mod advice;
mod apply;
mod bench;
mod compare;
mod completions;
mod data;
mod devices;
mod eval;
mod loading;
mod log;
mod man;
mod moved_data;
mod natural;
mod numbers;
mod output;
mod progress;
mod report;
mod resume;
mod runs;
mod runs_folder;
mod serve;
mod settings;
mod signals;
mod ssim;
mod sweep;
mod table;
mod targets;
mod terminal;
mod threads;
mod train;

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use settings::SettingsArgs;
use table::{printable, printable_lines};
use terminal::USUAL_WIDTH;

/// Trains autoencoders on images, on any GPU or a CPU, and judges them by SSIM.
///
/// Without a command it trains. Results go to standard output, progress to standard error, and
/// everything else into a new folder under runs/.
#[derive(Parser, Debug)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    after_help = "RAYON_NUM_THREADS sets the number of threads that compute.\n\
                  Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// What a run says and where it writes, besides its settings.
#[derive(Args, Debug, Clone)]
pub(crate) struct OutputArgs {
    /// Take settings from a TOML file, such as a run's config.toml; flags override it
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,

    /// Show the resolved settings, the images and the layers, and write nothing
    #[arg(long, conflicts_with = "json", help_heading = "Settings")]
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

    /// Name of the run folder, after its time [default: network and latent size]
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
    Data(data::DataArgs),
    Resume(resume::ResumeArgs),
    /// Evaluates a run's best weights on its test images
    Eval(eval::EvalArgs),
    Info(apply::info::InfoArgs),
    Encode(apply::encode::EncodeArgs),
    Decode(apply::decode::DecodeArgs),
    Reconstruct(apply::reconstruct::ReconstructArgs),
    Compress(apply::compress::CompressArgs),
    Decompress(apply::decompress::DecompressArgs),
    Score(apply::score::ScoreArgs),
    Neighbours(apply::neighbours::NeighboursArgs),
    Explore(apply::explore::ExploreArgs),
    Export(apply::export::ExportArgs),
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
    Man(man::ManArgs),
}

/// Prints the help or the version that was asked for.
fn show(asked: &clap::Error) -> anyhow::Result<Exit> {
    let text = asked.render();
    if console::colors_enabled() {
        output::text(text.ansi())?;
    } else {
        output::text(text)?;
    }
    Ok(Exit::Done)
}

/// Prints what is wrong with the command line.
fn refuse(command: &clap::Command, error: &clap::Error) -> Exit {
    let acts = |argument: OsString| {
        let text = argument.to_string_lossy();
        printable(&text) != text
    };
    let text = error.render();
    // It repeats arguments, such as names of files that a shell put there.
    let text = if std::env::args_os().any(acts) {
        printable_lines(&text.to_string())
    } else if console::colors_enabled_stderr() {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let text = text.clone() + &from_environment(command, &text).unwrap_or_default();
    // Where standard error is closed, the exit code is all that is left to say.
    let _ = write!(stderr(), "{text}");
    Exit::Usage
}

/// Says if the value that an error is about isn't on the command line but in a variable.
fn from_environment(command: &clap::Command, error: &str) -> Option<String> {
    let here = command.get_arguments().find_map(|argument| {
        let flag = format!("--{}", argument.get_long()?);
        let variable = argument.get_env()?;
        let mut words = std::env::args_os();
        let is_given = words.any(|word| {
            let word = word.to_string_lossy();
            word == flag || word.starts_with(&format!("{flag}="))
        });
        let is_guilty = error.contains(&format!("'{flag} <"))
            && std::env::var_os(variable).is_some()
            && !is_given;
        is_guilty.then(|| {
            format!(
                "\nThe value for {flag} is that of the variable {}: change it, or unset it.\n",
                variable.display()
            )
        })
    });
    let mut below = command.get_subcommands();
    here.or_else(|| below.find_map(|command| from_environment(command, error)))
}

impl Cli {
    /// Does what the command line of this process says. Wrong usage is printed.
    ///
    /// # Errors
    ///
    /// Whatever stopped the command, to be printed once.
    pub fn run_process() -> anyhow::Result<Exit> {
        output::start();
        signals::ignore_file_size_signal();
        if SystemTime::now() < SystemTime::UNIX_EPOCH {
            anyhow::bail!(
                "this machine's clock is before 1970, and runs are named by the time; set it"
            );
        }
        let mut command = numbers::allow_negative(settings::show_defaults(Self::command()));
        if std::env::var_os("COLUMNS").is_some_and(|columns| columns == "0") {
            // Of a terminal that doesn't know its width.
            command = command.term_width(USUAL_WIDTH);
        }
        let words = runs_folder::runs_after_command(&command, std::env::args_os());
        let result = command.try_get_matches_from_mut(words).and_then(|matches| {
            advice::is_for(&command, &matches);
            Self::from_arg_matches(&matches)
        });
        let result = match result {
            Ok(cli) => cli.run(),
            Err(error) if error.use_stderr() => Ok(refuse(&command, &error)),
            Err(help_or_version) => show(&help_or_version),
        };
        match result {
            Err(error) if output::is_closed(&error) => Ok(Exit::Done),
            Err(error) if error.is::<signals::Stopped>() => Ok(Exit::Interrupted),
            result => result,
        }
    }

    /// Does what the command line says.
    fn run(self) -> anyhow::Result<Exit> {
        if !matches!(
            self.command,
            Some(Command::Completions { .. } | Command::Man(_))
        ) {
            threads::start()?;
        }
        match self.command {
            None => train::run(&self.settings, &self.output),
            Some(Command::Devices { json }) => devices::run(json),
            Some(Command::Resume(args)) => resume::run(&args),
            Some(Command::Eval(args)) => eval::run(&args),
            Some(Command::Info(args)) => apply::info::run(&args),
            Some(Command::Encode(args)) => apply::encode::run(&args),
            Some(Command::Decode(args)) => apply::decode::run(&args),
            Some(Command::Reconstruct(args)) => apply::reconstruct::run(&args),
            Some(Command::Compress(args)) => apply::compress::run(&args),
            Some(Command::Decompress(args)) => apply::decompress::run(&args),
            Some(Command::Score(args)) => apply::score::run(&args),
            Some(Command::Neighbours(args)) => apply::neighbours::run(&args),
            Some(Command::Explore(args)) => apply::explore::run(&args),
            Some(Command::Export(args)) => apply::export::run(&args),
            Some(Command::Sweep(args)) => sweep::run(&args),
            Some(Command::Runs(args)) => runs::run(&args),
            Some(Command::Data(args)) => data::run(&args),
            Some(Command::Compare(args)) => compare::run(&args),
            Some(Command::Ssim(args)) => ssim::run(&args),
            Some(Command::Report(args)) => report::run(&args),
            Some(Command::Serve(args)) => serve::run(&args),
            Some(Command::Bench(command)) => bench::run(command),
            Some(Command::Completions { shell }) => completions::run(shell),
            Some(Command::Man(args)) => man::run(&args),
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

/// Wrong usage that only the command finds, not clap.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Ends a command whose flags don't go together, or with these inputs.
macro_rules! bail_usage {
    ($($words:tt)*) => {
        return Err($crate::cli::Usage(format!($($words)*)).into())
    };
}
use bail_usage;

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            // 128 + SIGINT, as shells have it.
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
