//! `trainer bench time-to-ssim`, `training`, `scale` and `start-up`: what a user waits for, measured in
//! processes of their own.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{ArgMatches, Args};
use serde::Serialize;

use super::{seconds, trials};
use crate::bench::trial::{Event, Trial};
use crate::cli::{Exit, is_given, log};
use crate::config::TrainConfig;
use crate::device;
use crate::error::Error;
use crate::model::Architecture;
use crate::run::{ScalePoint, draw_scale, save_png};

#[derive(Args, Debug)]
pub(in crate::cli) struct TimeToSsimArgs {
    /// SSIM of the validation images that is to be reached
    #[arg(long, value_name = "SSIM")]
    target: f64,

    /// How long a trial may take
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    seconds: Duration,

    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct TrainingArgs {
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct ScaleArgs {
    /// Numbers of images, of all splits together
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "1750,3500,7000,14000"
    )]
    images: Vec<usize>,

    /// Numbers of images in a batch, of all of which the largest number of images is trained on
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "32,64,128,256"
    )]
    batches: Vec<usize>,

    /// Draw time and memory here, as PNG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct StartUpArgs {
    /// Trials
    #[arg(long, value_name = "N", default_value = "20", value_parser = trials)]
    trials: usize,

    /// Print the result as JSON, with every trial
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct CommonArgs {
    /// Trials of each measurement
    #[arg(long, value_name = "N", default_value = "3", value_parser = trials)]
    trials: usize,

    /// Print the result as JSON, with every trial
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: TrainConfig,
}

impl CommonArgs {
    /// The settings, with what a bench has instead of training's defaults.
    fn settings(
        &self,
        matches: &ArgMatches,
        change: impl FnOnce(&mut TrainConfig),
    ) -> Result<TrainConfig, Error> {
        let mut config = self.config.clone();
        if !is_given(matches, "backend") {
            // Found once, not in every trial.
            config.backend = device::select(config.backend, config.device)?.backend;
        }
        change(&mut config);
        let own = ["backend", "arch", "epochs"];
        let given = |key: &str| own.contains(&key) || is_given(matches, key);
        Ok(config.layered(None, given)?.resolve()?)
    }
}

/// Several measurements of one quantity.
#[derive(Clone, Debug, Serialize)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
    /// In their order.
    trials: Vec<f64>,
}

impl Spread {
    /// None where there are no measurements.
    fn of(trials: &[f64]) -> Option<Self> {
        let mut sorted = trials.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self {
            median,
            min: sorted[0],
            max: *sorted.last()?,
            trials: trials.to_vec(),
        })
    }

    fn row(label: &str, spread: Option<&Self>, decimals: usize) {
        match spread {
            Some(Self {
                median, min, max, ..
            }) => {
                println!("{label:<28}{median:>12.decimals$}{min:>12.decimals$}{max:>12.decimals$}");
            }
            None => println!("{label:<28}{:>12}", "not known"),
        }
    }

    fn head() {
        println!("{:<28}{:>12}{:>12}{:>12}", "", "median", "min", "max");
    }
}

/// What is said with every figure.
#[derive(Debug, Serialize)]
struct Machine {
    version: &'static str,
    backend: &'static str,
    device: String,
    system: String,
    trials: usize,
    config: TrainConfig,
}

impl Machine {
    fn of(config: &TrainConfig, trials: usize) -> Result<Self, Error> {
        let selection = device::select(config.backend, config.device)?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            backend: selection.backend.name(),
            device: selection.adapter,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            trials,
            config: config.clone(),
        })
    }

    fn print(&self) {
        println!(
            "trainer {} on {} ({}), {}; {} trials",
            self.version, self.backend, self.device, self.system, self.trials
        );
        println!(
            "{}, {} latent values, loss {}, classes {}, batches of {}\n",
            self.config.arch.name(),
            self.config.latent_dim(),
            self.config.loss,
            self.config.classes,
            self.config.batch_size
        );
    }
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Where a trial came to the target, or how far it came.
#[derive(Clone, Copy, Debug, Serialize)]
struct Arrival {
    /// From process start.
    seconds: Option<f64>,
    /// Validation SSIM.
    ssim: f64,
    /// Epochs that it took.
    epochs: usize,
}

