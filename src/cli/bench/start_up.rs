//! `trainer bench start-up`: how long the program takes to say anything.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::common::Spread;
use super::trials;
use crate::cli::{Exit, log, output};
use crate::words::count;

#[derive(Args, Debug)]
pub(in crate::cli) struct StartUpArgs {
    /// Trials
    #[arg(long, value_name = "N", default_value = "20", value_parser = trials)]
    trials: usize,

    /// Print the result as JSON, with every trial
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StartUpArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let program = std::env::current_exe().context("can't find the program itself")?;
    let mut times = Vec::new();
    // The first one reads the program from disk.
    for number in 0..=args.trials {
        let started = Instant::now();
        let status = Command::new(&program)
            .arg("--help")
            .stdout(Stdio::null())
            .status()
            .context("can't start the program")?;
        if !status.success() {
            bail!("`trainer --help` ended with {status}");
        }
        if number > 0 {
            times.push(1e3 * started.elapsed().as_secs_f64());
        }
    }
    let size = std::fs::metadata(&program)
        .context("can't see the program's size")?
        .len();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
    let megabytes = size as f64 / 1e6;
    let help = Spread::of(&times);
    if args.json {
        #[derive(Serialize)]
        struct Report {
            version: &'static str,
            help_milliseconds: Option<Spread>,
            program_megabytes: f64,
        }
        output::json(&Report {
            version: env!("CARGO_PKG_VERSION"),
            help_milliseconds: help,
            program_megabytes: megabytes,
        })?;
        return Ok(Exit::Done);
    }
    output::line(format_args!(
        "trainer {}, {megabytes:.1} MB; {}",
        env!("CARGO_PKG_VERSION"),
        count(args.trials, "trial")
    ))?;
    Spread::head()?;
    Spread::row("trainer --help, ms", help.as_ref(), 1)?;
    Ok(Exit::Done)
}
