//! `trainer completions SHELL`.

use std::io::stdout;

use clap::CommandFactory;

use super::{Cli, Exit};

pub(super) fn run(shell: clap_complete::Shell) -> Exit {
    clap_complete::generate(shell, &mut Cli::command(), "trainer", &mut stdout());
    Exit::Done
}
