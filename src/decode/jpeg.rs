//! JPEG files, by the crate that `image` reads them with, but strictly: `image` fills what a damaged file
//! lacks with grey.

use image::metadata::Orientation;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;
use zune_jpeg::{ImageInfo, JpegDecoder};

use super::notes::Note;
use super::samples::Samples;
use super::{Decoded, Fault, Largest};

/// Reads a JPEG file.
pub(super) fn decode(bytes: &[u8], largest: Largest) -> Result<Decoded, Fault> {
    if !has_end(bytes) {
        return Err(Fault::Broken(
            "it ends too early; take another copy".to_owned(),
        ));
    }
    match decode_as(bytes, largest, true) {
        // Some cameras leave bytes between segments, which harm nothing.
        Err(Fault::Broken(why)) if why.contains("Extra bytes between headers") => {
            decode_as(bytes, largest, false)
        }
        result => result,
    }
}

/// Height and width as they are in the file, and how to turn it.
pub(super) fn header(bytes: &[u8], largest: Largest) -> Result<([usize; 2], Orientation), Fault> {
    let mut decoder = decoder(bytes, ColorSpace::RGB, false);
    decoder.decode_headers().map_err(|error| broken(&error))?;
    let ImageInfo { width, height, .. } = decoder.info().ok_or_else(no_header)?;
    largest.check(height.into(), width.into())?;
    Ok(([height.into(), width.into()], orientation(&decoder)))
}

fn decode_as(bytes: &[u8], largest: Largest, strict: bool) -> Result<Decoded, Fault> {
    let mut headers = decoder(bytes, ColorSpace::RGB, false);
    headers.decode_headers().map_err(|error| broken(&error))?;
    let ImageInfo { width, height, .. } = headers.info().ok_or_else(no_header)?;
    largest.check(height.into(), width.into())?;
    let space = headers.input_colorspace().ok_or_else(no_header)?;
    let (out, channels, mode) = match space {
        ColorSpace::Luma => (ColorSpace::Luma, 1, "L"),
        ColorSpace::CMYK | ColorSpace::YCCK if !has_adobe_marker(bytes) => {
            return Err(Fault::Broken(
                "it is CMYK and doesn't say whether its values are inverted; convert it to RGB"
                    .to_owned(),
            ));
        }
        ColorSpace::CMYK | ColorSpace::YCCK => (ColorSpace::RGB, 3, "CMYK"),
        _ => (ColorSpace::RGB, 3, "RGB"),
    };
    let mut decoder = decoder(bytes, out, strict);
    let pixels = decoder.decode().map_err(|error| broken(&error))?;
    let (height, width) = (usize::from(height), usize::from(width));
    if pixels.len() != height * width * channels {
        return Err(Fault::Broken(
            "it has another number of pixels than it says; take another copy".to_owned(),
        ));
    }
    // A profile of CMYK has been left behind with those values.
    let profile = decoder.icc_profile().filter(|_| mode != "CMYK");
    Ok(Decoded {
        height,
        width,
        channels,
        has_alpha: false,
        samples: Samples::Bytes(pixels),
        mode,
        orientation: orientation(&decoder),
        notes: Note::of_profile(profile.as_deref()).into_iter().collect(),
        profile,
    })
}

fn decoder(bytes: &[u8], out: ColorSpace, strict: bool) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(out)
        .set_strict_mode(strict)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

fn orientation(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> Orientation {
    decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif))
        .unwrap_or(Orientation::NoTransforms)
}

fn no_header() -> Fault {
    Fault::Broken("it has no header; take another copy".to_owned())
}

fn broken(error: &DecodeErrors) -> Fault {
    let text = error.to_string();
    Fault::Broken(format!(
        "it breaks the rules of JPEG: {}; take another copy",
        text.trim().trim_end_matches('.')
    ))
}

const END_OF_IMAGE: u8 = 0xd9;
const ADOBE: u8 = 0xee;

/// Whether the image in the file comes to its end, which a decoder that fills up what isn't there doesn't
/// tell. A preview in the metadata has an end of its own, which doesn't count.
fn has_end(bytes: &[u8]) -> bool {
    Markers::of(bytes).any(|(marker, _)| marker == END_OF_IMAGE)
}

/// Whether Adobe's segment is there, from which it follows that the values of CMYK are inverted.
fn has_adobe_marker(bytes: &[u8]) -> bool {
    Markers::of(bytes).any(|(marker, content)| marker == ADOBE && content.starts_with(b"Adobe"))
}

/// The segments of a file: their markers and contents, as far as they go.
struct Markers<'a> {
    rest: &'a [u8],
}

impl<'a> Markers<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes.get(2..).unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            // In a scan, 0xff is data if a zero follows; elsewhere nothing but a marker should begin.
            let place = self.rest.iter().position(|&byte| byte == 0xff)?;
            let after = &self.rest[place + 1..];
            let padding = after.iter().take_while(|&&byte| byte == 0xff).count();
            let (&marker, after) = after.get(padding..)?.split_first()?;
            self.rest = after;
            match marker {
                // Data, a restart within a scan, or a marker of no meaning.
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                END_OF_IMAGE => return Some((marker, &[])),
                _ => {
                    let (length, _) = after.split_first_chunk::<2>()?;
                    let length = usize::from(u16::from_be_bytes(*length)).max(2);
                    let content = after.get(2..length)?;
                    self.rest = &after[length..];
                    return Some((marker, content));
                }
            }
        }
    }
}
