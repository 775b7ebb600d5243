//! The page with explored images in it.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat};
use serde::Serialize;

use super::between::STEPS as BETWEEN_STEPS;
use super::directions::{REACH, STEPS};
use super::{Explored, tile};
use crate::model::ModelInfo;
use crate::page::{Page, script};
use crate::plot::sheet;

const PAGE: Page = Page {
    title: "Codes",
    body: include_str!("page/body.html"),
    style: include_str!("page/explore.css"),
    script: script! {
        // What all others use
        "../page/dom.js" "../page/format.js" "../page/theme.js" "../page/classes.js"
        "page/data.js" "page/tiles.js"
        // Sections, from the top of the page to its end
        "page/places.js" "page/map.js" "page/directions.js" "page/between.js"
        "page/main.js"
    },
};
/// Thumbnails in a row of a sheet.
const COLUMNS: usize = 40;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// A sheet of pictures can't be made into a file.
    #[error("can't make a picture of the page. Please report this as a bug")]
    Picture(#[from] image::ImageError),
    /// Numbers can't be written.
    #[error("can't write the page's data. Please report this as a bug")]
    Data(#[from] serde_json::Error),
}

/// What the script finds in the page. Arrays have an entry for each image.
#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    made: String,
    arch: &'static str,
    latent_dim: usize,
    /// How many images there are, of which these are some.
    all: usize,
    /// Width and height of an image.
    size: [usize; 2],
    channels: usize,
    /// Width and height of a thumbnail.
    tile: [u32; 2],
    columns: usize,
    classes: Vec<&'a str>,
    label: Vec<Option<usize>>,
    path: Vec<&'a str>,
    ssim: Vec<f32>,
    score: Vec<f32>,
    score_name: &'a str,
    maps: Vec<MapData>,
    originals: String,
    restored: String,
    directions: DirectionsData,
    between: BetweenData<'a>,
}

#[derive(Serialize)]
struct MapData {
    name: &'static str,
    x: Vec<f64>,
    y: Vec<f64>,
}

#[derive(Serialize)]
struct DirectionsData {
    shares: Vec<f64>,
    steps: usize,
    reach: f64,
    /// A row for each direction.
    sheet: String,
    linear: Option<LinearData>,
}

/// Little-endian `f32` in base64: `[C, H, W]`, and `[directions, C, H, W]`.
#[derive(Serialize)]
struct LinearData {
    mean: String,
    directions: String,
}

#[derive(Serialize)]
struct BetweenData<'a> {
    chosen: &'a [usize],
    steps: usize,
    /// A row for each pair.
    sheet: String,
}

/// The page of some of `all` images, explored by the model of `info`, with anomaly scores of that name.
///
/// # Errors
///
/// Where a picture or the data can't be encoded, which doesn't happen.
pub fn page(
    explored: &Explored,
    info: &ModelInfo,
    all: usize,
    score_name: &str,
) -> Result<String, ExploreError> {
    let Explored {
        collected,
        shape,
        maps,
        directions,
        between,
    } = explored;
    let images = &collected.images;
    let mut classes: Vec<&str> = images
        .iter()
        .filter_map(|image| image.class.as_deref())
        .collect();
    classes.sort_unstable();
    classes.dedup();
    let label = images.iter().map(|image| {
        let class = image.class.as_deref()?;
        classes.binary_search(&class).ok()
    });
    let picture = |values: &[u8], columns: usize| -> Result<String, ExploreError> {
        let images = values.chunks_exact(shape.len());
        data_url(&sheet(images, *shape, columns))
    };
    let maps = maps.iter().map(|map| MapData {
        name: map.name,
        // Four digits are more than a screen shows.
        x: map.points.iter().map(|point| rounded(point[0])).collect(),
        y: map.points.iter().map(|point| rounded(point[1])).collect(),
    });
    let linear = directions.linear.as_ref().map(|linear| LinearData {
        mean: floats(&linear.mean),
        directions: floats(&linear.directions),
    });
    let data = Data {
        version: env!("CARGO_PKG_VERSION"),
        made: chrono::Local::now().format("%F %H:%M").to_string(),
        arch: info.arch.name(),
        latent_dim: info.latent_dim,
        all,
        size: [shape.width, shape.height],
        channels: shape.channels,
        tile: tile(*shape),
        columns: COLUMNS,
        label: label.collect(),
        path: images.iter().map(|image| image.path.as_str()).collect(),
        ssim: images.iter().map(|image| image.ssim).collect(),
        score: images.iter().map(|image| image.score).collect(),
        score_name,
        maps: maps.collect(),
        originals: picture(&collected.originals, COLUMNS)?,
        restored: picture(&collected.restored, COLUMNS)?,
        directions: DirectionsData {
            shares: directions.shares.clone(),
            steps: STEPS,
            reach: REACH,
            sheet: picture(&directions.images, STEPS)?,
            linear,
        },
        between: BetweenData {
            chosen: &between.chosen,
            steps: BETWEEN_STEPS,
            sheet: picture(&between.images, BETWEEN_STEPS)?,
        },
        classes,
    };
    Ok(PAGE.fill(
        &serde_json::to_string(&data)?,
        &PAGE.policy("data:", "'none'"),
    ))
}

fn data_url(picture: &DynamicImage) -> Result<String, ExploreError> {
    // A sheet of nothing has no form as PNG.
    if picture.width() == 0 || picture.height() == 0 {
        return Ok(String::new());
    }
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(format!(
        "data:image/png;base64,{}",
        STANDARD.encode(bytes.into_inner())
    ))
}

fn floats(values: &[f32]) -> String {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
