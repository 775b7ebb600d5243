// The gradients of SSIM for planes of any size, from the coefficients of ssim_tiled.wgsl.
//
// A workgroup makes a tile of pixels: it blurs the coefficients by the transpose of the window, first
// along rows, then down columns, and combines them with the images.

// Which gradients are wanted: 1 that of x, 2 both.
const GRADIENTS: u32 = {{ gradients }}u;

// [planes of this dispatch, map height, map width]
@group(0) @binding(3) var<storage, read_write> coefficients: array<vec4<f32>>;
// [planes, height, width]
@group(0) @binding(4) var<storage, read_write> grad_x: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_y: array<f32>;

var<workgroup> windows: array<vec4<f32>, HEIGHT * WIDTH>;
var<workgroup> rows: array<vec4<f32>, HEIGHT * TILE_WIDTH>;

// The window's weight at a distance from its middle.
fn weight_at(distance: i32) -> f32 {
    let index = RADIUS + u32(abs(distance));
    return select(0.0, WEIGHTS[min(index, SIZE - 1u)], index < SIZE);
}

// The weight that the window around `middle` gives a pixel, which it may see in both mirrors as well.
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

// The transpose of the blur along one axis, for the strip that begins at a pixel, from the values of the
// windows from `first` on.
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
    let map_height = map_side(batch.height);
    let map_width = map_side(batch.width);
    // From a pixel back to the first window that reaches it.
    let origin = select(i32(RADIUS), i32(SIZE - 1u), BORDER == 0u);
    let tile = tile_of(workgroup, batch.height, batch.width);

    for (var i = thread; i < HEIGHT * WIDTH; i += THREADS) {
        let y = i32(tile.top + i / WIDTH) - origin;
        let x = i32(tile.left + i % WIDTH) - origin;
        var value = vec4<f32>();
        if y >= 0 && y < i32(map_height) && x >= 0 && x < i32(map_width) {
            value = coefficients[((tile.plane - batch.first) * map_height + u32(y)) * map_width + u32(x)];
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
        let pixel = tile.left + column;
        var sums = transposed(&values, pixel, i32(pixel) - origin, batch.width);
        for (var output = 0u; output < STRIP; output++) {
            if GRADIENTS == 1u {
                // Isn't needed: a constant lets the compiler drop what computes it.
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
        let x = tile.left + column;
        let first = tile.top + row;
        let sums = transposed(&values, first, i32(first) - origin, batch.height);
        for (var output = 0u; output < STRIP; output++) {
            let y = first + output;
            if y < batch.height && x < batch.width {
                let pixel = (tile.plane * batch.height + y) * batch.width + x;
                let gradient = combined(sums[output], input_x[pixel], input_y[pixel]);
                grad_x[pixel] = gradient.x;
                if GRADIENTS > 1u {
                    grad_y[pixel] = gradient.y;
                }
            }
        }
    }
}
