//! File names that look alike and aren't equal: `é` is one character in most names (NFC), and a letter
//! with an accent after it (NFD) in those that macOS has written.
//!
//! Which characters belong together isn't known here, only that some are made of others, so that such
//! names are shown to the user rather than paired.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Pairs of files that may have the same name.
pub(super) fn look_alike(a: &[PathBuf], b: &[PathBuf]) -> Vec<[PathBuf; 2]> {
    let mut by_outline: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
    for file in b {
        if let Some(outline) = outline(file) {
            by_outline.entry(outline).or_default().push(file);
        }
    }
    let partner = |file: &PathBuf| {
        let candidates = by_outline.get(&outline(file)?)?;
        // One of several would be a guess.
        let [other] = candidates.as_slice() else {
            return None;
        };
        (is_decomposed(file) != is_decomposed(other)).then(|| [file.clone(), (*other).clone()])
    };
    a.iter().filter_map(partner).collect()
}

/// The ASCII characters that are the same in both forms, with a mark for what lies between. None for
/// names in ASCII.
fn outline(file: &Path) -> Option<String> {
    const BETWEEN: char = '\0';
    let name = file.to_string_lossy();
    if name.is_ascii() {
        return None;
    }
    let mut outline = String::new();
    for c in name.chars() {
        if combines(c) && !outline.ends_with(BETWEEN) {
            // The letter below the accent.
            outline.pop();
        }
        if c.is_ascii() {
            outline.push(c);
        } else if !outline.ends_with(BETWEEN) {
            outline.push(BETWEEN);
        }
    }
    Some(outline)
}

fn is_decomposed(file: &Path) -> bool {
    file.to_string_lossy().chars().any(combines)
}

/// Accents of European letters, vowels and final consonants of Hangul, and voicing marks of kana.
fn combines(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1160}'..='\u{11ff}' | '\u{3099}' | '\u{309a}')
}
