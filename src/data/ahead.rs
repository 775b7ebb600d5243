//! Batches that the host makes: by a thread that is one ahead of the caller, or where there are no threads, as in a
//! browser, when they are asked for.

use std::sync::Arc;

use super::error::DataError;
use super::host_batch::{HostBatch, Variations};
use super::images::Images;

/// Batches of the images at `indices`, yet to be made.
#[derive(Debug)]
pub(super) struct HostBatches {
    pub images: Arc<Images>,
    pub indices: Vec<u32>,
    pub variations: Variations,
    pub batch_size: usize,
    /// Images in the batches so far.
    pub made: usize,
}

impl Iterator for HostBatches {
    type Item = HostBatch;

    fn next(&mut self) -> Option<HostBatch> {
        let indices = self.indices.get(self.made..)?;
        let indices = &indices[..indices.len().min(self.batch_size)];
        if indices.is_empty() {
            return None;
        }
        let first = self.made;
        self.made += indices.len();
        let batch = HostBatch::gather_checked(&self.images, indices, &self.variations, first);
        Some(batch)
    }
}

pub(super) use maker::Ahead;

#[cfg(not(target_family = "wasm"))]
mod maker {
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::thread::{self, JoinHandle};

    use super::{DataError, HostBatch, HostBatches};

    /// Batches that wait for the caller at most, besides the one in the making. Making one takes far
    /// less time than a training step, so that one is enough to hide it.
    const PREFETCH: usize = 1;

    /// A thread that makes the next batch while the caller computes. It ends when this is dropped.
    #[derive(Debug)]
    pub(in crate::data) struct Ahead {
        // Both are `Some` until `drop`.
        receiver: Option<Receiver<HostBatch>>,
        worker: Option<JoinHandle<()>>,
    }

    impl Ahead {
        pub fn start(mut batches: HostBatches) -> Result<Self, DataError> {
            let (sender, receiver) = sync_channel(PREFETCH);
            let worker = thread::Builder::new()
                .name("batches".to_owned())
                // An error means that the caller has stopped asking.
                .spawn(move || {
                    while batches
                        .next()
                        .is_some_and(|batch| sender.send(batch).is_ok())
                    {}
                });
            Ok(Self {
                receiver: Some(receiver),
                worker: Some(worker.map_err(DataError::Thread)?),
            })
        }

        #[expect(clippy::needless_pass_by_ref_mut, reason = "as in a browser")]
        pub fn next(&mut self) -> Option<HostBatch> {
            self.receiver.as_ref()?.recv().ok()
        }
    }

    impl Drop for Ahead {
        fn drop(&mut self) {
            // In this order: the worker may be waiting to send, and wakes when no one can receive.
            self.receiver.take();
            if let Some(worker) = self.worker.take() {
                // It has no way to panic, and a destructor must not.
                let _ = worker.join();
            }
        }
    }
}

#[cfg(target_family = "wasm")]
mod maker {
    use super::{DataError, HostBatch, HostBatches};

    /// Makes each batch when it is asked for.
    #[derive(Debug)]
    pub(in crate::data) struct Ahead(HostBatches);

    impl Ahead {
        #[expect(
            clippy::unnecessary_wraps,
            reason = "where there are threads, one may be refused"
        )]
        pub fn start(batches: HostBatches) -> Result<Self, DataError> {
            Ok(Self(batches))
        }

        pub fn next(&mut self) -> Option<HostBatch> {
            self.0.next()
        }
    }
}
