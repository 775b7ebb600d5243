//! What is between images: codes on the straight lines between those of some of them, decoded.

use std::collections::BTreeMap;

use super::{Collected, decoded};
use crate::apply::Applied;
use crate::data::evenly;
use crate::model::ModelError;

/// Images of which two can be chosen: 45 pairs.
const CHOICE: usize = 10;
/// Images on the way from one to another, both ends included.
pub const STEPS: usize = 9;

/// Images, and what is between each two of them.
#[derive(Clone, Debug)]
pub struct Between {
    /// Their places among all.
    pub chosen: Vec<usize>,
    /// For each pair (the first with the second, the third …, the second with the third …) what is decoded on the
    /// way: `[pairs × STEPS, C, H, W]`.
    pub images: Vec<u8>,
}

impl Between {
    pub(super) fn new(collected: &Collected, applied: &Applied) -> Result<Self, ModelError> {
        let width = applied.latent_dim();
        let chosen = chosen(collected);
        let code = |place: usize| &collected.codes[place * width..][..width];
        let mut codes = Vec::new();
        for (rank, &from) in chosen.iter().enumerate() {
            for &to in &chosen[rank + 1..] {
                for step in 0..STEPS {
                    #[expect(clippy::cast_precision_loss, reason = "nine steps")]
                    let share = step as f32 / (STEPS - 1) as f32;
                    let pairs = code(from).iter().zip(code(to));
                    codes.extend(pairs.map(|(from, to)| from + share * (to - from)));
                }
            }
        }
        Ok(Self {
            images: decoded(applied, &codes)?,
            chosen,
        })
    }
}

/// As many of each class as of the others, or of all images where they have none; about [`CHOICE`] in all.
fn chosen(collected: &Collected) -> Vec<usize> {
    let mut by_class: BTreeMap<Option<&String>, Vec<usize>> = BTreeMap::new();
    for (place, image) in collected.images.iter().enumerate() {
        by_class
            .entry(image.class.as_ref())
            .or_default()
            .push(place);
    }
    let each = CHOICE.div_ceil(by_class.len().max(1));
    // Of many classes, some.
    let classes: Vec<Vec<usize>> = by_class
        .into_values()
        .map(|places| {
            let rows = evenly(places.len(), each).into_iter();
            rows.map(|row| places[row]).collect()
        })
        .collect();
    let all: Vec<usize> = classes.into_iter().flatten().collect();
    let rows = evenly(all.len(), CHOICE).into_iter();
    rows.map(|row| all[row]).collect()
}
