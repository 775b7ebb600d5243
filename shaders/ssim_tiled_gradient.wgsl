// The gradients of SSIM for planes of any size, from the coefficients of ssim_tiled.wgsl.
//
// A workgroup makes a tile of pixels: it blurs the coefficients by the transpose of the window, first
// along rows, then down columns, and puts them together with the images.

const TILE_HEIGHT: u32 = {{ tile_height }}u;
const TILE_WIDTH: u32 = {{ tile_width }}u;
const THREADS: u32 = {{ threads }}u;
// As in ssim_tiled.wgsl: 0 windows inside the image, 1 zeros beyond it, 2 its mirror image.
const BORDER: u32 = {{ border }}u;
// Which gradients are asked for: 1 that of x, 2 both.
const GRADIENTS: u32 = {{ gradients }}u;

// Windows that reach a tile's pixels.
const HEIGHT: u32 = TILE_HEIGHT + SIZE - 1u;
const WIDTH: u32 = TILE_WIDTH + SIZE - 1u;
const COLUMN_GROUPS: u32 = TILE_WIDTH / STRIP;
const ROW_GROUPS: u32 = TILE_HEIGHT / STRIP;

@group(0) @binding(0) var<storage, read_write> batch: Batch;
// [planes, height, width]
@group(0) @binding(1) var<storage, read_write> input_x: array<f32>;
@group(0) @binding(2) var<storage, read_write> input_y: array<f32>;
// [planes of this dispatch, map height, map width]
@group(0) @binding(3) var<storage, read_write> coefficients: array<vec4<f32>>;
// [planes, height, width]
@group(0) @binding(4) var<storage, read_write> gradient_x: array<f32>;
@group(0) @binding(5) var<storage, read_write> gradient_y: array<f32>;

var<workgroup> windows: array<vec4<f32>, HEIGHT * WIDTH>;
var<workgroup> rows: array<vec4<f32>, HEIGHT * TILE_WIDTH>;

// The window's weight so far from its middle.
fn weight_at(distance: i32) -> f32 {
    let index = RADIUS + u32(abs(distance));
    return select(0.0, WEIGHTS[min(index, SIZE - 1u)], index < SIZE);
}

// How much the window around `middle` takes of a pixel, which it may see in both mirrors, too.
fn mirrored_weight(pixel: i32, middle: i32, side: i32) -> f32 {
    var weight = weight_at(pixel - middle);
    if pixel > 0 {
        weight += weight_at(pixel + middle);
    }
    if pixel < side - 1 {
        weight += weight_at(2 * (side - 1) - pixel - middle);
    }
    return weight;
}

// The transpose of the blur along one axis, for the strip that begins at a pixel: of the windows from
// `first` on.
fn transposed(
    values: ptr<function, array<vec4<f32>, SPAN>>,
    pixel: u32,
    first: i32,
    side: u32,
) -> array<vec4<f32>, STRIP> {
    if BORDER != 2u {
        return blurred(values);
    }
    var sums: array<vec4<f32>, STRIP>;
    for (var output = 0u; output < STRIP; output++) {
        for (var i = 0u; i < SPAN; i++) {
            let weight = mirrored_weight(i32(pixel + output), first + i32(i), i32(side));
            sums[output] += weight * (*values)[i];
        }
    }
    return sums;
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    var map_height = batch.height;
    var map_width = batch.width;
    // From a pixel back to the first window that reaches it.
    var origin = i32(RADIUS);
    if BORDER == 0u {
        map_height -= SIZE - 1u;
        map_width -= SIZE - 1u;
        origin = i32(SIZE - 1u);
    }
    let tile_columns = (batch.width + TILE_WIDTH - 1u) / TILE_WIDTH;
    let tiles = tile_columns * ((batch.height + TILE_HEIGHT - 1u) / TILE_HEIGHT);
    // The last row of the dispatch may reach beyond the batch: the last tile is computed again.
    let index = min(workgroup.y * batch.columns + workgroup.x, batch.planes * tiles - 1u);
    let plane = batch.first + index / tiles;
    let top = TILE_HEIGHT * ((index % tiles) / tile_columns);
    let left = TILE_WIDTH * ((index % tiles) % tile_columns);

    for (var i = thread; i < HEIGHT * WIDTH; i += THREADS) {
        let y = i32(top + i / WIDTH) - origin;
        let x = i32(left + i % WIDTH) - origin;
        var value = vec4<f32>();
        if y >= 0 && y < i32(map_height) && x >= 0 && x < i32(map_width) {
            value = coefficients[((plane - batch.first) * map_height + u32(y)) * map_width + u32(x)];
        }
        windows[i] = value;
    }
    workgroupBarrier();

    for (var task = thread; task < HEIGHT * COLUMN_GROUPS; task += THREADS) {
        let row = task / COLUMN_GROUPS;
        let column = STRIP * (task % COLUMN_GROUPS);
        var values: array<vec4<f32>, SPAN>;
        for (var i = 0u; i < SPAN; i++) {
            values[i] = windows[row * WIDTH + column + i];
        }
        var sums = transposed(&values, left + column, i32(left + column) - origin, batch.width);
        for (var output = 0u; output < STRIP; output++) {
            if GRADIENTS == 1u {
                // Not needed, so that the compiler can leave out what leads to it.
                sums[output].y = 0.0;
            }
            rows[row * TILE_WIDTH + column + output] = sums[output];
        }
    }
    workgroupBarrier();

    for (var task = thread; task < ROW_GROUPS * TILE_WIDTH; task += THREADS) {
        let row = STRIP * (task / TILE_WIDTH);
        let column = task % TILE_WIDTH;
        var values: array<vec4<f32>, SPAN>;
        for (var i = 0u; i < SPAN; i++) {
            values[i] = rows[(row + i) * TILE_WIDTH + column];
        }
        let sums = transposed(&values, top + row, i32(top + row) - origin, batch.height);
        for (var output = 0u; output < STRIP; output++) {
            if top + row + output < batch.height && left + column < batch.width {
                let pixel = (plane * batch.height + top + row + output) * batch.width + left + column;
                let gradient = combined(sums[output], input_x[pixel], input_y[pixel]);
                gradient_x[pixel] = gradient.x;
                if GRADIENTS > 1u {
                    gradient_y[pixel] = gradient.y;
                }
            }
        }
    }
}
