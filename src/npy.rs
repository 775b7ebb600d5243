//! NumPy's format for arrays (version 1.0), for results that leave the program.

use std::io::{self, Write};

/// Begins the file of an array of this shape, row-major, of elements such as `|u1` (bytes) or `<f4`; the
/// elements follow.
pub(crate) fn write_header(out: &mut impl Write, element: &str, shape: &[usize]) -> io::Result<()> {
    const SIGNATURE: &[u8] = b"\x93NUMPY\x01\x00";
    /// What the elements' place is a multiple of.
    const ALIGNMENT: usize = 64;
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one has a comma, too.
    let sides = sides.join(", ") + if shape.len() == 1 { "," } else { "" };
    let mut header =
        format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({sides}), }}");
    let length = SIGNATURE.len() + 2 + header.len() + 1;
    header += &" ".repeat(length.next_multiple_of(ALIGNMENT) - length);
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(io::Error::other)?;
    out.write_all(SIGNATURE)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())
}
