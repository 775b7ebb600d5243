//! How unusual an image is: by where its reconstruction fails, or by how far its code lies from usual ones.
//!
//! ```text
//! image, reconstruction, SSIM map → PixelErrors → a score by AnomalyScore, a heat map
//! codes of usual images           → CodeStatistics → Mahalanobis, the distance of another code
//! scores of usual images          → Calibration → the threshold at a quantile
//! scores, and what is anomalous   → Detection: AUROC, average precision, best F1
//! ```

mod calibration;
mod codes;
mod detection;
mod pixels;
mod score;

pub use calibration::{Calibration, ScoreQuantiles, USUAL_SHARE, quantile};
pub use codes::{CodeStatistics, Mahalanobis, WIDEST};
pub use detection::Detection;
pub use pixels::PixelErrors;
pub use score::{Aggregate, AnomalyScore, Measure};
