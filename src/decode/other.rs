//! WebP, BMP, GIF, TIFF, PNM and QOI, by the crate `image`.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::pnm::PnmDecoder;
use image::codecs::qoi::QoiDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::error::{ImageError, UnsupportedErrorKind};
use image::metadata::Orientation;
use image::{AnimationDecoder, ColorType, ExtendedColorType, ImageDecoder, Limits};

use super::notes::Note;
use super::samples::Samples;
use super::tiff::{self, Directory};
use super::{Decoded, Fault, Format, Largest};

/// Reads a file of one of those formats.
pub(super) fn decode(bytes: &[u8], format: Format, largest: Largest) -> Result<Decoded, Fault> {
    let file = Cursor::new(bytes);
    let faulty = |error: ImageError| fault(format, &error, largest);
    match format {
        Format::WebP => {
            check_length(bytes)?;
            let file = WebPDecoder::new(file).map_err(faulty)?;
            let is_animated = file.has_animation();
            let mut decoded = read(file, format, largest)?;
            decoded.notes.extend(is_animated.then_some(Note::Animation));
            Ok(decoded)
        }
        Format::Gif => {
            let mut decoded = read(GifDecoder::new(file).map_err(faulty)?, format, largest)?;
            decoded.mode = "P";
            let frames = GifDecoder::new(Cursor::new(bytes)).map_err(faulty)?;
            if frames.into_frames().nth(1).is_some() {
                decoded.notes.push(Note::Animation);
            }
            Ok(decoded)
        }
        Format::Tiff => {
            let directory = Directory::of(bytes);
            let mut decoded = match directory.as_ref().and_then(Directory::indices) {
                Some(indices) => {
                    palette_header(&indices, largest)?;
                    tiff::decode(&indices, largest).map_err(faulty)?
                }
                None => read(TiffDecoder::new(file).map_err(faulty)?, format, largest)?,
            };
            let has_pages = directory.is_some_and(|directory| directory.has_next());
            decoded.notes.extend(has_pages.then_some(Note::Pages));
            Ok(decoded)
        }
        Format::Bmp => read(BmpDecoder::new(file).map_err(faulty)?, format, largest),
        Format::Pnm => read(PnmDecoder::new(file).map_err(faulty)?, format, largest),
        Format::Qoi => read(QoiDecoder::new(file).map_err(faulty)?, format, largest),
        Format::Png | Format::Jpeg => unreachable!("they have modules of their own"),
    }
}

/// Refuses a WebP file that has fewer bytes than it says: its decoder makes up what is missing.
fn check_length(bytes: &[u8]) -> Result<(), Fault> {
    /// A signature and the length of what follows.
    const HEADER: usize = 8;
    let length = bytes
        .get(4..HEADER)
        .and_then(|length| length.try_into().ok());
    let length = length.map_or(usize::MAX, |length| u32::from_le_bytes(length) as usize);
    if bytes.len() < HEADER.saturating_add(length) {
        return Err(Fault::Broken(
            "it ends too early; take another copy".to_owned(),
        ));
    }
    Ok(())
}

/// Height and width as they are in the file, and how to turn it.
pub(super) fn header(
    bytes: &[u8],
    format: Format,
    largest: Largest,
) -> Result<([usize; 2], Orientation), Fault> {
    let file = Cursor::new(bytes);
    let faulty = |error: ImageError| fault(format, &error, largest);
    match format {
        Format::WebP => size(WebPDecoder::new(file).map_err(faulty)?, largest),
        Format::Bmp => size(BmpDecoder::new(file).map_err(faulty)?, largest),
        Format::Gif => size(GifDecoder::new(file).map_err(faulty)?, largest),
        Format::Tiff => match Directory::of(bytes).as_ref().and_then(Directory::indices) {
            Some(indices) => palette_header(&indices, largest),
            None => size(TiffDecoder::new(file).map_err(faulty)?, largest),
        },
        Format::Pnm => size(PnmDecoder::new(file).map_err(faulty)?, largest),
        Format::Qoi => size(QoiDecoder::new(file).map_err(faulty)?, largest),
        Format::Png | Format::Jpeg => unreachable!("they have modules of their own"),
    }
}

