//! Codes as an array `[N, latent_dim]` in NumPy's format.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::{CodesError, malformed, unreadable};
use crate::npy;

/// Begins an array of codes `[rows, latent_dim]` in NumPy's format; the codes follow, as little-endian `f32`.
///
/// # Errors
///
/// Where `out` can't be written.
pub fn write_array_header(out: &mut impl Write, rows: usize, latent_dim: usize) -> io::Result<()> {
    npy::write_header(out, "<f4", &[rows, latent_dim])
}

/// The values of an array, and how many a row has.
pub(super) fn read(path: &Path) -> Result<(Vec<f32>, usize), CodesError> {
    let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
    let malformed = |problem: String| malformed(path, problem);
    let (header, values) = npy::read_header(&bytes).ok_or_else(|| {
        malformed("it doesn't begin like a file in NumPy's format, version 1 or 2".to_owned())
    })?;
    let [rows, width] = header.shape[..] else {
        return Err(malformed(format!(
            "its array is of shape {:?}",
            header.shape
        )));
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "codes are in single precision"
    )]
    let (values, is_whole): (Vec<f32>, bool) = match header.element.as_str() {
        "<f4" => {
            let (values, rest) = values.as_chunks();
            let values = values.iter().copied().map(f32::from_le_bytes);
            (values.collect(), rest.is_empty())
        }
        // What NumPy makes of most arithmetic.
        "<f8" => {
            let (values, rest) = values.as_chunks();
            let values = values
                .iter()
                .copied()
                .map(|value| f64::from_le_bytes(value) as f32);
            (values.collect(), rest.is_empty())
        }
        other => return Err(malformed(format!("its elements are {other}"))),
    };
    if !is_whole || Some(values.len()) != rows.checked_mul(width) || width == 0 {
        return Err(malformed(format!(
            "it has {} values instead of {rows} × {width}",
            values.len()
        )));
    }
    if header.is_fortran {
        let by_rows = (0..rows).flat_map(|row| (0..width).map(move |column| column * rows + row));
        return Ok((by_rows.map(|place| values[place]).collect(), width));
    }
    Ok((values, width))
}
