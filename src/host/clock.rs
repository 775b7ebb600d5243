//! The time that work takes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
#[cfg(not(target_family = "wasm"))]
use std::time::Instant;

#[cfg(target_family = "wasm")]
use web_time::Instant;

/// Time since some moment, without the time in which the process was stopped if [`notice_pauses`] is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    started: Instant,
    paused_before: Duration,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            paused_before: paused(),
        }
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        let paused = paused().saturating_sub(self.paused_before);
        self.started.elapsed().saturating_sub(paused).as_secs_f64()
    }

    /// Seconds since the start, or since this was last asked for.
    pub fn lap(&mut self) -> f64 {
        let seconds = self.seconds();
        *self = Self::start();
        seconds
    }
}

/// How often the time is looked at.
const BEAT: Duration = Duration::from_millis(100);
/// What can't be a delay: a thread that does nothing but sleep gets a processor within milliseconds, even
/// if all of them are busy.
const PAUSE: Duration = Duration::from_secs(2);

/// What is known of the time in which the process was stopped.
struct Pauses {
    /// When the time was last looked at; none while nothing looks.
    last: Option<Instant>,
    total: Duration,
}

static PAUSES: Mutex<Pauses> = Mutex::new(Pauses {
    last: None,
    total: Duration::ZERO,
});

/// Notices from now on when this process is stopped, by SIGSTOP or together with its machine: no signal
/// tells, but then nobody looks at the time.
#[cfg(feature = "cli")]
pub(crate) fn notice_pauses() {
    let beat = || {
        loop {
            std::thread::sleep(BEAT);
            paused();
        }
    };
    let mut pauses = PAUSES.lock().unwrap_or_else(PoisonError::into_inner);
    // Without the thread, all time counts.
    if pauses.last.is_none() && std::thread::Builder::new().spawn(beat).is_ok() {
        pauses.last = Some(Instant::now());
    }
}

/// Doesn't count the seconds in which others had their turn, if they were long: the work was paused.
#[cfg(target_family = "wasm")]
pub(super) fn leave_out_pause(seconds: f64) {
    let time = Duration::from_secs_f64(seconds);
    if time > PAUSE {
        let mut pauses = PAUSES.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.total += time;
    }
}

/// How long this process was stopped, as far as it was noticed.
fn paused() -> Duration {
    let mut pauses = PAUSES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(last) = &mut pauses.last {
        let now = Instant::now();
        let gap = now.saturating_duration_since(*last);
        *last = now;
        if gap > PAUSE {
            pauses.total += gap.saturating_sub(BEAT);
        }
    }
    pauses.total
}
