//! The `trainer` program: parse, run, print an error once, exit code.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{CommandFactory, FromArgMatches};
use trainer::cli::{Cli, Exit};
use trainer::device::catch_panics;

fn main() -> ExitCode {
    // clap prints a usage error itself, and exits with 2.
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = catch_panics(|| cli.run(&matches));
    let result = result.unwrap_or_else(|panic| {
        Err(anyhow!(
            "trainer has a bug: {} ({}). Please report it with this command line",
            panic.message,
            panic.location
        ))
    });
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::of(&error).into()
        }
    }
}
