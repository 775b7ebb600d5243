//! What image's decoder of TIFF leaves out: colours that stand in a table, and whether a file has more pages.

use std::io::Cursor;

use image::ImageFormat;
use image::error::{DecodingError, ImageError};
use image::metadata::Orientation;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffFormatError, TiffResult, TiffUnsupportedError};

use super::notes::Note;
use super::samples::{Samples, indices_of};
use super::{Decoded, Largest};

/// A file of one byte order whose first directory can be found.
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    /// Where its first entry is.
    start: usize,
    entries: usize,
}

/// What the values of pixels mean, by the number that stands in the file.
const PHOTOMETRIC: usize = 262;
const GREY: u8 = 1;
const PALETTE: usize = 3;

impl<'a> Directory<'a> {
    /// Bytes of an entry: tag and type of two bytes each, count and value of four.
    const ENTRY: usize = 12;
    const VALUE: usize = 8;

    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut directory = Self {
            bytes,
            is_big_endian: bytes.starts_with(b"MM"),
            start: 0,
            entries: 0,
        };
        let start = directory.number(4, 4)?;
        directory.entries = directory.number(start, 2)?;
        directory.start = start.checked_add(2)?;
        Some(directory)
    }

    fn number(&self, place: usize, length: usize) -> Option<usize> {
        let bytes = self.bytes.get(place..place.checked_add(length)?)?;
        let digits = bytes.iter().map(|&byte| usize::from(byte));
        let join = |sum: usize, digit: usize| sum << 8 | digit;
        Some(if self.is_big_endian {
            digits.fold(0, join)
        } else {
            digits.rev().fold(0, join)
        })
    }

    /// Whether a second image follows: where the directory ends, there is the place of the next.
    pub(super) fn has_next(&self) -> bool {
        let end = self.start.checked_add(Self::ENTRY * self.entries);
        end.and_then(|end| self.number(end, 4))
            .is_some_and(|place| place != 0)
    }

    /// Where the meaning of the pixels' values stands.
    fn photometric(&self) -> Option<usize> {
        let mut places = (0..self.entries).map(|index| self.start + Self::ENTRY * index);
        let entry = places.find(|&place| self.number(place, 2) == Some(PHOTOMETRIC))?;
        Some(entry + Self::VALUE)
    }

    /// The file with the indices of its colours as shades of grey, if it has indices: the decoders read no
    /// others.
    pub(super) fn indices(&self) -> Option<Vec<u8>> {
        let place = self.photometric()?;
        if self.number(place, 2) != Some(PALETTE) {
            return None;
        }
        let mut bytes = self.bytes.to_vec();
        bytes[place + usize::from(self.is_big_endian)] = GREY;
        Some(bytes)
    }
}

/// Height and width of a file whose indices [`Directory::indices`] made grey, and how to turn it.
pub(super) fn header(bytes: &[u8]) -> Result<([u32; 2], Orientation), ImageError> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(image_error)?;
    let (width, height) = decoder.dimensions().map_err(image_error)?;
    Ok(([height, width], orientation(&mut decoder)))
}

/// Reads such a file and looks up its colours.
pub(super) fn decode(bytes: &[u8], largest: Largest) -> Result<Decoded, ImageError> {
    read(bytes, largest).map_err(image_error)
}

fn image_error(error: TiffError) -> ImageError {
    match error {
        TiffError::IoError(error) => ImageError::IoError(error),
        error => ImageError::Decoding(DecodingError::new(ImageFormat::Tiff.into(), error)),
    }
}

/// A tag that can't be understood doesn't matter.
fn orientation(decoder: &mut Decoder<Cursor<&[u8]>>) -> Orientation {
    let tag = decoder.find_tag_unsigned(Tag::Orientation).ok().flatten();
    tag.and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms)
}

fn read(bytes: &[u8], largest: Largest) -> TiffResult<Decoded> {
    const CHANNELS: usize = 3;
    let mut decoder = Decoder::new(Cursor::new(bytes))?;
    let (width, height) = decoder.dimensions()?;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(largest.bytes()).unwrap_or(usize::MAX);
    decoder = decoder.with_limits(limits);
    let ColorType::Gray(bits @ (1 | 2 | 4 | 8)) = decoder.colortype()? else {
        return Err(TiffUnsupportedError::UnsupportedColorType(decoder.colortype()?).into());
    };
    let colors = decoder.get_tag_u16_vec(Tag::ColorMap)?;
    if colors.len() != CHANNELS << bits {
        return Err(TiffFormatError::InvalidCountForTag(Tag::ColorMap, colors.len()).into());
    }
    let orientation = orientation(&mut decoder);
    let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let stride = decoder.image_buffer_layout()?.row_stride;
    let DecodingResult::U8(rows) = decoder.read_image()? else {
        return Err(TiffUnsupportedError::UnsupportedColorType(ColorType::Palette(bits)).into());
    };
    let (height, width) = (height as usize, width as usize);
    let stride = stride.map_or(width, usize::from);
    let indices = rows.chunks(stride).take(height);
    let indices = indices.flat_map(|row| indices_of(row, bits.into(), width));
    // All reds, then all greens, then all blues, of 16 bits each. Some programs multiply a byte by 256 and some by
    // 257: the high byte is right for both.
    let colors: Vec<[u8; 2]> = colors.iter().map(|color| color.to_be_bytes()).collect();
    let color = |index: u8| {
        let planes = colors.chunks(1 << bits);
        planes.map(move |plane| plane[usize::from(index)][0])
    };
    Ok(Decoded {
        height,
        width,
        channels: CHANNELS,
        has_alpha: false,
        samples: Samples::Bytes(indices.flat_map(color).collect()),
        mode: "P",
        orientation,
        notes: Note::of_profile(profile.as_deref()).into_iter().collect(),
        profile,
    })
}
