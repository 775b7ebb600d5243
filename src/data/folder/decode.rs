//! From files to prepared pixels, on all cores, a few files at a time.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::list::{Listed, Place};
use super::{Collection, FolderOptions, Skipped, Watch};
use crate::data::collection::ImageFile;
use crate::data::error::DataError;
use crate::data::preparation::{Channels, Preparation, Size};
use crate::decode::{Background, Fault, Largest, Note, NotedFiles, Upright, decode, upright_size};
use crate::device::catch_panics;
use crate::image::ImageShape;

/// 400 MB in RGB; more than any camera's.
const LARGEST: Largest = Largest {
    side: u16::MAX as u32,
    area: 1 << 27,
};
/// Pixels of an image that takes so much memory that one is decoded at a time.
const LARGE: usize = 1 << 24;
/// Of a file.
const MOST_BYTES: u64 = 1 << 30;
/// Values of the images that are decoded at once: 64 MB.
const AT_ONCE: usize = 1 << 26;

/// How many images of a shape are decoded at once.
pub(in crate::data) fn at_once(shape: ImageShape) -> usize {
    (AT_ONCE / shape.len().max(1)).clamp(1, 256)
}

/// What a file holds, as far as that is known without decoding it.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Of its bytes; none if it can't be read.
    pub sha256: Option<[u8; 32]>,
    /// Height and width of the picture, upright.
    pub size: Option<[usize; 2]>,
}

/// The contents of `files`, each read once.
pub(super) fn contents(
    files: &[Listed],
    options: &FolderOptions,
    watch: &Watch,
) -> Result<Vec<Content>, DataError> {
    let done = AtomicUsize::new(0);
    let contents: Vec<Result<Content, Skipped>> = files
        .par_iter()
        .map(|file| {
            let content = content(file).map_err(|reason| Skipped {
                path: file.name.clone(),
                reason,
            });
            let done = 1 + done.fetch_add(1, Ordering::Relaxed);
            watch.tell("looking at", done, files.len());
            content
        })
        .collect();
    let unreadable = Content {
        sha256: None,
        size: None,
    };
    contents
        .into_iter()
        .map(|content| match content {
            Err(skipped) if options.strict => Err(DataError::Skipped(skipped)),
            content => Ok(content.unwrap_or(unreadable.clone())),
        })
        .collect()
}

fn content(file: &Listed) -> Result<Content, String> {
    if let Some(fault) = &file.fault {
        return Err(fault.clone());
    }
    let bytes = read(&file.place).map_err(|fault| fault.to_string())?;
    let size = caught(|| upright_size(&bytes, LARGEST)).ok();
    Ok(Content {
        sha256: Some(Sha256::digest(&bytes).into()),
        size,
    })
}

fn read(place: &Place) -> Result<Cow<'_, [u8]>, Fault> {
    let path = match place {
        Place::Path(path) => path,
        Place::Memory(bytes) => return Ok(Cow::Borrowed(bytes)),
    };
    let file = File::open(path).map_err(Fault::Unreadable)?;
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(Fault::Unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        let gigabytes = MOST_BYTES >> 30;
        return Err(Fault::Broken(format!(
            "it has more than {gigabytes} GiB; scale it down"
        )));
    }
    Ok(Cow::Owned(bytes))
}

/// A decoder that panics has found a damaged file.
fn caught<T>(decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_panics(decode).unwrap_or_else(|panic| {
        Err(Fault::Broken(format!(
            "its decoder gave up ({}); take another copy",
            panic.message
        )))
    })
}

/// What files are made into, as far as it follows from their headers. Colours are kept as long as it isn't
/// known that there are none.
pub(super) fn shape(contents: &[Content], options: &FolderOptions) -> ImageShape {
    let options = options.images;
    let (height, width) = match options.size {
        Size::Of { width, height } => (height, width),
        Size::Auto => {
            let mut sizes = contents.iter().filter_map(|content| content.size);
            let first = sizes.next();
            let own = first.filter(|first| {
                let is_small = first.iter().all(|&side| side <= Size::LARGEST_OWN);
                is_small && sizes.all(|size| size == *first)
            });
            own.map_or((Size::USUAL, Size::USUAL), |[height, width]| {
                (height, width)
            })
        }
    };
    ImageShape {
        channels: if options.channels == Channels::Grey {
            1
        } else {
            3
        },
        height,
        width,
    }
}

/// What becomes of one file.
struct Made {
    values: Vec<u8>,
    file: ImageFile,
    notes: Vec<Note>,
    is_grey: bool,
}

/// What became of some files.
pub(super) struct AllMade {
    /// The SHA-256 are those of images of the shape that was asked for.
    pub collection: Collection,
    pub are_grey: bool,
    /// Whether they would come to the same again: a disk that failed may be back.
    pub is_lasting: bool,
}

