//! Prepared images, kept for the next time: files named by what went into them.
//!
//! ```text
//! values [N, C, H, W] · a Collection and the shape, as JSON · lengths of both, and a signature
//! ```
//!
//! A file's name is the SHA-256 of the contents of all image files, their paths, and the preparation. A
//! cache file is never changed: it appears under its name when it's whole. Its images are checked by their
//! SHA-256 as they are read. Sets too large for memory stay in their file, from which the system pages them.

use std::array;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::decode::{self, Content, sha256};
use super::list::Listed;
use super::{Collection, FolderOptions, Watch};
use crate::data::error::DataError;
use crate::data::preparation::{Channels, luma};
use crate::data::values::Values;
use crate::host::{is_temporary, new_file};
use crate::image::ImageShape;

/// Raised when the same files are made into other images than before.
const VERSION: u32 = 2;
/// Sets up to this size are kept in memory.
const IN_MEMORY: usize = 256 << 20;
/// Of all cache files together; the ones that weren't used for longest are removed.
const MOST_BYTES: u64 = 10 << 30;
/// After which a file that was never finished is removed.
const ABANDONED: Duration = Duration::from_hours(24);
const EXTENSION: &str = "images";
const SIGNATURE: &[u8; 8] = b"trainer1";
/// Two lengths and the signature.
const FOOTER: usize = 24;

/// Images, ready for use.
pub(super) struct Prepared {
    pub values: Values,
    pub shape: ImageShape,
    pub collection: Collection,
}

#[derive(Serialize, Deserialize)]
struct Meta {
    shape: ImageShape,
    collection: Collection,
}

/// The images of `files`: from the cache, or else made, and kept there.
///
/// # Errors
///
/// Where a file can't be used and the options are strict, and where images that are too many for memory can't
/// be written.
pub(super) fn load_or_make(
    files: &[Listed],
    contents: Vec<Content>,
    options: &FolderOptions,
    watch: &Watch,
) -> Result<Prepared, DataError> {
    let folder = options.cache.as_deref();
    let path = folder.map(|folder| {
        let name = key(files, &contents, options);
        folder.join(format!("{name}.{EXTENSION}"))
    });
    if let Some(path) = &path
        && let Some(prepared) = read(path)
        && (!options.strict || prepared.collection.skipped.is_empty())
    {
        prepared.values.expect_any_order();
        return Ok(prepared);
    }
    let mut shape = decode::shape(&contents, options);
    // A browser has no files.
    let in_file = cfg!(not(target_family = "wasm")) && files.len() * shape.len() > IN_MEMORY;
    let mut store = Store::new(in_file, folder).map_err(DataError::Cache)?;
    let push = &mut |values: &[u8]| store.push(values);
    let decode::AllMade {
        mut collection,
        are_grey,
        is_lasting,
    } = decode::make(files, &contents, shape, options, push, watch)?;
    let (mut values, mut file) = store.finish().map_err(DataError::Cache)?;
    if are_grey && options.images.channels == Channels::Auto && !collection.files.is_empty() {
        let mut grey = Store::new(in_file, folder).map_err(DataError::Cache)?;
        for image in values.chunks_exact(shape.len()) {
            // The planes differ where bars have a colour.
            let planes: [&[u8]; 3] = array::from_fn(|plane| &image[plane * shape.pixels()..]);
            let pixels = 0..shape.pixels();
            let plane: Vec<u8> = pixels
                .map(|pixel| luma(planes.map(|plane| plane[pixel])))
                .collect();
            grey.push(&plane).map_err(DataError::Cache)?;
        }
        shape.channels = 1;
        (values, file) = grey.finish().map_err(DataError::Cache)?;
        // The hashes were those of three equal channels.
        let hashes: Vec<String> = values.par_chunks_exact(shape.len()).map(sha256).collect();
        for (file, sha256) in collection.files.iter_mut().zip(hashes) {
            file.sha256 = sha256;
        }
    }
    let meta = Meta { shape, collection };
    if let Some(path) = path.filter(|_| is_lasting) {
        match keep(&values, file, &path, &meta) {
            Ok(()) => tidy(&path),
            Err(error) => tracing::warn!(
                "can't keep the decoded images in {} ({error}): they will be decoded again next time",
                path.display()
            ),
        }
    }
    values.expect_any_order();
    let Meta { shape, collection } = meta;
    Ok(Prepared {
        values,
        shape,
        collection,
    })
}

fn key(files: &[Listed], contents: &[Content], options: &FolderOptions) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{VERSION} {:?}", options.images));
    for (file, content) in files.iter().zip(contents) {
        hash.update((file.name.len() as u64).to_le_bytes());
        hash.update(&file.name);
        hash.update(content.sha256.unwrap_or_default());
        // A file without a class in the table, say.
        hash.update(file.fault.as_deref().unwrap_or_default());
    }
    format!("{:x}", hash.finalize())
}

