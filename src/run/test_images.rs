//! `test.csv`: one row a test image, for whoever wants to look behind the averages.

use serde::{Deserialize, Serialize};

use super::{RunDir, RunError, write_atomically};

/// Thumbnails in a row of `thumbnails.png`; tile `t` is in row `t / 40`, column `t % 40`.
pub const THUMBNAIL_COLUMNS: usize = 40;

/// A test image, and what the best weights made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestImage {
    /// Its place in the data set.
    pub index: u32,
    /// Its class, 0 to 9.
    pub label: u8,
    /// The name of the class.
    pub class: String,
    /// SSIM of the reconstruction.
    pub ssim: f64,
    /// PSNR in dB.
    pub psnr: f64,
    /// Mean squared error.
    pub mse: f64,
    /// The latent vector along the first principal component of all test images' latent vectors.
    pub pc1: f64,
    /// And along the second.
    pub pc2: f64,
    /// Its place in `thumbnails.png`, if it is there.
    pub tile: Option<usize>,
}

impl RunDir {
    /// Writes `test.csv`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write_test_images(&self, images: &[TestImage]) -> Result<(), RunError> {
        let path = self.test_images_path();
        let bytes = table(images).map_err(|source| RunError::Encode {
            path: path.clone(),
            source: source.into(),
        })?;
        write_atomically(&path, &bytes)
    }

    /// Reads `test.csv`.
    ///
    /// # Errors
    /// [`RunError::Read`] or [`RunError::Parse`].
    pub fn read_test_images(&self) -> Result<Vec<TestImage>, RunError> {
        let path = self.test_images_path();
        let bytes = std::fs::read(&path).map_err(|source| RunError::Read {
            path: path.clone(),
            source,
        })?;
        let rows: Result<Vec<TestImage>, csv::Error> = csv::Reader::from_reader(bytes.as_slice())
            .deserialize()
            .collect();
        rows.map_err(|source| RunError::Parse {
            path,
            expected: "a table with one row for each test image",
            source: source.into(),
        })
    }
}

fn table(images: &[TestImage]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for image in images {
        writer.serialize(image)?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}
