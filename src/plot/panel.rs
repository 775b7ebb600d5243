//! What a plot shows, apart from how it is drawn: its lines, its axis, its title and its legend.

use image::{Rgb, RgbImage};

use super::style::{FOREGROUND, GREEN, HEADER, LEGEND_ROW, LEGEND_SIZE, MARGIN};
use super::text::{self, Align};

/// A panel's title and a legend of one row, above the plot, where the legend can't cover a line.
pub(super) const PANEL_HEADER: u32 = 60;
/// A panel's title alone.
pub(super) const PANEL_TITLE: u32 = 36;
/// The font of a panel's title.
pub(super) const PANEL_TITLE_SIZE: u32 = 18;
/// Width of the lines.
pub(super) const STROKE: u32 = 2;
/// Of the dashed line to compare with.
pub(super) const REFERENCE_COLOR: Rgb<u8> = GREEN;
/// For [`Panel::dots_up_to`]: a point without neighbours, which a line doesn't show.
pub(super) const LONE_POINTS: usize = 1;
/// From a panel's top to the baseline of its title.
const TITLE_BASELINE: u32 = 20;
/// And to that of its legend.
const LEGEND_BASELINE: u32 = 43;
/// Between entries of a legend.
const LEGEND_GAP: u32 = 24;
/// Length of the sample of a line in a legend.
const SAMPLE: u32 = 28;
/// Between a sample and its name.
const SAMPLE_GAP: u32 = 8;

/// Far beyond any loss worth a look, and small enough for the arithmetic of an axis.
const LARGEST_DRAWN: f64 = 1e12;

/// Whether a value can be shown: it is finite, and within any scale.
pub(super) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST_DRAWN
}

/// A line of a panel: values along its axis.
pub(super) struct Series {
    pub name: String,
    pub color: Rgb<u8>,
    pub dashed: bool,
    pub points: Vec<(i32, f64)>,
}

impl Series {
    /// Values that the plot leaves out.
    pub fn missing(&self) -> usize {
        let drawn = self.points.iter().filter(|point| drawable(point.1));
        self.points.len() - drawn.count()
    }

    pub fn sample(&self) -> Sample {
        if self.dashed {
            Sample::Dashes
        } else {
            Sample::Line
        }
    }
}

/// What a legend says of so many missing values, after the name.
pub(super) fn missing_note(missing: usize) -> String {
    match missing {
        0 => String::new(),
        count => format!(" ({count} NaN or too large)"),
    }
}

/// A dashed horizontal line to compare with.
pub(super) struct Reference {
    pub name: String,
    pub value: f64,
}

/// A point that stands out.
pub(super) struct Marker {
    pub name: String,
    pub point: (i32, f64),
}

/// What stands before a name in the legend: a line of [`SAMPLE`] pixels, or a dot.
pub(super) enum Sample {
    Line,
    Dashes,
    Dot,
}

/// The sample of a point.
const DOT: &str = "●";

impl Sample {
    fn width(&self) -> u32 {
        match self {
            Self::Line | Self::Dashes => SAMPLE,
            Self::Dot => text::width(DOT, LEGEND_SIZE),
        }
    }
}

/// What lies along the bottom of a panel.
#[derive(Clone)]
pub(super) struct Axis {
    pub name: String,
    /// Keeps the ends of lines off the frame.
    pub padding: i32,
    pub label: fn(i32) -> String,
}

pub(super) struct Panel {
    pub title: String,
    pub axis: Axis,
    /// Both scales begin at zero, for values whose ratio is of interest.
    pub from_zero: bool,
    pub series: Vec<Series>,
    /// Lines of so many points or fewer show each of them.
    pub dots_up_to: usize,
    pub reference: Option<Reference>,
    pub marker: Option<Marker>,
}

impl Panel {
    /// Nothing to show.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    /// The first and the last position with a value.
    pub fn positions(&self) -> (i32, i32) {
        let points = self.series.iter().flat_map(|series| &series.points);
        let positions = points.map(|point| point.0);
        let first = if self.from_zero {
            0
        } else {
            positions.clone().min().unwrap_or(1)
        };
        (first, positions.max().unwrap_or(first))
    }

