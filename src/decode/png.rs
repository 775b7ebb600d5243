//! PNG files, by the crate that `image` reads them with, for what that doesn't tell: palettes with too few
//! colours, gamma, profiles, animations.

use std::io::{BufRead, ErrorKind, Seek};

use image::metadata::Orientation;
use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations};

use super::notes::{Note, color_space};
use super::samples::{Samples, indices_of};
use super::{Decoded, Fault, Largest};

/// For what isn't pixels: rows that are being decoded, and a colour profile. A larger one is left out.
const LARGEST_EXTRA: usize = 16 << 20;

/// Reads a PNG file.
pub(super) fn decode(file: impl BufRead + Seek, largest: Largest) -> Result<Decoded, Fault> {
    let too_large = || Fault::TooLarge(largest);
    let undecodable = |error| match error {
        DecodingError::LimitsExceeded => too_large(),
        // A file that ends too early is broken, not unreadable.
        DecodingError::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
            Fault::Unreadable(source)
        }
        error => Fault::Broken(format!("{}; take another copy", broken(&error))),
    };

    let mut decoder = decoder(file);
    let header = decoder.read_header_info().map_err(undecodable)?;
    let (height, width) = (header.height, header.width);
    let (color_type, bit_depth) = (header.color_type, header.bit_depth);
    let is_indexed = color_type == ColorType::Indexed;
    largest.check(height, width)?;
    // The decoder would take an index beyond the palette for black.
    decoder.set_transformations(if is_indexed {
        Transformations::IDENTITY
    } else {
        Transformations::EXPAND
    });
    let mut reader = decoder.read_info().map_err(undecodable)?;
    let size = reader.output_buffer_size().ok_or_else(too_large)?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(undecodable)?;
    // What stands behind the pixels, such as EXIF; whatever is wrong with it doesn't matter any more.
    let _ = reader.finish();
    let info = reader.info();
    let mut notes: Vec<Note> = color_space(info).into_iter().collect();
    if info.animation_control.is_some() {
        notes.push(Note::Animation);
    }
    if is_indexed {
        let rows = bytes.chunks_exact(frame.line_size);
        let indices = rows.flat_map(|row| indices_of(row, info.bit_depth as u32, width as usize));
        bytes = from_palette(indices, info).map_err(Fault::Broken)?;
    }
    let (color, depth) = match (is_indexed, &info.trns) {
        (true, None) => (ColorType::Rgb, BitDepth::Eight),
        (true, Some(_)) => (ColorType::Rgba, BitDepth::Eight),
        (false, _) => (frame.color_type, frame.bit_depth),
    };
    let samples = match depth {
        BitDepth::Sixteen => Samples::Words(bytes),
        _ => Samples::Bytes(bytes),
    };
    notes.extend(Note::of_levels(&samples));
    Ok(Decoded {
        height: height as usize,
        width: width as usize,
        channels: color.samples(),
        has_alpha: matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba),
        samples,
        mode: mode(color_type, bit_depth),
        orientation: orientation(info),
        profile: info.icc_profile.as_deref().map(<[u8]>::to_vec),
        notes,
    })
}

fn decoder<R: BufRead + Seek>(file: R) -> Decoder<R> {
    let limits = Limits {
        bytes: LARGEST_EXTRA,
    };
    let mut decoder = Decoder::new_with_limits(file, limits);
    // They may be large, and nobody reads them here.
    decoder.set_ignore_text_chunk(true);
    decoder
}

/// Height and width as they are in the file, and how to turn it.
pub(super) fn header(
    file: impl BufRead + Seek,
    largest: Largest,
) -> Result<([usize; 2], Orientation), Fault> {
    let broken = |error: DecodingError| Fault::Broken(broken(&error));
    let reader = decoder(file).read_info().map_err(broken)?;
    let info = reader.info();
    largest.check(info.height, info.width)?;
    let orientation = orientation(info);
    Ok(([info.height as usize, info.width as usize], orientation))
}

/// A tag that can't be understood doesn't matter. It may stand behind the pixels, where it counts only once
/// those are read.
fn orientation(info: &Info) -> Orientation {
    let exif = info.exif_metadata.as_deref();
    exif.and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms)
}

/// What a file's pixels are, by Pillow's names.
fn mode(color: ColorType, depth: BitDepth) -> &'static str {
    match (color, depth) {
        (ColorType::Grayscale, BitDepth::One) => "1",
        (ColorType::Grayscale, BitDepth::Sixteen) => "I;16",
        (ColorType::Grayscale, _) => "L",
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => "LA;16",
        (ColorType::GrayscaleAlpha, _) => "LA",
        (ColorType::Rgb, BitDepth::Sixteen) => "RGB;16",
        (ColorType::Rgb, _) => "RGB",
        (ColorType::Rgba, BitDepth::Sixteen) => "RGBA;16",
        (ColorType::Rgba, _) => "RGBA",
        (ColorType::Indexed, _) => "P",
    }
}

/// The colours of indices: red, green and blue, and alpha where the file has it for any colour.
fn from_palette(indices: impl Iterator<Item = u8>, info: &Info) -> Result<Vec<u8>, String> {
    const CHANNELS: usize = 3;
    let colors = info.palette.as_deref().unwrap_or_default();
    if colors.is_empty() {
        return Err("it has no palette; take another copy".to_owned());
    }
    let mut bytes = Vec::new();
    for index in indices {
        let start = usize::from(index) * CHANNELS;
        let Some(color) = colors.get(start..start + CHANNELS) else {
            return Err(format!(
                "a pixel has colour {index} of a palette of {}, counted from 0; take another copy",
                colors.len() / CHANNELS
            ));
        };
        bytes.extend(color);
        if let Some(alpha) = &info.trns {
            // It may be shorter than the palette, whose other colours are opaque.
            bytes.push(alpha.get(usize::from(index)).copied().unwrap_or(u8::MAX));
        }
    }
    Ok(bytes)
}

/// What is wrong with a PNG file, in words: the decoder's own are for those who write decoders, and its
/// errors can only be told apart by them.
fn broken(error: &DecodingError) -> String {
    const KNOWN: [(&str, &str); 8] = [
        (
            "CRC error",
            "a checksum is wrong, so that some bytes must have changed",
        ),
        ("Corrupt deflate stream", "its compressed data is damaged"),
        (
            "IDAT or fDAT chunk does not have enough",
            "it has too few pixels for its size",
        ),
        ("IDAT or fdAT chunk is missing", "it has no pixels"),
        ("Missing palette", "it has no palette"),
        ("Invalid image dimensions", "its height or width is 0"),
        ("Invalid filter method", "its compressed data is damaged"),
        ("Unexpected end", "it ends too early"),
    ];
    if let DecodingError::IoError(_) = error {
        return "it ends too early".to_owned();
    }
    let text = error.to_string();
    let known = KNOWN.iter().find(|(start, _)| text.starts_with(start));
    match known {
        Some((_, words)) => (*words).to_owned(),
        None => format!("it breaks the rules of PNG: {}", without_structs(&text)),
    }
}

/// `ChunkType { type: IDAT, critical: true, … }` as `IDAT`.
fn without_structs(text: &str) -> String {
    const START: &str = "ChunkType { type: ";
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(START) {
        let (inside, end) = after.split_once('}').unwrap_or((after, ""));
        words += before;
        words += inside.split(',').next().unwrap_or_default();
        rest = end;
    }
    (words + rest).trim_end_matches('.').to_owned()
}
