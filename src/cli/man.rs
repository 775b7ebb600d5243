//! `trainer man`: manual pages, made from the same descriptions as `--help`.

use std::path::{Path, PathBuf};

use clap::{Arg, Args, Command, CommandFactory};
use clap_mangen::Man;

use super::settings::show_defaults;
use super::{Cli, Exit, output};
use crate::run::{RunError, write_output_with};

/// Prints the manual page, or writes one for each command
///
/// `trainer man | man -l -` shows it. With --output, there are trainer.1, trainer-resume.1 and so on, for a folder man1
/// in which `man` looks.
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// The folder to write the pages of all commands into
    #[arg(long, short, value_name = "DIR", value_parser = output::folder())]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> anyhow::Result<Exit> {
    let mut command = show_defaults(Cli::command()).disable_help_subcommand(true);
    // Gives commands their full names, such as trainer-bench-ssim.
    command.build();
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(|source| RunError::Write {
            path: folder.clone(),
            source,
        })?;
        write_pages(&command, folder)?;
        output::path(folder)?;
    } else {
        let mut text = Vec::new();
        page(&command).render(&mut text)?;
        output::text(String::from_utf8(text)?)?;
    }
    Ok(Exit::Done)
}

fn page(command: &Command) -> Man {
    Man::new(command.clone().mut_args(with_lists))
        .source(concat!("trainer ", env!("CARGO_PKG_VERSION")))
}

/// Indents the items of a list. A page joins lines to paragraphs, unless they begin with a space.
fn with_lists(argument: Arg) -> Arg {
    match argument.get_long_help().map(ToString::to_string) {
        Some(help) if help.contains("\n- ") => argument.long_help(help.replace("\n- ", "\n  - ")),
        _ => argument,
    }
}

/// Writes the pages of a command and of those below it.
fn write_pages(command: &Command, folder: &Path) -> Result<(), RunError> {
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(below, folder)?;
    }
    let page = page(command);
    write_output_with(&folder.join(page.get_filename()), &mut |output| {
        page.render(output)
    })
}
