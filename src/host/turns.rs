//! Turns for others, in long work on a thread that isn't only its own.

/// Lets the rest of a browser's thread have its turn, several times a second. Elsewhere others have threads of their own,
/// and there is nothing to do.
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

    #[expect(clippy::unused_self, clippy::unused_async, reason = "as in a browser")]
    pub async fn pass(&mut self) {}
}

#[cfg(target_family = "wasm")]
mod browser {
    use js_sys::{Function, Promise, Reflect};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;

    use super::Turns;
    use crate::host::Stopwatch;

    /// Seconds between turns. A browser adds some milliseconds to each.
    const BETWEEN: f64 = 0.1;

    impl Turns {
        pub fn start() -> Self {
            Self {
                since: Stopwatch::start(),
            }
        }

        pub async fn pass(&mut self) {
            if self.since.seconds() < BETWEEN {
                return;
            }
            // A page and a worker have different types, and this in common.
            let global = js_sys::global();
            let timeout = Reflect::get(&global, &JsValue::from_str("setTimeout"));
            let Ok(Ok(timeout)) = timeout.map(JsCast::dyn_into::<Function>) else {
                return;
            };
            let turn = Promise::new(&mut |done, _| {
                // Where it fails, nobody would be waited for.
                let _ = timeout.call2(&global, &done, &JsValue::from(0));
            });
            let _ = JsFuture::from(turn).await;
            self.since = Stopwatch::start();
        }
    }
}
