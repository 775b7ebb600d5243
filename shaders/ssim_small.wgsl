// SSIM of small planes: score and gradients of both images from one load of them.
//
// One workgroup per plane, which is one channel of one image; windows only where they lie inside it.
// Both planes and four moments per window lie in workgroup memory; the same memory then takes the
// gradients' coefficients. The passes down columns have at most one task per thread, so that its values
// stay in registers while the memory that they came from is overwritten.

const HEIGHT: u32 = {{ height }}u;
const WIDTH: u32 = {{ width }}u;
// Which gradients are wanted: 0 none, 1 that of x, 2 both.
const GRADIENTS: u32 = {{ gradients }}u;

const OUT_HEIGHT: u32 = HEIGHT - SIZE + 1u;
const OUT_WIDTH: u32 = WIDTH - SIZE + 1u;
const PIXELS: u32 = HEIGHT * WIDTH;
const POSITIONS: f32 = f32(OUT_HEIGHT * OUT_WIDTH);

// Tasks of each pass: rows or columns, by groups of STRIP outputs.
const OUT_COLUMN_GROUPS: u32 = (OUT_WIDTH + STRIP - 1u) / STRIP;
const OUT_ROW_GROUPS: u32 = (OUT_HEIGHT + STRIP - 1u) / STRIP;
const COLUMN_GROUPS: u32 = (WIDTH + STRIP - 1u) / STRIP;
const ROW_GROUPS: u32 = (HEIGHT + STRIP - 1u) / STRIP;

// [planes]: the mean over all windows
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;
// [planes, HEIGHT, WIDTH]: the derivatives of each plane's score
@group(0) @binding(4) var<storage, read_write> grad_x: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_y: array<f32>;

var<workgroup> plane_x: array<f32, PIXELS>;
var<workgroup> plane_y: array<f32, PIXELS>;
var<workgroup> windows: array<vec4<f32>, HEIGHT * OUT_WIDTH>;
var<workgroup> losses: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    // The last row of the dispatch may reach beyond the batch: the last plane is computed again.
    let plane = min(workgroup.y * batch.columns + workgroup.x, batch.planes - 1u);
    let first = plane * PIXELS;
    for (var pixel = thread; pixel < PIXELS; pixel += THREADS) {
        plane_x[pixel] = input_x[first + pixel];
        plane_y[pixel] = input_y[first + pixel];
    }
    workgroupBarrier();

    for (var task = thread; task < HEIGHT * OUT_COLUMN_GROUPS; task += THREADS) {
        let row = task / OUT_COLUMN_GROUPS;
        let column = STRIP * (task % OUT_COLUMN_GROUPS);
        var x: array<f32, SPAN>;
        var y: array<f32, SPAN>;
        for (var i = 0u; i < SPAN; i++) {
            let pixel = row * WIDTH + min(column + i, WIDTH - 1u);
            x[i] = plane_x[pixel];
            y[i] = plane_y[pixel];
        }
        let moments = row_moments(&x, &y);
        for (var output = 0u; output < STRIP; output++) {
            if column + output < OUT_WIDTH {
                windows[row * OUT_WIDTH + column + output] = moments[output];
            }
        }
    }
    workgroupBarrier();

    var loss = 0.0;
    var coefficients: array<vec4<f32>, STRIP>;
    if thread < OUT_ROW_GROUPS * OUT_WIDTH {
        let row = STRIP * (thread / OUT_WIDTH);
        let column = thread % OUT_WIDTH;
        var rows: array<Moments, SPAN>;
        for (var i = 0u; i < SPAN; i++) {
            rows[i] = windows[min(row + i, HEIGHT - 1u) * OUT_WIDTH + column];
        }
        let moments = window_moments(&rows);
        for (var output = 0u; output < STRIP; output++) {
            if row + output < OUT_HEIGHT {
                let comparison = compare(moments[output]);
                loss += comparison.loss;
                coefficients[output] = comparison.coefficients / POSITIONS;
            }
        }
    }
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
        scores[plane] = 1.0 - losses[0] / POSITIONS;
    }

    if GRADIENTS > 0u {
        if thread < OUT_ROW_GROUPS * OUT_WIDTH {
            let row = STRIP * (thread / OUT_WIDTH);
            let column = thread % OUT_WIDTH;
            for (var output = 0u; output < STRIP; output++) {
                if row + output < OUT_HEIGHT {
                    windows[(row + output) * OUT_WIDTH + column] = coefficients[output];
                }
            }
        }
        workgroupBarrier();

        // The transpose of the blur, down the columns: a pixel lies in the windows that begin at
        // most SIZE - 1 rows above it.
        var sums: array<vec4<f32>, STRIP>;
        let row = STRIP * (thread / OUT_WIDTH);
        let column = thread % OUT_WIDTH;
        if thread < ROW_GROUPS * OUT_WIDTH {
            var values: array<vec4<f32>, SPAN>;
            for (var i = 0u; i < SPAN; i++) {
                // Before the first row this wraps round to a large number.
                let position = row + i - (SIZE - 1u);
                let value = windows[min(position, OUT_HEIGHT - 1u) * OUT_WIDTH + column];
                values[i] = select(vec4<f32>(), value, position < OUT_HEIGHT);
            }
            sums = blurred(&values);
        }
        workgroupBarrier();
        if thread < ROW_GROUPS * OUT_WIDTH {
            for (var output = 0u; output < STRIP; output++) {
                if row + output < HEIGHT {
                    if GRADIENTS == 1u {
                        // Isn't needed: a constant lets the compiler drop what computes it.
                        sums[output].y = 0.0;
                    }
                    windows[(row + output) * OUT_WIDTH + column] = sums[output];
                }
            }
        }
        workgroupBarrier();

        // Along the rows, and into the gradients.
        for (var task = thread; task < HEIGHT * COLUMN_GROUPS; task += THREADS) {
            let row = task / COLUMN_GROUPS;
            let column = STRIP * (task % COLUMN_GROUPS);
            var values: array<vec4<f32>, SPAN>;
            for (var i = 0u; i < SPAN; i++) {
                let position = column + i - (SIZE - 1u);
                let value = windows[row * OUT_WIDTH + min(position, OUT_WIDTH - 1u)];
                values[i] = select(vec4<f32>(), value, position < OUT_WIDTH);
            }
            let sums = blurred(&values);
            for (var output = 0u; output < STRIP; output++) {
                if column + output < WIDTH {
                    let pixel = row * WIDTH + column + output;
                    let gradient = combined(sums[output], plane_x[pixel], plane_y[pixel]);
                    grad_x[first + pixel] = gradient.x;
                    if GRADIENTS > 1u {
                        grad_y[first + pixel] = gradient.y;
                    }
                }
            }
        }
    }
}
