//! The samples of an image as its file has them.

/// Interleaved, row by row.
#[derive(Clone, Debug)]
pub enum Samples {
    /// 8 bits each.
    Bytes(Vec<u8>),
    /// 16 bits each, big-endian.
    Words(Vec<u8>),
}

impl Samples {
    /// In 8 bits each: of 16, the nearest value on the scale of 8.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Words(bytes) => {
                let words = bytes.as_chunks().0.iter();
                words
                    .map(|&word| to_byte(u16::from_be_bytes(word)))
                    .collect()
            }
        }
    }
}

/// 65535 / 255 is 257, so that this rounds to the nearest.
fn to_byte(word: u16) -> u8 {
    let rounded = (u32::from(word) + 128) / 257;
    u8::try_from(rounded).unwrap_or(u8::MAX)
}

/// The indices of a row's pixels, of which a byte holds several where they have fewer than 8 bits.
pub(super) fn indices_of(row: &[u8], bits: u32, width: usize) -> impl Iterator<Item = u8> {
    let in_byte = move |byte: &u8| {
        let byte = *byte;
        let shifts = (0..8 / bits).rev().map(move |place| place * bits);
        shifts.map(move |shift| (byte >> shift) & (u8::MAX >> (8 - bits)))
    };
    row.iter().flat_map(in_byte).take(width)
}
