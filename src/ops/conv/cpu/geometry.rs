//! The sizes of a convolution stage, and the matrix product that suits them.

use crate::ops::conv::options::ConvOptions;

/// Sizes of one [`conv3x3`](crate::ops::conv3x3) call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub images: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width that the convolution sees: after upsampling, before pooling.
    pub conv: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    pub options: ConvOptions,
}

impl Geometry {
    /// From an input `[N, C_in, H, W]` and weights `[C_out, C_in, 3, 3]`.
    pub fn new(input: &[usize], weight: &[usize], options: ConvOptions) -> Self {
        let (&[images, in_channels, height, width], &[out_channels, weight_in, 3, 3]) =
            (input, weight)
        else {
            panic!("conv3x3 takes [N, C, H, W] and [C_out, C_in, 3, 3]: {input:?}, {weight:?}");
        };
        assert_eq!(
            in_channels, weight_in,
            "conv3x3: channels of input and weight"
        );
        let up = if options.upsample { 2 } else { 1 };
        let down = if options.max_pool { 2 } else { 1 };
        let conv = [height * up, width * up];
        Self {
            images,
            in_channels,
            out_channels,
            input: [height, width],
            conv,
            output: [conv[0] / down, conv[1] / down],
            options,
        }
    }

    pub fn output_shape(&self) -> [usize; 4] {
        [
            self.images,
            self.out_channels,
            self.output[0],
            self.output[1],
        ]
    }

    /// Pixels of one input plane.
    pub fn input_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Pixels of one plane of the convolution's result.
    pub fn conv_plane(&self) -> usize {
        self.conv[0] * self.conv[1]
    }

    /// Pixels of one output plane.
    pub fn output_plane(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Whether the nine taps are spread over the input (`true`) or over the output (`false`).
    ///
    /// A 3×3 convolution is one matrix product either of the weights with nine shifted copies of
    /// the input (`9·C_in` rows), or of the weights with the input itself, whose `9·C_out` rows are
    /// then shifted and added. The copies are what costs memory traffic, so they go to the side
    /// with fewer channels. Behind an upsampling, the second form multiplies at the low
    /// resolution, with a quarter of the operations.
    pub fn spreads_input(&self) -> bool {
        !self.options.upsample && self.in_channels <= self.out_channels
    }
}