/// Why a file is no image.
pub(in crate::data) struct Unusable {
    pub reason: String,
    /// Whether it could just not be read.
    is_unread: bool,
}

impl From<Fault> for Unusable {
    fn from(fault: Fault) -> Self {
        Self {
            reason: fault.to_string(),
            is_unread: matches!(fault, Fault::Unreadable(_)),
        }
    }
}

/// Decodes `files`, of which `contents` have been read before, as images of `shape`; `push` gets the values `[C, H, W]`
/// of one after the other.
///
/// # Errors
///
/// Where one can't be used and the options are strict, and where `push` fails.
pub(super) fn make(
    files: &[Listed],
    contents: &[Content],
    shape: ImageShape,
    options: &FolderOptions,
    push: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    watch: &Watch,
) -> Result<AllMade, DataError> {
    let preparation = options.images.preparation();
    let mut collection = Collection {
        preparation,
        ..Collection::default()
    };
    let mut notes = NotedFiles::default();
    let (mut are_grey, mut is_lasting) = (true, true);
    let done = AtomicUsize::new(0);
    let size = at_once(shape);
    for (files_here, contents) in files.chunks(size).zip(contents.chunks(size)) {
        let made: Vec<Result<Made, Unusable>> = files_here
            .par_iter()
            .map(|file| {
                let made = one(file, shape, preparation);
                let done = 1 + done.fetch_add(1, Ordering::Relaxed);
                watch.tell("decoding", done, files.len());
                made
            })
            .collect();
        for ((file, content), made) in files_here.iter().zip(contents).zip(made) {
            let path = file.name.clone();
            match made {
                Ok(made) => {
                    push(&made.values).map_err(DataError::Cache)?;
                    collection.files.push(made.file);
                    are_grey &= made.is_grey;
                    notes.add(&path, &made.notes);
                }
                Err(Unusable { reason, .. }) if options.strict => {
                    return Err(DataError::Skipped(Skipped { path, reason }));
                }
                Err(Unusable { reason, is_unread }) => {
                    is_lasting &= !(is_unread && content.sha256.is_some());
                    collection.skipped.push(Skipped { path, reason });
                }
            }
        }
    }
    collection.warnings = notes.lines().collect();
    Ok(AllMade {
        collection,
        are_grey,
        is_lasting,
    })
}

fn one(file: &Listed, shape: ImageShape, preparation: Preparation) -> Result<Made, Unusable> {
    let (picture, values) = prepared(file, shape, preparation, preparation.background)?;
    Ok(Made {
        file: ImageFile {
            sha256: sha256(&values),
            width: picture.width,
            height: picture.height,
            mode: picture.mode.to_owned(),
            part: None,
        },
        values,
        is_grey: picture.channels == 1,
        notes: picture.notes,
    })
}

/// The picture of a file, without its pixels, and its values as an image of `shape`, `[C, H, W]`; or why it can't
/// be used. `background` is what is behind transparent pixels, whatever padding is made of. Of large pictures, one is
/// decoded at a time.
pub(in crate::data) fn prepared(
    file: &Listed,
    shape: ImageShape,
    preparation: Preparation,
    background: Option<Background>,
) -> Result<(Upright, Vec<u8>), Unusable> {
    if let Some(fault) = &file.fault {
        return Err(Unusable {
            reason: fault.clone(),
            is_unread: false,
        });
    }
    let bytes = read(&file.place)?;
    Ok(prepared_bytes(&bytes, shape, preparation, background)?)
}

impl Preparation {
    /// The content of a picture's file as an image of `shape`, `[C, H, W]`, row-major.
    ///
    /// # Errors
    ///
    /// Why it can't be used, as the end of a sentence that began with the file's name.
    pub fn read(self, bytes: &[u8], shape: ImageShape) -> Result<Vec<u8>, String> {
        let prepared = prepared_bytes(bytes, shape, self, self.background);
        Ok(prepared.map_err(|fault| fault.to_string())?.1)
    }
}

fn prepared_bytes(
    bytes: &[u8],
    shape: ImageShape,
    preparation: Preparation,
    background: Option<Background>,
) -> Result<(Upright, Vec<u8>), Fault> {
    static LARGE_ONES: Mutex<()> = Mutex::new(());
    // A few kilobytes may hold one. What is wrong with a header is found again in decoding.
    let size = caught(|| upright_size(bytes, LARGEST));
    let is_large = size.is_ok_and(|[height, width]| height * width > LARGE);
    let _turn = is_large.then(|| LARGE_ONES.lock().unwrap_or_else(PoisonError::into_inner));
    let mut picture = caught(|| decode(bytes, LARGEST)?.upright(background))?;
    let values = preparation.apply(&picture, shape);
    picture.pixels = Vec::new();
    Ok((picture, values))
}

/// In hexadecimal.
pub(super) fn sha256(values: &[u8]) -> String {
    format!("{:x}", Sha256::digest(values))
}
