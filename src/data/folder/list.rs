//! Which files of a folder are images, and what their places say of them.
//!
//! ```text
//! photos/a.jpg                      no classes
//! photos/cat/1.jpg                  a class for each folder; what is nested deeper belongs to the first one
//! photos/train/cat/1.jpg, test/…    the split, and classes or none below it
//! ```
//!
//! Hidden entries and what systems leave behind are passed over; links are followed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::part::Part;
use crate::decode::{Format, HEAD};
use crate::own_files::is_of_run_or_sweep;
use crate::path_text::path_text;
use crate::words::first_few;

/// A file that is an image, or should be one.
#[derive(Clone, Debug)]
pub(in crate::data) struct Listed {
    /// Below the folder, as text with `/` (see [`path_text`]).
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Its class, by name.
    pub class: Option<String>,
    /// Its part, where folders are the split.
    pub part: Option<Part>,
    /// Why it can't be read, as far as that is known.
    pub fault: Option<String>,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug)]
pub(in crate::data) enum Place {
    Path(PathBuf),
    Memory(Arc<[u8]>),
}

impl Listed {
    /// A file that was named itself.
    pub fn file(name: String, path: PathBuf) -> Self {
        Self {
            name,
            place: Place::Path(path),
            class: None,
            part: None,
            fault: None,
        }
    }
}

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct Listing {
    /// Sorted by name, code point by code point.
    pub files: Vec<Listed>,
    /// Other files, by their extensions in lower case, hidden ones as `hidden`.
    pub ignored: BTreeMap<String, usize>,
    /// What should be said of it.
    pub warnings: Vec<String>,
    /// Why folders are no classes, if they might have been; of no matter where a table names the classes.
    pub classless: Option<String>,
}

/// Looks through `root`.
///
/// # Errors
///
/// Where `root` can't be listed. A folder in it that can't be is one file that can't be read.
pub(in crate::data) fn list(root: &Path) -> io::Result<Listing> {
    let mut walk = Walk::default();
    walk.folder(root, &mut Vec::new())?;
    Ok(walk.listing())
}

/// The same of files in memory, by their paths with `/`. Those of a path that was there before get a number.
pub(in crate::data) fn list_files(files: Vec<(String, Vec<u8>)>) -> Listing {
    let mut walk = Walk::default();
    let mut taken = HashSet::new();
    for (name, bytes) in files {
        let mut numbered = (1..).map(|number| match name.rsplit_once('.') {
            _ if number == 1 => name.clone(),
            Some((stem, extension)) if !extension.contains('/') => {
                format!("{stem} ({number}).{extension}")
            }
            _ => format!("{name} ({number})"),
        });
        let name = numbered.find(|name| taken.insert(name.clone()));
        let name = name.expect("there are more numbers than files");
        let names: Vec<String> = name.split('/').map(str::to_owned).collect();
        walk.in_memory(names, bytes);
    }
    walk.listing()
}

