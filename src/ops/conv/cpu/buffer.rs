//! Buffers that are used again.

/// As many values as are needed, of a buffer that grows for them by `empty` ones. Others are as they were left.
pub(super) fn first<T: Copy>(values: &mut Vec<T>, count: usize, empty: T) -> &mut [T] {
    if values.len() < count {
        values.resize(count, empty);
    }
    &mut values[..count]
}
