//! Images that a trained model is used on: files and folders as they are named, read and prepared a few at a
//! time, however many there are.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::collection::Skipped;
use super::error::DataError;
use super::folder::{Listed, Place, at_once, label, list, not_listed, prepared};
use super::idx_folder;
use super::preparation::Preparation;
use super::split::evenly;
use super::watch::Watch;
use crate::decode::{Background, NotedFiles, Upright};
use crate::image::ImageShape;
use crate::path_text::path_text;

/// Files and folders of images, of any format, colour and size.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Sorted by path; those of files of many as they are there.
    entries: Vec<Entry>,
    /// The places of those that are read.
    part: Range<usize>,
    warnings: Vec<String>,
    /// Why images have no class, unless a table gives them one.
    classless: Vec<String>,
    /// Those of many images.
    idx_files: Vec<PathBuf>,
    /// What is behind transparent pixels, in place of what the preparation says.
    background: Option<Background>,
}

#[derive(Clone, Debug)]
struct Entry {
    listed: Listed,
    /// What it is sorted by: its name, or that of the folder of files of many, in which order counts.
    place: String,
    /// Of an image that comes from a file of many: grey, `[H, W]`.
    made: Option<(ImageShape, Vec<u8>)>,
}

/// What is known of an image besides its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputImage {
    /// Its place among all, those that can't be used counted.
    pub row: usize,
    /// Its path below the folder that was named, or as it was named, with `/`; or its place in a file of many,
    /// such as `train/00000`.
    pub path: String,
    /// The folder that is its class, or its label.
    pub class: Option<String>,
    /// Height and width of the picture, upright.
    pub size: [usize; 2],
    /// Whether the picture is grey.
    pub is_grey: bool,
}

/// Some images, as a model takes them.
#[derive(Clone, Debug, Default)]
pub struct InputBatch {
    /// `[n]`
    pub images: Vec<InputImage>,
    /// `[n, C, H, W]`, row-major.
    pub values: Vec<u8>,
}

impl Inputs {
    /// What `paths` name: image files, folders of them as [`Images::folder`](super::Images::folder) takes them,
    /// or folders with the IDX files of MNIST and its kin, whose training images come first, all of them. Paths
    /// are those below the folder, if one alone is named.
    ///
    /// # Errors
    ///
    /// Where there is no such file or folder, no image, or a data set is damaged. A file that is no image is
    /// found when it is read.
    pub fn open(paths: &[PathBuf]) -> Result<Self, DataError> {
        let mut inputs = Self::default();
        for path in paths {
            let is_alone = paths.len() == 1;
            inputs.add(path, is_alone)?;
        }
        if inputs.entries.is_empty() {
            return Err(DataError::NoInputs {
                path: paths.first().cloned().unwrap_or_default(),
            });
        }
        inputs.entries.sort_by(|a, b| a.place.cmp(&b.place));
        let mut seen = HashSet::new();
        inputs
            .entries
            .retain(|entry| seen.insert(entry.listed.name.clone()));
        inputs.part = 0..inputs.entries.len();
        Ok(inputs)
    }

    fn add(&mut self, path: &Path, is_alone: bool) -> Result<(), DataError> {
        if !path.is_dir() && !idx_folder::names_emnist(path) {
            fs::metadata(path).map_err(|source| DataError::NoInput {
                path: path.to_owned(),
                source,
            })?;
            let name = path_text(path);
            self.entries.push(Entry {
                place: name.clone(),
                listed: Listed::file(name, path.to_owned()),
                made: None,
            });
            return Ok(());
        }
        let below = if is_alone {
            String::new()
        } else {
            format!("{}/", path_text(path).trim_end_matches('/'))
        };
        if let Some((parts, files)) = idx_folder::load_all(path)? {
            self.idx_files.extend(files);
            let ids = parts.labels.as_ref();
            for (index, values) in parts.values.chunks_exact(parts.shape.len()).enumerate() {
                let name = format!("{below}{}", parts.manifest[index]);
                let mut listed = Listed::file(name, path.to_owned());
                listed.class = ids.map(|labels| labels.names[labels.ids[index] as usize].clone());
                self.entries.push(Entry {
                    place: below.clone(),
                    listed,
                    made: Some((parts.shape, values.to_vec())),
                });
            }
            return Ok(());
        }
        let listing = list(path).map_err(|error| not_listed(path, &error))?;
        self.warnings.extend(listing.warnings);
        self.classless.extend(listing.classless);
        self.entries
            .extend(listing.files.into_iter().map(|mut listed| {
                listed.name = format!("{below}{}", listed.name);
                Entry {
                    place: listed.name.clone(),
                    listed,
                    made: None,
                }
            }));
        Ok(())
    }

    /// Gives images the classes of a table with the columns `path` and `class`, in place of those that they have.
    /// Files that it doesn't name are left out.
    ///
    /// # Errors
    ///
    /// Where it can't be read, or names none of the images.
    pub fn label(&mut self, table: &Path) -> Result<(), DataError> {
        let files = self.entries.iter_mut().map(|entry| &mut entry.listed);
        self.warnings.extend(label(files, table)?);
        self.classless.clear();
        Ok(())
    }

    /// The classes that the images have, sorted.
    #[must_use]
    pub fn classes(&self) -> BTreeSet<&str> {
        let classes = self.entries.iter().map(|entry| &entry.listed.class);
        classes.filter_map(Option::as_deref).collect()
    }

