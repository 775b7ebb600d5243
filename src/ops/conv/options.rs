//! What a convolution stage does besides the convolution.

/// The optional steps around a 3×3 convolution, in the order in which they run:
/// upsample → convolution → `ReLU` → max-pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConvOptions {
    /// Double height and width before the convolution, by nearest neighbour.
    pub upsample: bool,
    /// Clamp at zero after the convolution.
    pub relu: bool,
    /// Halve height and width at the end: the maximum of each 2×2 window, stride 2.
    pub max_pool: bool,
}
