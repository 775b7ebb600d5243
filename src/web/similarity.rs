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
    /// Whether its gradients are wanted.
    #[serde(default)]
    gradients: bool,
}

/// The similarity of two images.
#[wasm_bindgen(getter_with_clone)]
pub struct Similarity {
    /// SSIM, or multi-scale SSIM.
    pub score: f32,
    /// Its gradients by the values of the first image and of the second, if they are wanted: `[2, C, H, W]`.
    pub gradients: Vec<f32>,
}

/// SSIM of two images `[C, H, W]` with values in [0, 1]; `pair` says what they are, and what is wanted, as JSON.
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
        gradients: wants_gradients,
    } = serde_json::from_str(pair)?;
    let shape = [1, channels, height, width];
    let length = channels * height * width;
    if [x.len(), y.len()] != [length; 2] {
        return Err(JsError::new("the images have another size"));
    }
    let mut device = selected()?.device;
    if wants_gradients {
        device = device.autodiff();
    }
    let [x, y] = [x, y].map(|values| {
        let image = Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &device);
        if wants_gradients {
            image.require_grad()
        } else {
            image
        }
    });
    let config = preset.config();
    let scores = if multi_scale {
        MsSsim::new(config).scores(x.clone(), y.clone())?.scores
    } else {
        trainer::ssim::ssim(x.clone(), y.clone(), &config)?
    };
    let read = |data: TensorData| data.convert::<f32>().try_to_vec::<f32>();
    let mut gradients = Vec::new();
    if wants_gradients {
        let found = scores.clone().sum().backward();
        let found = [x, y].map(|image| image.grad(&found).expect("SSIM depends on both"));
        gradients = read(Tensor::cat(found.to_vec(), 0).into_data_async().await?)?;
    }
    let score = read(scores.into_data_async().await?)?;
    Ok(Similarity {
        score: score[0],
        gradients,
    })
}