impl Walk {
    /// What was found, with what its places say.
    fn listing(self) -> Listing {
        let Walk {
            found,
            ignored,
            mut warnings,
            folders,
            with_runs,
            ..
        } = self;
        let parts = parts(&folders);
        let may_be_classes = folders.difference(&with_runs).cloned().collect();
        let mut files = Vec::with_capacity(found.len());
        let mut beside = BTreeMap::<String, usize>::new();
        let mut classless = 0;
        let mut classes = BTreeSet::new();
        for Found {
            names,
            place,
            fault,
        } in found
        {
            let part = if parts.is_empty() {
                None
            } else {
                let Some(part) = names.first().and_then(|name| parts.get(name)) else {
                    *beside.entry(names[0].clone()).or_default() += 1;
                    continue;
                };
                Some(*part)
            };
            // Below the folder of its part.
            let inner = &names[usize::from(part.is_some())..];
            let class = (inner.len() > 1).then(|| inner[0].clone());
            if fault.is_none() {
                match &class {
                    Some(class) => {
                        classes.insert(class.clone());
                    }
                    None => classless += 1,
                }
            }
            files.push(Listed {
                name: names.join("/"),
                place,
                class,
                part,
                fault,
            });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        if !beside.is_empty() {
            let names: Vec<String> = beside
                .iter()
                .map(|(name, images)| format!("{name} ({images})"))
                .collect();
            warnings.push(format!(
                "folders are the split here ({}), and what lies beside them is left out: {}",
                parts.keys().cloned().collect::<Vec<_>>().join(", "),
                first_few(&names)
            ));
        }
        let is_classless = classless > 0 && !classes.is_empty();
        let classless = is_classless.then(|| {
            format!(
                "{classless} of the images lie beside the folders {}, so that folders can't be classes: the images \
                 have none",
                first_few(&classes.iter().cloned().collect::<Vec<_>>())
            )
        });
        if is_classless {
            for file in &mut files {
                file.class = None;
            }
        }
        warnings.extend(empty_folders(&may_be_classes, &files, &parts));
        Listing {
            files,
            ignored,
            warnings,
            classless,
        }
    }
}

/// The folders that are the split, if they are: one of training images, and one of others.
fn parts(folders: &BTreeSet<Vec<String>>) -> BTreeMap<String, Part> {
    let top = folders.iter().filter(|folder| folder.len() == 1);
    let parts: BTreeMap<String, Part> = top
        .filter_map(|folder| Some((folder[0].clone(), Part::of_folder(&folder[0])?)))
        .collect();
    let is_there = |part| parts.values().any(|&found| found == part);
    let is_split = is_there(Part::Train) && (is_there(Part::Validation) || is_there(Part::Test));
    if is_split { parts } else { BTreeMap::new() }
}

/// A word about folders that would be classes, and hold no image.
fn empty_folders(
    folders: &BTreeSet<Vec<String>>,
    files: &[Listed],
    parts: &BTreeMap<String, Part>,
) -> Option<String> {
    let depth = 1 + usize::from(!parts.is_empty());
    let filled: HashSet<&str> = files
        .iter()
        .map(|file| {
            let end = file.name.match_indices('/').nth(depth - 1);
            // One that ends before is a folder that can't be read, or lies beside them.
            end.map_or(file.name.as_str(), |(end, _)| &file.name[..end])
        })
        .collect();
    let empty: Vec<String> = folders
        .iter()
        .filter(|folder| folder.len() == depth)
        .filter(|folder| depth == 1 || parts.contains_key(&folder[0]))
        .map(|folder| folder.join("/"))
        .filter(|name| !filled.contains(name.as_str()))
        .collect();
    (!empty.is_empty()).then(|| {
        format!(
            "no image in {}, which {} no class",
            first_few(&empty),
            if empty.len() == 1 { "is" } else { "are" }
        )
    })
}

struct Found {
    /// Of the folders that it's in, and its own, as text.
    names: Vec<String>,
    place: Place,
    fault: Option<String>,
}

#[derive(Default)]
struct Walk {
    found: Vec<Found>,
    ignored: BTreeMap<String, usize>,
    warnings: Vec<String>,
    /// By their names below the root.
    folders: BTreeSet<Vec<String>>,
    /// Those of them that runs are in: without images, they are no empty classes.
    with_runs: BTreeSet<Vec<String>>,
    /// The folders that the walk is in, as the system knows them, against links in circles.
    above: Vec<PathBuf>,
}

impl Walk {
    fn folder(&mut self, path: &Path, names: &mut Vec<String>) -> io::Result<()> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                // One that can't be read may be a part of the split all the same.
                self.folders.insert(names.clone());
                return Err(error);
            }
        };
        let real = fs::canonicalize(path)?;
        if self.above.contains(&real) {
            self.warnings.push(format!(
                "{} leads back to a folder that it is in, and isn't followed",
                names.join("/")
            ));
            return Ok(());
        }
        if !names.is_empty() {
            self.folders.insert(names.clone());
        }
        self.above.push(real);
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry.path(), path_text(entry.file_name()), names),
                Err(error) if names.is_empty() => return Err(error),
                Err(error) => self.fail(path, names, &error),
            }
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: String, names: &mut Vec<String>) {
        if is_passed_over(&name) {
            *self.ignored.entry("hidden".to_owned()).or_default() += 1;
            return;
        }
        names.push(name);
        match fs::metadata(path) {
            // Runs begun in a folder of images leave theirs there, with pictures that are none of the images.
            Ok(metadata) if metadata.is_dir() && is_of_run_or_sweep(path) => {
                *self
                    .ignored
                    .entry("folders of runs".to_owned())
                    .or_default() += 1;
                self.with_runs.insert(names[..names.len() - 1].to_vec());
            }
            Ok(metadata) if metadata.is_dir() => {
                if let Err(error) = self.folder(path, names) {
                    self.fail(path, names, &error);
                }
            }
            Ok(metadata) if metadata.is_file() => self.file(path, names),
            Err(error) if is_named_as_image(path) => self.fail(path, names, &error),
            // A device, a pipe, or a link to nowhere.
            Ok(_) | Err(_) => self.ignore(path),
        }
        names.pop();
    }

    fn in_memory(&mut self, names: Vec<String>, bytes: Vec<u8>) {
        if names.iter().any(|name| is_passed_over(name)) {
            *self.ignored.entry("hidden".to_owned()).or_default() += 1;
            return;
        }
        let name = PathBuf::from(names.last().expect("a path has a name"));
        let start = &bytes[..bytes.len().min(HEAD)];
        if !is_named_as_image(&name) && Format::of_content(start).is_none() {
            return self.ignore(&name);
        }
        let folders = (1..names.len()).map(|depth| names[..depth].to_vec());
        self.folders.extend(folders);
        self.found.push(Found {
            names,
            place: Place::Memory(bytes.into()),
            fault: None,
        });
    }

    fn file(&mut self, path: &Path, names: &[String]) {
        let is_meant = is_named_as_image(path);
        match start(path) {
            Ok(start) if is_meant || Format::of_content(&start).is_some() => {
                self.found.push(Found {
                    names: names.to_vec(),
                    place: Place::Path(path.to_owned()),
                    fault: None,
                });
            }
            Err(error) if is_meant => self.fail(path, names, &error),
            _ => self.ignore(path),
        }
    }

    fn ignore(&mut self, path: &Path) {
        let extension = path
            .extension()
            .map(|extension| path_text(extension).to_lowercase());
        let kind = extension.map_or("without an extension".to_owned(), |name| format!(".{name}"));
        *self.ignored.entry(kind).or_default() += 1;
    }

    fn fail(&mut self, path: &Path, names: &[String], error: &io::Error) {
        self.found.push(Found {
            names: names.to_vec(),
            place: Place::Path(path.to_owned()),
            fault: Some(format!("it can't be read ({error})")),
        });
    }
}

/// Hidden entries, and what macOS and Windows leave behind.
fn is_passed_over(name: &str) -> bool {
    const LEFT_BEHIND: [&str; 3] = ["__macosx", "thumbs.db", "desktop.ini"];
    name.starts_with('.') || LEFT_BEHIND.contains(&name.to_lowercase().as_str())
}

fn is_named_as_image(path: &Path) -> bool {
    Format::of_name(path).is_some()
}

fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(HEAD);
    File::open(path)?
        .take(HEAD as u64)
        .read_to_end(&mut start)?;
    Ok(start)
}
