// SSIM of planes of any size: a workgroup compares the images in a tile of windows.
//
// The tile's pixels and as many around it as the windows reach lie in workgroup memory. From the same
// comparisons come a tile's share of the score, the map of all windows, or the coefficients from
// which ssim_tiled_gradient.wgsl makes the gradients.

const TILE_HEIGHT: u32 = {{ tile_height }}u;
const TILE_WIDTH: u32 = {{ tile_width }}u;
const THREADS: u32 = {{ threads }}u;
// What windows see beyond the image: 0 nothing, since they lie inside it, 1 zeros, 2 its mirror image.
const BORDER: u32 = {{ border }}u;
// What is asked for: 0 scores, 1 scores and the coefficients of their gradients, 2 the map,
// 3 the coefficients of the gradients of the map's weighted sum.
const OUTPUT: u32 = {{ output }}u;

// The sums of a plane's tiles are stored in rows of so many, the last one filled up with zeros.
const LOSSES: u32 = {{ losses }}u;

// Pixels that a tile's windows reach.
const HEIGHT: u32 = TILE_HEIGHT + SIZE - 1u;
const WIDTH: u32 = TILE_WIDTH + SIZE - 1u;
const COLUMN_GROUPS: u32 = TILE_WIDTH / STRIP;
const ROW_GROUPS: u32 = TILE_HEIGHT / STRIP;

@group(0) @binding(0) var<storage, read_write> batch: Batch;
// [planes, height, width]
@group(0) @binding(1) var<storage, read_write> input_x: array<f32>;
@group(0) @binding(2) var<storage, read_write> input_y: array<f32>;
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

// The pixel that stands at a position, which may lie outside of the image.
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
    var map_height = batch.height;
    var map_width = batch.width;
    // From a window's first pixel to the one that it is named by.
    var origin = i32(RADIUS);
    if BORDER == 0u {
        map_height -= SIZE - 1u;
        map_width -= SIZE - 1u;
        origin = 0;
    }
    let tile_columns = (map_width + TILE_WIDTH - 1u) / TILE_WIDTH;
    let tiles = tile_columns * ((map_height + TILE_HEIGHT - 1u) / TILE_HEIGHT);
    // The last row of the dispatch may reach beyond the batch: the last tile is computed again.
    let index = min(workgroup.y * batch.columns + workgroup.x, batch.planes * tiles - 1u);
    let plane = batch.first + index / tiles;
    let top = TILE_HEIGHT * ((index % tiles) / tile_columns);
    let left = TILE_WIDTH * ((index % tiles) % tile_columns);

    let side_y = i32(batch.height);
    let side_x = i32(batch.width);
    for (var i = thread; i < HEIGHT * WIDTH; i += THREADS) {
        let y = i32(top + i / WIDTH) - origin;
        let x = i32(left + i % WIDTH) - origin;
        let pixel = u32(pixel_at(y, side_y) * side_x + pixel_at(x, side_x));
        let inside = BORDER != 1u || (y >= 0 && y < side_y && x >= 0 && x < side_x);
        let offset = plane * batch.height * batch.width;
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
            let y = top + row + output;
            let x = left + column;
            if y < map_height && x < map_width {
                let position = (plane * map_height + y) * map_width + x;
                let coefficient = position - batch.first * map_height * map_width;
                let comparison = compare(moments[output]);
                loss += comparison.loss;
                if OUTPUT == 1u {
                    coefficients[coefficient] = comparison.gradient / positions;
                } else if OUTPUT == 2u {
                    values[position] = 1.0 - comparison.loss;
                } else if OUTPUT == 3u {
                    coefficients[coefficient] = comparison.gradient * upstream[position];
                }
            }
        }
    }

    if OUTPUT < 2u {
        losses[thread] = loss;
        workgroupBarrier();
        // The sum of all threads' losses, halving their number in each step.
        for (var count = THREADS; count > 1u; ) {
            let half = (count + 1u) / 2u;
            if thread + half < count {
                losses[thread] += losses[thread + half];
            }
            workgroupBarrier();
            count = half;
        }
        if thread == 0u {
            let stride = (tiles + LOSSES - 1u) / LOSSES * LOSSES;
            values[plane * stride + index % tiles] = losses[0];
        }
    }
}
