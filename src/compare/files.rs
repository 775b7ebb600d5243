//! Which files of two folders belong together: those with the same path below their folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::CompareError;
use super::names::{LookAlike, look_alike};

/// PNG files of two folders, as paths below their folder, sorted.
#[derive(Debug)]
pub struct Matches {
    /// In both.
    pub both: Vec<PathBuf>,
    /// Only in the first.
    pub only_a: Vec<PathBuf>,
    /// Only in the second.
    pub only_b: Vec<PathBuf>,
    /// Those of the first and of the second folder that may have the same name, in other characters.
    pub look_alike: Vec<LookAlike>,
    /// Folders that can't be looked through. What the other side has in the same place is in none of
    /// the lists above.
    pub unreadable: Vec<Unreadable>,
}

/// A folder within one of the two.
#[derive(Debug)]
pub struct Unreadable {
    /// Its path below the folder that is compared.
    pub folder: PathBuf,
    /// Its path.
    pub path: PathBuf,
    /// Why the system refused.
    pub source: io::Error,
}

impl Matches {
    /// Looks through both folders and the folders in them. Hidden entries, such as the `._…` files
    /// that some systems add, are left out, and links to folders aren't followed, since they can lead
    /// in circles.
    ///
    /// # Errors
    ///
    /// Where one of the two can't be read, or no file is in both.
    pub fn find(a: &Path, b: &Path) -> Result<Self, CompareError> {
        let mut unreadable = Vec::new();
        let mut in_a = png_files(a, &mut unreadable)?;
        let mut in_b = png_files(b, &mut unreadable)?;
        // What isn't known to be missing on the other side isn't called so.
        for files in [&mut in_a, &mut in_b] {
            files.retain(|file| !unreadable.iter().any(|it| file.starts_with(&it.folder)));
        }
        let only_a: Vec<PathBuf> = in_a.difference(&in_b).cloned().collect();
        let only_b: Vec<PathBuf> = in_b.difference(&in_a).cloned().collect();
        let matches = Self {
            both: in_a.intersection(&in_b).cloned().collect(),
            look_alike: look_alike(&only_a, &only_b),
            only_a,
            only_b,
            unreadable,
        };
        if matches.both.is_empty() && matches.unreadable.is_empty() {
            return Err(CompareError::NoPairs {
                a: a.to_owned(),
                files_in_a: in_a.len(),
                b: b.to_owned(),
                files_in_b: in_b.len(),
                look_alike: matches.look_alike.first().map(|files| files.difference),
            });
        }
        Ok(matches)
    }
}

/// The PNG files below `root`, and the folders there that can't be read, `root` itself apart.
fn png_files(
    root: &Path,
    unreadable: &mut Vec<Unreadable>,
) -> Result<BTreeSet<PathBuf>, CompareError> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        match png_files_in(root, &folder) {
            Ok((here, below)) => {
                files.extend(here);
                folders.extend(below);
            }
            Err(source) if folder.as_os_str().is_empty() => {
                return Err(CompareError::Unreadable {
                    path: root.to_owned(),
                    source,
                });
            }
            Err(source) => unreadable.push(Unreadable {
                path: root.join(&folder),
                folder,
                source,
            }),
        }
    }
    Ok(files)
}

/// The PNG files in a folder below `root`, and the folders in it.
fn png_files_in(root: &Path, folder: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = folder.join(entry.file_name());
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            folders.push(name);
        } else if is_png(&name) && leads_to_file(&entry.path()) {
            files.push(name);
        }
    }
    Ok((files, folders))
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
