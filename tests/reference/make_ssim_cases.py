#!/usr/bin/env python3
"""Makes ssim_cases.json: image pairs with the SSIM that scikit-image gives them in f64.

usage: make_ssim_cases.py [OUTPUT]        (needs numpy and scikit-image)

The conventions are those of `tf.image.ssim`: an 11x11 Gaussian window with sigma 1.5, population
covariances, data range 1, averaged over the positions where the window lies inside the image.

Pixels are integers; their value is `f32(integer) / f32(scale)`, an IEEE division that every
language does alike. The scores are of exactly these f32 values, computed in f64. All random draws
are seeded, so the file depends on this script and on the embedded images alone.
"""

import json
import sys
from pathlib import Path

import numpy as np
import skimage
from skimage.metrics import structural_similarity

from common import SIDE, read_embedded

RADIUS = 5  # of the window: int(3.5 * 1.5 + 0.5), as skimage truncates
BYTE, FINE = 255, 65536  # scales: of files, and of values that bytes are too coarse for


def score(x: np.ndarray, y: np.ndarray) -> float:
    mean, full = structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True
    )
    # Only the positions that need no padding.
    valid = full[RADIUS:-RADIUS, RADIUS:-RADIUS].mean()
    assert abs(mean - valid) < 1e-15, "skimage no longer averages over the valid positions"
    return float(valid)


def blurred(image: np.ndarray) -> np.ndarray:
    """A 3x3 box blur of bytes, edges repeated."""
    padded = np.pad(image.astype(np.int64), 1, mode="edge")
    height, width = image.shape
    total = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    return (total + 4) // 9


def noisy(image: np.ndarray, amplitude: int, rng: np.random.Generator) -> np.ndarray:
    noise = rng.integers(-amplitude, amplitude + 1, image.shape)
    return np.clip(image.astype(np.int64) + noise, 0, 255)


def constant(value: int, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    return np.full(shape, value)


def checkerboard(cell: int, phase: int) -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    return ((rows // cell + columns // cell + phase) % 2) * 255


def step(left: int, right: int) -> np.ndarray:
    return np.where(np.arange(SIDE) < SIDE // 2, left, right) * np.ones((SIDE, 1), np.int64)


def texture(height: int, width: int, phase: float) -> np.ndarray:
    """A diagonal gradient with ripples, in units of FINE."""
    rows, columns = np.indices((height, width))
    gradient = (rows + columns) / (height + width - 2)
    ripples = np.sin(0.9 * rows + phase) * np.cos(0.7 * columns - phase)
    return np.rint((0.15 + 0.6 * gradient + 0.1 * ripples) * FINE).astype(np.int64)


def cases():
    """Name, scale, x, y."""
    pixels, labels = read_embedded()
    shirts, trousers = pixels[labels == 0], pixels[labels == 1]
    rng = np.random.default_rng(2004)  # the year of the paper

    for name, image in [("t-shirt", shirts[0]), ("trouser", trousers[0])]:
        yield f"{name}, blurred", BYTE, image, blurred(image)
        yield f"{name}, little noise", BYTE, image, noisy(image, 8, rng)
        yield f"{name}, much noise", BYTE, image, noisy(image, 96, rng)
        yield f"{name}, inverted", BYTE, image, 255 - image.astype(np.int64)
    yield "two t-shirts", BYTE, shirts[1], shirts[2]
    yield "two trousers", BYTE, trousers[1], trousers[2]
    yield "t-shirt and trouser", BYTE, shirts[3], trousers[3]
    yield "t-shirt and itself", BYTE, shirts[4], shirts[4]
    yield "t-shirt and black", BYTE, shirts[5], constant(0)

    noise = rng.integers(0, 256, (SIDE, SIDE))
    yield "noise and itself", BYTE, noise, noise
    yield "noise and its negative", BYTE, noise, 255 - noise
    yield "constant and noise", BYTE, constant(128), noise
    yield "equal constants", BYTE, constant(77), constant(77)
    yield "near constants", BYTE, constant(200), constant(210)
    yield "far constants", BYTE, constant(77), constant(230)
    yield "far constants, bright", FINE, constant(64433), constant(30682)
    yield "black and white", BYTE, constant(0), constant(255)
    yield "black and black", BYTE, constant(0), constant(0)
    yield "white and white", BYTE, constant(255), constant(255)

    low, high = round(0.9 * FINE), round(0.95 * FINE)
    bright = rng.integers(low, high, (SIDE, SIDE))
    yield "bright, low contrast", FINE, bright, rng.integers(low, high, (SIDE, SIDE))
    yield "bright, hardly any contrast", FINE, bright // 64 + low, bright // 128 + low
    dark = rng.integers(0, round(0.05 * FINE), (SIDE, SIDE))
    yield "dark, low contrast", FINE, dark, dark // 2 + rng.integers(0, 512, (SIDE, SIDE))
    yield "dark and bright, low contrast", FINE, dark, bright

    yield "checkerboards, in phase", BYTE, checkerboard(1, 0), checkerboard(1, 0)
    yield "checkerboards, opposite", BYTE, checkerboard(1, 0), checkerboard(1, 1)
    yield "checkerboards, coarse and opposite", BYTE, checkerboard(4, 0), checkerboard(4, 1)
    yield "checkerboards, fine and coarse", BYTE, checkerboard(1, 0), checkerboard(2, 0)
    yield "steps, one half as high", BYTE, step(0, 255), step(0, 128)
    yield "steps, offset", BYTE, step(20, 180), step(60, 220)

    for height, width in [(11, 11), (11, 12), (17, 40), (31, 12)]:
        x = rng.integers(0, 256, (height, width))
        yield f"{height}x{width}", BYTE, x, noisy(x, 40, rng)
    yield "64x64 gradient with texture", FINE, texture(64, 64, 0.0), texture(64, 64, 0.8)


def main() -> None:
    default = Path(__file__).with_name("ssim_cases.json")
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    lines = []
    for name, scale, x, y in cases():
        as_f32 = [image.astype(np.float32) / np.float32(scale) for image in (x, y)]
        case = {
            "name": name,
            "ssim": score(*(image.astype(np.float64) for image in as_f32)),
            "height": x.shape[0],
            "width": x.shape[1],
            "scale": scale,
            "x": x.ravel().tolist(),
            "y": y.ravel().tolist(),
        }
        lines.append(json.dumps(case, separators=(",", ":")))
        print(f"{case['ssim']:>20.16f}  {name}")
    made_by = f"make_ssim_cases.py, scikit-image {skimage.__version__}"
    head = json.dumps({"made_by": made_by})[:-1]
    output.write_text(head + ',\n"cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(f"{output}: {len(lines)} cases, {output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
