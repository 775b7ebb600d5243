//! Folders of image files: which files are images, what they say of themselves, what they are made into.

mod cache;
mod command;
mod layout;
mod pictures;
mod preparation;
mod runs;

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use trainer::Images;
use trainer::data::{ClassSelection, DataError, FolderOptions, Source, Watch};

/// Writes a small picture, different for each seed, in the format of its name.
pub fn picture(folder: &Path, name: &str, seed: u8) {
    sized(folder, name, seed, 16, 12);
}

/// The same of another size.
pub fn sized(folder: &Path, name: &str, seed: u8, width: u32, height: u32) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let image = RgbImage::from_fn(width, height, |x, y| {
        let [x, y] = [x, y].map(|place| u8::try_from(place % 200).expect("below 200"));
        Rgb([
            x.wrapping_mul(9).wrapping_add(seed),
            y.wrapping_mul(13),
            seed,
        ])
    });
    image.save(path).expect("a picture");
}

pub fn load_with(
    folder: &Path,
    options: FolderOptions,
    classes: &ClassSelection,
) -> Result<Images, DataError> {
    Source::of(Some(folder), options).load(classes, &Watch::NONE)
}

pub fn load(folder: &Path) -> Result<Images, DataError> {
    load_with(folder, FolderOptions::default(), &ClassSelection::Auto)
}

/// What was skipped: `path: reason`.
pub fn skipped(images: &Images) -> Vec<String> {
    let collection = images.collection().expect("files of their own");
    collection.skipped.iter().map(ToString::to_string).collect()
}
