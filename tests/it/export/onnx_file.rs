//! As much of an ONNX file as the tests look at. Fields go by the numbers in `onnx.proto`.

use std::collections::{BTreeMap, BTreeSet};

/// The fields of a message of Protocol Buffers: numbers of 64 bits, and bytes of what has a length.
struct Fields<'a>(Vec<(u64, Result<u64, &'a [u8]>)>);

impl<'a> Fields<'a> {
    fn of(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = match key & 7 {
                0 => Ok(varint(&mut bytes)),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)).expect("a length");
                    Err(bytes.split_off(..length).expect("as many bytes"))
                }
                5 => Err(bytes.split_off(..4).expect("four bytes")),
                other => panic!("a field of kind {other}"),
            };
            fields.push((key >> 3, value));
        }
        Self(fields)
    }

    fn numbers(&self, field: u64) -> Vec<u64> {
        let fields = self.0.iter().filter(|(number, _)| *number == field);
        fields.map(|(_, value)| value.expect("a number")).collect()
    }

    fn parts(&self, field: u64) -> Vec<&'a [u8]> {
        let fields = self.0.iter().filter(|(number, _)| *number == field);
        fields.map(|(_, value)| value.expect_err("bytes")).collect()
    }

    fn part(&self, field: u64) -> &'a [u8] {
        let [part] = self.parts(field)[..] else {
            panic!("field {field} isn't there once");
        };
        part
    }

    fn texts(&self, field: u64) -> Vec<String> {
        let parts = self.parts(field).into_iter();
        parts
            .map(|part| String::from_utf8(part.to_vec()).expect("UTF-8"))
            .collect()
    }

    fn text(&self, field: u64) -> String {
        let [text] = &self.texts(field)[..] else {
            panic!("field {field} isn't there once");
        };
        text.clone()
    }

    fn messages(&self, field: u64) -> impl Iterator<Item = Self> + use<'a> {
        self.parts(field).into_iter().map(Fields::of)
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.split_off_first().expect("more bytes");
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number of more than 64 bits")
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub operator: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// A graph.
pub struct Graph {
    pub nodes: Vec<Node>,
    /// Name, sides, kind of elements, bytes.
    pub tensors: Vec<(String, Vec<u64>, u64, usize)>,
    /// Name and sides; a side that isn't fixed is its name.
    pub input: String,
    pub output: String,
}

pub const FLOAT: u64 = 1;

impl Graph {
    pub fn of(file: &[u8]) -> Self {
        let file = Fields::of(file);
        let opset = Fields::of(file.part(8));
        assert_eq!((file.numbers(1), opset.numbers(2)), (vec![8], vec![17]));
        let graph = Fields::of(file.part(7));
        let nodes = graph.messages(1).map(|node| Node {
            name: node.text(3),
            operator: node.text(4),
            inputs: node.texts(1),
            outputs: node.texts(2),
        });
        let tensors = graph.messages(5).map(|tensor| {
            let kind = tensor.numbers(2)[0];
            (
                tensor.text(8),
                tensor.numbers(1),
                kind,
                tensor.part(9).len(),
            )
        });
        Self {
            nodes: nodes.collect(),
            tensors: tensors.collect(),
            input: described(graph.part(11)),
            output: described(graph.part(12)),
        }
    }

    pub fn operators(&self) -> BTreeSet<&str> {
        self.nodes
            .iter()
            .map(|node| node.operator.as_str())
            .collect()
    }
}

fn described(value: &[u8]) -> String {
    let value = Fields::of(value);
    let tensor = Fields::of(Fields::of(value.part(2)).part(1));
    assert_eq!(tensor.numbers(1), [FLOAT]);
    let sides = Fields::of(tensor.part(2)).messages(1).map(|side| {
        let length = side.numbers(1).first().map(ToString::to_string);
        length.unwrap_or_else(|| side.text(2))
    });
    format!("{} {}", value.text(1), sides.collect::<Vec<_>>().join("×"))
}

/// The metadata of a file.
pub fn entries(file: &[u8]) -> BTreeMap<String, String> {
    let entries = Fields::of(file)
        .messages(14)
        .map(|entry| (entry.text(1), entry.text(2)));
    entries.collect()
}
