//! What `trainer data` writes: the images as arrays, and a contact sheet.

use std::path::{Path, PathBuf};

use crate::cli::natural::natural_order;
use crate::data::{Images, Split, evenly};
use crate::npy::write_header;
use crate::plot::contact_sheet;
use crate::run::{export_png, write_output, write_output_with};
use crate::train::image_rows;

/// Images that a contact sheet shows.
const SHEET: usize = 200;

/// The table of the images' files, beside the array.
pub(super) fn table_of(path: &Path) -> PathBuf {
    path.with_extension("csv")
}

/// Writes the images' bytes as `[N, C, H, W]`, and a table of their files beside them.
pub(super) fn save(path: &Path, images: &Images, split: Option<&Split>) -> anyhow::Result<()> {
    let shape = images.shape().batch(images.len());
    write_output_with(path, &mut |mut output| {
        write_header(&mut output, "|u1", &shape)?;
        output.write_all(images.values())
    })?;

    let table = table_of(path);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["row", "path", "class", "split", "width", "height"])?;
    let rows = image_rows(images, split);
    for row in 0..images.len() {
        let file = rows.get(row);
        let number = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
        writer.write_record([
            row.to_string(),
            images.manifest()[row].clone(),
            images.class(row).unwrap_or_default().to_owned(),
            file.and_then(|file| file.split.clone()).unwrap_or_default(),
            number(file.map(|file| file.width)),
            number(file.map(|file| file.height)),
        ])?;
    }
    write_output(&table, &writer.into_inner()?)?;
    Ok(())
}

/// Draws some of the images with their names, in the order in which people read names, evenly taken from all.
pub(super) fn draw_sheet(path: &Path, images: &Images) -> anyhow::Result<()> {
    let mut order: Vec<usize> = (0..images.len()).collect();
    let names = images.manifest();
    order.sort_by(|&a, &b| natural_order(&names[a], &names[b]));
    let places = evenly(order.len(), SHEET).into_iter();
    let chosen: Vec<usize> = places.map(|place| order[place]).collect();
    let tiles: Vec<(&[u8], &str)> = chosen
        .iter()
        .map(|&row| (images.image(row), names[row].as_str()))
        .collect();
    let sheet = contact_sheet(&tiles, images.shape(), images.len());
    Ok(export_png(&sheet, path)?)
}
