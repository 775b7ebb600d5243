//! What a convolution stage is made for: a frozen network wants no gradient of its weights, and the first stage none of
//! its images, and neither is computed then.

/// What a stage is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward(Wanted),
}

/// The gradients that somebody asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub images: bool,
    /// And bias.
    pub weights: bool,
}
