//! Curves of training: losses and validation SSIM by epoch, of one training and of several.
//!
//! Several are numbered from 1, in the order in which they come: names are too long for a plot.

#![allow(
    clippy::cast_possible_truncation,
    reason = "counts of curves, far below the limits of u32"
)]

use image::{Rgb, RgbImage};

use super::PlotError;
use super::axes::{draw_panels, draw_plots};
use super::panel::{
    Axis, LONE_POINTS, LegendEntry, Marker, PANEL_TITLE, Panel, Reference, Series, drawable,
    missing_note, place,
};
use super::style::{
    BLUE, HEADER, LEGEND_ROW, LEGEND_SIZE, MARGIN, VERMILION, draw_title, line_style,
};
use super::text;

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 480;

const HISTORIES_WIDTH: u32 = 1560;
/// Height of the plots of several trainings, with their axes.
const HISTORIES_HEIGHT: u32 = 380;
/// The legend, of long names, is in so many columns.
const LEGEND_COLUMNS: usize = 2;
/// What a legend's entry needs beside the name: the sample, the number, and room to the next column.
const ENTRY_PADDING: u32 = 80;

/// What the curves show of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochPoint {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch.
    pub train_loss: f64,
    /// Mean loss on the validation images after it.
    pub validation_loss: f64,
    /// Mean SSIM on the validation images after it.
    pub validation_ssim: f64,
}

impl EpochPoint {
    /// The epoch on the axis, which has room for one more.
    fn position(&self) -> i32 {
        i32::try_from(self.epoch).map_or(i32::MAX - 1, |epoch| epoch.min(i32::MAX - 1))
    }
}

/// Draws losses and validation SSIM by epoch, 1200 × 480 pixels, and more where a legend takes several rows. `pca` is
/// the number of principal components and the validation SSIM that they reach: the line that the model should cross.
///
/// Values that aren't finite, or beyond any scale, leave a gap, and the legend counts them.
///
/// # Errors
/// [`PlotError`] if the plotting library refuses.
pub fn draw_curves(
    title: &str,
    history: &[EpochPoint],
    pca: Option<(usize, f64)>,
    best_epoch: Option<usize>,
) -> Result<RgbImage, PlotError> {
    let best = history
        .iter()
        .find(|point| Some(point.epoch) == best_epoch && drawable(point.validation_ssim));
    let losses = vec![
        series("train", BLUE, history, |point| point.train_loss),
        series("validation", VERMILION, history, |point| {
            point.validation_loss
        }),
    ];
    let ssim = series("model", VERMILION, history, |point| point.validation_ssim);
    let panels = [
        panel("loss", losses),
        Panel {
            reference: pca
                .filter(|(_, value)| drawable(*value))
                .map(|(components, value)| Reference {
                    name: format!("PCA, {components} components"),
                    value,
                }),
            marker: best.map(|point| Marker {
                name: format!("best: {:.3} (epoch {})", point.validation_ssim, point.epoch),
                point: (point.position(), point.validation_ssim),
            }),
            ..panel("validation SSIM", vec![ssim])
        },
    ];

    draw_panels("the training curves", title, &panels, (WIDTH, HEIGHT))
}

/// Draws training loss, validation loss and validation SSIM by epoch, a line for each training, which
/// has a name and a history. The picture is 1560 pixels wide; its height grows with the legend.
///
/// Values that aren't finite, or beyond any scale, leave a gap, and the legend counts them.
///
/// # Errors
/// [`PlotError`] if the plotting library refuses.
pub fn draw_histories(
    title: &str,
    histories: &[(String, Vec<EpochPoint>)],
) -> Result<RgbImage, PlotError> {
    let panel_of = |title, value: fn(&EpochPoint) -> f64| {
        let lines = histories.iter().enumerate().map(|(index, (name, points))| {
            let (color, dashed) = line_style(index);
            Series {
                dashed,
                ..series(name, color, points, value)
            }
        });
        panel(title, lines.collect())
    };
    let panels = [
        panel_of("training loss", |point| point.train_loss),
        panel_of("validation loss", |point| point.validation_loss),
        panel_of("validation SSIM", |point| point.validation_ssim),
    ];

    let legend_rows = histories.len().div_ceil(LEGEND_COLUMNS) as u32;
    let titles = HEADER + legend_rows * LEGEND_ROW + MARGIN / 2;
    let top = titles + PANEL_TITLE;
    let size = (HISTORIES_WIDTH, top + HISTORIES_HEIGHT);
    let mut image = draw_plots("the curves of several runs", &panels, size, top)?;
    draw_title(&mut image, title);
    draw_legend(&mut image, &panels);
    for (index, panel) in panels.iter().enumerate() {
        let left = place(HISTORIES_WIDTH, panels.len(), index).1;
        panel.draw_title(&mut image, (left, titles));
    }
    Ok(image)
}

/// The numbers and names of the lines, down one column and then the next.
fn draw_legend(image: &mut RgbImage, panels: &[Panel]) {
    let Some(Panel { series: lines, .. }) = panels.first() else {
        return;
    };
    let rows = lines.len().div_ceil(LEGEND_COLUMNS).max(1);
    let column_width = (HISTORIES_WIDTH - 2 * MARGIN) / LEGEND_COLUMNS as u32;
    for (index, line) in lines.iter().enumerate() {
        let missing = panels.iter().map(|panel| panel.series[index].missing());
        let note = missing_note(missing.sum());
        let room = (column_width - ENTRY_PADDING).saturating_sub(text::width(&note, LEGEND_SIZE));
        let name = text::fit(&line.name, LEGEND_SIZE, room);
        let corner = (
            MARGIN + (index / rows) as u32 * column_width,
            HEADER + 16 + (index % rows) as u32 * LEGEND_ROW,
        );
        let entry = LegendEntry {
            name: format!("{}  {name}{note}", index + 1),
            color: line.color,
            sample: line.sample(),
        };
        entry.draw(image, corner);
    }
}

/// One value of each epoch.
fn series(
    name: &str,
    color: Rgb<u8>,
    history: &[EpochPoint],
    value: fn(&EpochPoint) -> f64,
) -> Series {
    Series {
        name: name.to_owned(),
        color,
        dashed: false,
        points: history
            .iter()
            .map(|point| (point.position(), value(point)))
            .collect(),
    }
}

/// A panel by epoch.
fn panel(title: &str, series: Vec<Series>) -> Panel {
    Panel {
        title: title.to_owned(),
        axis: Axis {
            name: "epoch".to_owned(),
            padding: 1,
            label: |epoch| epoch.to_string(),
        },
        from_zero: false,
        series,
        dots_up_to: LONE_POINTS,
        reference: None,
        marker: None,
    }
}
