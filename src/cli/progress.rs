//! Progress on the terminal: a bar for the epoch, the course of the scores so far, and a line for
//! each finished epoch. Elsewhere only the lines.

use std::time::Duration;

use console::{measure_text_width, style};

use super::log::{FILE_ONLY, LEVEL_WIDTH, TERMINAL_ONLY};
use super::terminal::{self, Live};
use crate::host::Stopwatch;
use crate::run::EpochMetrics;
use crate::train::Observer;

/// Columns of the bar and of a sparkline: what stands beside them still fits into 80.
const BAR: usize = 20;
const SPARKS: usize = 32;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Shows how far training is. The losses are the last epoch's: to know them at each step, the host
/// would have to wait for the device at each step.
pub(super) struct Progress {
    epochs: usize,
    /// None where nobody watches.
    live: Option<Live>,
    epoch: Epoch,
    history: Vec<EpochMetrics>,
}

/// The epoch in progress.
struct Epoch {
    number: usize,
    images: usize,
    done: usize,
    /// Of those, what a checkpoint had done already; none before the first call of `step`.
    resumed: Option<usize>,
    clock: Stopwatch,
}

impl Epoch {
    fn new(number: usize, images: usize) -> Self {
        Self {
            number,
            images,
            done: 0,
            resumed: None,
            clock: Stopwatch::start(),
        }
    }
}

impl Progress {
    pub fn new(epochs: usize, quiet: bool) -> Self {
        Self {
            epochs,
            live: if quiet { None } else { Live::new() },
            epoch: Epoch::new(0, 0),
            history: Vec::new(),
        }
    }

    fn show(&mut self) {
        let lines = self.lines();
        if let Some(live) = &mut self.live {
            live.show(lines);
        }
    }

    /// The bar, and from the first epoch's end the course of the scores.
    fn lines(&self) -> Vec<String> {
        let Epoch {
            number,
            images,
            done,
            ..
        } = self.epoch;
        #[expect(clippy::cast_precision_loss, reason = "counts of images")]
        let bar = bar(done as f64 / images as f64, BAR);
        let line = format!(
            "epoch {number}/{}  {bar}  {done}/{images}{}",
            self.epochs,
            self.pace()
        );
        [line].into_iter().chain(self.course()).collect()
    }

    /// How fast the epoch's images are trained on, and the time to the end of the last epoch: by the mean
    /// of those so far, or in the first one by the images so far.
    #[expect(clippy::cast_precision_loss, reason = "counts of images and epochs")]
    fn pace(&self) -> String {
        let Epoch {
            number,
            images,
            done,
            resumed,
            clock,
        } = self.epoch;
        let elapsed = clock.seconds();
        let trained = done - resumed.unwrap_or(0);
        let rate = trained as f64 / elapsed;
        if done >= images && trained == 0 {
            return "  validating".to_owned();
        }
        if done >= images {
            return format!("  {rate:.0} images/s  validating");
        }
        let epochs_after = self.epochs.saturating_sub(number) as f64;
        let (epoch, rest) = if self.history.is_empty() {
            (images as f64 / rate, (images - done) as f64 / rate)
        } else {
            let seconds = self.history.iter().map(|row| row.seconds);
            let mean = seconds.sum::<f64>() / self.history.len() as f64;
            (mean, (mean - elapsed).max(0.0))
        };
        let left = rest + epoch * epochs_after;
        if left.is_finite() {
            format!("  {rate:.0} images/s  {} left", span(left))
        } else {
            String::new()
        }
    }

    fn course(&self) -> Vec<String> {
        let Some(last) = self.history.last() else {
            return Vec::new();
        };
        let line = |name: &str, value: fn(&EpochMetrics) -> f64| {
            let values: Vec<f64> = self.history.iter().map(value).collect();
            let sparks = style(sparkline(&values, SPARKS)).cyan().for_stderr();
            format!("{name:<15}  {:.4}  {sparks}", value(last))
        };
        vec![
            line("validation SSIM", |row| row.validation_ssim),
            line("validation loss", |row| row.validation_loss),
            line("training loss", |row| row.train_loss),
        ]
    }
}

