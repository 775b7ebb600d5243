//! The `trainer` program: parse, run, print an error once, exit code.

use std::io::{Write, stderr};
use std::process::ExitCode;

use anyhow::anyhow;
use trainer::cli::{Cli, advice};
use trainer::device::{catch_panics, keep_panics};

fn main() -> ExitCode {
    keep_panics();
    let result = catch_panics(Cli::run_process).unwrap_or_else(|panic| {
        Err(anyhow!(
            "trainer has a bug: {} ({}). Please report it with this command line",
            panic.message,
            panic.location
        ))
    });
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            // Where standard error is closed, the exit code is all that is left to say.
            let _ = writeln!(stderr(), "error: {}", advice::message(&error));
            advice::exit(&error).into()
        }
    }
}
