//! The bytes of images: in memory, or in a file that the system pages in as it is read.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// `[N, C, H, W]`, row-major.
#[derive(Debug)]
pub(super) enum Values {
    Memory(Vec<u8>),
    Mapped(Mmap),
}

impl Values {
    /// `length` bytes of a file from `start`. The file must be this process's own: one that becomes shorter
    /// while it is mapped would end the process.
    pub fn of_file(file: &File, start: u64, length: usize) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        options.offset(start).len(length);
        #[expect(
            unsafe_code,
            reason = "the one way to read a file as a slice; the cache writes files under new names only, and \
                      never changes one, so that the bytes stay what they are"
        )]
        // SAFETY: see the reason.
        let mapped = unsafe { options.map(file) }?;
        Ok(Self::Mapped(mapped))
    }
}

impl Deref for Values {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::Mapped(mapped) => mapped,
        }
    }
}
