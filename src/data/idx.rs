//! The IDX format of MNIST and its kin, plain or gzip'd.
//!
//! A big-endian header of `u32` — magic number, item count and, for images, rows and columns —
//! followed by one byte per label or pixel. Memory is bounded by the header, which is checked first:
//! exactly the bytes that it declares are read as they come, and one byte more is an error.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use super::error::DataError;
use super::foreign;
use super::gunzip::{self, Gunzip};
use crate::image::ImageShape;

/// Unsigned bytes in three dimensions.
const IMAGE_MAGIC: u32 = 0x803;
/// Unsigned bytes in one dimension.
const LABEL_MAGIC: u32 = 0x801;
/// Far above the 814,255 images of the largest data set in this format (EMNIST).
const MAX_COUNT: u32 = 10_000_000;
/// The longest side of an image. With it and the count, the product below can't overflow 64 bits.
const MAX_SIDE: u32 = 4_096;

/// Opens a file, decompressing it if its first bytes say that it is gzip'd.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    decompressed(BufReader::new(File::open(path)?))
}

/// The content of `source`, decompressed if its first bytes say that it is gzip'd.
pub(super) fn decompressed<'a>(mut source: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    if source.fill_buf()?.starts_with(&gunzip::MAGIC) {
        Ok(Box::new(Gunzip::new(source)))
    } else {
        Ok(Box::new(source))
    }
}

/// Reads an image file; `file` is its name in errors. Returns the images' shape, of one channel, and
/// their values `[N, H, W]`.
pub(super) fn read_images(
    source: impl Read,
    file: &str,
) -> Result<(ImageShape, Vec<u8>), DataError> {
    let mut source = Source {
        reader: source,
        file,
        position: 0,
    };
    source.expect_magic(IMAGE_MAGIC, "images of unsigned bytes")?;
    let count = source.count()?;
    let (height, width) = (source.u32()?, source.u32()?);
    if ![height, width]
        .iter()
        .all(|side| (1..=MAX_SIDE).contains(side))
    {
        return Err(DataError::ImageSize {
            file: file.to_owned(),
            width,
            height,
            limit: MAX_SIDE,
        });
    }
    let shape = ImageShape {
        channels: 1,
        height: height as usize,
        width: width as usize,
    };
    Ok((shape, source.rest(count * shape.len())?))
}

/// Reads a label file; `file` is its name in errors. Returns the labels `[N]`.
pub(super) fn read_labels(source: impl Read, file: &str) -> Result<Vec<u8>, DataError> {
    let mut source = Source {
        reader: source,
        file,
        position: 0,
    };
    source.expect_magic(LABEL_MAGIC, "labels of unsigned bytes")?;
    let count = source.count()?;
    source.rest(count)
}

/// The header of a file of `count` images.
pub(super) fn image_header(count: usize, shape: ImageShape) -> Vec<u8> {
    header(&[IMAGE_MAGIC as usize, count, shape.height, shape.width])
}

/// The header of a file of `count` labels.
pub(super) fn label_header(count: usize) -> Vec<u8> {
    header(&[LABEL_MAGIC as usize, count])
}

fn header(numbers: &[usize]) -> Vec<u8> {
    let bytes = |&number| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    numbers.iter().flat_map(bytes).collect()
}

struct Source<'a, R> {
    reader: R,
    file: &'a str,
    /// Bytes read so far, for errors.
    position: usize,
}

impl<R: Read> Source<'_, R> {
    fn expect_magic(&mut self, expected: u32, kind: &'static str) -> Result<(), DataError> {
        let found = self.u32()?;
        if found == expected {
            return Ok(());
        }
        let mut head = found.to_be_bytes().to_vec();
        // Whatever can't be read has nothing to tell.
        let _ = self
            .reader
            .by_ref()
            .take(foreign::HEAD as u64)
            .read_to_end(&mut head);
        let file = self.file.to_owned();
        Err(match foreign::name(&head) {
            Some((what, remedy)) => DataError::OtherFormat { file, what, remedy },
            None => DataError::Magic {
                file,
                expected,
                found,
                kind,
            },
        })
    }

    /// The number of items that the header declares.
    fn count(&mut self) -> Result<usize, DataError> {
        let count = self.u32()?;
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(DataError::Count {
                file: self.file.to_owned(),
                count,
                limit: MAX_COUNT,
            });
        }
        Ok(count as usize)
    }

    fn u32(&mut self) -> Result<u32, DataError> {
        let bytes = self.bytes(size_of::<u32>())?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// The last `len` bytes: the file must end after them.
    fn rest(mut self, len: usize) -> Result<Vec<u8>, DataError> {
        let bytes = self.bytes(len)?;
        // Reading on to the end also makes the decompressor verify the checksum.
        let mut extra = Vec::new();
        match self.reader.take(1).read_to_end(&mut extra) {
            Ok(0) => Ok(bytes),
            Ok(_) => Err(DataError::TooLong {
                file: self.file.to_owned(),
                expected: self.position,
            }),
            Err(source) => Err(DataError::Unreadable {
                file: self.file.to_owned(),
                source,
            }),
        }
    }

    fn bytes(&mut self, len: usize) -> Result<Vec<u8>, DataError> {
        // Grown as bytes arrive: the header's word alone must not reserve memory.
        let mut bytes = Vec::new();
        let result = self
            .reader
            .by_ref()
            .take(len as u64)
            .read_to_end(&mut bytes);
        let expected = self.position + len;
        self.position += bytes.len();
        match result {
            Err(source) if source.kind() != ErrorKind::UnexpectedEof => {
                Err(DataError::Unreadable {
                    file: self.file.to_owned(),
                    source,
                })
            }
            _ if bytes.len() < len => Err(DataError::Truncated {
                file: self.file.to_owned(),
                expected,
                found: self.position,
            }),
            _ => Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_end_is_refused_after_one_extra_byte() {
        let header = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28];
        let mut endless = header.chain(io::repeat(7));
        let error = read_images(&mut endless, "endless").unwrap_err();
        let declared = 16 + 2 * 28 * 28;
        assert!(matches!(error, DataError::TooLong { expected, .. } if expected == declared));
    }

    #[test]
    fn a_large_declared_count_reserves_no_memory() {
        let header = [0, 0, 8, 1, 0, 0x0f, 0x42, 0x40];
        let error = read_labels(&header[..], "short").unwrap_err();
        assert!(matches!(
            error,
            DataError::Truncated {
                expected: 1_000_008,
                found: 8,
                ..
            }
        ));
    }
}
