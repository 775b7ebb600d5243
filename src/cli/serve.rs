//! `trainer serve`: the report of all runs in a browser, while they train.

use clap::Args;

use super::runs_folder::RunsFolder;
use super::{Exit, log, output, signals};
use crate::report::Server;

/// Shows all runs in a browser, and follows those that are training. Ctrl-C ends it.
///
/// Listens on 127.0.0.1 only, so that no other machine can reach it.
#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    runs: RunsFolder,

    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 7860, value_parser = port)]
    port: u16,
}

fn port(word: &str) -> Result<u16, &'static str> {
    let port = word.parse();
    port.map_err(|_| "expected a whole number from 0 to 65535")
}

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    log::start(false);
    args.runs.discover()?;
    let server = Server::bind(args.runs.path(), args.port)?;
    // Nothing is being written, so there is nothing to wait for.
    signals::exit_on_signal()?;
    output::line(format_args!("http://127.0.0.1:{}/", server.port()))?;
    server.run();
    Ok(Exit::Done)
}
