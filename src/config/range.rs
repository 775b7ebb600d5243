//! Which numbers each setting may have: the one table that flags, files and code are checked by.

use std::fmt;

use crate::model::{LARGEST_LATENT, LARGEST_WIDTH};

/// The numbers that a setting may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Whole numbers.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// Finite numbers above zero.
    Positive,
    /// Finite numbers from zero.
    NotNegative,
    /// From zero to below one.
    Share,
}

/// TOML's integers have a sign.
const LARGEST: u64 = i64::MAX.unsigned_abs();
/// Steps are epochs times batches: with at most so many epochs, the product can't overflow.
const MOST_EPOCHS: u64 = 1_000_000_000;
/// Pictures with more images would be too large to look at.
const MOST_SAMPLES: u64 = 100;

/// Every setting that is a number, by its key.
const RANGES: [(&str, Range); 16] = [
    ("device", whole(0, LARGEST)),
    ("limit", whole(1, LARGEST)),
    ("latent_dim", whole(1, LARGEST_LATENT as u64)),
    ("width", whole(1, LARGEST_WIDTH as u64)),
    ("epochs", whole(1, MOST_EPOCHS)),
    ("batch_size", whole(1, LARGEST)),
    ("learning_rate", Range::Positive),
    ("warmup", Range::Share),
    ("clip_norm", Range::NotNegative),
    ("ema", Range::Share),
    ("refine", whole(0, LARGEST)),
    ("patience", whole(1, LARGEST)),
    ("min_delta", Range::NotNegative),
    ("rate", Range::NotNegative),
    ("seed", whole(0, LARGEST)),
    ("samples", whole(1, MOST_SAMPLES)),
];

const fn whole(least: u64, most: u64) -> Range {
    Range::Whole { least, most }
}

impl Range {
    /// That of the setting with this key in `config.toml`; none if it isn't a number, or there is none.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        let (_, range) = RANGES.iter().find(|(known, _)| *known == key)?;
        Some(*range)
    }

    /// Whether it has this whole number.
    #[must_use]
    pub fn contains(self, number: u64) -> bool {
        match self {
            Self::Whole { least, most } => (least..=most).contains(&number),
            Self::Positive => number > 0,
            Self::NotNegative => true,
            Self::Share => number == 0,
        }
    }

    /// Whether it has this number with a fraction; ranges of whole numbers have none of those.
    #[must_use]
    pub fn contains_real(self, number: f64) -> bool {
        match self {
            Self::Whole { .. } => false,
            Self::Positive => number.is_finite() && number > 0.0,
            Self::NotNegative => number.is_finite() && number >= 0.0,
            Self::Share => (0.0..1.0).contains(&number),
        }
    }
}

/// As the end of a sentence: "expected a whole number from 1 to 100".
impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Whole { least, most } => {
                write!(formatter, "a whole number from {least} to {most}")
            }
            Self::Positive => formatter.write_str("a finite number above zero, such as 0.001"),
            Self::NotNegative => formatter.write_str("a finite number, zero or above"),
            Self::Share => formatter.write_str("a number from 0 to below 1, such as 0.1"),
        }
    }
}
