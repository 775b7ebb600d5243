//! The sizes of a convolution stage.

use super::planes::Grid;
use crate::ops::conv::options::ConvOptions;

/// Sizes of one [`conv3x3`](crate::ops::conv3x3) call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub images: usize,
    pub in_channels: usize,
    /// Of the convolution's result, before they are shuffled.
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the convolution's result: before pooling or shuffling.
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
        let conv = [height, width].map(|side| match options {
            ConvOptions { upsample: true, .. } => 2 * side,
            ConvOptions { halve: true, .. } => side.div_ceil(2),
            _ => side,
        });
        let output = conv.map(|side| match options {
            ConvOptions { max_pool: true, .. } => side / 2,
            ConvOptions { shuffle: true, .. } => 2 * side,
            _ => side,
        });
        Self {
            images,
            in_channels,
            out_channels,
            input: [height, width],
            conv,
            output,
            options,
        }
    }

    pub fn output_shape(&self) -> [usize; 4] {
        let [height, width] = self.output;
        let channels = if self.options.shuffle {
            self.out_channels / 4
        } else {
            self.out_channels
        };
        [self.images, channels, height, width]
    }

    /// Values of one image.
    pub fn input_len(&self) -> usize {
        self.in_channels * self.input_plane()
    }

    /// Values of what is made of one image.
    pub fn output_len(&self) -> usize {
        self.output_shape()[1..].iter().product()
    }

    /// Values of the weights.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.in_channels * 9
    }

    /// Values of the convolution's result of one image.
    pub fn conv_len(&self) -> usize {
        self.out_channels * self.conv_plane()
    }

    /// Of how many outputs of one image it is kept which of their inputs they took.
    pub fn winners_len(&self) -> usize {
        if self.options.max_pool {
            self.output_len()
        } else {
            0
        }
    }

    /// Pixels of one input plane.
    pub fn input_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Pixels of one plane of the convolution's result.
    pub fn conv_plane(&self) -> usize {
        self.conv[0] * self.conv[1]
    }

    /// The convolution's result as padded planes.
    pub fn grid(&self) -> Grid {
        Grid::new(self.conv)
    }
}
