//! Who watches images being loaded: decoding many files takes a while.

/// Who watches.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Whether a download shows its own progress.
    pub shows_download: bool,
    /// Told what is done, how many files are, and of how many.
    pub progress: Option<&'a (dyn Fn(&'static str, usize, usize) + Sync)>,
}

impl Watch<'_> {
    /// Nobody.
    pub const NONE: Watch<'static> = Watch {
        shows_download: false,
        progress: None,
    };

    /// Tells what is done, how many of it are, and of how many.
    pub fn tell(&self, what: &'static str, done: usize, all: usize) {
        if let Some(progress) = self.progress {
            progress(what, done, all);
        }
    }
}
