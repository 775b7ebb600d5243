//! What became of the files of a folder, in words: the same for training and for `trainer data`.

use std::collections::BTreeMap;

use crate::cli::table::printable;
use crate::data::{Fit, Images, Split};
use crate::words::count;

/// One line about the shape that images have, and how pictures came to it.
pub(in crate::cli) fn preparation(images: &Images) -> Option<String> {
    let collection = images.collection()?;
    let shape = images.shape();
    let colour = if shape.channels == 1 {
        "grey"
    } else {
        "colour"
    };
    let sizes = sizes(images)?;
    let [least, most] = &sizes;
    let own = least == most && *least == [shape.width, shape.height];
    let from = if least == most {
        format!("{}×{}", least[0], least[1])
    } else {
        format!("{}×{} to {}×{}", least[0], least[1], most[0], most[1])
    };
    let resized = "resized (bicubic, in sRGB)";
    let how = match collection.preparation.fit {
        _ if own => "at their own size".to_owned(),
        Fit::Crop => {
            format!("from {from}, {resized}, what is beyond the shape cut off on both sides")
        }
        Fit::Pad => format!("from {from}, {resized}, padded on both sides"),
        Fit::Stretch => format!("from {from}, {resized}, stretched"),
    };
    let background = collection.preparation.background;
    let background = background.map_or(String::new(), |colour| format!(", on {colour}"));
    Some(format!(
        "{colour}, {}×{} pixels (width×height) {how}{background}",
        shape.width, shape.height
    ))
}

/// How many images each part has.
pub(in crate::cli) fn split(split: &Split) -> String {
    format!(
        "{} training, {} validation, {} test images",
        split.train.len(),
        split.validation.len(),
        split.test.len()
    )
}

/// The smallest and the largest picture by its area: width and height.
pub(super) fn sizes(images: &Images) -> Option<[[usize; 2]; 2]> {
    let files = &images.collection()?.files;
    let area = |size: &[usize; 2]| size[0] * size[1];
    let mut sizes: Vec<[usize; 2]> = files.iter().map(|file| [file.width, file.height]).collect();
    sizes.sort_by_key(|size| (area(size), *size));
    Some([*sizes.first()?, *sizes.last()?])
}

/// How many images each class has, in the order of the classes.
pub(super) fn classes(images: &Images) -> Vec<(String, usize)> {
    let Some(labels) = images.labels() else {
        return Vec::new();
    };
    let mut counts = vec![0; labels.names.len()];
    for &id in &labels.ids {
        counts[id as usize] += 1;
    }
    let counts = labels.names.iter().cloned().zip(counts);
    counts.filter(|(_, count)| *count > 0).collect()
}

/// How many images are of each mode.
pub(super) fn modes(images: &Images) -> BTreeMap<String, usize> {
    let mut modes = BTreeMap::new();
    for file in images.collection().iter().flat_map(|it| &it.files) {
        *modes.entry(file.mode.clone()).or_default() += 1;
    }
    modes
}

/// What should be known of the files, one line each.
pub(in crate::cli) fn warnings(images: &Images) -> Vec<String> {
    let Some(collection) = images.collection() else {
        return Vec::new();
    };
    let mut lines: Vec<String> = collection
        .warnings
        .iter()
        .map(|line| printable(line))
        .collect();
    if let Some(first) = collection.skipped.first() {
        let (skipped, files) = (
            collection.skipped.len(),
            images.len() + collection.skipped.len(),
        );
        lines.push(format!(
            "{skipped} of {} skipped; the first, {}",
            count(files, "file"),
            printable(&first.to_string())
        ));
    }
    lines
}
