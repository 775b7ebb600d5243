"""SSIM as scikit-image, TensorFlow, pytorch-msssim and torchmetrics compute it, and by scipy's
filters: each convention in f64 by two independent implementations, which must agree.

Needs numpy, scipy, scikit-image, tensorflow-cpu, torch, pytorch-msssim and torchmetrics.

K1 = 0.01, K2 = 0.03 and a data range of 1 throughout. The presets:

  tf                11x11 Gaussian window with sigma 1.5, population covariances, averaged over the
                    positions where the window lies inside the image; as `tf.image.ssim` and
                    pytorch-msssim do it
  skimage           the same positions, but a uniform 7x7 window and sample covariances;
                    scikit-image's defaults
  skimage-gaussian  `tf` with covariances times 121/120; scikit-image's `gaussian_weights`
  torchmetrics      `tf`, but at every pixel, the image reflected about its outermost pixels
  same              `tf`, but at every pixel, the image surrounded by zeros

Shapes: images are [C, H, W]; the score is the mean of the channels' scores.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytorch_msssim
import torch
import torch.nn.functional as F
from scipy.ndimage import correlate1d, uniform_filter1d
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from common import import_tensorflow

# With several threads, the order of f32 sums would depend on the machine's number of them.
torch.set_num_threads(1)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
tf = import_tensorflow()
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

SIGMA, RADIUS = 1.5, 5  # of the window; int(3.5 * 1.5 + 0.5), as scikit-image truncates
SIDE = 2 * RADIUS + 1
UNIFORM_SIDE = 7
C1, C2 = 0.01**2, 0.03**2
POPULATION = 1.0
MULTI_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
AGREEMENT = 1e-11  # between two computations in f64

Blur = Callable[[np.ndarray], np.ndarray]


def gaussian_weights() -> np.ndarray:
    distances = np.arange(-RADIUS, RADIUS + 1)
    weights = np.exp(-0.5 * (distances / SIGMA) ** 2)
    return weights / weights.sum()


def gaussian_blur(images: np.ndarray, mode: str) -> np.ndarray:
    """`mode` is scipy's name for the border: "constant" (zeros), "mirror" (reflection)."""
    for axis in (-2, -1):
        images = correlate1d(images, gaussian_weights(), axis, mode=mode, cval=0.0)
    return images


def uniform_blur(images: np.ndarray) -> np.ndarray:
    for axis in (-2, -1):
        images = uniform_filter1d(images, UNIFORM_SIDE, axis)
    return images


def cropped(images: np.ndarray, radius: int) -> np.ndarray:
    """The positions where a window of this radius lies inside the image."""
    return images[..., radius:-radius, radius:-radius]


