//! The settings that are a choice of words, or have a form of their own: schedule, optimizer,
//! augmentation, what to do when training diverges, how often to save.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The same in every step
    Constant,
    /// A cosine from the learning rate in the first step to zero after the last
    #[default]
    Cosine,
    /// A cosine from a 25th of it up to the learning rate, and one down to zero (Smith and Topin, 2018)
    OneCycle,
}

impl Schedule {
    /// The learning rate of one step, of `steps` in all. Over the share `warmup` of them it rises to `highest`:
    /// in a straight line from nearly zero, or, with [`Schedule::OneCycle`], along a cosine, and over a share of
    /// 0.15 without one.
    #[must_use]
    pub fn learning_rate(self, highest: f64, warmup: f64, step: usize, steps: usize) -> f64 {
        /// Where one cycle begins.
        const LOWEST: f64 = 1.0 / 25.0;
        const USUAL_RISE: f64 = 0.15;
        /// From 1 to 0.
        fn cosine(share: f64) -> f64 {
            0.5 * (1.0 + (std::f64::consts::PI * share).cos())
        }
        #[expect(clippy::cast_precision_loss, reason = "shares of the way")]
        let (step, steps) = (step as f64, steps.max(1) as f64);
        let share = match self {
            Self::OneCycle if warmup == 0.0 => USUAL_RISE,
            _ => warmup,
        };
        let rising = share * steps;
        if step < rising {
            return match self {
                Self::OneCycle => highest * (1.0 - (1.0 - LOWEST) * cosine(step / rising)),
                // Not zero in the first step, which would be for nothing.
                Self::Constant | Self::Cosine => highest * (step + 1.0) / (rising + 1.0),
            };
        }
        match self {
            Self::Constant => highest,
            Self::Cosine | Self::OneCycle => {
                highest * cosine((step - rising) / (steps - rising).max(1.0))
            }
        }
    }
}

/// Variations of the training images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Augment {
    /// As they are
    None,
    /// Half of them, drawn anew in each epoch, mirrored left to right
    #[default]
    Flip,
    /// Moved by at most a sixteenth of each side, for photos
    Shift,
    /// Both
    #[serde(rename = "flip+shift")]
    #[cfg_attr(feature = "cli", value(name = "flip+shift"))]
    FlipShift,
}

impl Augment {
    /// Whether images are mirrored.
    #[must_use]
    pub fn flips(self) -> bool {
        matches!(self, Self::Flip | Self::FlipShift)
    }

    /// Whether images are moved.
    #[must_use]
    pub fn shifts(self) -> bool {
        matches!(self, Self::Shift | Self::FlipShift)
    }
}

/// What to do when the loss diverges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum OnNan {
    /// End the run; its best weights are kept
    #[default]
    Stop,
    /// Return to the last good epoch with half the learning rate, at most three times
    Rollback,
}

/// An optimizer by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba, 2015)
    #[default]
    Adam,
    /// Adam with decoupled weight decay of 0.01 (Loshchilov and Hutter, 2019)
    #[cfg_attr(feature = "cli", value(name = "adamw"))]
    AdamW,
}

/// A number of steps or minutes: `500` or `10m`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Interval {
    /// Optimizer steps, at least one.
    Steps(usize),
    /// Minutes, above zero.
    Minutes(f64),
}

impl Default for Interval {
    fn default() -> Self {
        Self::Minutes(10.0)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(formatter, "{steps}"),
            Self::Minutes(minutes) => write!(formatter, "{minutes}m"),
        }
    }
}

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let interval = match word.strip_suffix('m') {
            Some(minutes) => minutes
                .parse()
                .ok()
                .filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0)
                .map(Self::Minutes),
            None => word
                .parse()
                .ok()
                .filter(|&steps| steps > 0)
                .map(Self::Steps),
        };
        interval.ok_or("expected steps such as 500, or minutes such as 10m, above zero")
    }
}

impl TryFrom<String> for Interval {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}
