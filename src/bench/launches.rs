//! What training asks of a GPU: kernels that are launched, submissions to its queue, and reads, for
//! each of which the host waits. These don't depend on the GPU's speed, so that any adapter will do.
//!
//! Launches are told by cubecl's observer. Submissions and reads are counted in what wgpu logs of the
//! calls it gets, and not where this crate makes them: a read that nobody thought of counts, too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use burn_cubecl::cubecl::config::{TypeNameFormatLevel, type_name_format};
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use serde::Serialize;

/// What was asked of all GPUs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Kernels.
    pub launches: usize,
    /// Times that noted work went to a queue.
    pub submissions: usize,
    /// Times that the host waited for results. Several buffers may be read in one.
    pub reads: usize,
    /// Launches by the kernel's name.
    pub kernels: BTreeMap<String, usize>,
}

/// Counts what is asked of all GPUs from its start on.
#[derive(Debug)]
pub struct Counter {
    launches: Arc<Launches>,
    start: [usize; 2],
    _observation: LaunchObservation,
}

impl Counter {
    /// Starts counting.
    #[must_use]
    pub fn start() -> Self {
        listen_to_wgpu();
        let launches = Arc::<Launches>::default();
        Self {
            _observation: LaunchObservation::new(launches.clone()),
            launches,
            start: WGPU.counts(),
        }
    }

    /// Kernels launched since the start.
    #[must_use]
    pub fn launches(&self) -> usize {
        self.launches.lock().values().sum()
    }

    /// All that was counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let [submissions, reads] = WGPU.counts();
        let mut kernels = BTreeMap::new();
        for (name, count) in self.launches.lock().iter() {
            let name = type_name_format(name, TypeNameFormatLevel::Short);
            *kernels.entry(name).or_default() += count;
        }
        Counts {
            launches: kernels.values().sum(),
            submissions: submissions - self.start[0],
            reads: reads - self.start[1],
            kernels,
        }
    }
}

#[derive(Debug, Default)]
struct Launches(Mutex<BTreeMap<&'static str, usize>>);

impl Launches {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        *self.lock().entry(kernel).or_default() += 1;
    }
}

/// The calls that wgpu tells of.
struct Calls {
    submissions: AtomicUsize,
    reads: AtomicUsize,
    /// Whether no buffer was mapped since the last submission. Buffers that are read together are copied
    /// by one submission, and then mapped one by one.
    is_submitted: AtomicBool,
}

static WGPU: Calls = Calls {
    submissions: AtomicUsize::new(0),
    reads: AtomicUsize::new(0),
    is_submitted: AtomicBool::new(false),
};

impl Calls {
    fn counts(&self) -> [usize; 2] {
        [&self.submissions, &self.reads].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Receives wgpu's log from now on. Nothing else in this program receives it.
fn listen_to_wgpu() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A program that this library is part of may have a logger of its own, which then stays.
        if log::set_logger(&WGPU).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
    });
}

impl log::Log for Calls {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.target().starts_with("wgpu_core")
    }

    fn log(&self, record: &log::Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.args().as_str() == Some("Queue::submit") {
            self.submissions.fetch_add(1, Ordering::Relaxed);
            self.is_submitted.store(true, Ordering::Relaxed);
            return;
        }
        let mut start = Start::default();
        // It ends with an error where the text is longer.
        let _ = write!(start, "{}", record.args());
        if start.0 == "Buffer::map_async" && self.is_submitted.swap(false, Ordering::Relaxed) {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

/// The first piece of a text that is written in several.
#[derive(Default)]
struct Start(String);

impl Write for Start {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        self.0.push_str(piece.split(' ').next().unwrap_or_default());
        Err(std::fmt::Error)
    }
}
