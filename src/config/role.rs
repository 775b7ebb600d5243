//! What each setting is to a run that has begun, and to its scores: the one table that resuming,
//! comparing and sweeping go by.

/// What a setting is to a run that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Decides which images are for training, validation and test: scores of runs with other values are
    /// those of other images.
    Split,
    /// Decides what SSIM means, in the scores and in the loss.
    Measure,
    /// Decides what the loss means.
    Loss,
    /// Decides what else is trained, and how.
    Defining,
    /// Decides how far, how fast or how carefully training goes: it may change when a run is resumed, and changes
    /// the result.
    Extent,
    /// Decides where the work is done and what is shown of it: it may change, and the result stays the
    /// same (on another device up to rounding).
    Circumstance,
}

impl Role {
    /// The role of the setting with this key in `config.toml`; none if there is no such setting.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        let (_, role) = ROLES.iter().find(|(known, _)| *known == key)?;
        Some(*role)
    }

    /// Whether a resumed run may have another value.
    #[must_use]
    pub fn may_change(self) -> bool {
        matches!(self, Self::Extent | Self::Circumstance)
    }

    /// Whether the result depends on it.
    #[must_use]
    pub fn affects_result(self) -> bool {
        self != Self::Circumstance
    }

    /// The keys of the settings that have this role.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        let with_role = ROLES.iter().filter(move |(_, role)| *role == self);
        with_role.map(|(key, _)| *key)
    }
}

/// Every setting by its key, and its role. A test compares the keys with those of a complete config.
pub const ROLES: [(&str, Role); 38] = [
    ("backend", Role::Circumstance),
    ("device", Role::Circumstance),
    ("classes", Role::Defining),
    ("split", Role::Split),
    ("limit", Role::Split),
    ("data", Role::Circumstance),
    ("labels", Role::Circumstance),
    ("channels", Role::Defining),
    ("size", Role::Defining),
    ("fit", Role::Defining),
    ("background", Role::Defining),
    ("strict", Role::Circumstance),
    ("cache", Role::Circumstance),
    ("arch", Role::Defining),
    ("latent_dim", Role::Defining),
    ("width", Role::Defining),
    ("epochs", Role::Extent),
    ("batch_size", Role::Defining),
    ("learning_rate", Role::Extent),
    ("schedule", Role::Defining),
    ("warmup", Role::Defining),
    ("optimizer", Role::Defining),
    ("clip_norm", Role::Extent),
    ("ema", Role::Defining),
    ("loss", Role::Loss),
    ("refine", Role::Defining),
    ("ssim_preset", Role::Measure),
    ("augment", Role::Defining),
    ("corrupt", Role::Defining),
    ("rate", Role::Defining),
    ("patience", Role::Extent),
    ("min_delta", Role::Extent),
    ("on_nan", Role::Extent),
    ("init", Role::Defining),
    // It draws the split, too.
    ("seed", Role::Split),
    ("checkpoint_every", Role::Circumstance),
    ("samples", Role::Circumstance),
    ("pca", Role::Circumstance),
];
