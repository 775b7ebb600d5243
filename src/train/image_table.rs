//! What the run folder keeps of each image that has a file of its own, and how other images are told from
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::Prepared;
use crate::data::{Images, Part, Split};
use crate::run::{ImageRow, RunDir, RunError};
use crate::words::{count, first_few};

/// Writes `images.csv` and `skipped.csv`, if each image has a file of its own.
pub(super) fn write(prepared: &Prepared, run: &RunDir) -> Result<(), RunError> {
    let Some(collection) = prepared.images.collection() else {
        return Ok(());
    };
    run.write_images(&image_rows(&prepared.images, Some(&prepared.split)))?;
    run.write_skipped(&collection.skipped)
}

/// A row for each image that has a file of its own.
#[must_use]
pub fn image_rows(images: &Images, split: Option<&Split>) -> Vec<ImageRow> {
    let Some(collection) = images.collection() else {
        return Vec::new();
    };
    let mut parts = vec![None; images.len()];
    if let Some(split) = split {
        let all = [
            (Part::Train, &split.train),
            (Part::Validation, &split.validation),
            (Part::Test, &split.test),
        ];
        for (part, rows) in all {
            for &row in rows {
                parts[row as usize] = Some(part.name().to_owned());
            }
        }
    }
    let rows = collection.files.iter().zip(parts).enumerate();
    rows.map(|(row, (file, split))| ImageRow {
        row,
        path: images.manifest()[row].clone(),
        sha256: file.sha256.clone(),
        class: images.class(row).map(str::to_owned),
        split,
        width: file.width,
        height: file.height,
        mode: file.mode.clone(),
    })
    .collect()
}

/// In what images differ from those of a run, such as `2 changed (a.png, b.png)`; nothing where that isn't
/// known.
pub(super) fn changes(run: &RunDir, images: &Images) -> String {
    let Ok(before) = run.read_images() else {
        return String::new();
    };
    let of = |rows: Vec<ImageRow>| -> BTreeMap<String, (String, Option<String>)> {
        let rows = rows.into_iter();
        rows.map(|row| (row.path, (row.sha256, row.class)))
            .collect()
    };
    let (before, now) = (of(before), of(image_rows(images, None)));
    let [old, new]: [BTreeSet<&String>; 2] = [&before, &now].map(|rows| rows.keys().collect());
    let both = old.intersection(&new);
    let changed: Vec<&str> = both
        .filter(|path| before[**path] != now[**path])
        .map(|path| path.as_str())
        .collect();
    let of_one = |paths: BTreeSet<&String>| paths.into_iter().cloned().collect::<Vec<_>>();
    let gone = of_one(&old - &new);
    let added = of_one(&new - &old);
    let kinds = [
        ("changed", changed),
        ("missing", gone.iter().map(String::as_str).collect()),
        ("new", added.iter().map(String::as_str).collect()),
    ];
    let kinds = kinds.iter().filter(|(_, paths)| !paths.is_empty());
    let described: Vec<String> = kinds
        .map(|(kind, paths)| {
            let named = first_few(paths);
            format!("{} {kind} ({named})", count(paths.len(), "file"))
        })
        .collect();
    described.join(", ")
}
