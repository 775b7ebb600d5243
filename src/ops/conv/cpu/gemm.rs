//! A safe wrapper around the `gemm` crate's single-precision matrix product.

use gemm::Parallelism;

/// A `[rows, columns]` view of a slice, row-major or transposed.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix that fills the slice.
    pub fn rows(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a {rows}×{columns} matrix");
        Self {
            data,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The same numbers with rows and columns swapped.
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// `target = left · right`, or `target += left · right` with `accumulate`; `target` is row-major.
///
/// Runs on the calling thread: it is the images of a batch that are shared among threads.
pub(super) fn multiply(left: Matrix, right: Matrix, target: &mut [f32], accumulate: bool) {
    let (m, n, k) = (left.rows, right.columns, left.columns);
    assert_eq!(k, right.rows, "inner sizes of a matrix product");
    assert_eq!(target.len(), m * n, "a {m}×{n} product");
    let stride = |value: usize| isize::try_from(value).expect("a slice's stride fits isize");
    #[expect(unsafe_code, reason = "the gemm crate takes pointers")]
    // SAFETY: each matrix covers its slice exactly (checked where it's made, and above for the
    // target), with strides that belong to its sizes; the target is borrowed mutably, so it
    // overlaps neither factor.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            target.as_mut_ptr(),
            1,
            stride(n),
            accumulate,
            left.data.as_ptr(),
            stride(left.column_stride),
            stride(left.row_stride),
            right.data.as_ptr(),
            stride(right.column_stride),
            stride(right.row_stride),
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
