//! Pictures as PNG files.

use std::io::Cursor;
use std::path::Path;

use image::{ImageBuffer, ImageFormat, PixelWithColorType};

use super::{RunError, write_atomically, write_output};

/// Encodes the image as PNG and writes it atomically.
///
/// # Errors
/// [`RunError::Write`] if the system refuses, [`RunError::Encode`] if the image is empty.
pub fn save_png<P>(image: &ImageBuffer<P, Vec<u8>>, path: &Path) -> Result<(), RunError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    write_atomically(path, &encode(image, path)?)
}

/// Encodes the image as PNG and writes it to where the user asked for it.
///
/// # Errors
/// As [`save_png`].
pub fn export_png<P>(image: &ImageBuffer<P, Vec<u8>>, path: &Path) -> Result<(), RunError>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    write_output(path, &encode(image, path)?)
}

fn encode<P>(image: &ImageBuffer<P, Vec<u8>>, path: &Path) -> Result<Vec<u8>, RunError>
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
    Ok(bytes.into_inner())
}