pub(super) fn time_to_ssim(args: TimeToSsimArgs, matches: &ArgMatches) -> anyhow::Result<Exit> {
    log::start(false);
    if !(args.target > 0.0 && args.target < 1.0) {
        let error = crate::error::ConfigError::Value {
            flag: "target",
            value: args.target.to_string(),
            expected: "an SSIM between 0 and 1, such as 0.93",
        };
        return Err(Error::from(error).into());
    }
    let config = args.common.settings(matches, |config| {
        if !is_given(matches, "arch") {
            config.arch = Architecture::Linear;
        }
        if !is_given(matches, "epochs") {
            config.epochs = 50;
        }
    })?;
    let machine = Machine::of(&config, args.common.trials)?;
    let mut arrivals = Vec::new();
    for number in 1..=args.common.trials {
        let arrival = arrive(&config, args.target, args.seconds)?;
        tracing::info!(
            "trial {number}: validation SSIM {:.4} after {} epochs{}",
            arrival.ssim,
            arrival.epochs,
            match arrival.seconds {
                Some(seconds) => format!(", {seconds:.2} s"),
                None => ": the target isn't reached".to_owned(),
            }
        );
        arrivals.push(arrival);
    }
    let times: Option<Vec<f64>> = arrivals.iter().map(|arrival| arrival.seconds).collect();
    let spread = times.as_deref().and_then(Spread::of);
    if args.common.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            target: f64,
            seconds: Option<Spread>,
            arrivals: Vec<Arrival>,
        }
        print_json(&Report {
            machine,
            target: args.target,
            seconds: spread.clone(),
            arrivals,
        })?;
    } else {
        machine.print();
        Spread::head();
        let label = format!("seconds to SSIM {}", args.target);
        match &spread {
            Some(spread) => Spread::row(&label, Some(spread), 2),
            None => println!("{label:<28}{:>12}", "not reached"),
        }
    }
    Ok(if spread.is_some() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn arrive(config: &TrainConfig, target: f64, cap: Duration) -> anyhow::Result<Arrival> {
    let mut trial = Trial::start(config, Some(target)).context("can't start a trial")?;
    let mut arrival = Arrival {
        seconds: None,
        ssim: f64::NAN,
        epochs: 0,
    };
    while let Some((elapsed, event)) = trial.next(cap) {
        match event {
            Event::Start { ssim } => arrival.ssim = ssim,
            Event::Epoch { ssim, .. } => {
                arrival.ssim = ssim;
                arrival.epochs += 1;
            }
            _ => continue,
        }
        if arrival.ssim >= target {
            arrival.seconds = Some(elapsed);
            break;
        }
    }
    if arrival.ssim.is_nan() {
        bail!("a trial ended, or took longer than --seconds, before its model could be judged");
    }
    Ok(arrival)
}

/// What several trials of one setting came to.
#[derive(Debug, Default)]
struct Measured {
    first_step: Vec<f64>,
    training: Vec<f64>,
    inference: Vec<f64>,
    peak: Vec<f64>,
}

impl Measured {
    fn add(&mut self, config: &TrainConfig) -> anyhow::Result<()> {
        let mut trial = Trial::start(config, None).context("can't start a trial")?;
        let mut epochs = Vec::new();
        let mut ended = false;
        while let Some((elapsed, event)) = trial.next(Duration::MAX) {
            match event {
                Event::FirstStep => self.first_step.push(elapsed),
                Event::Epoch {
                    images_per_second, ..
                } => epochs.push(images_per_second),
                Event::Inference { images_per_second } => self.inference.push(images_per_second),
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
                Event::End { peak_bytes } => {
                    ended = true;
                    self.peak.extend(peak_bytes.map(|bytes| bytes as f64 / 1e6));
                }
                Event::Start { .. } => {}
            }
        }
        if !ended {
            bail!("a trial failed; the same settings without `bench training` say why");
        }
        let counting = if epochs.len() > 1 {
            &epochs[1..]
        } else {
            &epochs[..]
        };
        #[expect(clippy::cast_precision_loss, reason = "a count of epochs")]
        let mean = counting.iter().sum::<f64>() / counting.len() as f64;
        self.training.push(mean);
        Ok(())
    }
}

/// The settings of a throughput measurement: three epochs unless others are asked for.
fn measured_settings(common: &CommonArgs, matches: &ArgMatches) -> Result<TrainConfig, Error> {
    common.settings(matches, |config| {
        if !is_given(matches, "epochs") {
            config.epochs = 3;
        }
    })
}

pub(super) fn training(args: TrainingArgs, matches: &ArgMatches) -> anyhow::Result<Exit> {
    log::start(false);
    let config = measured_settings(&args.common, matches)?;
    let machine = Machine::of(&config, args.common.trials)?;
    let mut measured = Measured::default();
    for number in 1..=args.common.trials {
        measured.add(&config)?;
        tracing::info!("trial {number} of {} is done", args.common.trials);
    }
    let [training, inference, first_step, peak] = [
        &measured.training,
        &measured.inference,
        &measured.first_step,
        &measured.peak,
    ]
    .map(|trials| Spread::of(trials));
    if args.common.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            training_images_per_second: Option<Spread>,
            inference_images_per_second: Option<Spread>,
            seconds_to_first_step: Option<Spread>,
            peak_megabytes: Option<Spread>,
        }
        return print_json(&Report {
            machine,
            training_images_per_second: training,
            inference_images_per_second: inference,
            seconds_to_first_step: first_step,
            peak_megabytes: peak,
        })
        .map(|()| Exit::Done);
    }
    machine.print();
    Spread::head();
    Spread::row("training, images/s", training.as_ref(), 0);
    Spread::row("inference, images/s", inference.as_ref(), 0);
    Spread::row("first step, seconds", first_step.as_ref(), 2);
    Spread::row("peak memory, MB", peak.as_ref(), 0);
    println!(
        "\nfirst step: from process start. inference: encoding and decoding. peak memory: of the process,\n\
         where the system tells."
    );
    Ok(Exit::Done)
}

