// SSIM of planes of any size: a workgroup compares the images in a tile of windows.
//
// All pixels that the tile's windows reach lie in workgroup memory. From the same comparisons come a
// tile's share of the score, the map of all windows, or the coefficients from which
// ssim_tiled_gradient.wgsl makes the gradients.

// What is wanted: 0 scores, 1 scores and the coefficients of their gradients, 2 the map,
// 3 the coefficients of the gradients of the map's weighted sum.
const OUTPUT: u32 = {{ output }}u;

// The sums of a plane's tiles are stored in rows of this length, the last one padded with zeros.
const LOSSES: u32 = {{ losses }}u;

// The weights of the map, in its shape.
@group(0) @binding(3) var<storage, read_write> upstream: array<f32>;
// [planes, rows, LOSSES]: the sum of each tile's losses, which are 1 minus SSIM; or the map of SSIM.
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
// [planes of this dispatch, map height, map width]
@group(0) @binding(5) var<storage, read_write> coefficients: array<vec4<f32>>;

var<workgroup> tile_x: array<f32, HEIGHT * WIDTH>;
var<workgroup> tile_y: array<f32, HEIGHT * WIDTH>;
var<workgroup> windows: array<Moments, HEIGHT * TILE_WIDTH>;
var<workgroup> losses: array<f32, THREADS>;

// The pixel seen at a position, which may lie outside the image.
fn pixel_at(position: i32, side: i32) -> i32 {
    var pixel = position;
    if BORDER == 2u {
        pixel = side - 1 - abs(side - 1 - abs(position));
    }
    return clamp(pixel, 0, side - 1);
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let map_height = map_side(batch.height);
    let map_width = map_side(batch.width);
    // From a window's first pixel to the one whose position it has in the map.
    let origin = select(i32(RADIUS), 0, BORDER == 0u);
    let tile = tile_of(workgroup, map_height, map_width);

    let side_y = i32(batch.height);
    let side_x = i32(batch.width);
    for (var i = thread; i < HEIGHT * WIDTH; i += THREADS) {
        let y = i32(tile.top + i / WIDTH) - origin;
        let x = i32(tile.left + i % WIDTH) - origin;
        let pixel = u32(pixel_at(y, side_y) * side_x + pixel_at(x, side_x));
        let inside = BORDER != 1u || (y >= 0 && y < side_y && x >= 0 && x < side_x);
        let offset = tile.plane * batch.height * batch.width;
        tile_x[i] = select(0.0, input_x[offset + pixel], inside);
        tile_y[i] = select(0.0, input_y[offset + pixel], inside);
    }
    workgroupBarrier();

    for (var task = thread; task < HEIGHT * COLUMN_GROUPS; task += THREADS) {
        let row = task / COLUMN_GROUPS;
        let column = STRIP * (task % COLUMN_GROUPS);
        var x: array<f32, SPAN>;
        var y: array<f32, SPAN>;
        for (var i = 0u; i < SPAN; i++) {
            x[i] = tile_x[row * WIDTH + column + i];
            y[i] = tile_y[row * WIDTH + column + i];
        }
        let moments = row_moments(&x, &y);
        for (var output = 0u; output < STRIP; output++) {
            windows[row * TILE_WIDTH + column + output] = moments[output];
        }
    }
    workgroupBarrier();

    var loss = 0.0;
    let positions = f32(map_height * map_width);
    for (var task = thread; task < ROW_GROUPS * TILE_WIDTH; task += THREADS) {
        let row = STRIP * (task / TILE_WIDTH);
        let column = task % TILE_WIDTH;
        var rows: array<Moments, SPAN>;
        for (var i = 0u; i < SPAN; i++) {
            rows[i] = windows[(row + i) * TILE_WIDTH + column];
        }
        let moments = window_moments(&rows);
        for (var output = 0u; output < STRIP; output++) {
            let y = tile.top + row + output;
            let x = tile.left + column;
            if y < map_height && x < map_width {
                let position = (tile.plane * map_height + y) * map_width + x;
                let coefficient = position - batch.first * map_height * map_width;
                let comparison = compare(moments[output]);
                loss += comparison.loss;
                if OUTPUT == 1u {
                    coefficients[coefficient] = comparison.coefficients / positions;
                } else if OUTPUT == 2u {
                    values[position] = 1.0 - comparison.loss;
                } else if OUTPUT == 3u {
                    coefficients[coefficient] = comparison.coefficients * upstream[position];
                }
            }
        }
    }

    if OUTPUT < 2u {
        losses[thread] = loss;
        workgroupBarrier();
        // The sum of all threads' losses, whose number is halved in each step.
        for (var count = THREADS; count > 1u; ) {
            let half = (count + 1u) / 2u;
            if thread + half < count {
                losses[thread] += losses[thread + half];
            }
            workgroupBarrier();
            count = half;
        }
        if thread == 0u {
            let stride = (tile.count + LOSSES - 1u) / LOSSES * LOSSES;
            values[tile.plane * stride + tile.index] = losses[0];
        }
    }
}
