//! A model's codes as one HTML page: a map of the images, what is along the codes' principal directions, and what is
//! between images.
//!
//! ```text
//! images, their codes → Explored   maps (PCA's plane, t-SNE), directions, what is between images
//!                     → page()     one file that holds everything
//! ```
//!
//! The page's markup, style and script are the files in `page/`.

mod between;
mod directions;
mod page;
mod tsne;

use crate::apply::Applied;
use crate::image::{ImageShape, to_levels};
use crate::model::{Model, ModelError};
use crate::pca::principal;
use crate::plot::thumbnail_shape;

pub use between::Between;
pub use directions::Directions;
pub use page::{ExploreError, page};

/// Principal directions that a page has a slider for.
const DIRECTIONS: usize = 8;

/// An image of the page.
#[derive(Clone, Debug)]
pub struct ExploredImage {
    /// Its path.
    pub path: String,
    /// Its class, if it has one.
    pub class: Option<String>,
    /// SSIM of its reconstruction.
    pub ssim: f32,
    /// Its anomaly score.
    pub score: f32,
}

/// Images to explore, as they are collected.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// `[N]`
    pub images: Vec<ExploredImage>,
    /// `[N, latent_dim]`
    pub codes: Vec<f32>,
    /// `[N, C, H, W]`
    pub originals: Vec<u8>,
    /// `[N, C, H, W]`
    pub restored: Vec<u8>,
}

/// A map of the images: the place of each.
#[derive(Clone, Debug)]
pub struct Map {
    /// What it is.
    pub name: &'static str,
    /// `[N]`
    pub points: Vec<[f64; 2]>,
}

/// All that a page shows.
#[derive(Clone, Debug)]
pub struct Explored {
    /// The images.
    pub collected: Collected,
    /// Of each.
    pub shape: ImageShape,
    /// At least one.
    pub maps: Vec<Map>,
    /// What is along the codes' principal directions.
    pub directions: Directions,
    /// What is between some of the images.
    pub between: Between,
}

impl Explored {
    /// Of images and their codes, by `model`.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    ///
    /// # Panics
    ///
    /// Where there is no image, or a code isn't finite.
    pub fn new(collected: Collected, model: &Model) -> Result<Self, ModelError> {
        let shape = model.info().image;
        let width = model.info().latent_dim;
        let applied = Applied::new(model, Some(0));
        let principal = principal(&collected.codes, width, DIRECTIONS);
        let mut maps = vec![Map {
            name: "PCA of the codes",
            points: principal.plane(),
        }];
        if let Some(points) = tsne::tsne(&collected.codes, width, &maps[0].points, model.device())?
        {
            maps.push(Map {
                name: "t-SNE",
                points,
            });
        }
        Ok(Self {
            directions: Directions::new(&principal, model, &applied)?,
            between: Between::new(&collected, &applied)?,
            collected,
            shape,
            maps,
        })
    }
}

/// The size of a thumbnail, as wide and as high as all pictures of the page are.
fn tile(shape: ImageShape) -> [u32; 2] {
    let (width, height) = thumbnail_shape(shape);
    [width, height]
}

/// What codes `[n, latent_dim]` are decoded to, as bytes `[n, C, H, W]`.
fn decoded(applied: &Applied, codes: &[f32]) -> Result<Vec<u8>, ModelError> {
    let mut images = Vec::new();
    for codes in codes.chunks(applied.batch_size() * applied.latent_dim()) {
        images.extend(to_levels(&applied.decode(codes)?));
    }
    Ok(images)
}
