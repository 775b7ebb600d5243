//! The page for browsers: what its script calls.
//!
//! ```text
//! worker.js → start                     a device: a GPU by WebGPU, or the CPU
//!           → Pictures                  pictures to train on                           (pictures)
//!           → train → Trained → Model   training, with reports as it goes on           (training)
//!           → Model                     a model file, and pictures that it's used on   (model)
//!           → ssim                      the kernels by themselves                      (similarity)
//! ```
//!
//! Images are bytes `[n, C, H, W]`, row-major, 0 to 255; codes are numbers `[n, latent_dim]`. What is said of them is
//! JSON. Everything runs on one thread, a worker's, so that the page stays responsive; what takes long is async, and
//! lets messages through.
#![cfg(target_family = "wasm")]

mod model;
mod pictures;
mod similarity;
mod training;

use std::cell::RefCell;

use js_sys::Reflect;
use serde_json::json;
use trainer::device::{self, Backend, SelectedDevice};
use wasm_bindgen::prelude::*;

/// What of a failure the page shows: its message.
type Outcome<T> = Result<T, JsError>;

thread_local! {
    /// What everything is computed on, once it has started.
    static SELECTED: RefCell<Option<SelectedDevice>> = const { RefCell::new(None) };
}

/// A panic ends the program with no more than "unreachable": its words are left in `panicked`, where the worker finds
/// them.
fn main() {
    std::panic::set_hook(Box::new(|info| {
        let words = JsValue::from(info.to_string());
        let _ = Reflect::set(&js_sys::global(), &JsValue::from("panicked"), &words);
    }));
}

/// Starts `backend`, `wgpu` or `flex`, and tells what computes.
///
/// # Errors
///
/// Where there is no such device.
#[wasm_bindgen]
pub async fn start(backend: String) -> Outcome<String> {
    let backend = match backend.as_str() {
        "wgpu" => Backend::Wgpu,
        "flex" => Backend::Flex,
        other => {
            return Err(JsError::new(&format!(
                "there is no backend {other}: wgpu and flex are"
            )));
        }
    };
    let selected = device::select_async(backend).await?;
    let told = json!({
        "backend": selected.backend.name(),
        "adapter": selected.adapter,
        "software": selected.warning.is_some(),
    });
    SELECTED.with(|place| *place.borrow_mut() = Some(selected));
    Ok(told.to_string())
}

/// The device that was started.
fn selected() -> Outcome<SelectedDevice> {
    let selected = SELECTED.with(|place| place.borrow().clone());
    selected.ok_or_else(|| JsError::new("no device was started"))
}
