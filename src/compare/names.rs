//! File names that look alike and aren't equal: `é` is one character in most names (NFC), and a letter
//! with an accent after it (NFD) in those that macOS has written.
//!
//! Which characters belong together isn't known here, only that some are made of others, so that such
//! names are shown to the user rather than paired. So are those that differ in upper and lower case.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file of either folder that may have the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAlike {
    /// In the first folder.
    pub a: PathBuf,
    /// In the second.
    pub b: PathBuf,
    /// In what the names differ.
    pub difference: Difference,
}

/// In what names differ that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// NFC and NFD.
    Accents,
    /// Upper and lower case.
    Case,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accents => {
                "accents are characters of their own on one side only (NFC and NFD). Rename the files, \
                 such as by `convmv`"
            }
            Self::Case => "upper and lower case differ. Rename the files",
        })
    }
}

/// Pairs of files that may have the same name.
pub(super) fn look_alike(a: &[PathBuf], b: &[PathBuf]) -> Vec<LookAlike> {
    let in_lower_case = |file: &Path| file.to_str().map(str::to_lowercase);
    let are_composed_otherwise = |a: &Path, b: &Path| is_decomposed(a) != is_decomposed(b);
    let by_accents =
        pairs(a, b, outline, are_composed_otherwise).map(|pair| (pair, Difference::Accents));
    let by_case = pairs(a, b, in_lower_case, |_, _| true).map(|pair| (pair, Difference::Case));
    let named = |([a, b], difference): ([&PathBuf; 2], _)| LookAlike {
        a: a.clone(),
        b: b.clone(),
        difference,
    };
    by_accents.chain(by_case).map(named).collect()
}

/// The files for which `key` is the same and for which `differ` is true.
fn pairs<'a>(
    a: &'a [PathBuf],
    b: &'a [PathBuf],
    key: impl Fn(&Path) -> Option<String>,
    differ: impl Fn(&Path, &Path) -> bool,
) -> impl Iterator<Item = [&'a PathBuf; 2]> {
    let mut by_key: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
    for file in b {
        if let Some(key) = key(file) {
            by_key.entry(key).or_default().push(file);
        }
    }
    a.iter().filter_map(move |file| {
        let candidates = by_key.get(&key(file)?)?;
        // One of several would be a guess.
        let &[other] = candidates.as_slice() else {
            return None;
        };
        differ(file, other).then_some([file, other])
    })
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
