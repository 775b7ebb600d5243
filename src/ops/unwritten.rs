//! Memory for results that tasks write from beginning to end, so that it needn't be zeroed before: on one thread, that
//! took longer than any single convolution of a small network.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Values that aren't written yet.
pub(crate) struct Unwritten {
    values: Box<[MaybeUninit<f32>]>,
    /// How many of them the parts wrote.
    written: AtomicUsize,
}

/// Some of the values, to be written one after another.
pub(crate) struct Part<'a> {
    values: &'a mut [MaybeUninit<f32>],
    next: usize,
    written: &'a AtomicUsize,
}

impl Unwritten {
    pub fn new(len: usize) -> Self {
        Self {
            values: Box::new_uninit_slice(len),
            written: AtomicUsize::new(0),
        }
    }

    /// All values, in parts of `len`; the last one may be shorter.
    ///
    /// # Panics
    ///
    /// If `len` is zero.
    pub fn parts(&mut self, len: usize) -> impl Iterator<Item = Part<'_>> {
        *self.written.get_mut() = 0;
        let written = &self.written;
        self.values.chunks_mut(len).map(move |values| Part {
            values,
            next: 0,
            written,
        })
    }

    /// The values, of parts that were written to their ends.
    ///
    /// # Panics
    ///
    /// If some weren't.
    pub fn into_vec(self) -> Vec<f32> {
        let Self { values, written } = self;
        assert_eq!(written.into_inner(), values.len(), "values written");
        #[expect(unsafe_code, reason = "nothing safe skips the zeroing")]
        // SAFETY: the parts don't overlap, and each counted, once, how many of its values were written from its beginning
        // on. That is as many as there are, so all of them were.
        let values = unsafe { values.assume_init() };
        values.into_vec()
    }
}

impl Part<'_> {
    /// The next `len` values.
    fn take(&mut self, len: usize) -> &mut [MaybeUninit<f32>] {
        &mut self.values[self.next..][..len]
    }

    /// Writes the next values.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    pub fn extend(&mut self, values: &[f32]) {
        self.take(values.len()).write_copy_of_slice(values);
        self.next += values.len();
    }

    /// Writes the next values, each of two.
    ///
    /// # Panics
    ///
    /// If there are fewer, or not as many of the one as of the other.
    pub fn extend_by(&mut self, left: &[f32], right: &[f32], value: impl Fn(f32, f32) -> f32) {
        assert_eq!(left.len(), right.len(), "values of two");
        let targets = self.take(left.len()).iter_mut();
        for (target, (left, right)) in targets.zip(left.iter().zip(right)) {
            target.write(value(*left, *right));
        }
        self.next += left.len();
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.written.fetch_add(self.next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_any_order_make_the_whole() {
        let mut values = Unwritten::new(5);
        let mut parts: Vec<_> = values.parts(2).collect();
        parts[2].extend(&[9.0]);
        parts[0].extend(&[1.0]);
        parts[0].extend(&[2.0]);
        parts[1].extend_by(&[3.0, 4.0], &[10.0, 20.0], |left, right| left * right);
        drop(parts);
        assert_eq!(values.into_vec(), [1.0, 2.0, 30.0, 80.0, 9.0]);
    }

    #[test]
    #[should_panic(expected = "values written")]
    fn a_part_that_isn_t_written_is_noticed() {
        let mut values = Unwritten::new(4);
        values
            .parts(2)
            .take(1)
            .for_each(|mut part| part.extend(&[1.0, 2.0]));
        values.into_vec();
    }

    #[test]
    #[should_panic(expected = "values written")]
    fn what_was_written_before_doesn_t_count() {
        let mut values = Unwritten::new(2);
        values
            .parts(2)
            .for_each(|mut part| part.extend(&[1.0, 2.0]));
        values.parts(2).for_each(drop);
        values.into_vec();
    }
}
