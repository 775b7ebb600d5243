//! The sizes of tiles, the workgroup memory that they need, and how much GPUs have.

/// Outputs that each thread computes side by side: `STRIP` in the shaders.
pub(super) const STRIP: usize = 4;
/// Workgroup memory that every GPU has, by WebGPU's default limits.
pub(super) const PORTABLE_MEMORY: usize = 16_384;
/// The most threads that every GPU has in a workgroup, and the most workgroups per dimension.
pub(super) const MAX_THREADS: usize = 256;
pub(super) const MAX_WORKGROUPS: usize = 65_535;
/// Threads of a tile's workgroup: about as many as a tile has strips of windows and of rows.
pub(super) const TILE_THREADS: usize = 128;
/// Heights and widths of tiles, in order of preference. Both are multiples of `STRIP`.
pub(super) const TILES: [[usize; 2]; 5] = [[16, 16], [8, 16], [8, 8], [4, 8], SMALLEST_TILE];
pub(super) const SMALLEST_TILE: [usize; 2] = [STRIP, STRIP];
/// Bytes of an f32, and of four of them.
pub(super) const F32: usize = 4;
pub(super) const VEC4: usize = 16;

/// Bytes of workgroup memory, given height and width of a tile and the size of the window.
pub(super) type Memory = fn([usize; 2], usize) -> usize;

/// What `ssim_tiled` needs.
pub(super) fn forward_memory([height, width]: [usize; 2], window: usize) -> usize {
    let (reached_height, reached_width) = (height + window - 1, width + window - 1);
    let images = 2 * reached_height * reached_width * F32;
    images + reached_height * width * VEC4 + TILE_THREADS * F32
}

/// What `ssim_tiled_gradient` needs: more than `ssim_tiled` for small tiles.
pub(super) fn gradient_memory([height, width]: [usize; 2], window: usize) -> usize {
    let (reached_height, reached_width) = (height + window - 1, width + window - 1);
    reached_height * (reached_width + width) * VEC4
}

/// The first tile whose kernel fits the memory that every GPU has; failing that, the smallest, if it
/// fits the memory that is available here.
pub(super) fn tile(memory: Memory, window: usize, available: usize) -> Option<[usize; 2]> {
    let fits = |limit: usize| move |tile: &&[usize; 2]| memory(**tile, window) <= limit;
    let portable = TILES.iter().find(fits(PORTABLE_MEMORY.min(available)));
    portable
        .or(Some(&SMALLEST_TILE).filter(fits(available)))
        .copied()
}
