//! NumPy's format for arrays (version 1.0), for results that leave the program.

use std::io::{self, Write};

const SIGNATURE: &[u8] = b"\x93NUMPY";

/// Begins the file of an array of this shape, row-major, of elements such as `|u1` (bytes) or `<f4`; the
/// elements follow.
pub(crate) fn write_header(out: &mut impl Write, element: &str, shape: &[usize]) -> io::Result<()> {
    const VERSION: &[u8] = &[1, 0];
    /// What the elements' place is a multiple of.
    const ALIGNMENT: usize = 64;
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one has a comma, too.
    let sides = sides.join(", ") + if shape.len() == 1 { "," } else { "" };
    let mut header =
        format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({sides}), }}");
    let length = SIGNATURE.len() + VERSION.len() + 2 + header.len() + 1;
    header += &" ".repeat(length.next_multiple_of(ALIGNMENT) - length);
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(io::Error::other)?;
    out.write_all(SIGNATURE)?;
    out.write_all(VERSION)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())
}

/// What the beginning of a file says of its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Such as `<f4`.
    pub element: String,
    /// Whether it's column by column.
    pub is_fortran: bool,
    pub shape: Vec<usize>,
}

/// The header of a file, of version 1 or 2, and the bytes that follow it; none if it isn't one.
pub(crate) fn read_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let rest = bytes.strip_prefix(SIGNATURE)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match version {
        [1, _] => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2, _] => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return None,
    };
    let (header, values) = rest.split_at_checked(length)?;
    let header = std::str::from_utf8(header).ok()?;
    // A dictionary of Python with three keys, such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
    let after = |key: &str| {
        let (_, rest) = header.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start())
    };
    let element = after("descr")?.strip_prefix('\'')?.split('\'').next()?;
    let (sides, _) = after("shape")?.strip_prefix('(')?.split_once(')')?;
    let sides = sides
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty());
    let shape: Option<Vec<usize>> = sides.map(|side| side.parse().ok()).collect();
    let header = Header {
        element: element.to_owned(),
        is_fortran: after("fortran_order")?.starts_with("True"),
        shape: shape?,
    };
    Some((header, values))
}
