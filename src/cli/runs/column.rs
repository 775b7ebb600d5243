//! The columns of the list: how each is shown, and what it is sorted by.

use std::cmp::Ordering;

use chrono::{DateTime, Local, TimeDelta};
use clap::ValueEnum;

use crate::cli::table::printable;
use crate::run::{RunRecord, RunState};

/// What stands in a row where there is no value.
pub(in crate::cli) const NOTHING: &str = "–";

/// A column, by its heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColumnName {
    /// The folder's name
    Name,
    /// running, finished, early stop, interrupted, failed, killed (says running, but no process
    /// writes it), unknown (says running, on a file system without locks) or damaged
    State,
    /// Network
    Arch,
    /// Latent values
    Latent,
    /// What was minimised
    Loss,
    /// What computed
    Backend,
    /// Epochs done, of those planned
    Epochs,
    /// Best validation SSIM of any epoch
    ValSsim,
    /// Test SSIM of the weights with the best validation loss
    TestSsim,
    /// Test SSIM of as many principal components
    Pca,
    /// How long it took, or has trained so far
    Time,
    /// Time since it began
    Age,
}

/// What a column is sorted by.
enum Key {
    Text(String),
    Number(f64),
}

impl ColumnName {
    pub fn heading(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::Arch => "arch",
            Self::Latent => "latent",
            Self::Loss => "loss",
            Self::Backend => "backend",
            Self::Epochs => "epochs",
            Self::ValSsim => "val-ssim",
            Self::TestSsim => "test-ssim",
            Self::Pca => "pca",
            Self::Time => "time",
            Self::Age => "age",
        }
    }

    pub fn is_figures(self) -> bool {
        !matches!(
            self,
            Self::Name | Self::State | Self::Arch | Self::Loss | Self::Backend
        )
    }

    pub fn cell(self, run: &RunRecord, now: DateTime<Local>) -> String {
        match (self, self.key(run, now)) {
            (_, None) => NOTHING.to_owned(),
            (_, Some(Key::Text(text))) => printable(&text),
            (Self::Epochs, _) => {
                let planned = run.settings.epochs;
                let planned = planned.map_or(NOTHING.to_owned(), |epochs| epochs.to_string());
                format!("{}/{planned}", run.history.len())
            }
            (Self::Time, Some(Key::Number(seconds))) => clock(seconds),
            (Self::Age, Some(Key::Number(seconds))) => age(seconds),
            (Self::Latent, Some(Key::Number(count))) => format!("{count:.0}"),
            (_, Some(Key::Number(score))) => format!("{score:.4}"),
        }
    }

    /// The order of two runs; runs without a value come last, either way.
    pub fn order(
        self,
        a: &RunRecord,
        b: &RunRecord,
        now: DateTime<Local>,
        reverse: bool,
    ) -> Ordering {
        let turned = |order: Ordering| if reverse { order.reverse() } else { order };
        match (self.key(a, now), self.key(b, now)) {
            (Some(a), Some(b)) => turned(match (a, b) {
                (Key::Text(a), Key::Text(b)) => a.cmp(&b),
                (Key::Number(a), Key::Number(b)) => a.total_cmp(&b),
                (Key::Text(_), Key::Number(_)) => Ordering::Less,
                (Key::Number(_), Key::Text(_)) => Ordering::Greater,
            }),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
        .then_with(|| a.name.cmp(&b.name))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and seconds")]
    fn key(self, run: &RunRecord, now: DateTime<Local>) -> Option<Key> {
        let settings = &run.settings;
        let summary = run.summary.as_ref();
        let text = |text: &str| Some(Key::Text(text.to_owned()));
        let number = |number: f64| number.is_finite().then_some(Key::Number(number));
        match self {
            Self::Name => text(&run.name),
            Self::State => text(state(run)),
            Self::Arch => text(settings.arch.as_ref()?),
            Self::Latent => number(settings.latent_dim? as f64),
            Self::Loss => text(settings.loss.as_ref()?),
            Self::Backend => text(settings.backend.as_ref()?),
            Self::Epochs => {
                let epochs = run.history.len();
                (epochs > 0 || settings.epochs.is_some()).then_some(Key::Number(epochs as f64))
            }
            Self::ValSsim => number(run.best_validation().ssim?),
            Self::TestSsim => number(summary?.test.ssim),
            Self::Pca => number(summary?.pca.as_ref()?.test.ssim),
            Self::Time => number(run.seconds()).filter(|_| run.seconds() > 0.0),
            Self::Age => number((now - run.started()?).num_seconds() as f64),
        }
    }
}

/// In one word or two. A run with any damage is called damaged; what it is stands below.
fn state(run: &RunRecord) -> &'static str {
    match run.state {
        _ if !run.problems.is_empty() => RunState::Damaged.name(),
        RunState::EarlyStopped => "early stop",
        state => state.name(),
    }
}

/// `7:37` or `1:02:03`.
fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let seconds = seconds.round() as i64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// `12 s`, `5 min`, `3 h` or `9 d`.
fn age(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let age = TimeDelta::try_seconds(seconds as i64).unwrap_or(TimeDelta::MAX);
    // A run from the future was made by another clock.
    match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (0, 0, 0) => format!("{} s", age.num_seconds().max(0)),
        (0, 0, minutes) if minutes > 0 => format!("{minutes} min"),
        (0, hours, _) if hours > 0 => format!("{hours} h"),
        (days, ..) if days > 0 => format!("{days} d"),
        _ => "0 s".to_owned(),
    }
}
