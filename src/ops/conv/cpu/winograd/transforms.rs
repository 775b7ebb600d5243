//! The small matrices of Winograd's F(4×4, 3×3), with the points 0, ±1, ±2 and infinity: Lavin and Gray, "Fast algorithms
//! for convolutional neural networks" (2016), arXiv:1509.09308. Each takes a vector of tiles at a time, of one row or
//! column.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined into `with_simd` isn't compiled for wide vectors"
)]

use pulp::Simd;

/// Pixels of a tile's result, on each side.
pub(super) const TILE: usize = 4;
/// Pixels that it is made of, and products that it is made by, on each side.
pub(super) const SIDE: usize = 6;
/// Taps, on each side.
pub(super) const TAPS: usize = 3;

/// `factor·a + b`
#[inline(always)]
fn plus<S: Simd>(simd: S, factor: f32, a: S::f32s, b: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b)
}

#[inline(always)]
fn times<S: Simd>(simd: S, factor: f32, a: S::f32s) -> S::f32s {
    simd.mul_f32s(simd.splat_f32s(factor), a)
}

/// `Bᵀ·d`: pixels to what is multiplied.
#[inline(always)]
pub(super) fn input<S: Simd>(simd: S, d: [S::f32s; SIDE]) -> [S::f32s; SIDE] {
    let [d0, d1, d2, d3, d4, d5] = d;
    let (even, odd) = (plus(simd, -4.0, d2, d4), plus(simd, -4.0, d1, d3));
    let (even_2, odd_2) = (simd.sub_f32s(d4, d2), simd.sub_f32s(d3, d1));
    [
        plus(simd, 4.0, d0, plus(simd, -5.0, d2, d4)),
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        plus(simd, 2.0, odd_2, even_2),
        plus(simd, -2.0, odd_2, even_2),
        plus(simd, 4.0, d1, plus(simd, -5.0, d3, d5)),
    ]
}

/// `Aᵀ·m`: products to the result.
#[inline(always)]
pub(super) fn output<S: Simd>(simd: S, m: [S::f32s; SIDE]) -> [S::f32s; TILE] {
    let [m0, m1, m2, m3, m4, m5] = m;
    let (even, odd) = (simd.add_f32s(m1, m2), simd.sub_f32s(m1, m2));
    let (even_2, odd_2) = (simd.add_f32s(m3, m4), simd.sub_f32s(m3, m4));
    [
        simd.add_f32s(simd.add_f32s(m0, even), even_2),
        plus(simd, 2.0, odd_2, odd),
        plus(simd, 4.0, even_2, even),
        simd.add_f32s(plus(simd, 8.0, odd_2, odd), m5),
    ]
}

/// `A·y`: the gradient of a result to that of the products.
#[inline(always)]
pub(super) fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; TILE]) -> [S::f32s; SIDE] {
    let [y0, y1, y2, y3] = y;
    let (even, odd) = (simd.add_f32s(y0, y2), simd.add_f32s(y1, y3));
    let (even_2, odd_2) = (plus(simd, 4.0, y2, y0), plus(simd, 4.0, y3, y1));
    [
        y0,
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        plus(simd, 2.0, odd_2, even_2),
        plus(simd, -2.0, odd_2, even_2),
        y3,
    ]
}

/// `G·g`: taps to what they multiply by.
#[inline(always)]
pub(super) fn weight<S: Simd>(simd: S, g: [S::f32s; TAPS]) -> [S::f32s; SIDE] {
    let [g0, g1, g2] = g;
    let (even, odd) = (
        times(simd, -1.0 / 6.0, simd.add_f32s(g0, g2)),
        times(simd, 1.0 / 6.0, g1),
    );
    let even_2 = simd.add_f32s(times(simd, 1.0 / 24.0, g0), times(simd, 1.0 / 6.0, g2));
    let odd_2 = times(simd, 1.0 / 12.0, g1);
    [
        times(simd, 0.25, g0),
        simd.sub_f32s(even, odd),
        simd.add_f32s(even, odd),
        simd.add_f32s(even_2, odd_2),
        simd.sub_f32s(even_2, odd_2),
        g2,
    ]
}

/// `Gᵀ·u`: the gradient of what taps multiply by to that of the taps.
#[inline(always)]
pub(super) fn weight_adjoint<S: Simd>(simd: S, u: [S::f32s; SIDE]) -> [S::f32s; TAPS] {
    let [u0, u1, u2, u3, u4, u5] = u;
    let (even, odd) = (simd.add_f32s(u1, u2), simd.sub_f32s(u2, u1));
    let (even_2, odd_2) = (simd.add_f32s(u3, u4), simd.sub_f32s(u3, u4));
    [
        plus(
            simd,
            1.0 / 24.0,
            even_2,
            plus(simd, -1.0 / 6.0, even, times(simd, 0.25, u0)),
        ),
        plus(simd, 1.0 / 12.0, odd_2, times(simd, 1.0 / 6.0, odd)),
        plus(simd, 1.0 / 6.0, even_2, plus(simd, -1.0 / 6.0, even, u5)),
    ]
}
