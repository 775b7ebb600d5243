//! A folder of image files, in any format, colour and size.
//!
//! ```text
//! folder → Listing         files in the order of their paths, with class and part   (list, labels)
//!        → contents        SHA-256 and size of each; the cache may have the rest     (cache)
//!        → pictures        decoded and prepared on all cores, a few at a time        (decode)
//!        → Images          with a Collection: what became of each file
//! ```

mod cache;
mod decode;
mod labels;
mod list;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::classes::ClassSelection;
use super::collection::{Collection, Skipped};
use super::error::DataError;
use super::images::{Images, Labels};
use super::preparation::ImageOptions;
use super::watch::Watch;
use crate::path_text::path_text;
use crate::words::{count, first_few};

pub(super) use decode::{at_once, prepared};
pub(super) use list::{Listed, Place, list};

use list::{Listing, list_files};

/// How a folder of images is read.
#[derive(Clone, Debug, Default)]
pub struct FolderOptions {
    /// What images are made into.
    pub images: ImageOptions,
    /// A table with the class of each file; none where folders are the classes.
    pub labels: Option<PathBuf>,
    /// Whether the first file that can't be used is an error.
    pub strict: bool,
    /// Where decoded images are kept for the next time; none for nowhere.
    pub cache: Option<PathBuf>,
}

impl FolderOptions {
    /// Where decoded images are usually kept: in the user's cache folder, if there is one.
    #[must_use]
    pub fn usual_cache() -> Option<PathBuf> {
        dirs::cache_dir().map(|folder| folder.join("trainer/images"))
    }
}

/// Loads the images of `classes` from the files in `root`.
pub(super) fn load(
    root: &Path,
    options: &FolderOptions,
    classes: &ClassSelection,
    watch: &Watch,
) -> Result<Images, DataError> {
    let listing = list(root).map_err(|error| not_listed(root, &error))?;
    load_listed(root, listing, options, classes, watch)
}

/// Loads images from files in memory: their paths with `/`, and their contents.
pub(super) fn load_files(
    files: Vec<(String, Vec<u8>)>,
    options: &FolderOptions,
) -> Result<Images, DataError> {
    let listing = list_files(files);
    load_listed(
        Path::new(""),
        listing,
        options,
        &ClassSelection::All,
        &Watch::NONE,
    )
    .map_err(|error| match error {
        DataError::NoImageFiles { .. } => DataError::NoImagesGiven { first: None },
        DataError::AllSkipped { first, .. } => DataError::NoImagesGiven { first: Some(first) },
        other => other,
    })
}

/// The images of a listing, which is `root`'s.
fn load_listed(
    root: &Path,
    listing: Listing,
    options: &FolderOptions,
    classes: &ClassSelection,
    watch: &Watch,
) -> Result<Images, DataError> {
    let Listing {
        mut files,
        ignored,
        mut warnings,
        classless,
    } = listing;
    match &options.labels {
        Some(table) => warnings.extend(label(files.iter_mut(), table)?),
        None => warnings.extend(classless.map(|what| {
            format!("{what}. Move those images into folders, or name classes by `labels`")
        })),
    }
    if files.is_empty() {
        return Err(DataError::NoImageFiles {
            dir: root.to_owned(),
            ignored: described(&ignored),
        });
    }
    let (files, names, chosen) = choose(files, classes)?;
    let contents = decode::contents(&files, options, watch)?;
    let prepared = cache::load_or_make(&files, contents, options, watch)?;
    let mut collection = prepared.collection;
    warnings.extend(collection.warnings);
    collection.warnings = warnings;
    collection.ignored = ignored;

    let first = collection.skipped.first().cloned();
    let skipped: HashSet<&str> = collection
        .skipped
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    let rows: Vec<&Listed> = files
        .iter()
        .filter(|file| !skipped.contains(file.name.as_str()))
        .collect();
    if let (true, Some(first)) = (rows.is_empty(), first) {
        return Err(DataError::AllSkipped {
            dir: root.to_owned(),
            files: files.len(),
            first,
        });
    }
    for (file, row) in collection.files.iter_mut().zip(&rows) {
        file.part = row.part;
    }
    let labels = (!names.is_empty()).then(|| {
        let id = |row: &&Listed| {
            let class = row.class.as_deref().unwrap_or_default();
            // They are sorted.
            let place = names.binary_search_by(|name| name.as_str().cmp(class));
            u32::try_from(place.unwrap_or_default()).unwrap_or(u32::MAX)
        };
        Labels {
            ids: rows.iter().map(id).collect(),
            names: names.clone(),
        }
    });
    let source = match &chosen {
        Some(chosen) => format!(
            "{} ({})",
            path_text(root),
            chosen.to_string().replace(',', ", ")
        ),
        None => path_text(root),
    };
    let manifest = rows.iter().map(|row| row.name.clone()).collect();
    Ok(Images::of_files(
        prepared.values,
        prepared.shape,
        labels,
        manifest,
        source,
        collection,
    ))
}

