//! The messages of ONNX's format that a file of ours is made of, with the numbers that `onnx.proto` gives their fields.

use super::protobuf::Message;

/// The name of the first dimension of each input and output.
const BATCH: &str = "batch";

/// The kinds of elements, as `TensorProto.DataType` numbers them.
#[derive(Clone, Copy)]
pub(super) enum Element {
    Float = 1,
    Int64 = 7,
}

/// A whole file's, `ModelProto`.
pub(super) struct File<'a> {
    /// Of the format.
    pub ir_version: i64,
    /// Of ONNX's own operators.
    pub opset: i64,
    pub description: &'a str,
    pub metadata: &'a [(&'a str, String)],
}

impl File<'_> {
    pub fn of(&self, graph: &Message) -> Message {
        let opset = Message::default().text(1, "").integer(2, self.opset);
        Message::default()
            .integer(1, self.ir_version)
            .text(2, env!("CARGO_PKG_NAME"))
            .text(3, env!("CARGO_PKG_VERSION"))
            .text(6, self.description)
            .message(7, graph)
            .message(8, &opset)
            .each(self.metadata, |model, (key, value)| {
                // StringStringEntryProto
                model.message(14, &Message::default().text(1, key).text(2, value))
            })
    }
}

/// `GraphProto`, which takes one value and gives one.
pub(super) fn graph(
    name: &str,
    nodes: &[Message],
    initializers: &[Message],
    [input, output]: [&Message; 2],
) -> Message {
    Message::default()
        .each(nodes, |graph, node| graph.message(1, node))
        .text(2, name)
        .each(initializers, |graph, tensor| graph.message(5, tensor))
        .message(11, input)
        .message(12, output)
}

/// `NodeProto`, whose one output has its name. An empty input stands for one that is left out.
pub(super) fn node(name: &str, operator: &str, inputs: &[&str], attributes: &[Message]) -> Message {
    Message::default()
        .each(inputs, |node, input| node.text(1, input))
        .text(2, name)
        .text(3, name)
        .text(4, operator)
        .each(attributes, |node, attribute| node.message(5, attribute))
}

/// `AttributeProto`, of the kind that `AttributeProto.AttributeType` numbers so.
fn attribute(name: &str, kind: i64) -> Message {
    Message::default().text(1, name).integer(20, kind)
}

/// A fixed argument of an operator.
pub(super) fn float(name: &str, value: f32) -> Message {
    attribute(name, 1).float(2, value)
}

pub(super) fn integer(name: &str, value: i64) -> Message {
    attribute(name, 2).integer(3, value)
}

pub(super) fn text(name: &str, value: &str) -> Message {
    attribute(name, 3).text(4, value)
}

pub(super) fn integers(name: &str, values: &[i64]) -> Message {
    attribute(name, 7).each(values, |message, &value| message.integer(8, value))
}

/// `TensorProto`, its values little-endian.
pub(super) fn tensor(name: &str, shape: &[usize], element: Element, values: &[u8]) -> Message {
    Message::default()
        .each(shape, |tensor, &side| tensor.integer(1, length(side)))
        .integer(2, element as i64)
        .text(8, name)
        .bytes(9, values)
}

/// `ValueInfoProto` of an input or an output: floats, as many of `shape` as a batch has.
pub(super) fn value(name: &str, shape: &[usize], description: &str) -> Message {
    // TensorShapeProto.Dimension: a length, or a name.
    let batch = Message::default().text(2, BATCH);
    let shape = Message::default()
        .message(1, &batch)
        .each(shape, |message, &side| {
            message.message(1, &Message::default().integer(1, length(side)))
        });
    // TypeProto.Tensor
    let tensor = Message::default()
        .integer(1, Element::Float as i64)
        .message(2, &shape);
    Message::default()
        .text(1, name)
        .message(2, &Message::default().message(1, &tensor))
        .text(3, description)
}

pub(super) fn length(side: usize) -> i64 {
    i64::try_from(side).expect("what is in memory is shorter")
}
