//! The files that a command writes for images: under their own names, where they don't collide.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::table::printable;
use crate::path_text::path_text;

/// Where each of some images is written below a folder, as PNG: `a/b.jpg` to `a/b.png`, and where others would be
/// there as well, all of them under their full names, as `a/b.jpg.png`.
pub(super) fn png_paths<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let names: Vec<PathBuf> = names.map(inner).collect();
    let short: Vec<PathBuf> = names
        .iter()
        .map(|name| name.with_extension("png"))
        .collect();
    let key = |path: &Path| path_text(path).to_lowercase();
    let mut uses: HashMap<String, usize> = HashMap::new();
    for path in &short {
        *uses.entry(key(path)).or_default() += 1;
    }
    let chosen = names.iter().zip(&short).map(|(name, short)| {
        if uses[&key(short)] == 1 {
            return short.clone();
        }
        let mut full = name.clone().into_os_string();
        full.push(".png");
        PathBuf::from(full)
    });
    chosen.map(|path| folder.join(path)).collect()
}

/// The part of a path that can be below another folder.
fn inner(name: &str) -> PathBuf {
    let parts = name
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."));
    parts.collect()
}

/// Refuses to write over what is there, unless it's meant.
pub(super) fn check_new<'a>(
    paths: impl Iterator<Item = &'a Path>,
    force: bool,
) -> anyhow::Result<()> {
    if force {
        return Ok(());
    }
    let existing: Vec<String> = paths
        .filter(|path| path.symlink_metadata().is_ok())
        .map(path_text)
        .collect();
    match existing.as_slice() {
        [] => Ok(()),
        [first, rest @ ..] => {
            let more = match rest.len() {
                0 => String::new(),
                more => format!(", and so do {more} others"),
            };
            bail!(
                "{} exists already{more}: name another place, or replace it by --force",
                printable(first)
            )
        }
    }
}

/// Makes the folder that a file is to be in.
pub(super) fn make_folder_of(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder)
        .with_context(|| format!("can't make the folder {}", printable(&path_text(folder))))
}
