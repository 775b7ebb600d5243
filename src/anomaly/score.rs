//! The anomaly scores that there are, and their names.

use std::fmt;

/// What is measured of a pixel, in means over the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// The squared difference of image and reconstruction.
    Mse,
    /// 1 − SSIM of image and reconstruction.
    Ssim,
    /// 1 − SSIM plus the absolute difference.
    #[default]
    SsimL1,
    /// The difference of local means, relative to the image's brightness.
    Relative,
    /// The squared difference of the local means of square roots.
    Sqrt,
}

/// How the errors of an image's pixels become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Aggregate {
    /// Their mean
    Mean,
    /// The mean of the worst hundredth of them: for faults that are small beside the image
    #[default]
    Worst,
}

impl Aggregate {
    /// The one number. `errors` are put into another order.
    pub(super) fn of(self, errors: &mut [f32]) -> f32 {
        let chosen = match self {
            Self::Mean => errors,
            Self::Worst => {
                let rest = errors.len() - errors.len().div_ceil(100);
                if rest > 0 && rest < errors.len() {
                    errors.select_nth_unstable_by(rest, f32::total_cmp);
                }
                &mut errors[rest..]
            }
        };
        mean(chosen)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of values")]
#[expect(clippy::cast_possible_truncation, reason = "of single precision")]
pub(super) fn mean(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    (sum / values.len() as f64) as f32
}

/// A score: the larger, the more unusual is the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyScore {
    /// By the errors of a reconstruction's pixels.
    Pixels(Measure, Aggregate),
    /// By the distance of a code from usual ones.
    Latent,
}

impl AnomalyScore {
    /// All that there are.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let measures = [
            Measure::Mse,
            Measure::Ssim,
            Measure::SsimL1,
            Measure::Relative,
            Measure::Sqrt,
        ];
        let pixels = measures.into_iter().flat_map(|measure| {
            [Aggregate::Mean, Aggregate::Worst].map(|aggregate| Self::Pixels(measure, aggregate))
        });
        pixels.chain([Self::Latent]).collect()
    }
}

impl fmt::Display for AnomalyScore {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self::Pixels(measure, aggregate) = self else {
            return f.write_str("latent");
        };
        let measure = match measure {
            Measure::Mse => "mse",
            Measure::Ssim => "ssim",
            Measure::SsimL1 => "ssim+l1",
            Measure::Relative => "relative",
            Measure::Sqrt => "sqrt",
        };
        let aggregate = match aggregate {
            Aggregate::Mean => "mean",
            Aggregate::Worst => "worst",
        };
        write!(f, "{measure} {aggregate}")
    }
}