/// The images in a cache file; none if there is no such file, or it isn't whole.
fn read(path: &Path) -> Option<Prepared> {
    let file = File::open(path).ok()?;
    let prepared = read_whole(&file);
    if prepared.is_none() {
        tracing::warn!("{} is damaged: decoding again", path.display());
        // It's replaced anyhow.
        let _ = fs::remove_file(path);
    }
    // So that it's known when it was used; it doesn't matter much.
    let _ = file.set_modified(SystemTime::now());
    prepared
}

fn read_whole(mut file: &File) -> Option<Prepared> {
    let length = file.metadata().ok()?.len();
    let footer_start = length.checked_sub(FOOTER as u64)?;
    file.seek(SeekFrom::Start(footer_start)).ok()?;
    let mut footer = [0; FOOTER];
    file.read_exact(&mut footer).ok()?;
    let [values_length, meta_length] =
        [0, 8].map(|start| u64::from_le_bytes(*footer[start..].first_chunk().expect("24 bytes")));
    let is_whole =
        footer.ends_with(SIGNATURE) && values_length.checked_add(meta_length) == Some(footer_start);
    if !is_whole {
        return None;
    }
    file.seek(SeekFrom::Start(values_length)).ok()?;
    let meta = BufReader::new(file.take(meta_length));
    let Meta { shape, collection } = serde_json::from_reader(meta).ok()?;
    let values_length = usize::try_from(values_length).ok()?;
    if shape.len() == 0 || collection.files.len() * shape.len() != values_length {
        return None;
    }
    let values = of_file(file, values_length).ok()?;
    let images = values.par_chunks_exact(shape.len()).zip(&collection.files);
    images
        .into_par_iter()
        .all(|(image, file)| sha256(image) == file.sha256)
        .then_some(Prepared {
            values,
            shape,
            collection,
        })
}

fn of_file(mut file: &File, length: usize) -> io::Result<Values> {
    if length > IN_MEMORY {
        return Values::of_file(file, 0, length);
    }
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    Ok(Values::Memory(bytes))
}

/// Where values go as they are made.
enum Store {
    Memory(Vec<u8>),
    File(BufWriter<NamedTempFile>),
}

impl Store {
    /// A file is in the cache's folder, or else in the system's for temporary files.
    fn new(in_file: bool, folder: Option<&Path>) -> io::Result<Self> {
        if !in_file {
            return Ok(Self::Memory(Vec::new()));
        }
        let temporary = std::env::temp_dir();
        Ok(Self::File(new_in(folder.unwrap_or(&temporary))?))
    }

    fn push(&mut self, values: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                bytes.extend_from_slice(values);
                Ok(())
            }
            Self::File(file) => file.write_all(values),
        }
    }

    /// What was pushed, and the file that has it, if one does. It's read from there even when the file is
    /// gone from its folder.
    fn finish(self) -> io::Result<(Values, Option<NamedTempFile>)> {
        match self {
            Self::Memory(bytes) => Ok((Values::Memory(bytes), None)),
            Self::File(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                let length = file.as_file().metadata()?.len();
                let length = usize::try_from(length).map_err(io::Error::other)?;
                let values = Values::of_file(file.as_file(), 0, length)?;
                Ok((values, Some(file)))
            }
        }
    }
}

/// A new file in `folder`, which is made if it isn't there.
fn new_in(folder: &Path) -> io::Result<BufWriter<NamedTempFile>> {
    fs::create_dir_all(folder)?;
    Ok(BufWriter::new(new_file(folder)?))
}

/// Keeps values at `path`, for the next time; `file` is the one that has them already, if one does.
fn keep(values: &Values, file: Option<NamedTempFile>, path: &Path, meta: &Meta) -> io::Result<()> {
    let mut file = if let Some(file) = file {
        BufWriter::new(file)
    } else {
        let mut file = new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(values)?;
        file
    };
    let meta = serde_json::to_vec(meta)?;
    file.write_all(&meta)?;
    file.write_all(&(values.len() as u64).to_le_bytes())?;
    file.write_all(&(meta.len() as u64).to_le_bytes())?;
    file.write_all(SIGNATURE)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(path)?;
    Ok(())
}

/// Removes what was never finished, and the files that weren't used for longest as long as there are too many
/// bytes. `newest` stays.
fn tidy(newest: &Path) {
    let Some(Ok(entries)) = newest.parent().map(fs::read_dir) else {
        return;
    };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else {
            continue;
        };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let age = modified.elapsed().unwrap_or_default();
        if is_temporary(&entry.file_name().to_string_lossy()) {
            if age > ABANDONED {
                // Another process may have done it.
                let _ = fs::remove_file(&path);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            files.push((modified, metadata.len(), path));
        }
    }
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, length, path) in files {
        if bytes <= MOST_BYTES {
            return;
        }
        if path != newest && fs::remove_file(&path).is_ok() {
            bytes -= length;
        }
    }
}
