//! Which settings can work at all, whatever the images.

use super::{ConfigError, Range, TrainConfig};

impl TrainConfig {
    /// Checks that every number is in its range.
    ///
    /// # Errors
    ///
    /// The first setting that can't work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            device,
            data,
            model,
            training,
            output,
        } = self;
        let whole = [
            ("device", Some(device.device)),
            ("limit", data.limit),
            ("latent_dim", Some(model.latent_dim)),
            ("width", Some(model.width)),
            ("epochs", Some(training.epochs)),
            ("batch_size", Some(training.batch_size)),
            ("refine", Some(training.refine)),
            ("patience", Some(training.patience)),
            ("samples", Some(output.samples)),
        ];
        let whole = whole.into_iter().filter_map(|(setting, value)| {
            // No computer has numbers of more than 64 bits.
            Some((setting, u64::try_from(value?).unwrap_or(u64::MAX)))
        });
        for (setting, value) in whole.chain([("seed", training.seed)]) {
            require(setting, value, |range| range.contains(value))?;
        }
        for (setting, value) in [
            ("learning_rate", training.learning_rate),
            ("warmup", training.warmup),
            ("clip_norm", training.clip_norm),
            ("ema", training.ema),
            ("min_delta", training.min_delta),
            ("rate", training.rate),
        ] {
            require(setting, value, |range| range.contains_real(value))?;
        }
        if !training.corrupt.is_none() && training.refine > 0 {
            return Err(ConfigError::Value {
                setting: "refine",
                value: training.refine.to_string(),
                expected: "0 beside `corrupt`: steps of refinement would bring the noise back",
            });
        }
        if training.rate > 0.0 && training.refine > 0 {
            return Err(ConfigError::Value {
                setting: "refine",
                value: training.refine.to_string(),
                expected: "0 beside `rate`: codes are rounded in training, as the encoder gives them",
            });
        }
        Ok(())
    }
}

fn require(
    setting: &'static str,
    value: impl ToString,
    holds: impl Fn(Range) -> bool,
) -> Result<(), ConfigError> {
    match Range::of(setting) {
        Some(range) if !holds(range) => Err(ConfigError::Range {
            setting,
            value: value.to_string(),
            range,
        }),
        _ => Ok(()),
    }
}
