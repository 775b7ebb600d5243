//! The files that a command writes for images: under names of their own, and over nothing that is there.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::table::printable;
use crate::path_text::path_text;
use crate::run::{check_output, write_output_with};
use crate::words::count;

/// Where each of some images is written below a folder, as PNG: `a/b.jpg` to `a/b.png`, and where others would be
/// there as well, all of them under their full names, as `a/b.jpg.png`, with a number if that isn't enough.
/// Letter case doesn't count, since it doesn't on every disk. Of absolute paths, the folder that all are in is left
/// out.
pub(super) fn png_paths<'a>(
    folder: &Path,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Vec<PathBuf> {
    let is_absolute = names.clone().any(|name| Path::new(name).has_root());
    let inners = names.enumerate().map(|(row, name)| inner(name, row));
    let mut names: Vec<PathBuf> = inners.collect();
    if is_absolute {
        strip_common(&mut names);
    }
    let short = |name: &Path| name.with_extension("png");
    let mut uses: HashMap<String, usize> = HashMap::new();
    for name in &names {
        *uses.entry(key(&short(name))).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let mut choose = |name: &PathBuf| {
        let first = short(name);
        if uses[&key(&first)] == 1 && taken.insert(key(&first)) {
            return first;
        }
        let numbered = (1..).map(|number| {
            let mut full = name.clone().into_os_string();
            if number > 1 {
                full.push(format!("-{number}"));
            }
            full.push(".png");
            PathBuf::from(full)
        });
        let mut free = numbered.filter(|path| taken.insert(key(path)));
        free.next().expect("there are more numbers than images")
    };
    names.iter().map(|name| folder.join(choose(name))).collect()
}

/// Leaves out the folder that all of some files are in.
fn strip_common(names: &mut [PathBuf]) {
    let folders = names.iter().filter_map(|name| name.parent());
    let common = folders.map(Path::to_owned).reduce(|a, b| {
        let pairs = a.components().zip(b.components());
        let same = pairs.take_while(|(a, b)| a == b);
        same.map(|(part, _)| part).collect()
    });
    for name in names {
        if let Some(rest) = common
            .as_ref()
            .and_then(|common| name.strip_prefix(common).ok())
        {
            *name = rest.to_owned();
        }
    }
}

fn key(path: &Path) -> String {
    path_text(path).to_lowercase()
}

/// The part of a path that can be below another folder; the image's number, if there is none.
fn inner(name: &str, row: usize) -> PathBuf {
    let parts = Path::new(name).components();
    let normal = parts.filter(|part| matches!(part, Component::Normal(_)));
    let path: PathBuf = normal.collect();
    if path.as_os_str().is_empty() {
        PathBuf::from(format!("{row:06}"))
    } else {
        path
    }
}

/// Refuses to write over what is there, unless it's meant; and in any case over what is read, one output over
/// another, and where nothing may be written: before the work is done, not after it.
pub(super) fn check<'a>(
    outputs: impl Iterator<Item = &'a Path> + Clone,
    inputs: &HashSet<PathBuf>,
    force: bool,
) -> anyhow::Result<()> {
    let mut existing: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for path in outputs.clone() {
        let shown = || printable(&path_text(path));
        if !seen.insert(key(path)) {
            bail!("{} would be written twice: name another place", shown());
        }
        if let Ok(real) = fs::canonicalize(path)
            && inputs.contains(&real)
        {
            bail!("{} is a file that is read: name another place", shown());
        }
        // A pipe or a device is written to, and stays what it is.
        let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
        if path.symlink_metadata().is_ok() && !is_special {
            existing.push(path_text(path));
        }
    }
    if let [first, rest @ ..] = existing.as_slice()
        && !force
    {
        let more = match rest.len() {
            0 => String::new(),
            more => format!(", and {} more", count(more, "file")),
        };
        bail!(
            "{} exists already{more}: name another place, or replace it by --force",
            printable(first)
        )
    }
    // Of many new files in a folder, one tells of all.
    let mut folders = HashSet::new();
    for path in outputs {
        if path.exists() || folders.insert(path.parent()) {
            check_output(path)?;
        }
    }
    Ok(())
}

/// Makes the content of a temporary file, from its beginning, that of an output.
pub(super) fn write_from(path: &Path, file: &mut File) -> anyhow::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    write_output_with(path, &mut |mut output| {
        io::copy(file, &mut output).map(|_| ())
    })?;
    Ok(())
}

/// As a path in an error.
pub(super) fn shown(path: &Path) -> String {
    printable(&path_text(path))
}

/// Makes the folder that a file is to be in.
pub(super) fn make_folder_of(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder)
        .with_context(|| format!("can't make the folder {}", printable(&path_text(folder))))
}
