//! The formats that are read, told by a file's content. A name's extension only says which files are meant
//! to be images.

use std::path::Path;

/// A format of image files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics
    Png,
    /// JFIF and EXIF
    Jpeg,
    /// WebP, lossy and lossless
    WebP,
    /// Windows bitmap
    Bmp,
    /// Graphics Interchange Format
    Gif,
    /// Tag Image File Format
    Tiff,
    /// PBM, PGM, PPM, PAM
    Pnm,
    /// Quite OK Image
    Qoi,
}

impl Format {
    /// Extensions of names, in lower case.
    const EXTENSIONS: [(&str, Self); 17] = [
        ("png", Self::Png),
        ("apng", Self::Png),
        ("jpg", Self::Jpeg),
        ("jpeg", Self::Jpeg),
        ("jpe", Self::Jpeg),
        ("jfif", Self::Jpeg),
        ("webp", Self::WebP),
        ("bmp", Self::Bmp),
        ("dib", Self::Bmp),
        ("gif", Self::Gif),
        ("tif", Self::Tiff),
        ("tiff", Self::Tiff),
        ("pbm", Self::Pnm),
        ("pgm", Self::Pnm),
        ("ppm", Self::Pnm),
        ("pam", Self::Pnm),
        ("qoi", Self::Qoi),
    ];

    /// The name of a format, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
            Self::Qoi => "QOI",
        }
    }

    /// The format of a file that begins like this. Where a signature is so short that texts begin with it,
    /// what follows must fit, too.
    #[must_use]
    pub fn of_content(start: &[u8]) -> Option<Self> {
        /// Sizes of a BMP file's second header, which tell its version.
        const BMP_HEADERS: [u8; 7] = [12, 16, 40, 52, 56, 108, 124];
        let at = |place: usize| start.get(place).copied();
        match start {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            [b'q', b'o', b'i', b'f', ..] => Some(Self::Qoi),
            [b'B', b'M', ..] => {
                let has_header = at(14).is_some_and(|size| BMP_HEADERS.contains(&size));
                let is_small = start.get(15..18).is_some_and(|bytes| bytes == [0; 3]);
                (has_header && is_small).then_some(Self::Bmp)
            }
            [b'P', b'1'..=b'7', space, next, ..] => {
                let is_header = space.is_ascii_whitespace()
                    && (next.is_ascii_digit()
                        || next.is_ascii_whitespace()
                        || matches!(next, b'#' | b'W' | b'H'));
                is_header.then_some(Self::Pnm)
            }
            _ => None,
        }
    }

    /// The format that a name promises, in whatever case.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let mut known = Self::EXTENSIONS.iter();
        known
            .find(|(known, _)| *known == extension)
            .map(|(_, format)| *format)
    }
}
