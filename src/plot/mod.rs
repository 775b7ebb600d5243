//! Pictures: grids of images, contact sheets, curves and charts.
//!
//! This module knows numbers and pixels, not runs: functions take plain slices and give an image
//! back, which the caller saves. Images are slices in `[C, H, W]` order, grey or RGB, of any size:
//! small ones are enlarged by repeating pixels, so that what is seen is what a model made; large
//! ones are reduced by averaging.
//!
//! - [`reconstruction_grid`]: originals, reconstructions and their differences.
//! - [`comparison_grid`]: originals, and what several models make of them.
//! - [`heat_map`]: an image with a reconstruction's errors over it.
//! - [`contact_sheet`]: images of a data set, with their names.
//! - [`neighbour_sheet`]: images, each with those nearest to it.
//! - [`sheet()`]: many images side by side, as thumbnails.
//! - [`draw_curves`], [`draw_histories`]: losses and SSIM by epoch, of one training and of several.
//! - [`draw_rate_quality`], [`draw_by_size`]: quality by latent size, cost by size of the work.
//!
//! Only `axes` and `font` use the crate plotters.

mod axes;
mod charts;
mod comparison;
mod contact;
mod curves;
mod font;
mod grid;
mod heat;
mod neighbours;
mod panel;
mod raster;
mod sheet;
mod style;
mod text;

pub use charts::{RateQuality, SizeChart, draw_by_size, draw_rate_quality};
pub use comparison::{GridColumn, Originals, comparison_grid};
pub use contact::contact_sheet;
pub use curves::{EpochPoint, draw_curves, draw_histories};
pub use grid::{Tile, reconstruction_grid};
pub use heat::{Heat, heat_map};
pub use neighbours::{Found, neighbour_sheet};
pub use sheet::{sheet, thumbnail_shape};

/// A picture could not be drawn, since the plotting library refused.
#[derive(Debug, thiserror::Error)]
#[error("can't draw {what}. Please report this as a bug: {reason}")]
pub struct PlotError {
    /// The picture, such as "the training curves".
    pub what: &'static str,
    /// The plotting library's words.
    pub reason: String,
}
