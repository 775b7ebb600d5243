//! A design and its weights as nodes and initializers of ONNX. A value is named as the layer that makes it, such as
//! `decoder.blocks.1.conv`.

use burn::nn::BatchNormConfig;

use super::messages::{Element, float, graph, integer, integers, length, node, tensor, text};
use super::protobuf::Message;
use crate::image::ImageShape;
use crate::model::{Design, Output, Shortcut, Stage, Weights};
use crate::ops::ConvOptions;

/// The values that graphs take and give.
pub(super) const IMAGES: &str = "images";
pub(super) const CODES: &str = "codes";
pub(super) const RECONSTRUCTIONS: &str = "reconstructions";

/// A graph in the making.
pub(super) struct GraphBuilder<'a> {
    design: &'a Design,
    weights: &'a Weights,
    nodes: Vec<Message>,
    initializers: Vec<Message>,
}

impl<'a> GraphBuilder<'a> {
    pub fn new(design: &'a Design, weights: &'a Weights) -> Self {
        Self {
            design,
            weights,
            nodes: Vec::new(),
            initializers: Vec::new(),
        }
    }

    /// The graph, from an input to an output.
    pub fn finish(self, name: &str, values: [&Message; 2]) -> Message {
        graph(name, &self.nodes, &self.initializers, values)
    }

    /// From [`IMAGES`] to [`CODES`].
    pub fn encoder(mut self) -> Self {
        let design = self.design;
        let (image, inner) = (design.image, design.inner());
        let mut x = IMAGES.to_owned();
        if inner != image {
            let ends = [inner.height - image.height, inner.width - image.width];
            let pads = [0, 0, 0, 0, 0, 0, ends[0], ends[1]];
            let pads = self.integers("encoder.padded.pads", pads);
            let mode = [text("mode", "edge")];
            x = self.node("encoder.padded", "Pad", &[&x, &pads], &mode);
        }
        x = self.blocks("encoder", x, &design.encoder);
        x = self.flat("encoder.features", &x);
        if design.shortcut == Shortcut::Beside {
            let dense = self.dense("encoder.dense", "encoder.dense", &x);
            let pixels = self.flat("encoder.pixels", IMAGES);
            let shortcut = self.dense("encoder.shortcut", "encoder.shortcut", &pixels);
            self.node(CODES, "Add", &[&dense, &shortcut], &[]);
        } else {
            self.dense(CODES, "encoder.dense", &x);
        }
        self
    }

    /// From [`CODES`] to [`RECONSTRUCTIONS`].
    pub fn decoder(mut self) -> Self {
        let design = self.design;
        let (image, inner) = (design.image, design.inner());
        let dense = self.dense("decoder.dense", "decoder.dense", CODES);
        let mut x = self.reshaped("decoder.features", &dense, design.features());
        x = self.blocks("decoder", x, &design.decoder);
        if inner != image {
            let bounds = [
                ("starts", [0, 0]),
                ("ends", [image.height, image.width]),
                ("axes", [2, 3]),
            ];
            let [starts, ends, axes] =
                bounds.map(|(name, values)| self.integers(&format!("decoder.cut.{name}"), values));
            let inputs = [&x, &starts, &ends, &axes].map(String::as_str);
            x = self.node("decoder.cut", "Slice", &inputs, &[]);
        }
        if design.shortcut == Shortcut::Beside {
            let dense = self.dense("decoder.shortcut", "decoder.shortcut", CODES);
            let shortcut = self.reshaped("decoder.pixels", &dense, image);
            x = self.node("decoder.sum", "Add", &[&x, &shortcut], &[]);
        }
        match design.output {
            Output::Logits => self.node(RECONSTRUCTIONS, "Sigmoid", &[&x], &[]),
            Output::Pixels => {
                let least = self.floats("decoder.least", &[], &[0.0]);
                let most = self.floats("decoder.most", &[], &[1.0]);
                self.node(RECONSTRUCTIONS, "Clip", &[&x, &least, &most], &[])
            }
        };
        self
    }

    fn blocks(&mut self, side: &str, x: String, stages: &[Stage]) -> String {
        let stages = stages.iter().enumerate();
        stages.fold(x, |x, (index, stage)| {
            self.block(&format!("{side}.blocks.{index}"), &x, stage)
        })
    }

