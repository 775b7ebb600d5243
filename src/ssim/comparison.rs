//! What a comparison of two images is: the settings and the term that is scored.

use super::config::SsimConfig;

/// What is averaged over an image's windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// SSIM: luminance times contrast and structure.
    Similarity,
    /// How alike the means are.
    Luminance,
    /// How alike the variances are, and how correlated the deviations.
    ContrastStructure,
}

/// A comparison that [`SsimConfig::check`] found possible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Window, border, covariances and constants.
    pub config: SsimConfig,
    /// What is averaged.
    pub term: Term,
}