    /// The range of what is drawn, with a little padding; never empty, never infinite.
    pub fn values(&self) -> (f64, f64) {
        let points = self.series.iter().flat_map(|series| &series.points);
        let values = points.map(|point| point.1);
        let reference = self.reference.as_ref().map(|reference| reference.value);
        let drawn = values.chain(reference).filter(|value| drawable(*value));
        let (low, high) = drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return (0.0, 1.0);
        }
        // A flat line gets a range too, one that its magnitude can resolve.
        let padding = (0.06 * (high - low)).max(0.01 * high.abs()).max(1e-6);
        if self.from_zero {
            (0.0, (1.1 * high).max(1e-6))
        } else {
            (low - padding, high + padding)
        }
    }

    /// Draws the panel's title with its top left corner there.
    pub fn draw_title(&self, image: &mut RgbImage, (left, top): (u32, u32)) {
        let corner = (left, top + TITLE_BASELINE);
        let size = PANEL_TITLE_SIZE;
        text::draw(image, &self.title, corner, Align::Left, size, FOREGROUND);
    }

    /// The legend, in rows of `width` pixels.
    fn legend(&self, width: u32) -> Vec<Vec<LegendEntry>> {
        let room = width.saturating_sub(SAMPLE + SAMPLE_GAP);
        let series = self.series.iter().map(|series| {
            let note = missing_note(series.missing());
            let room = room.saturating_sub(text::width(&note, LEGEND_SIZE));
            LegendEntry {
                name: text::fit(&series.name, LEGEND_SIZE, room) + &note,
                color: series.color,
                sample: series.sample(),
            }
        });
        let reference = self.reference.iter().map(|reference| LegendEntry {
            name: text::fit(&reference.name, LEGEND_SIZE, room),
            color: REFERENCE_COLOR,
            sample: Sample::Dashes,
        });
        let marker = self.marker.iter().map(|marker| LegendEntry {
            name: text::fit(&marker.name, LEGEND_SIZE, room),
            color: FOREGROUND,
            sample: Sample::Dot,
        });
        let mut rows = vec![Vec::new()];
        let mut taken = 0;
        for entry in series.chain(reference).chain(marker) {
            if taken > 0 && taken + entry.width() > width {
                rows.push(Vec::new());
                taken = 0;
            }
            taken += entry.width() + LEGEND_GAP;
            rows.last_mut().expect("there is a row").push(entry);
        }
        rows
    }

    /// The height of the panel's title and legend, above a plot of so many pixels.
    pub fn header_height(&self, width: u32) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "a handful of rows")]
        let further = self.legend(width).len().saturating_sub(1) as u32;
        PANEL_HEADER + further * LEGEND_ROW
    }

    /// Draws, below the picture's title, the panel's title and its legend: samples with their names.
    pub fn draw_header(&self, image: &mut RgbImage, (width, left): (u32, u32)) {
        self.draw_title(image, (left, HEADER));
        let mut y = HEADER + LEGEND_BASELINE;
        for row in self.legend(width) {
            let mut x = left;
            for entry in row {
                entry.draw(image, (x, y));
                x += entry.width() + LEGEND_GAP;
            }
            y += LEGEND_ROW;
        }
    }
}

/// A sample, and what it stands for.
pub(super) struct LegendEntry {
    pub name: String,
    pub color: Rgb<u8>,
    pub sample: Sample,
}

impl LegendEntry {
    fn width(&self) -> u32 {
        self.sample.width() + SAMPLE_GAP + text::width(&self.name, LEGEND_SIZE)
    }

    /// Draws the sample and the name with their baseline at `y`.
    pub fn draw(&self, image: &mut RgbImage, (x, y): (u32, u32)) {
        /// Of a sample's line above the baseline: half the height of small letters.
        const RISE: u32 = 5;
        let dashes: &[(u32, u32)] = match self.sample {
            Sample::Line => &[(0, SAMPLE)],
            Sample::Dashes => &[(0, 8), (10, 18), (20, SAMPLE)],
            Sample::Dot => &[],
        };
        for dx in dashes.iter().flat_map(|(from, to)| *from..*to) {
            for dy in 0..STROKE {
                image.put_pixel(x + dx, y - RISE + dy, self.color);
            }
        }
        if dashes.is_empty() {
            text::draw(image, DOT, (x, y), Align::Left, LEGEND_SIZE, self.color);
        }
        let x = x + self.sample.width() + SAMPLE_GAP;
        text::draw(
            image,
            &self.name,
            (x, y),
            Align::Left,
            LEGEND_SIZE,
            FOREGROUND,
        );
    }
}

/// The width of each of several panels side by side, and where the one at `index` begins.
pub(super) fn place(width: u32, panels: usize, index: usize) -> (u32, u32) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a picture has a handful of panels"
    )]
    let (panels, index) = (panels.max(1) as u32, index as u32);
    let panel_width = width.saturating_sub((panels + 1) * MARGIN) / panels;
    (panel_width, MARGIN + index * (panel_width + MARGIN))
}
