//! The `trainer` program: parse, run, print an error once, exit code.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use trainer::cli::{Cli, Exit};

fn main() -> ExitCode {
    // clap prints a usage error itself, and exits with 2.
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match cli.run(&matches) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::of(&error).into()
        }
    }
}
