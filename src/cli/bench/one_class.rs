//! `trainer bench one-class`: anomalies in a data set of classes, of which one is usual at a time.

use clap::Args;
use serde::Serialize;

use super::common::Machine;
use crate::bench::one_class::{OneClass, Told};
use crate::cli::loading::watched;
use crate::cli::settings::SettingsArgs;
use crate::cli::table::Column;
use crate::cli::{Exit, bail_usage, log, output};
use crate::data::ClassSelection;
use crate::device;

#[derive(Args, Debug)]
// Each class is divided in one way, and leaves no run behind.
#[command(
    mut_arg("split", |split| split.hide(true)),
    mut_arg("samples", |samples| samples.hide(true)),
    mut_arg("no_pca", |no_pca| no_pca.hide(true)),
    mut_arg("checkpoint_every", |every| every.hide(true)),
    after_help = "Nine tenths of a class's training images are trained on, and a twentieth chooses the epoch.",
)]
pub(in crate::cli) struct OneClassArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A row of the table.
#[derive(Debug, Serialize)]
struct Row {
    method: &'static str,
    score: String,
    /// By class.
    auroc: Vec<f64>,
    mean: f64,
}

/// Refuses settings that would change nothing here.
fn check(settings: &SettingsArgs) -> anyhow::Result<()> {
    for (flag, is_given, reason) in [
        (
            "--split",
            settings.split.is_some(),
            "nine tenths of a class's training images are trained on, and a twentieth chooses the epoch",
        ),
        (
            "--samples",
            settings.samples.is_some(),
            "no pictures are drawn",
        ),
        (
            "--no-pca",
            settings.no_pca,
            "PCA is what the scores are compared with",
        ),
        (
            "--checkpoint-every",
            settings.checkpoint_every.is_some(),
            "no run is saved",
        ),
    ] {
        if is_given {
            bail_usage!("{flag}: leave it out, since {reason}");
        }
    }
    Ok(())
}

pub(super) fn run(args: &OneClassArgs) -> anyhow::Result<Exit> {
    log::start(false);
    check(&args.settings)?;
    let mut config = args.settings.resolve(None)?;
    config.validate()?;
    if config.data.classes == ClassSelection::Auto {
        config.data.classes = ClassSelection::All;
    }
    let machine = Machine::of(&config, 1)?;
    let selected = device::select(config.device.backend, config.device.device)?;
    let images = watched(false, |watch| config.data.load(watch))?;
    let task = OneClass::new(images, config, selected.device)?;
    let mut rows: Vec<Row> = Vec::new();
    for (class, name) in task.classes() {
        let told = task.tell(class)?;
        let best = told
            .iter()
            .filter(|told| told.method == "model")
            .max_by(|a, b| a.auroc.total_cmp(&b.auroc));
        if let Some(best) = best {
            tracing::info!("{name}: AUROC {:.4} by {}", best.auroc, best.score);
        }
        let is_first = rows.is_empty();
        for (place, told) in told.into_iter().enumerate() {
            let Told {
                method,
                score,
                auroc,
            } = told;
            if is_first {
                rows.push(Row {
                    method,
                    score,
                    auroc: Vec::new(),
                    mean: 0.0,
                });
            }
            rows[place].auroc.push(auroc);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of classes")]
    for row in &mut rows {
        row.mean = row.auroc.iter().sum::<f64>() / row.auroc.len() as f64;
    }
    if args.json {
        #[derive(Serialize)]
        struct Report<'a> {
            machine: Machine,
            classes: Vec<&'a str>,
            rows: Vec<Row>,
        }
        output::json(&Report {
            machine,
            classes: task.classes().into_iter().map(|(_, name)| name).collect(),
            rows,
        })?;
        return Ok(Exit::Done);
    }
    machine.print()?;
    let words = |heading: &str, cell: fn(&Row) -> String| Column {
        heading: heading.to_owned(),
        figures: false,
        cells: rows.iter().map(cell).collect(),
    };
    let mut columns = vec![
        words("", |row| row.method.to_owned()),
        words("score", |row| row.score.clone()),
    ];
    for (place, (_, name)) in task.classes().into_iter().enumerate() {
        columns.push(Column {
            heading: name.to_owned(),
            figures: true,
            cells: rows
                .iter()
                .map(|row| format!("{:.3}", row.auroc[place]))
                .collect(),
        });
    }
    columns.push(Column {
        heading: "mean".to_owned(),
        figures: true,
        cells: rows.iter().map(|row| format!("{:.4}", row.mean)).collect(),
    });
    output::table(&columns)?;
    Ok(Exit::Done)
}
