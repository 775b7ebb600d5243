//! SSIM by itself, with its gradient: the kernels as a browser's GPU runs them.

use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;
use trainer::ssim::{MsSsim, Preset};
use wasm_bindgen::prelude::*;

use crate::{Outcome, selected};

/// A pair of images.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    /// Channels, height and width.
    size: [usize; 3],
    preset: Preset,
    /// Whether it's multi-scale SSIM.
    #[serde(default)]
    multi_scale: bool,
}

/// The similarity of two images.
#[wasm_bindgen(getter_with_clone)]
pub struct Similarity {
    /// SSIM, or multi-scale SSIM.
    pub score: f32,
    /// Its gradients by the values of the first image and of the second: `[2, C, H, W]`.
    pub gradients: Vec<f32>,
}

/// SSIM of two images `[C, H, W]` with values in [0, 1], and its gradients; `pair` says what they are, as JSON.
///
/// # Errors
///
/// Where they aren't of that size, or smaller than SSIM's window.
#[wasm_bindgen]
pub async fn ssim(x: &[f32], y: &[f32], pair: &str) -> Outcome<Similarity> {
    let Pair {
        size: [channels, height, width],
        preset,
        multi_scale,
    } = serde_json::from_str(pair)?;
    let shape = [1, channels, height, width];
    let length = channels * height * width;
    if [x.len(), y.len()] != [length; 2] {
        return Err(JsError::new("the images have another size"));
    }
    let device = selected()?.device.autodiff();
    let [x, y] = [x, y].map(|values| {
        Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &device).require_grad()
    });
    let config = preset.config();
    let scores = if multi_scale {
        MsSsim::new(config).scores(x.clone(), y.clone())?.scores
    } else {
        trainer::ssim::ssim(x.clone(), y.clone(), &config)?
    };
    let gradients = scores.clone().sum().backward();
    let gradients = [x, y].map(|image| image.grad(&gradients).expect("SSIM depends on both"));
    let gradients = Tensor::cat(gradients.to_vec(), 0);
    let read = |data: TensorData| data.convert::<f32>().try_to_vec::<f32>();
    let score = read(scores.inner().into_data_async().await?)?;
    Ok(Similarity {
        score: score[0],
        gradients: read(gradients.into_data_async().await?)?,
    })
}