def maps(
    x: np.ndarray, y: np.ndarray, blur: Blur, sample: float = POPULATION
) -> tuple[np.ndarray, np.ndarray]:
    """Luminance, and contrast times structure, at every pixel; covariances are times `sample`."""
    mean_x, mean_y = blur(x), blur(y)
    variances = sample * (blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2)
    covariance = sample * (blur(x * y) - mean_x * mean_y)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def valid_maps(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    luminance, contrast = maps(x, y, lambda image: gaussian_blur(image, "constant"))
    return cropped(luminance, RADIUS), cropped(contrast, RADIUS)


def valid_scores(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Preset `tf` of each of a stack of planes: f64 [N, H, W] to [N]."""
    luminance, contrast = valid_maps(x, y)
    return (luminance * contrast).mean((-2, -1))


def scipy_scores(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """All presets by scipy's filters, whether or not the image is large enough for them."""

    def mean(blur: Blur, radius: int = 0, sample: float = POPULATION) -> float:
        luminance, contrast = maps(x, y, blur, sample)
        scores = luminance * contrast
        return float(np.mean(cropped(scores, radius) if radius else scores))

    def zeros(image: np.ndarray) -> np.ndarray:
        return gaussian_blur(image, "constant")

    scores = {"same": mean(zeros)}
    side = min(x.shape[-2:])
    if side > RADIUS:
        scores["torchmetrics"] = mean(lambda image: gaussian_blur(image, "mirror"))
    if side >= UNIFORM_SIDE:
        count = UNIFORM_SIDE**2
        scores["skimage"] = mean(uniform_blur, UNIFORM_SIDE // 2, count / (count - 1))
    if side >= SIDE:
        scores["tf"] = mean(zeros, RADIUS)
        scores["skimage-gaussian"] = mean(zeros, RADIUS, SIDE**2 / (SIDE**2 - 1))
    return scores


def skimage_tf(x: np.ndarray, y: np.ndarray) -> float:
    """Preset `tf` of f64 images by scikit-image."""
    valid = []
    for plane_x, plane_y in zip(x, y, strict=True):
        mean, full = structural_similarity(
            plane_x,
            plane_y,
            gaussian_weights=True,
            sigma=SIGMA,
            use_sample_covariance=False,
            data_range=1.0,
            full=True,
        )
        valid.append(cropped(full, RADIUS).mean())
        assert abs(mean - valid[-1]) < 1e-15, "skimage no longer averages over the valid positions"
    return float(np.mean(valid))


def as_batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image))[None]


def torchmetrics_score(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return structural_similarity_index_measure(x, y, data_range=1.0, reduction="sum")


def valid_score(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """pytorch-msssim's, with a window in f64: its own holds f32 weights, whose sum is 3e-8 off."""
    window = torch.from_numpy(gaussian_weights()).expand(x.shape[1], 1, 1, SIDE)
    return pytorch_msssim.ssim(x, y, data_range=1.0, size_average=False, win=window).sum()


def same_score(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    weights = torch.from_numpy(gaussian_weights())
    window = torch.outer(weights, weights).expand(x.shape[1], 1, SIDE, SIDE)

    def blur(image: torch.Tensor) -> torch.Tensor:
        return F.conv2d(image, window, padding=RADIUS, groups=x.shape[1])

    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (luminance * (2 * covariance + C2) / (variances + C2)).mean()


def scores(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Each preset that the image is large enough for, of f32 images, in f64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    found = {}
    second = scipy_scores(x, y)
    batches = as_batch(x), as_batch(y)
    if "tf" in second:
        found["tf"] = skimage_tf(x, y)
        assert abs(valid_score(*batches).item() - found["tf"]) < AGREEMENT, "pytorch-msssim"
    if "skimage" in second:
        found["skimage"] = float(structural_similarity(x, y, data_range=1.0, channel_axis=0))
    if "skimage-gaussian" in second:
        # Sample covariances are the default.
        gaussian = structural_similarity(
            x, y, gaussian_weights=True, sigma=SIGMA, data_range=1.0, channel_axis=0
        )
        found["skimage-gaussian"] = float(gaussian)
    if "torchmetrics" in second:
        found["torchmetrics"] = torchmetrics_score(*batches).item()
    # No library that is installed here has this one, so scipy's is stored and torch's is the check.
    found["same"] = second["same"]
    assert abs(same_score(*batches).item() - found["same"]) < AGREEMENT, "same"
    assert found.keys() == second.keys()
    for preset, value in found.items():
        assert abs(value - second[preset]) < AGREEMENT, (preset, value, second[preset])
    return found


def f32_scores(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """What the libraries themselves say of f32 images, each by its own convention. The last digits
    may differ on another CPU."""
    found = {}
    side = min(x.shape[-2:])
    if side >= SIDE:
        channels_last = (np.moveaxis(image, 0, -1) for image in (x, y))
        found["tensorflow"] = float(tf.image.ssim(*channels_last, max_val=1.0))
        # Of smaller images, pytorch-msssim skips the blur.
        batches = as_batch(x), as_batch(y)
        found["pytorch-msssim"] = pytorch_msssim.ssim(*batches, data_range=1.0).item()
    if side > RADIUS:
        found["torchmetrics"] = torchmetrics_score(as_batch(x), as_batch(y)).item()
    return found


# Which convention a library's own score belongs to.
PRESETS = {"tensorflow": "tf", "pytorch-msssim": "tf", "torchmetrics": "torchmetrics"}
BORDERS = {"valid": valid_score, "reflect": torchmetrics_score, "zero": same_score}
BORDER_PRESETS = {"valid": "tf", "reflect": "torchmetrics", "zero": "same"}
DIFFERENCE = 1e-5  # of a step along a direction; balances the cubic term against f64's rounding


def gradients(x: np.ndarray, y: np.ndarray, border: str) -> tuple[float, np.ndarray, np.ndarray]:
    """The score of f32 images, and its derivatives by both, in f64 by automatic differentiation."""
    batches = [as_batch(image.astype(np.float64)).requires_grad_() for image in (x, y)]
    score = BORDERS[border](*batches)
    score.backward()
    grad_x, grad_y = (batch.grad[0].numpy() for batch in batches)
    return score.item(), grad_x, grad_y


def check_gradients(x: np.ndarray, y: np.ndarray, border: str, grad_x: np.ndarray, grad_y: np.ndarray) -> None:
    """By central differences of scipy's scores along a random direction, for x and y together."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    along_x, along_y = np.random.default_rng(0).standard_normal((2, *x.shape))
    ahead, behind = (
        scipy_scores(x + step * along_x, y + step * along_y)[BORDER_PRESETS[border]]
        for step in (DIFFERENCE, -DIFFERENCE)
    )
    expected = (ahead - behind) / (2 * DIFFERENCE)
    found = float((grad_x * along_x + grad_y * along_y).sum())
    assert abs(found - expected) < 1e-5 * abs(expected), (border, found, expected)


def halved(image: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels; an odd last row or column is averaged with itself alone."""
    height, width = image.shape[-2:]
    even = np.pad(image, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    corners = [even[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return sum(corners) / 4


def scale_count(height: int, width: int) -> int:
    """How many of the five scales have sides that the window fits into."""
    count, side = 0, min(height, width)
    while side >= SIDE and count < len(MULTI_SCALE_WEIGHTS):
        count, side = count + 1, (side + 1) // 2
    return count


def normalised_weights(count: int) -> np.ndarray:
    """Even all five need it: as published, they sum to 1.0001."""
    weights = np.array(MULTI_SCALE_WEIGHTS[:count])
    return weights / weights.sum()


def multi_scale_score(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    """Multi-scale SSIM of f32 images in f64, with as many scales as there are weights."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    product = np.ones(x.shape[0])
    for scale, weight in enumerate(weights):
        if scale > 0:
            x, y = halved(x), halved(y)
        luminance, contrast = valid_maps(x, y)
        is_last = scale == len(weights) - 1
        factor = (luminance * contrast if is_last else contrast).mean((-2, -1))
        product *= np.maximum(factor, 0.0) ** weight
    return float(product.mean())


def check_multi_scale(x: np.ndarray, y: np.ndarray, weights: np.ndarray, score: float) -> None:
    channels_last = (np.moveaxis(image, 0, -1)[None] for image in (x, y))
    theirs = float(tf.image.ssim_multiscale(*channels_last, max_val=1.0, power_factors=weights.tolist())[0])
    # An f32 computation; small mean contrasts, to a power below 1, magnify its rounding.
    assert abs(theirs - score) < 2e-5, ("tf.image.ssim_multiscale", theirs, score)
    # pytorch-msssim refuses images that five scales don't fit into, however many are asked for.
    if min(x.shape[-2:]) > (SIDE - 1) * 2 ** (len(MULTI_SCALE_WEIGHTS) - 1):
        window = torch.from_numpy(gaussian_weights()).expand(x.shape[0], 1, 1, SIDE)
        batches = (as_batch(image.astype(np.float64)) for image in (x, y))
        theirs = pytorch_msssim.ms_ssim(*batches, data_range=1.0, win=window, weights=weights.tolist()).item()
        assert abs(theirs - score) < AGREEMENT, ("pytorch_msssim.ms_ssim", theirs, score)