    /// Those of these paths.
    #[must_use]
    pub fn only(&self, paths: &BTreeSet<&str>) -> Self {
        let entries = self.entries.iter();
        let entries = entries.filter(|entry| paths.contains(entry.listed.name.as_str()));
        let entries: Vec<Entry> = entries.cloned().collect();
        Self {
            part: 0..entries.len(),
            entries,
            warnings: Vec::new(),
            classless: Vec::new(),
            idx_files: self.idx_files.clone(),
            background: self.background,
        }
    }

    /// At most `most` of them, spread evenly over all.
    #[must_use]
    pub fn thinned(&self, most: usize) -> Self {
        let places = evenly(self.entries.len(), most).into_iter();
        let entries: Vec<Entry> = places.map(|place| self.entries[place].clone()).collect();
        Self {
            part: 0..entries.len(),
            entries,
            warnings: self.warnings.clone(),
            classless: self.classless.clone(),
            idx_files: self.idx_files.clone(),
            background: self.background,
        }
    }

    /// Puts transparent images on a background, whatever the preparation that they are read with says; without one,
    /// that decides.
    #[must_use]
    pub fn on(self, background: Option<Background>) -> Self {
        Self { background, ..self }
    }

    /// The part number `shard` of `count`, both from 1: those that are read. All others keep their places.
    ///
    /// # Panics
    ///
    /// Where there is no such part.
    #[must_use]
    pub fn shard(mut self, shard: usize, count: usize) -> Self {
        assert!((1..=count).contains(&shard), "a part of them");
        let all = self.entries.len();
        let start = |shard: usize| shard * all / count;
        self.part = start(shard - 1)..start(shard);
        self
    }

    /// The places of those that are read, among all.
    #[must_use]
    pub fn part(&self) -> Range<usize> {
        self.part.clone()
    }

    /// How many images are read, if all of them can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.part.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// The files that are read, as the system knows them.
    #[must_use]
    pub fn files(&self) -> HashSet<PathBuf> {
        let own = self.entries.iter().filter(|entry| entry.made.is_none());
        let own = own.filter_map(|entry| match &entry.listed.place {
            Place::Path(path) => Some(path),
            Place::Memory(_) => None,
        });
        let files = own.chain(&self.idx_files);
        files
            .filter_map(|path| fs::canonicalize(path).ok())
            .collect()
    }

    /// The paths of all images, good or not, in their order, whichever are read.
    pub fn paths(&self) -> impl Iterator<Item = &str> + Clone {
        self.entries.iter().map(|entry| entry.listed.name.as_str())
    }

    /// Reads all images, prepared for a model that takes `shape`, and hands them to `take` in their order, in
    /// batches of `size` but for the last one. The files that can't be used, and what should be said of the
    /// others, are the result.
    ///
    /// # Errors
    ///
    /// Those of `take`.
    pub fn read<E>(
        &self,
        shape: ImageShape,
        preparation: Preparation,
        size: usize,
        watch: &Watch,
        mut take: impl FnMut(InputBatch) -> Result<(), E>,
    ) -> Result<Unused, E> {
        // Padding stays as it was in training.
        let background = self.background.or(preparation.background);
        let mut unused = Unused {
            warnings: [&*self.warnings, &self.classless].concat(),
            ..Unused::default()
        };
        let mut notes = NotedFiles::default();
        let mut batch = InputBatch::default();
        let mut done = 0;
        let mut rows = self.part.clone();
        for entries in self.entries[self.part.clone()].chunks(at_once(shape)) {
            let pictures: Vec<_> = entries
                .par_iter()
                .map(|entry| entry.prepared(shape, preparation, background))
                .collect();
            for ((entry, picture), row) in entries.iter().zip(pictures).zip(rows.by_ref()) {
                let path = entry.listed.name.clone();
                match picture {
                    Ok((picture, values)) => {
                        notes.add(&path, &picture.notes);
                        batch.values.extend(values);
                        batch.images.push(InputImage {
                            row,
                            path,
                            class: entry.listed.class.clone(),
                            size: [picture.height, picture.width],
                            is_grey: picture.channels == 1,
                        });
                    }
                    Err(reason) => unused.skipped.push(Skipped { path, reason }),
                }
                done += 1;
                if batch.images.len() == size {
                    take(std::mem::take(&mut batch))?;
                    watch.tell("images", done, self.len());
                }
            }
        }
        if !batch.images.is_empty() {
            take(batch)?;
            watch.tell("images", done, self.len());
        }
        unused.warnings.extend(notes.lines());
        Ok(unused)
    }
}

/// What could not be used, and what should be said of what could.
#[derive(Clone, Debug, Default)]
pub struct Unused {
    /// Files that are no images, or damaged ones.
    pub skipped: Vec<Skipped>,
    /// Lines for the user.
    pub warnings: Vec<String>,
}

impl Entry {
    /// The picture, whose pixels are gone if its values `[C, H, W]` have taken their place.
    fn prepared(
        &self,
        shape: ImageShape,
        preparation: Preparation,
        background: Option<Background>,
    ) -> Result<(Upright, Vec<u8>), String> {
        let Some((own, values)) = &self.made else {
            let prepared = prepared(&self.listed, shape, preparation, background);
            return prepared.map_err(|unusable| unusable.reason);
        };
        if let Some(fault) = &self.listed.fault {
            return Err(fault.clone());
        }
        let picture = Upright::of(*own, values.clone());
        let values = preparation.apply(&picture, shape);
        Ok((picture, values))
    }
}
