//! Run folders without pictures: what `pictures` is where the library that draws them isn't built in
//! (the feature `cli`).

#![expect(
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    reason = "the signatures are those of `pictures`"
)]

use super::{Prepared, TrainError};
use crate::metrics::Scores;
use crate::model::Autoencoder;
use crate::readback::{Readback, Values};
use crate::run::{EpochMetrics, PcaReference, RunDir};

pub(super) async fn test_pictures(
    _: &Prepared,
    _: &RunDir,
    _: &Autoencoder,
    _: &Scores,
) -> Result<(), TrainError> {
    Ok(())
}

pub(super) fn curves(
    _: &Prepared,
    _: &RunDir,
    _: &[EpochMetrics],
    _: Option<&PcaReference>,
    _: Option<usize>,
) -> Result<(), TrainError> {
    Ok(())
}

pub(super) async fn best(
    _: &Prepared,
    _: &RunDir,
    _: &Autoencoder,
    _: &[u32],
) -> Result<(), TrainError> {
    Ok(())
}

pub(super) fn thumbnails(_: &Prepared, _: &RunDir, _: &[u32]) -> Result<(), TrainError> {
    Ok(())
}

pub(super) struct Picture;

impl Picture {
    pub fn of_samples(_: &Prepared, _: &Autoencoder, _: &mut Readback) -> Result<Self, TrainError> {
        Ok(Self)
    }

    pub fn write_epoch(
        self,
        _: &mut Values,
        _: &Prepared,
        _: &RunDir,
        _: usize,
    ) -> Result<(), TrainError> {
        Ok(())
    }
}