/// Gives files the classes of a table, and says what doesn't go with it.
pub(super) fn label<'a>(
    files: impl Iterator<Item = &'a mut Listed>,
    table: &Path,
) -> Result<Option<String>, DataError> {
    let labels = labels::read(table)?;
    // A table made on Windows may have other separators, and elsewhere they may be part of a name.
    let with_slashes: HashMap<String, &String> = labels
        .keys()
        .filter(|name| name.contains('\\'))
        .map(|name| (name.replace('\\', "/"), name))
        .collect();
    let mut used = HashSet::new();
    let mut first = None;
    for file in files {
        first.get_or_insert_with(|| file.name.clone());
        let name = labels::plain(&file.name);
        let named = labels.get_key_value(name);
        let named = named.or_else(|| labels.get_key_value(*with_slashes.get(name)?));
        file.class = named.map(|(_, class)| class.clone());
        if let Some((name, _)) = named {
            used.insert(name.clone());
        } else if file.fault.is_none() {
            file.fault = Some(format!("it has no class in {}", path_text(table)));
        }
    }
    let unknown: Vec<String> = labels
        .keys()
        .filter(|name| !used.contains(*name))
        .cloned()
        .collect();
    if used.is_empty() {
        return Err(DataError::Labels {
            file: table.to_owned(),
            problem: format!(
                "none of its paths, such as {}, is one of an image in the folder, such as {}",
                unknown.first().map_or("", String::as_str),
                first.unwrap_or_default()
            ),
        });
    }
    Ok((!unknown.is_empty()).then(|| {
        format!(
            "{} names {} that {} no image in the folder: {}",
            path_text(table),
            count(unknown.len(), "path"),
            if unknown.len() == 1 { "is" } else { "are" },
            first_few(&unknown)
        )
    }))
}

type Chosen = (Vec<Listed>, Vec<String>, Option<ClassSelection>);

/// The files of the chosen classes, the names of all classes, and the choice; no names where images have no
/// classes.
fn choose(files: Vec<Listed>, classes: &ClassSelection) -> Result<Chosen, DataError> {
    let names: BTreeSet<&String> = files
        .iter()
        .filter_map(|file| file.class.as_ref())
        .collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let classes = match classes {
        ClassSelection::Auto => &ClassSelection::All,
        classes => classes,
    };
    if names.is_empty() {
        return match classes {
            ClassSelection::Some(words) => Err(DataError::WithoutClasses {
                name: words.join(","),
            }),
            _ => Ok((files, names, None)),
        };
    }
    let chosen = classes.resolve(&names)?;
    let canonical = ClassSelection::of_ids(&chosen, &names);
    let chosen: HashSet<&str> = chosen
        .iter()
        .map(|&id| names[id as usize].as_str())
        .collect();
    let files = files
        .into_iter()
        .filter(|file| {
            file.class
                .as_deref()
                .is_none_or(|class| chosen.contains(class))
        })
        .collect();
    Ok((files, names, Some(canonical)))
}

/// Says what is wrong with a path that should be a folder's.
pub(super) fn not_listed(dir: &Path, error: &io::Error) -> DataError {
    let problem = match error.kind() {
        ErrorKind::NotFound => "doesn't exist".to_owned(),
        ErrorKind::NotADirectory => "is a file".to_owned(),
        _ => format!("can't be opened ({error})"),
    };
    DataError::NoFolder {
        dir: dir.to_owned(),
        problem,
    }
}

/// `12 .txt, 3 hidden`, the most frequent kind first.
fn described(ignored: &std::collections::BTreeMap<String, usize>) -> String {
    let mut kinds: Vec<(&String, &usize)> = ignored.iter().collect();
    kinds.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, files)| format!("{files} {kind}"))
        .collect();
    first_few(&kinds)
}
