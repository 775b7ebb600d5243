// What all SSIM kernels share: their inputs, the window, and the comparison of two images through it.
//
// This file comes first in every kernel. Names in double braces are filled in by src/ssim/kernel/.

// Height and width of the window.
const SIZE: u32 = {{ size }}u;
const RADIUS: u32 = SIZE / 2u;
// Its weights along one axis, symmetric; their sum is 1.
const WEIGHTS = array<f32, SIZE>({{ weights }});
// C1 and C2 of the paper, and what multiplies population covariances.
const C1: f32 = {{ c1 }};
const C2: f32 = {{ c2 }};
const COVARIANCE_FACTOR: f32 = {{ covariance_factor }};

// What is scored: 0 the product of both terms, 1 luminance, 2 contrast and structure.
const TERM: u32 = {{ term }}u;

// Of a workgroup.
const THREADS: u32 = {{ threads }}u;

// Outputs that one thread computes side by side, so that each value it loads serves all of them.
const STRIP: u32 = 4u;
// Values that these outputs depend on.
const SPAN: u32 = STRIP + SIZE - 1u;

// What a dispatch works on. A plane is one channel of one image.
struct Batch {
    // The first plane, and how many.
    first: u32,
    planes: u32,
    // Workgroups in a row of the dispatch, whose dimensions are limited.
    columns: u32,
    // Of a plane.
    height: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> batch: Batch;
// [planes, height, width]
@group(0) @binding(1) var<storage, read_write> input_x: array<f32>;
@group(0) @binding(2) var<storage, read_write> input_y: array<f32>;

// The moments of both images under the window:
// x, y: the means; z: the sum of both variances; w: the variance of the difference.
alias Moments = vec4<f32>;

struct Comparison {
    // 1 minus the term that is scored, never negative.
    loss: f32,
    // The coefficients of the gradients, which with T the blur's transpose are, with respect to
    //   x: T(c.x) - (x - y) T(c.z) + x T(c.w),    y: T(c.y) + (x - y) T(c.z) + y T(c.w).
    coefficients: vec4<f32>,
}

// SSIM in one window. Written with the variance of the difference in place of the covariance, both
// terms are 1 minus something that is not negative: at most 1, and exactly 1 for equal images.
fn compare(moments: Moments) -> Comparison {
    let difference = moments.x - moments.y;
    let energy = moments.x * moments.x + moments.y * moments.y + C1;
    let luminance_loss = difference * difference / energy;
    let scale = COVARIANCE_FACTOR / (COVARIANCE_FACTOR * moments.z + C2);
    let structure_loss = scale * moments.w;
    let luminance = 1.0 - luminance_loss;
    let structure = 1.0 - structure_loss;

    var loss = luminance_loss + structure_loss * luminance;
    // The derivatives of what is scored with respect to luminance and structure.
    var grad_luminance = structure;
    var grad_structure = luminance;
    if TERM == 1u {
        loss = luminance_loss;
        grad_luminance = 1.0;
        grad_structure = 0.0;
    } else if TERM == 2u {
        loss = structure_loss;
        grad_luminance = 0.0;
        grad_structure = 1.0;
    }

    // The derivatives with respect to the means, at fixed variances.
    let slope = 2.0 * grad_luminance / energy;
    let grad_mean_x = slope * (luminance_loss * moments.x - difference);
    let grad_mean_y = slope * (luminance_loss * moments.y + difference);
    // The variances depend on the pixels and on the means.
    let grad_difference = 2.0 * grad_structure * scale;
    let grad_variances = grad_difference * structure_loss;
    // Not `max`: of a NaN and a number it is the number, and an image of NaN would be a perfect one.
    return Comparison(select(loss, 0.0, loss < 0.0), vec4<f32>(
        grad_mean_x + grad_difference * difference - grad_variances * moments.x,
        grad_mean_y - grad_difference * difference - grad_variances * moments.y,
        grad_difference,
        grad_variances,
    ));
}

// The moments of a row of pixels, for STRIP neighbouring windows: the mean is subtracted before
// deviations are squared, so that nothing cancels.
fn row_moments(x: ptr<function, array<f32, SPAN>>, y: ptr<function, array<f32, SPAN>>)
    -> array<Moments, STRIP> {
    var moments: array<Moments, STRIP>;
    for (var output = 0u; output < STRIP; output++) {
        var mean_x = 0.0;
        var mean_y = 0.0;
        for (var tap = 0u; tap < SIZE; tap++) {
            mean_x += WEIGHTS[tap] * (*x)[output + tap];
            mean_y += WEIGHTS[tap] * (*y)[output + tap];
        }
        var variances = 0.0;
        var variance_of_difference = 0.0;
        for (var tap = 0u; tap < SIZE; tap++) {
            let from_x = (*x)[output + tap] - mean_x;
            let from_y = (*y)[output + tap] - mean_y;
            let difference = from_x - from_y;
            variances += WEIGHTS[tap] * (from_x * from_x + from_y * from_y);
            variance_of_difference += WEIGHTS[tap] * difference * difference;
        }
        moments[output] = Moments(mean_x, mean_y, variances, variance_of_difference);
    }
    return moments;
}

// The moments of STRIP neighbouring windows from those of their rows. The variance is the mean of
// the rows' variances and the variance of the rows' means.
fn window_moments(rows: ptr<function, array<Moments, SPAN>>) -> array<Moments, STRIP> {
    var moments: array<Moments, STRIP>;
    for (var output = 0u; output < STRIP; output++) {
        var mean = Moments();
        for (var tap = 0u; tap < SIZE; tap++) {
            mean += WEIGHTS[tap] * (*rows)[output + tap];
        }
        var variances = mean.z;
        var variance_of_difference = mean.w;
        for (var tap = 0u; tap < SIZE; tap++) {
            let deviation = (*rows)[output + tap].xy - mean.xy;
            let difference = deviation.x - deviation.y;
            variances += WEIGHTS[tap] * dot(deviation, deviation);
            variance_of_difference += WEIGHTS[tap] * difference * difference;
        }
        moments[output] = Moments(mean.xy, variances, variance_of_difference);
    }
    return moments;
}

// The gradients with respect to both images in one pixel, from the blurred coefficients of the windows
// around it.
fn combined(sums: vec4<f32>, x: f32, y: f32) -> vec2<f32> {
    let difference = (x - y) * sums.z;
    return vec2<f32>(sums.x - difference + x * sums.w, sums.y + difference + y * sums.w);
}

// The window's means of neighbouring values, for STRIP neighbouring windows. Since the window is
// symmetric, the same function is its own transpose, which takes a pixel's value from the windows that
// reach it, and zeros where there are none.
fn blurred(values: ptr<function, array<vec4<f32>, SPAN>>) -> array<vec4<f32>, STRIP> {
    var means: array<vec4<f32>, STRIP>;
    for (var output = 0u; output < STRIP; output++) {
        var mean = vec4<f32>();
        for (var tap = 0u; tap < SIZE; tap++) {
            mean += WEIGHTS[tap] * (*values)[output + tap];
        }
        means[output] = mean;
    }
    return means;
}
