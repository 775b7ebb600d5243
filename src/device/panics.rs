//! Panics of burn and of drivers, and what they mean.
//!
//! A device that fails while it computes is a panic inside burn, which must not reach a user. Reads
//! return an error instead where burn knows one; the rest is caught here. The panic hook belongs to the
//! program: its `main` may set it by [`keep_panics`], and nothing else here does, but for the moment in
//! which a driver is probed.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// A panic that was caught.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    /// What was said.
    pub message: String,
    /// File and line; empty if they aren't known.
    pub location: String,
}

/// The first panic since it was last asked for, on whatever thread: one leads to others.
static FIRST: Mutex<Option<Panic>> = Mutex::new(None);

/// From now on panics aren't printed but kept, for [`catch_panics`] to tell their place. For programs:
/// it replaces the panic hook.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(keep));
}

fn keep(info: &PanicHookInfo) {
    let panic = Panic {
        message: words(info.payload_as_str()),
        location: info.location().map(ToString::to_string).unwrap_or_default(),
    };
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert(panic);
}

fn words(message: Option<&str>) -> String {
    message
        .unwrap_or("the driver failed without a reason")
        .to_owned()
}

/// Runs what may panic inside burn or a driver.
///
/// # Errors
///
/// The panic. After [`keep_panics`] it's the first one, where one has led to others, with its place.
pub fn catch_panics<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let kept = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.unwrap_or_else(|| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            Panic {
                message: words(text),
                location: String::new(),
            }
        })
    })
}

/// As [`catch_panics`], and prints nothing whatever the hook: for the start of a driver.
#[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
pub(super) fn probe_quietly<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    let hook = std::panic::take_hook();
    keep_panics();
    let result = catch_panics(run);
    std::panic::set_hook(hook);
    result
}

/// What a device's failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// More memory, or a larger kernel, than the device has room for.
    Room,
    /// The device went away.
    Lost,
    /// The system grants no more threads.
    Threads,
    /// None that is known: a mistake in this program or in burn.
    Unknown,
}

impl Failure {
    /// What the words of an error or a panic mean: the one place where only words tell.
    #[must_use]
    pub fn of(message: &str) -> Self {
        /// Of cubecl 0.11 (`IoError`, `LaunchError`, `ResourceLimitError`, wgpu's launcher) and wgpu 30
        /// (`DeviceError`, `CreateBufferError`), in lower case.
        const ROOM: [&str; 10] = [
            "can't allocate buffer of size",
            "out of device memory",
            "can't allocate",
            "out of memory",
            "out-of-memory error",
            "not enough memory left",
            "too many resources were requested",
            "cube count too big",
            "is greater than the maximum buffer size",
            "memory allocation of",
        ];
        const LOST: [&str; 5] = [
            "device is lost",
            "device lost",
            "devicelost",
            "device is poisoned",
            "device was poisoned",
        ];
        /// Of the standard library and rayon.
        const THREADS: [&str; 2] = ["failed to spawn thread", "global thread pool has not been"];
        let message = message.to_lowercase();
        let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
        if says(&ROOM) {
            Self::Room
        } else if says(&LOST) {
            Self::Lost
        } else if says(&THREADS) {
            Self::Threads
        } else {
            Self::Unknown
        }
    }
}