    fn block(&mut self, name: &str, input: &str, stage: &Stage) -> String {
        let mut x = self.conv(&format!("{name}.conv"), input, stage.conv);
        if stage.residual {
            let second = self.conv(&format!("{name}.second"), &x, stage.conv);
            x = self.node(format!("{name}.sum"), "Add", &[input, &second], &[]);
        }
        if stage.batch_norm {
            let name = format!("{name}.norm");
            let tensors = ["gamma", "beta", "running_mean", "running_var"];
            let [gamma, beta, mean, var] =
                tensors.map(|tensor| self.weight(&format!("{name}.{tensor}")));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "attributes are in single precision"
            )]
            let epsilon = BatchNormConfig::new(stage.channels).epsilon as f32;
            x = self.node(
                name,
                "BatchNormalization",
                &[&x, &gamma, &beta, &mean, &var],
                &[float("epsilon", epsilon)],
            );
        }
        x
    }

    /// A 3×3 convolution, with what its options add before and after.
    fn conv(&mut self, name: &str, x: &str, options: ConvOptions) -> String {
        let mut x = x.to_owned();
        if options.activate {
            x = self.node(format!("{name}.activate"), "Relu", &[&x], &[]);
        }
        if options.upsample {
            let scales = [1.0, 1.0, 2.0, 2.0];
            let scales = self.floats(&format!("{name}.scales"), &[scales.len()], &scales);
            let attributes = [
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ];
            let inputs = [&x, "", &scales];
            x = self.node(format!("{name}.upsample"), "Resize", &inputs, &attributes);
        }
        let [weight, bias] =
            ["weight", "bias"].map(|tensor| self.weight(&format!("{name}.{tensor}")));
        let stride = if options.halve { 2 } else { 1 };
        let attributes = [
            integers("kernel_shape", &[3, 3]),
            integers("pads", &[1, 1, 1, 1]),
            integers("strides", &[stride, stride]),
        ];
        x = self.node(name, "Conv", &[&x, &weight, &bias], &attributes);
        if options.relu {
            x = self.node(format!("{name}.relu"), "Relu", &[&x], &[]);
        }
        if options.max_pool {
            let attributes = [
                integers("kernel_shape", &[2, 2]),
                integers("strides", &[2, 2]),
            ];
            x = self.node(format!("{name}.max_pool"), "MaxPool", &[&x], &attributes);
        }
        if options.shuffle {
            // As in PyTorch, the four channels that become a block of pixels are neighbours.
            let attributes = [integer("blocksize", 2), text("mode", "CRD")];
            x = self.node(
                format!("{name}.shuffle"),
                "DepthToSpace",
                &[&x],
                &attributes,
            );
        }
        x
    }

    /// The dense layer `layer`, whose weights are `[inputs, outputs]`.
    fn dense(&mut self, name: &str, layer: &str, x: &str) -> String {
        let [weight, bias] =
            ["weight", "bias"].map(|tensor| self.weight(&format!("{layer}.{tensor}")));
        self.node(name, "Gemm", &[x, &weight, &bias], &[])
    }

    fn flat(&mut self, name: &str, x: &str) -> String {
        self.node(name, "Flatten", &[x], &[integer("axis", 1)])
    }

    fn reshaped(&mut self, name: &str, x: &str, shape: ImageShape) -> String {
        /// Stands for a side that stays as it is: so there may be no images, too.
        const AS_IT_IS: usize = 0;
        let shape = self.integers(&format!("{name}.shape"), shape.batch(AS_IT_IS));
        self.node(name, "Reshape", &[x, &shape], &[])
    }

    /// Adds a node that gives one value, named as the node.
    fn node(
        &mut self,
        name: impl Into<String>,
        operator: &str,
        inputs: &[&str],
        attributes: &[Message],
    ) -> String {
        let name = name.into();
        self.nodes.push(node(&name, operator, inputs, attributes));
        name
    }

    /// Adds one of the network's tensors, and gives its name.
    fn weight(&mut self, name: &str) -> String {
        let weights = self.weights;
        let (shape, values) = weights.get(name).expect("a tensor for each layer");
        self.floats(name, shape, values)
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let tensor = tensor(name, shape, Element::Float, &bytes);
        self.initializers.push(tensor);
        name.to_owned()
    }

    fn integers<const N: usize>(&mut self, name: &str, values: [usize; N]) -> String {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|&value| length(value).to_le_bytes())
            .collect();
        let tensor = tensor(name, &[N], Element::Int64, &bytes);
        self.initializers.push(tensor);
        name.to_owned()
    }
}
