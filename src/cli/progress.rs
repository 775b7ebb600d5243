//! Progress on the terminal: a bar for the epoch, the course of the scores so far, and a line for
//! each finished epoch. Elsewhere only the lines.

use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::log::bars;
use crate::run::EpochMetrics;
use crate::train::Observer;

/// Columns of a sparkline: what stands beside it still fits into 80.
const SPARKS: usize = 32;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Shows how far training is. The losses are the last epoch's: to know them at each step, the host
/// would have to wait for the device at each step.
pub(super) struct Progress {
    epochs: usize,
    /// None where nobody watches.
    live: Option<Live>,
    history: Vec<EpochMetrics>,
}

/// What is redrawn, in lines that fit into 80 columns; indicatif cuts them off where there are fewer.
struct Live {
    bar: ProgressBar,
    /// Below the bar, from the first epoch's end.
    course: Vec<ProgressBar>,
}

impl Progress {
    pub fn new(epochs: usize, quiet: bool) -> Self {
        let live = (!quiet && stderr().is_terminal()).then(|| Live {
            bar: bars().add(ProgressBar::new(0)),
            course: Vec::new(),
        });
        Self {
            epochs,
            live,
            history: Vec::new(),
        }
    }
}

impl Observer for Progress {
    fn epoch_started(&mut self, epoch: usize, images: usize) {
        let Some(Live { bar, .. }) = &self.live else {
            return;
        };
        bar.set_style(bar_style(
            self.epochs - epoch.min(self.epochs),
            &self.history,
        ));
        bar.reset();
        bar.set_length(images as u64);
        bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
    }

    fn step(&mut self, images: usize) {
        if let Some(Live { bar, .. }) = &self.live {
            bar.inc(images as u64);
            if Some(bar.position()) == bar.length() {
                bar.tick();
            }
        }
    }

    fn epoch_finished(&mut self, metrics: &EpochMetrics, best: bool) {
        self.history.push(metrics.clone());
        tracing::info!(
            "epoch {:>3}/{}  loss {:.4}  validation {:.4}  SSIM {:.4}  PSNR {:.2} dB  {:.1} s  {:.0} images/s{}",
            metrics.epoch,
            self.epochs,
            metrics.train_loss,
            metrics.validation_loss,
            metrics.validation_ssim,
            metrics.validation_psnr,
            metrics.seconds,
            metrics.images_per_second,
            if best { "  best" } else { "" },
        );
        if let Some(live) = &mut self.live {
            live.show_course(&self.history);
        }
    }
}

impl Live {
    fn show_course(&mut self, history: &[EpochMetrics]) {
        let column = |value: fn(&EpochMetrics) -> f64| history.iter().map(value).collect();
        let series: [(&str, Vec<f64>); 3] = [
            ("validation SSIM", column(|row| row.validation_ssim)),
            ("validation loss", column(|row| row.validation_loss)),
            ("training loss", column(|row| row.train_loss)),
        ];
        while self.course.len() < series.len() {
            let line = bars().add(ProgressBar::new(0));
            let template = ProgressStyle::with_template("{msg}");
            line.set_style(template.expect("the template is well-formed"));
            self.course.push(line);
        }
        for (line, (name, values)) in self.course.iter().zip(&series) {
            let last = values.last().copied().unwrap_or(f64::NAN);
            let sparks = style(sparkline(values, SPARKS)).cyan().for_stderr();
            line.set_message(format!("{name:<15}  {last:.4}  {sparks}"));
        }
    }
}

/// The bar of an epoch after which so many remain.
fn bar_style(epochs_after: usize, history: &[EpochMetrics]) -> ProgressStyle {
    #[expect(clippy::cast_precision_loss, reason = "a count of epochs")]
    let epoch_seconds = (!history.is_empty())
        .then(|| history.iter().map(|row| row.seconds).sum::<f64>() / history.len() as f64);
    let speed = |state: &ProgressState, text: &mut dyn Write| {
        // A failed write leaves the text out, which the next drawing repairs.
        let _ = write!(text, "{:.0} images/s", state.per_sec());
    };
    let left = move |state: &ProgressState, text: &mut dyn Write| {
        let _ = if Some(state.pos()) == state.len() {
            write!(text, "validating")
        } else {
            match run_seconds_left(state, epochs_after, epoch_seconds) {
                Some(left) => write!(text, "{} left", span(left)),
                None => Ok(()),
            }
        };
    };
    ProgressStyle::with_template("{prefix}  {bar:20.cyan}  {pos}/{len}  {speed}  {run_left}")
        .expect("the template is well-formed")
        .progress_chars("█▉▊▋▌▍▎▏ ")
        .with_key("speed", speed)
        .with_key("run_left", left)
}

/// Seconds to the end of the last epoch, by the mean of those so far; in the first one, by the
/// steps so far.
#[expect(clippy::cast_precision_loss, reason = "counts of images and epochs")]
fn run_seconds_left(
    state: &ProgressState,
    epochs_after: usize,
    epoch_seconds: Option<f64>,
) -> Option<f64> {
    let (position, length) = (state.pos() as f64, state.len()? as f64);
    let elapsed = state.elapsed().as_secs_f64();
    let left = match epoch_seconds {
        Some(seconds) => (seconds - elapsed).max(0.0) + seconds * epochs_after as f64,
        None if position > 0.0 => {
            let seconds = elapsed * length / position;
            seconds - elapsed + seconds * epochs_after as f64
        }
        None => return None,
    };
    Some(left)
}

/// `12 s`, `7 min 20 s` or `3 h 05 min`.
fn span(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |left| left.as_secs());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {:02} s", seconds % 60),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// The values as blocks between the lowest and the highest of them, in at most `width` columns: of
/// more values, each column shows the last of its share. Spaces are values that aren't finite.
fn sparkline(values: &[f64], width: usize) -> String {
    let columns = values.len().min(width);
    let shown: Vec<f64> = (1..=columns)
        .map(|column| values[column * values.len() / columns - 1])
        .collect();
    let finite = shown.iter().copied().filter(|value| value.is_finite());
    let low = finite.clone().fold(f64::INFINITY, f64::min);
    let high = finite.fold(f64::NEG_INFINITY, f64::max);
    let block = |value: &f64| {
        if !value.is_finite() {
            return ' ';
        }
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "from 0 to 7"
        )]
        let index = (share * (BLOCKS.len() - 1) as f64).round() as usize;
        BLOCKS[index.min(BLOCKS.len() - 1)]
    };
    shown.iter().map(block).collect()
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Live { bar, course }) = &self.live {
            for line in course.iter().chain([bar]) {
                line.finish_and_clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{span, sparkline};

    #[test]
    fn a_sparkline_goes_from_the_lowest_to_the_highest_value() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0], 32), "▁▅█");
        assert_eq!(sparkline(&[3.0, f64::NAN, 3.0], 32), "▅ ▅");
        assert_eq!(sparkline(&[], 32), "");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let line = sparkline(&many, 8);
        assert_eq!(line, "▁▂▃▄▅▆▇█");
    }

    #[test]
    fn spans_are_short() {
        assert_eq!(span(12.3), "12 s");
        assert_eq!(span(440.0), "7 min 20 s");
        assert_eq!(span(11_100.0), "3 h 05 min");
    }
}
