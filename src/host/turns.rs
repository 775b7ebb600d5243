//! Turns for others, in long work on a thread or a GPU that isn't only its own.

#[cfg(not(target_family = "wasm"))]
use burn::tensor::Tensor;

/// Lets the rest of a browser have its turn, several times a second: messages of the page on this thread, and its drawing
/// on the GPU. Elsewhere the system sees to that, and there is nothing to do.
#[derive(Debug)]
pub(crate) struct Turns {
    #[cfg(target_family = "wasm")]
    since: super::Stopwatch,
}

#[cfg(not(target_family = "wasm"))]
impl Turns {
    pub fn start() -> Self {
        Self {}
    }

    #[expect(clippy::unused_async, reason = "as in a browser")]
    pub async fn pass<const D: usize>(&mut self, _: &Tensor<D>) {}
}

#[cfg(target_family = "wasm")]
mod browser {
    use burn::tensor::Tensor;
    use js_sys::{Function, Promise, Reflect};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;

    use super::Turns;
    use crate::host::Stopwatch;
    use crate::host::clock::leave_out_pause;

    /// Seconds between turns. A browser adds some milliseconds to each.
    const BETWEEN: f64 = 0.1;

    impl Turns {
        pub fn start() -> Self {
            Self {
                since: Stopwatch::start(),
            }
        }

        /// `queued` is what the GPU was given last: it's waited for, since what the page draws comes after it.
        pub async fn pass<const D: usize>(&mut self, queued: &Tensor<D>) {
            if self.since.seconds() < BETWEEN {
                return;
            }
            // A device that fails is told of where values are read.
            let _ = queued.clone().into_data_async().await;
            let turn = Stopwatch::start();
            let _ = JsFuture::from(next_turn()).await;
            leave_out_pause(turn.seconds());
            self.since = Stopwatch::start();
        }
    }

    /// What is there once all waiting messages were handled.
    fn next_turn() -> Promise {
        // A page and a worker have different types, and this in common.
        let global = js_sys::global();
        Promise::new(&mut |done, _| {
            let timeout = Reflect::get(&global, &JsValue::from_str("setTimeout"));
            let timeout = timeout.and_then(JsCast::dyn_into::<Function>);
            // Where there is no such function, at once.
            let called = timeout.and_then(|timeout| timeout.call2(&global, &done, &0.into()));
            if called.is_err() {
                let _ = done.call0(&JsValue::UNDEFINED);
            }
        })
    }
}
