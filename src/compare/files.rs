//! Which files of two folders belong together: those with the same path below their folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::CompareError;

/// PNG files of two folders, as paths below their folder, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    /// In both.
    pub both: Vec<PathBuf>,
    /// Only in the first.
    pub only_a: Vec<PathBuf>,
    /// Only in the second.
    pub only_b: Vec<PathBuf>,
}

impl Matches {
    /// Looks through both folders and the folders in them. Hidden entries, such as the `._…` files
    /// that some systems add, are left out, and links to folders aren't followed, since they can lead
    /// in circles.
    ///
    /// # Errors
    ///
    /// Where a folder can't be read, or no file is in both.
    pub fn find(a: &Path, b: &Path) -> Result<Self, CompareError> {
        let (in_a, in_b) = (png_files(a)?, png_files(b)?);
        let matches = Self {
            both: in_a.intersection(&in_b).cloned().collect(),
            only_a: in_a.difference(&in_b).cloned().collect(),
            only_b: in_b.difference(&in_a).cloned().collect(),
        };
        if matches.both.is_empty() {
            return Err(CompareError::NoPairs {
                a: a.to_owned(),
                files_in_a: in_a.len(),
                b: b.to_owned(),
                files_in_b: in_b.len(),
            });
        }
        Ok(matches)
    }
}

fn png_files(root: &Path) -> Result<BTreeSet<PathBuf>, CompareError> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let unreadable = |source| CompareError::Unreadable {
            path: path.clone(),
            source,
        };
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = folder.join(entry.file_name());
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(name);
            } else if is_png(&name) && leads_to_file(&entry.path()) {
                files.insert(name);
            }
        }
    }
    Ok(files)
}

fn is_png(name: &Path) -> bool {
    name.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}

/// False for links to folders, pipes and the like. A broken link counts as a file, which will be
/// reported as one that can't be read.
fn leads_to_file(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}
