//! `test.csv`: one row a test image, for whoever wants to look behind the averages.

use serde::{Deserialize, Serialize};

use super::files::{LARGEST_TABLE, read, table, write_table};
use super::records::{number_or_unknown, unknown};
use super::{RunDir, RunError};

/// Thumbnails in a row of `thumbnails.png`; tile `t` is in row `t / 40`, column `t % 40`.
pub const THUMBNAIL_COLUMNS: usize = 40;

/// A test image, and how well the best weights reconstruct it. A number that a run of another version
/// lacks is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestImage {
    /// Its place in the data set.
    pub index: u32,
    /// Where it comes from: a file's path below the folder of the images, or a place in a file of many.
    #[serde(default)]
    pub path: Option<String>,
    /// Its class, if the images have labels.
    pub label: Option<u32>,
    /// The name of the class, if it has one.
    pub class: Option<String>,
    /// SSIM of the reconstruction.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub ssim: f64,
    /// PSNR in dB.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub psnr: f64,
    /// Mean squared error.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub mse: f64,
    /// The latent vector along the first principal component of all test images' latent vectors.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub pc1: f64,
    /// And along the second.
    #[serde(default = "unknown", deserialize_with = "number_or_unknown")]
    pub pc2: f64,
    /// Its place in `thumbnails.png`, if it is there.
    pub tile: Option<usize>,
}

impl TestImage {
    /// What `test.csv` is.
    pub(super) const TABLE: &'static str = "a table with one row for each test image";
    /// The column that it must have.
    pub(super) const KEY: &'static str = "index";
}

impl RunDir {
    /// Writes `test.csv`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_test_images(&self, images: &[TestImage]) -> Result<(), RunError> {
        write_table(&self.test_images_path(), images)
    }

    /// Reads `test.csv` by the names in its header. Only the column `index` is required, and unknown
    /// columns are ignored.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_test_images(&self) -> Result<Vec<TestImage>, RunError> {
        let path = self.test_images_path();
        let bytes = read(&path, LARGEST_TABLE)?;
        table(&path, &bytes, TestImage::TABLE, TestImage::KEY)
    }
}
