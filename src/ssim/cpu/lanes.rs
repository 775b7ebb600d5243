//! Loops that the compiler turns into vector instructions.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `Part::call` isn't compiled for wider vectors"
)]

/// Values that are computed side by side: the widest vector of any processor. A row's length is a
/// multiple of it.
pub(super) const LANES: usize = 16;
/// Values of a blur that are summed side by side.
const BLURRED: usize = 4 * LANES;

pub(super) type Lanes = [f32; LANES];

/// A row, [`LANES`] values at a time.
#[inline(always)]
pub(super) fn lanes(row: &[f32]) -> &[Lanes] {
    row.as_chunks().0
}

/// The same to write into.
#[inline(always)]
pub(super) fn lanes_mut(row: &mut [f32]) -> &mut [Lanes] {
    row.as_chunks_mut().0
}

/// `N` equal parts of a line.
#[inline(always)]
pub(super) fn segments_mut<const N: usize>(line: &mut [f32]) -> [&mut [Lanes]; N] {
    let mut segments = line.chunks_exact_mut(line.len() / N);
    std::array::from_fn(|_| lanes_mut(segments.next().expect("N of them")))
}

/// A value computed for each lane.
#[inline(always)]
pub(super) fn each(value: impl Fn(usize) -> f32) -> Lanes {
    let mut values = [0.0; LANES];
    for (lane, target) in values.iter_mut().enumerate() {
        *target = value(lane);
    }
    values
}

/// `output[i] = Σ weights[t] · input[i + t · stride]`, as far as the input goes.
#[inline(always)]
pub(super) fn blur(input: &[f32], stride: usize, weights: &[f32], output: &mut [f32]) {
    let count = output.len().min(input.len() - (weights.len() - 1) * stride);
    let (chunks, rest) = output[..count].as_chunks_mut::<BLURRED>();
    for (index, chunk) in chunks.iter_mut().enumerate() {
        let mut sums = [0.0; BLURRED];
        for (tap, weight) in weights.iter().enumerate() {
            let values = &input[index * BLURRED + tap * stride..][..BLURRED];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        *chunk = sums;
    }
    let start = count - rest.len();
    for (index, value) in rest.iter_mut().enumerate() {
        let mut sum = 0.0;
        for (tap, weight) in weights.iter().enumerate() {
            sum += weight * input[start + index + tap * stride];
        }
        *value = sum;
    }
}

/// The sum of all values, in lanes that are added up at the end.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    let mut total = 0.0;
    for value in sums.iter().chain(rest) {
        total += value;
    }
    total
}
