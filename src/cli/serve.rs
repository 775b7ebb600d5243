//! `trainer serve`: the report of all runs in a browser, while they train.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Exit, log, output};
use crate::report::Server;

/// Shows all runs in a browser, and follows those that are training. Ctrl-C ends it.
///
/// Listens on 127.0.0.1 only, so that no other machine can reach it.
#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Folder of the run folders
    #[arg(long, value_name = "DIR", default_value = "runs", env = "TRAINER_RUNS")]
    runs: PathBuf,

    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 7860)]
    port: u16,
}

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let server = Server::bind(&args.runs, args.port)?;
    // Nothing is being written, so there is nothing to wait for.
    ctrlc::set_handler(|| std::process::exit(130)).context("can't listen for Ctrl-C")?;
    output::line(format_args!("http://127.0.0.1:{}/", server.port()))?;
    server.run();
    Ok(Exit::Done)
}
