//! What a file is that isn't the image that it should be, by how it begins.

/// So many of a file's first bytes tell.
pub const HEAD: usize = 64;

/// What is wrong, and what to do, as the end of a sentence; none where it can't be told.
#[must_use]
pub fn describe(start: &[u8]) -> Option<&'static str> {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    /// Where what is, and what a file is then.
    const KNOWN: [(usize, &[u8], &str); 23] = [
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
        (0, b"II+\0", "it's a BigTIFF image; convert it to PNG"),
        (0, b"MM\0+", "it's a BigTIFF image; convert it to PNG"),
        (8, b"WEBP", "it's a WebP image; convert it to PNG"),
        (
            4,
            b"ftyp",
            "it's an AVIF or HEIC image, or a film; convert it to PNG",
        ),
        (
            0,
            b"\0\0\0\x0cJXL ",
            "it's a JPEG XL image; convert it to PNG",
        ),
        (0, b"\xff\x0a", "it's a JPEG XL image; convert it to PNG"),
        (
            0,
            b"\0\0\0\x0cjP  ",
            "it's a JPEG 2000 image; convert it to PNG",
        ),
        (0, b"8BPS", "it's a Photoshop document; convert it to PNG"),
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
    if start.is_empty() {
        return Some("it's empty; take another copy");
    }
    if PNG.starts_with(start) {
        return Some("it ends too early; take another copy");
    }
    let is_here = |(place, signature, _): &&(usize, &[u8], _)| {
        let start = start.get(*place..);
        start.is_some_and(|start| start.starts_with(signature))
    };
    KNOWN.iter().find(is_here).map(|(_, _, words)| *words)
}
