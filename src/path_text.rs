//! Paths as text, for JSON, TOML and messages, from which the path can be had again.
//!
//! On Unix a name is bytes, and needn't be UTF-8. A byte that isn't part of UTF-8 is written `\xff`. So
//! that nothing else reads like that, a backslash before `x` and two hexadecimal digits is written
//! `\x5c`. All other paths are their own text.

use std::ffi::OsStr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text that stands for a path, or for a part of one.
pub fn path_text(path: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in path.as_ref().as_encoded_bytes().utf8_chunks() {
        let mut valid = chunk.valid();
        while let Some(place) = valid.find('\\') {
            let (before, rest) = valid.split_at(place);
            text.push_str(before);
            // Windows separates folders by backslashes.
            let reads_as_escape = cfg!(unix) && escaped_byte(rest.as_bytes()).is_some();
            text.push_str(if reads_as_escape { r"\x5c" } else { r"\" });
            valid = &rest[1..];
        }
        text.push_str(valid);
        let escapes = chunk.invalid().iter();
        text.extend(escapes.map(|byte| format!(r"\x{byte:02x}")));
    }
    text
}

/// The path that a text stands for.
#[must_use]
pub fn text_path(text: &str) -> PathBuf {
    #[cfg(unix)]
    {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;
        let mut rest = text.as_bytes();
        let mut bytes = Vec::with_capacity(rest.len());
        while let [first, after @ ..] = rest {
            let escaped = escaped_byte(rest);
            bytes.push(escaped.unwrap_or(*first));
            rest = escaped.map_or(after, |_| &rest[ESCAPE_LENGTH..]);
        }
        OsString::from_vec(bytes).into()
    }
    #[cfg(not(unix))]
    text.into()
}

/// Bytes of an escape, such as `\xff`.
const ESCAPE_LENGTH: usize = 4;

/// The byte that the escape at the beginning of `text` stands for.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let digits = text.get(..ESCAPE_LENGTH)?.strip_prefix(br"\x")?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = 16 * digit(digits[0])? + digit(digits[1])?;
    u8::try_from(byte).ok()
}

/// Writes a setting that is a path, if it is set.
#[expect(clippy::ref_option, reason = "what serde passes")]
pub(crate) fn serialize<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_ref().map(path_text).serialize(serializer)
}

/// Reads a setting that is a path.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.as_deref().map(text_path))
}
