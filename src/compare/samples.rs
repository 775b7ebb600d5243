//! The samples of an image as a PNG file has them.

/// Interleaved, row by row.
pub(super) enum Samples {
    Bytes(Vec<u8>),
    /// Big-endian pairs.
    Words(Vec<u8>),
}
