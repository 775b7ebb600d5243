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

    /// From now on, images are read in any order: what lies beside one needn't be read along with it.
    #[cfg_attr(not(unix), expect(clippy::unused_self, reason = "only Unix is told"))]
    pub fn expect_any_order(&self) {
        #[cfg(unix)]
        if let Self::Mapped(mapped) = self {
            // Advice that isn't taken does no harm.
            let _ = mapped.advise(memmap2::Advice::Random);
        }
    }

    /// Has the system begin to read some bytes that are wanted soon.
    #[cfg_attr(
        not(unix),
        expect(clippy::unused_self, unused_variables, reason = "only Unix is told")
    )]
    pub fn prefetch(&self, start: usize, length: usize) {
        #[cfg(unix)]
        if let Self::Mapped(mapped) = self {
            // As above.
            let _ = mapped.advise_range(memmap2::Advice::WillNeed, start, length);
        }
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