pub(super) fn scale(args: ScaleArgs, matches: &ArgMatches) -> anyhow::Result<Exit> {
    log::start(false);
    let config = measured_settings(&args.common, matches)?;
    let machine = Machine::of(&config, args.common.trials)?;
    let most = args.images.iter().copied().max();
    let by_images = args
        .images
        .iter()
        .map(|&images| (images, config.batch_size));
    let by_batch = args
        .batches
        .iter()
        .map(|&batch| (most.unwrap_or_default(), batch));
    let mut points = Vec::new();
    for (images, batch) in by_images.chain(by_batch) {
        let config = TrainConfig {
            limit: Some(images),
            batch_size: batch,
            ..config.clone()
        }
        .resolve()
        .map_err(Error::from)?;
        let mut measured = Measured::default();
        for _ in 0..args.common.trials {
            measured.add(&config)?;
        }
        let median = |trials: &[f64]| Spread::of(trials).map(|spread| spread.median);
        let rate = median(&measured.training).unwrap_or(f64::NAN);
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        let point = ScalePoint {
            images,
            batch,
            epoch_seconds: images as f64 * config.split.train / rate,
            images_per_second: rate,
            peak_megabytes: median(&measured.peak),
        };
        tracing::info!("{images} images, batches of {batch}: {rate:.0} images/s");
        points.push(point);
    }
    if let Some(path) = &args.plot {
        let picture = draw_scale(&points, args.images.len()).map_err(Error::from)?;
        save_png(&picture, path).map_err(Error::from)?;
    }
    if args.common.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            points: Vec<ScalePoint>,
        }
        print_json(&Report { machine, points })?;
        return Ok(Exit::Done);
    }
    machine.print();
    println!(
        "{:>10}{:>10}{:>16}{:>12}{:>12}",
        "images", "batch", "s an epoch", "images/s", "peak MB"
    );
    for point in &points {
        let peak = match point.peak_megabytes {
            Some(peak) => format!("{peak:.0}"),
            None => "not known".to_owned(),
        };
        println!(
            "{:>10}{:>10}{:>16.2}{:>12.0}{peak:>12}",
            point.images, point.batch, point.epoch_seconds, point.images_per_second
        );
    }
    Ok(Exit::Done)
}

pub(super) fn start_up(args: &StartUpArgs) -> anyhow::Result<Exit> {
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
        print_json(&Report {
            version: env!("CARGO_PKG_VERSION"),
            help_milliseconds: help,
            program_megabytes: megabytes,
        })?;
        return Ok(Exit::Done);
    }
    println!(
        "trainer {}, {megabytes:.1} MB; {} trials",
        env!("CARGO_PKG_VERSION"),
        args.trials
    );
    Spread::head();
    Spread::row("trainer --help, ms", help.as_ref(), 1);
    Ok(Exit::Done)
}