fn palette_header(indices: &[u8], largest: Largest) -> Result<([usize; 2], Orientation), Fault> {
    let header = tiff::header(indices).map_err(|error| fault(Format::Tiff, &error, largest));
    let ([height, width], orientation) = header?;
    largest.check(height, width)?;
    Ok(([height as usize, width as usize], orientation))
}

fn size(
    mut decoder: impl ImageDecoder,
    largest: Largest,
) -> Result<([usize; 2], Orientation), Fault> {
    let (width, height) = decoder.dimensions();
    largest.check(height, width)?;
    Ok(([height as usize, width as usize], orientation(&mut decoder)))
}

/// A tag that can't be understood doesn't matter.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn read(
    mut decoder: impl ImageDecoder,
    format: Format,
    largest: Largest,
) -> Result<Decoded, Fault> {
    let faulty = |error: ImageError| fault(format, &error, largest);
    let (width, height) = decoder.dimensions();
    largest.check(height, width)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(largest.bytes());
    decoder.set_limits(limits).map_err(faulty)?;
    let color = decoder.color_type();
    let original = decoder.original_color_type();
    if matches!(color, ColorType::Rgb32F | ColorType::Rgba32F) {
        return Err(Fault::Broken(
            "its values are floating-point numbers of an unknown range; save it with 8 or 16 bits"
                .to_owned(),
        ));
    }
    let orientation = orientation(&mut decoder);
    let is_cmyk = matches!(
        original,
        ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16
    );
    // A profile of CMYK has been left behind with those values, and a broken one is none.
    let profile = decoder.icc_profile().ok().flatten().filter(|_| !is_cmyk);
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| Fault::TooLarge(largest))?;
    let mut pixels = vec![0; length];
    decoder.read_image(&mut pixels).map_err(faulty)?;
    let samples = match color {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            for word in pixels.as_chunks_mut().0 {
                *word = u16::from_ne_bytes(*word).to_be_bytes();
            }
            Samples::Words(pixels)
        }
        _ => Samples::Bytes(pixels),
    };
    let mut notes: Vec<Note> = Note::of_levels(&samples).into_iter().collect();
    notes.extend(Note::of_profile(profile.as_deref()));
    Ok(Decoded {
        height: height as usize,
        width: width as usize,
        channels: usize::from(color.channel_count()),
        has_alpha: color.has_alpha(),
        samples,
        mode: mode(color, original),
        orientation,
        profile,
        notes,
    })
}

/// What a file's pixels are, by Pillow's names.
fn mode(color: ColorType, original: ExtendedColorType) -> &'static str {
    match original {
        ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16 => return "CMYK",
        ExtendedColorType::L1 => return "1",
        _ => {}
    }
    match color {
        ColorType::L8 => "L",
        ColorType::La8 => "LA",
        ColorType::Rgba8 => "RGBA",
        ColorType::L16 => "I;16",
        ColorType::La16 => "LA;16",
        ColorType::Rgb16 => "RGB;16",
        ColorType::Rgba16 => "RGBA;16",
        _ => "RGB",
    }
}

fn fault(format: Format, error: &ImageError, largest: Largest) -> Fault {
    let name = format.name();
    let why = match error {
        ImageError::Limits(_) => return Fault::TooLarge(largest),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it ends too early; take another copy".to_owned()
        }
        ImageError::Unsupported(error) => {
            let what = match error.kind() {
                UnsupportedErrorKind::Color(color) => format!("pixels of the kind {color:?}"),
                _ => error.to_string(),
            };
            format!("it is {name} of a kind that isn't read ({what}); convert it to PNG")
        }
        error => {
            let text = crate::error::with_causes(error);
            let text = text.trim_end_matches('.');
            format!("it breaks the rules of {name}: {text}; take another copy")
        }
    };
    Fault::Broken(why)
}