impl Observer for Progress {
    fn epoch_started(&mut self, epoch: usize, images: usize) {
        self.epoch = Epoch::new(epoch, images);
        self.show();
    }

    fn step(&mut self, images: usize) {
        let epoch = &mut self.epoch;
        epoch.resumed.get_or_insert(images);
        epoch.done += images;
        let is_over = epoch.done >= epoch.images;
        if self.live.as_ref().is_some_and(Live::is_due) || is_over {
            self.show();
        }
    }

    fn epoch_finished(&mut self, metrics: &EpochMetrics, best: bool) {
        self.history.push(metrics.clone());
        let line = |width| epoch_line(metrics, self.epochs, best, width);
        tracing::info!(target: FILE_ONLY, "{}", line(usize::MAX));
        let width = terminal::width().saturating_sub(LEVEL_WIDTH);
        tracing::info!(target: TERMINAL_ONLY, "{}", line(width));
        self.show();
    }
}

/// What an epoch came to, in at most `width` columns: what has no room is left out, the least important
/// first.
fn epoch_line(metrics: &EpochMetrics, epochs: usize, best: bool, width: usize) -> String {
    let EpochMetrics {
        epoch,
        train_loss,
        validation_loss,
        validation_ssim,
        validation_psnr,
        seconds,
        images_per_second,
        ..
    } = metrics;
    // In their order, each with its place among those that are left out.
    let mut parts = vec![
        (8, format!("epoch {epoch:>3}/{epochs}")),
        (4, format!("loss {train_loss:.4}")),
        (5, format!("validation {validation_loss:.4}")),
        (7, format!("SSIM {validation_ssim:.4}")),
        (2, format!("PSNR {validation_psnr:.2} dB")),
        (3, format!("{seconds:.1} s")),
        (1, format!("{images_per_second:.0} images/s")),
    ];
    if best {
        parts.push((6, "best".to_owned()));
    }
    loop {
        let texts: Vec<&str> = parts.iter().map(|(_, text)| text.as_str()).collect();
        let line = texts.join("  ");
        if measure_text_width(&line) <= width || parts.len() == 1 {
            return line;
        }
        let least = parts.iter().map(|(rank, _)| *rank).min();
        parts.retain(|(rank, _)| Some(*rank) != least);
    }
}

/// A bar of so many columns, of which a share is full.
pub(super) fn bar(share: f64, width: usize) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 0 to 8 eighths of each column"
    )]
    let eighths = (share.clamp(0.0, 1.0) * (8 * width) as f64) as usize;
    let text: String = (0..width)
        .map(|column| match eighths.saturating_sub(8 * column) {
            8.. => '█',
            part => EIGHTHS[part],
        })
        .collect();
    style(text).cyan().for_stderr().to_string()
}

/// `12 s`, `7 min 20 s` or `3 h 05 min`.
pub(super) fn span(seconds: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::{EpochMetrics, epoch_line, span, sparkline};

    #[test]
    fn an_epochs_line_keeps_what_matters_most_where_it_has_no_room() {
        let metrics = EpochMetrics {
            epoch: 7,
            step: 4200,
            learning_rate: 0.001,
            train_loss: 0.25,
            validation_loss: 0.31,
            validation_ssim: 0.8765,
            validation_psnr: 21.5,
            validation_mse: 0.007,
            seconds: 12.3,
            images_per_second: 4567.8,
        };
        let line = |width| epoch_line(&metrics, 120, true, width);
        assert_eq!(
            line(usize::MAX),
            "epoch   7/120  loss 0.2500  validation 0.3100  SSIM 0.8765  PSNR 21.50 dB  12.3 s  4568 images/s  best"
        );
        assert_eq!(
            line(74),
            "epoch   7/120  loss 0.2500  validation 0.3100  SSIM 0.8765  12.3 s  best"
        );
        assert_eq!(line(34), "epoch   7/120  SSIM 0.8765  best");
        assert_eq!(line(3), "epoch   7/120");
    }

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
