//! Images being loaded, as a line at the bottom of the terminal.

use std::sync::{Mutex, PoisonError};

use super::progress::{bar, span};
use super::terminal::Live;
use crate::data::Watch;
use crate::host::Stopwatch;

/// Runs what loads images, and shows how far it is, unless `quiet` or nobody watches.
pub(super) fn watched<T>(quiet: bool, load: impl FnOnce(&Watch) -> T) -> T {
    let live = if quiet { None } else { Live::new() };
    let Some(live) = live else {
        return load(&Watch::NONE);
    };
    let display = Mutex::new(Display {
        live,
        what: "",
        clock: Stopwatch::start(),
    });
    let progress = |what, done, all| {
        let mut display = display.lock().unwrap_or_else(PoisonError::into_inner);
        display.show(what, done, all);
    };
    load(&Watch {
        shows_download: true,
        progress: Some(&progress),
    })
}

struct Display {
    live: Live,
    what: &'static str,
    clock: Stopwatch,
}

impl Display {
    #[expect(clippy::cast_precision_loss, reason = "counts of files")]
    fn show(&mut self, what: &'static str, done: usize, all: usize) {
        /// Columns.
        const BAR: usize = 30;
        if what != self.what {
            self.what = what;
            self.clock = Stopwatch::start();
        }
        if !self.live.is_due() {
            return;
        }
        let rate = done as f64 / self.clock.seconds();
        let (done_share, left) = (done as f64 / all as f64, all - done);
        self.live.show(vec![format!(
            "{what}  {}  {done}/{all}, {rate:.0} images/s, {} left",
            bar(done_share, BAR),
            span(left as f64 / rate)
        )]);
    }
}
