//! PNG files as samples, and in words why a file isn't one.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek};
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations};

use super::CompareError;
use super::notes::{Note, color_space};
use super::samples::Samples;

/// The largest height and width. It bounds, with [`LARGEST_AREA`], the memory that a small file can
/// ask for: a PNG of a few kilobytes may claim any size.
const LARGEST_SIDE: u32 = 16_384;
/// The most pixels: 256 MiB a plane in f32.
const LARGEST_AREA: u64 = 1 << 26;
/// For what isn't pixels: rows that are being decoded, and a colour profile. A larger one is left out.
const LARGEST_EXTRA: usize = 16 << 20;

/// Samples of an image as they are in the file, with palettes and depths below 8 bits expanded.
pub(super) struct Decoded {
    pub height: usize,
    pub width: usize,
    /// Samples of a pixel.
    pub channels: usize,
    pub has_alpha: bool,
    pub samples: Samples,
    pub notes: Vec<Note>,
}

/// Reads a file.
pub(super) fn decode(path: &Path) -> Result<Decoded, CompareError> {
    let unreadable = |source| CompareError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let not_png = |why: String| CompareError::NotPng {
        path: path.to_owned(),
        why,
    };
    let too_large = || CompareError::TooLarge {
        path: path.to_owned(),
        largest_side: LARGEST_SIDE,
        largest_area: LARGEST_AREA,
    };
    let undecodable = |error| match error {
        DecodingError::LimitsExceeded => too_large(),
        // A file that ends too early is broken, not unreadable.
        DecodingError::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
            unreadable(source)
        }
        error => not_png(format!("{}; take another copy", broken(&error))),
    };

    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    if let Some(other) = other_format(&mut file).map_err(unreadable)? {
        return Err(not_png(other.to_owned()));
    }
    let limits = Limits {
        bytes: LARGEST_EXTRA,
    };
    let mut decoder = Decoder::new_with_limits(file, limits);
    // They may be large, and nobody reads them here.
    decoder.set_ignore_text_chunk(true);
    let header = decoder.read_header_info().map_err(undecodable)?;
    let (height, width) = (header.height, header.width);
    let is_indexed = header.color_type == ColorType::Indexed;
    if height.max(width) > LARGEST_SIDE || u64::from(height) * u64::from(width) > LARGEST_AREA {
        return Err(too_large());
    }
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
    let info = reader.info();
    let mut notes: Vec<Note> = color_space(info).into_iter().collect();
    if info.animation_control.is_some() {
        notes.push(Note::Animation);
    }
    if is_indexed {
        let rows = bytes.chunks_exact(frame.line_size);
        let indices = rows.flat_map(|row| indices(row, info.bit_depth, width as usize));
        bytes = from_palette(indices, info).map_err(not_png)?;
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
        notes,
    })
}

/// The indices of a row, of which a byte holds several where they are short.
fn indices(row: &[u8], depth: BitDepth, width: usize) -> impl Iterator<Item = u8> {
    let bits = depth as u32;
    let in_byte = move |byte: &u8| {
        let byte = *byte;
        let shifts = (0..8 / bits).rev().map(move |place| place * bits);
        shifts.map(move |shift| (byte >> shift) & (u8::MAX >> (8 - bits)))
    };
    row.iter().flat_map(in_byte).take(width)
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

/// What a file is instead, if that can be told from how it begins.
fn other_format(file: &mut (impl Read + Seek)) -> io::Result<Option<&'static str>> {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const LONGEST: u64 = 64;
    /// Where what is, and what a file is then.
    const OTHERS: [(usize, &[u8], &str); 17] = [
        (
            0,
            b"\x89PNG",
            "its line ends were changed, as in a transfer of text; take another copy",
        ),
        (0, b"\xff\xd8\xff", "it's a JPEG image; convert it to PNG"),
        (0, b"GIF8", "it's a GIF image; convert it to PNG"),
        (0, b"BM", "it's a BMP image; convert it to PNG"),
        (0, b"II*\0", "it's a TIFF image; convert it to PNG"),
        (0, b"MM\0*", "it's a TIFF image; convert it to PNG"),
        (8, b"WEBP", "it's a WebP image; convert it to PNG"),
        (
            4,
            b"ftyp",
            "it's an AVIF or HEIC image, or a film; convert it to PNG",
        ),
        (0, b"P2", "it's a PGM image; convert it to PNG"),
        (0, b"P3", "it's a PPM image; convert it to PNG"),
        (0, b"P5", "it's a PGM image; convert it to PNG"),
        (0, b"P6", "it's a PPM image; convert it to PNG"),
        (
            0,
            b"<",
            "it's HTML or XML, such as a page with an error; take another copy",
        ),
        (
            0,
            b"version https://git-lfs",
            "it's a pointer of Git LFS; `git lfs pull` fetches the image",
        ),
        (0, b"PK\x03\x04", "it's a zip archive; unpack it"),
        (0, b"\x1f\x8b", "it's compressed with gzip; unpack it"),
        (0, b"%PDF", "it's a PDF file; convert it to PNG"),
    ];
    let mut start = Vec::new();
    file.by_ref().take(LONGEST).read_to_end(&mut start)?;
    file.rewind()?;
    if start.starts_with(PNG) {
        return Ok(None);
    }
    if start.is_empty() {
        return Ok(Some("it's empty; take another copy"));
    }
    if PNG.starts_with(&start) {
        return Ok(Some("it ends too early; take another copy"));
    }
    let is_here = |(place, signature, _): &&(usize, &[u8], _)| {
        start
            .get(*place..)
            .is_some_and(|start| start.starts_with(signature))
    };
    let known = OTHERS.iter().find(is_here).map(|(_, _, words)| *words);
    Ok(known.or(Some(
        "it doesn't begin as PNG files do; convert it to PNG, or take another copy",
    )))
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
