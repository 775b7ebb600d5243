//! t-SNE of codes (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9, 2008), from their nearest
//! neighbours, which are found exactly on the device; the rest is the crate `bhtsne`'s.

use bhtsne::{Neighbor, tSNE};
use burn::tensor::Device;
use rayon::ThreadPoolBuilder;

use crate::apply::Neighbours;
use crate::model::ModelError;

/// How many neighbours a point has, about, where there are enough.
const PERPLEXITY: f32 = 30.0;
/// Fewer points than three times as many have no such neighbourhoods.
const LEAST_PERPLEXITY: f32 = 5.0;
/// The start's standard deviation, as is usual: small enough for points to find their place.
const START: f64 = 1e-4;

/// Places of codes `[N, width]` in a plane, the same for the same codes: it begins with `start`, which is PCA's
/// plane. None of few codes, or of equal ones.
pub(super) fn tsne(
    codes: &[f32],
    width: usize,
    start: &[[f64; 2]],
    device: &Device,
) -> Result<Option<Vec<[f64; 2]>>, ModelError> {
    let count = start.len();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let most = (count.saturating_sub(1)) as f32 / 3.0;
    let perplexity = PERPLEXITY.min(most);
    if perplexity < LEAST_PERPLEXITY {
        return Ok(None);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ninety at most"
    )]
    let nearest = (3.0 * perplexity) as usize;
    let rows: Vec<usize> = (0..count).collect();
    let neighbours = Neighbours::new(codes.to_vec(), width, device);
    let found = neighbours.nearest_of_own(&rows, nearest)?;
    let found: Vec<Vec<Neighbor<f32>>> = found
        .into_iter()
        .map(|nearest| {
            let each = nearest.into_iter().map(|neighbour| Neighbor {
                index: neighbour.row,
                distance: neighbour.distance,
            });
            each.collect()
        })
        .collect();
    let squares: f64 = start.iter().map(|point| point[0].powi(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let deviation = (squares / count as f64).sqrt();
    let scale = if deviation > 0.0 {
        START / deviation
    } else {
        0.0
    };
    #[expect(clippy::cast_possible_truncation, reason = "places on a map")]
    let start: Vec<f32> = start
        .as_flattened()
        .iter()
        .map(|value| (value * scale) as f32)
        .collect();
    let points: Vec<&[f32]> = codes.chunks_exact(width).collect();
    let fit = || {
        tSNE::<f32, &[f32], 2>::new(&points)
            .perplexity(perplexity)
            .initial_embedding(start)
            .barnes_hut_with_neighbors(0.5, &found)
            .embedding()
    };
    // On several threads its sums are in no fixed order, and t-SNE makes their last digits visible.
    let places = match ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(alone) => alone.install(fit),
        // The system grants no further thread.
        Err(_) => fit(),
    };
    // Of codes that are all the same.
    if places.iter().any(|place| !place.is_finite()) {
        return Ok(None);
    }
    let (pairs, _) = places.as_chunks();
    let pairs = pairs.iter().map(|pair: &[f32; 2]| pair.map(f64::from));
    Ok(Some(pairs.collect()))
}
