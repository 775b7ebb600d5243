//! `trainer bench training`: throughput, memory, and the time to the first step.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::common::{CommonArgs, Machine, Spread, settings};
use crate::bench::product::product_gflops;
use crate::bench::trial::{Event, Trial};
use crate::cli::{Exit, log, output};
use crate::config::TrainConfig;
use crate::data::Watch;
use crate::model::training_multiply_adds;
use crate::train::{TrainError, prepare};

#[derive(Args, Debug)]
pub(in crate::cli) struct TrainingArgs {
    #[command(flatten)]
    common: CommonArgs,
}

/// What several trials of one setting came to.
#[derive(Debug, Default)]
pub(super) struct Measured {
    first_step: Vec<f64>,
    /// Images/s.
    pub training: Vec<f64>,
    /// Images/s.
    inference: Vec<f64>,
    /// MB.
    pub peak: Vec<f64>,
}

impl Measured {
    /// One more trial.
    pub fn add(&mut self, config: &TrainConfig) -> anyhow::Result<()> {
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
            bail!("a trial failed, for the reason above");
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
pub(super) fn measured_settings(common: &CommonArgs) -> anyhow::Result<TrainConfig> {
    settings(&common.settings, 3)
}

pub(super) fn run(args: TrainingArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let config = measured_settings(&args.common)?;
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
    let arithmetic = Arithmetic::of(&config, training.as_ref())?;
    if args.common.json {
        #[derive(Serialize)]
        struct Report {
            machine: Machine,
            training_images_per_second: Option<Spread>,
            inference_images_per_second: Option<Spread>,
            seconds_to_first_step: Option<Spread>,
            peak_megabytes: Option<Spread>,
            arithmetic: Option<Arithmetic>,
        }
        output::json(&Report {
            machine,
            training_images_per_second: training,
            inference_images_per_second: inference,
            seconds_to_first_step: first_step,
            peak_megabytes: peak,
            arithmetic,
        })?;
        return Ok(Exit::Done);
    }
    machine.print()?;
    Spread::head()?;
    Spread::row("training, images/s", training.as_ref(), 0)?;
    Spread::row("inference, images/s", inference.as_ref(), 0)?;
    Spread::row("first step, seconds", first_step.as_ref(), 2)?;
    Spread::row("peak memory, MB", peak.as_ref(), 0)?;
    output::line(format_args!(
        "\ntraining: on a GPU, with validation, the picture and what a checkpoint needs. first step: from process\n\
         start; on a GPU, until it is enqueued. inference: encoding and decoding. peak memory: of the process,\n\
         where the system tells."
    ))?;
    if let Some(arithmetic) = arithmetic {
        output::line(format_args!(
            "training: {:.0} GFLOP/s in convolutions and dense layers, {:.0} % of a large product of matrices,\n\
             which makes {:.0} GFLOP/s.",
            arithmetic.training_gflops,
            100.0 * arithmetic.share_of_product,
            arithmetic.product_gflops
        ))?;
    }
    Ok(Exit::Done)
}

/// How near training comes to what the device can do.
#[derive(Clone, Copy, Debug, Serialize)]
struct Arithmetic {
    /// Of convolutions and dense layers, as they are defined.
    training_gflops: f64,
    /// Of two large matrices.
    product_gflops: f64,
    share_of_product: f64,
}

impl Arithmetic {
    /// None where latent vectors are refined: that takes more than the layers, or where the rate or the
    /// product is unknown.
    fn of(config: &TrainConfig, rate: Option<&Spread>) -> Result<Option<Self>, TrainError> {
        if config.training.refine > 0 {
            return Ok(None);
        }
        let Some(rate) = rate else {
            return Ok(None);
        };
        let prepared = prepare(config.clone(), &Watch::NONE)?;
        let product_gflops = match product_gflops(prepared.device()) {
            Ok(gflops) => gflops,
            Err(message) => {
                tracing::warn!("the product of matrices to compare with fails: {message}");
                return Ok(None);
            }
        };
        let count = training_multiply_adds(&prepared.design, config.model.latent_dim);
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let training_gflops = 2.0 * count as f64 * rate.median / 1e9;
        Ok(Some(Self {
            training_gflops,
            product_gflops,
            share_of_product: training_gflops / product_gflops,
        }))
    }
}
