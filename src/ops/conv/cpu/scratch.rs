//! Buffers for a task's images, kept for the next task: making them anew, and zeroing them, took as long as small
//! convolutions.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::winograd::Units;

/// Buffers that a task has for itself. What is in them at first means nothing.
#[derive(Default)]
pub(super) struct Scratch {
    /// Images with a border, or as the convolution takes them.
    pub images: Vec<f32>,
    /// Gradients of the convolution's results, with a border if the images have one.
    pub gradients: Vec<f32>,
    /// Gradients of the images.
    pub image_gradients: Vec<f32>,
    /// The convolution's result.
    pub product: Vec<f32>,
    /// What becomes of it.
    pub output: Vec<f32>,
    /// The taps of an upsampled image.
    pub taps: Vec<f32>,
    pub units: Units,
}

/// Those that no task has: at most as many as there were tasks at the same time.
static SPARE: Mutex<Vec<Scratch>> = Mutex::new(Vec::new());

/// Buffers of a task, which another one gets after it.
pub(super) struct Lease(Scratch);

impl Scratch {
    pub fn lease() -> Lease {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare.pop().unwrap_or_default();
        scratch.units.forget();
        Lease(scratch)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(mem::take(&mut self.0));
    }
}

impl Deref for Lease {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.0
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Scratch {
        &mut self.0
    }
}
