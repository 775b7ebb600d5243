//! `trainer completions SHELL`.

use clap::CommandFactory;

use super::{Cli, Exit, output};

pub(super) fn run(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "trainer", &mut script);
    output::text(String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
