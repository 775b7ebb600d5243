//! What a convolution stage does besides the convolution.

/// The optional steps around a 3×3 convolution, in the order in which they run:
/// `ReLU` → upsample → convolution → `ReLU` → max-pool → shuffle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each step is there or it isn't"
)]
pub struct ConvOptions {
    /// Clamp at zero before the convolution.
    pub activate: bool,
    /// Double height and width before the convolution, by nearest neighbour.
    pub upsample: bool,
    /// Take every second row and column of the result: a stride of 2. Not with `upsample`.
    pub halve: bool,
    /// Clamp at zero after the convolution.
    pub relu: bool,
    /// Halve height and width at the end: the maximum of each 2×2 window, stride 2.
    pub max_pool: bool,
    /// Double height and width at the end, and divide the channels by four, which become the pixels of 2×2
    /// blocks (Shi et al., 2016; PyTorch's `pixel_shuffle`). Not with `max_pool` or `relu`.
    pub shuffle: bool,
}

impl ConvOptions {
    /// # Panics
    ///
    /// Where the steps don't go together, or not with so many channels.
    pub(super) fn check(self, out_channels: usize) {
        assert!(
            !(self.upsample && self.halve),
            "conv3x3: either `upsample` or `halve`"
        );
        if self.shuffle {
            assert!(
                !self.max_pool && !self.relu,
                "conv3x3: `shuffle` without `max_pool` and `relu`"
            );
            assert!(
                out_channels.is_multiple_of(4),
                "conv3x3: `shuffle` takes 4 channels for each that it gives, of {out_channels}"
            );
        }
    }
}
