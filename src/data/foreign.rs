//! What a file is that isn't the IDX file that its name promises, by its first bytes.

/// So many of a file's first bytes tell what it is.
pub(super) const HEAD: usize = 512;

/// What the file with this `head` is, and what to do about it, as in "it is …: …"; none where it can't
/// be told.
pub(super) fn name(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it, and put the file that is in it into its place";
    const MAGICS: [(&[u8], &str, &str); 8] = [
        (b"PK\x03\x04", "a zip archive", UNPACK),
        (b"BZh", "compressed by bzip2", UNPACK),
        (b"\xfd7zXZ\0", "compressed by xz", UNPACK),
        (b"\x28\xb5\x2f\xfd", "compressed by zstd", UNPACK),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
        (b"\x1f\x8b", "compressed by gzip twice", UNPACK),
        (
            b"version https://git-lfs.github.com/spec/",
            "a pointer of Git LFS, which stands for the file",
            "fetch the file itself with `git lfs pull`",
        ),
        (
            b"\x93NUMPY",
            "an array of NumPy",
            "take the data set's IDX file instead",
        ),
    ];
    let known = MAGICS.iter().find(|(magic, ..)| head.starts_with(magic));
    if let Some((_, what, remedy)) = known {
        return Some((what, remedy));
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let start: String = text.chars().take(14).collect();
    let is_html = ["<!doctype html", "<html", "<head", "<?xml"]
        .iter()
        .any(|tag| start.to_ascii_lowercase().starts_with(tag));
    is_html.then_some((
        "a web page (HTML or XML)",
        "download the file itself, which may need you to log in",
    ))
}
