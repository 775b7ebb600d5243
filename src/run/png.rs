//! Pictures as PNG files.

use std::io::Cursor;
use std::path::Path;

use image::{ImageBuffer, ImageFormat, PixelWithColorType};

use super::{RunError, write_atomically};

/// Encodes the image as PNG and writes it atomically.
///
/// # Errors
/// [`RunError::Write`] if the system refuses, [`RunError::Encode`] if the image is empty.
pub fn save_png<P>(image: &ImageBuffer<P, Vec<u8>>, path: &Path) -> Result<(), RunError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|source| RunError::Encode {
            path: path.to_owned(),
            source: source.into(),
        })?;
    write_atomically(path, bytes.get_ref())
}
