#!/usr/bin/env python3
"""Makes the image pairs that SSIM is tested with, and their scores and gradients in f64 by other
libraries.

usage: make_ssim_cases.py [OUTPUT_FOLDER]        (this script's own folder if none is given)

Needs: pip install numpy scipy scikit-image pillow tensorflow-cpu torch pytorch-msssim torchmetrics

  ssim_cases.json      pairs of all kinds; their scores by the presets that `ssim_libraries.py`
                       lists, and what the f32 libraries themselves say of them
  ssim_gradients.json  small pairs; the derivatives of their scores, for each rule at the border
  ssim_batch.json      70,000 pairs of embedded images, as a rule; means and some of their scores
  ms_ssim_cases.json   pairs with their multi-scale SSIM
  camera.png, camera_noisy.png, photo.json
                       a photo of 512x512 (CC0, by Lav Varshney), a worse copy, and their scores

`ssim_images.py` makes the pairs and says what a pixel's integer stands for. Scores are of exactly
these f32 values, computed in f64; the f32 libraries' own may change in the last digits with the CPU
and the library's version. A preset that an image is too small for has no score.
"""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

import ssim_images
import ssim_libraries
from common import read_embedded
from ssim_images import BYTE, Case

LIBRARIES = ("scikit-image", "scipy", "tensorflow-cpu", "torch", "pytorch-msssim", "torchmetrics")
BLOCK = 1000  # pairs per mean in ssim_batch.json
EVERY = 500  # pairs from one stored score to the next
CHECK_EVERY = 250  # pairs from one comparison with scikit-image to the next
STEP, STEPS = 1009, 5  # a prime, so that no image meets another twice
TABLE_LINES = 12

Row = tuple[str, dict[str, float], dict[str, float]]


def write(path: Path, entries: list[dict], **head: object) -> None:
    """JSON with one line per case."""
    made_by = "make_ssim_cases.py, " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    lines = [json.dumps(entry, separators=(",", ":")) for entry in entries]
    text = json.dumps({"made_by": made_by, **head})[:-1]
    if lines:
        text += ',\n"cases": [\n' + ",\n".join(lines) + "\n]"
    path.write_text(text + "}\n")


def cases_with_scores() -> Iterator[tuple[dict, Row]]:
    for case in ssim_images.ssim_cases():
        scores = ssim_libraries.scores(*case.values())
        others = ssim_libraries.f32_scores(*case.values())
        head = {"name": case.name, **case.shape(), "scale": case.scale}
        yield {**head, "scores": scores, "others": others, **case.pixels()}, (case.name, scores, others)


def eight_digits(gradient: np.ndarray) -> list[float]:
    """Below 1e-15 there is nothing but the rounding of f64. `+ 0.0` makes -0 a 0."""
    return [float(f"{round(value, 15):.8g}") + 0.0 for value in gradient.ravel().tolist()]


def cases_with_gradients() -> Iterator[dict]:
    for case in ssim_images.gradient_cases():
        gradients = {}
        scores = ssim_libraries.scores(*case.values())
        for border, preset in ssim_libraries.BORDER_PRESETS.items():
            score, grad_x, grad_y = ssim_libraries.gradients(*case.values(), border)
            assert abs(score - scores[preset]) < ssim_libraries.AGREEMENT, (case.name, border)
            ssim_libraries.check_gradients(*case.values(), border, grad_x, grad_y)
            gradients[border] = {"score": score, "grad_x": eight_digits(grad_x), "grad_y": eight_digits(grad_y)}
        head = {"name": case.name, **case.shape(), "scale": case.scale}
        yield {**head, **case.pixels(), "gradients": gradients}


def batch_scores() -> np.ndarray:
    images = (read_embedded()[0].astype(np.float32) / np.float32(BYTE)).astype(np.float64)
    count = len(images)
    assert count % BLOCK == 0, "a block would hold pairs of two steps"
    scores = []
    for k in range(1, STEPS + 1):
        for start in range(0, count, BLOCK):
            first = np.arange(start, start + BLOCK)
            x, y = images[first], images[(first + STEP * k) % count]
            block = ssim_libraries.valid_scores(x, y)
            for i in range(0, BLOCK, CHECK_EVERY):
                difference = ssim_libraries.skimage_tf(x[i : i + 1], y[i : i + 1]) - block[i]
                assert abs(difference) < 1e-12, (k, start + i, difference)
            scores.append(block)
    return np.concatenate(scores)


def batch() -> dict:
    scores = batch_scores()
    count = len(scores) // STEPS
    rule = (
        f"pair (k - 1) * {count} + i, for k in 1..={STEPS} and i in 0..{count}, is of the embedded images i "
        f"and (i + {STEP} * k) mod {count}, by preset tf, a byte b's value being f32(b) / f32({BYTE})"
    )
    return {
        "rule": rule,
        "block": BLOCK,
        "block_means": scores.reshape(-1, BLOCK).mean(1).tolist(),
        "every": EVERY,
        "scores": scores[::EVERY].tolist(),
    }


def cases_with_multi_scale_scores() -> Iterator[dict]:
    for case in ssim_images.multi_scale_cases():
        x, y = case.values()
        scales = ssim_libraries.scale_count(*x.shape[-2:])
        weights = ssim_libraries.normalised_weights(scales)
        score = ssim_libraries.multi_scale_score(x, y, weights)
        ssim_libraries.check_multi_scale(x, y, weights, score)
        head = {"name": case.name, **case.shape(), "scale": case.scale}
        yield {**head, "scales": scales, "score": score, **case.pixels()}


def save_photo(case: Case, output: Path) -> tuple[dict, Row]:
    names = {"x": "camera.png", "y": "camera_noisy.png"}
    for name, image in zip(names.values(), (case.x, case.y), strict=True):
        Image.fromarray(image[0].astype(np.uint8)).save(output / name, optimize=True)
        assert (np.asarray(Image.open(output / name)) == image[0]).all(), name
    scores, others = (f(*case.values()) for f in (ssim_libraries.scores, ssim_libraries.f32_scores))
    head = {"name": case.name, **case.shape(), "scale": case.scale}
    return {**head, "scores": scores, "others": others, **names}, (case.name, scores, others)


def print_errors(rows: list[Row]) -> None:
    """The cases where f32 libraries are furthest from f64, each measured by its own convention."""

    def errors(row: Row) -> dict[str, float]:
        _, scores, others = row
        presets = ssim_libraries.PRESETS
        return {library: value - scores[presets[library]] for library, value in others.items()}

    def largest(row: Row) -> float:
        return max(map(abs, errors(row).values()), default=0.0)

    print(f"{'case':<36}{'tf in f64':>19}" + "".join(f"{name:>16}" for name in ssim_libraries.PRESETS))
    for row in sorted(rows, key=largest, reverse=True)[:TABLE_LINES]:
        found = errors(row)
        columns = [f"{found[name]:>16.1e}" if name in found else " " * 16 for name in ssim_libraries.PRESETS]
        print(f"{row[0]:<36}{row[1].get('tf', np.nan):>19.15f}" + "".join(columns))


def main() -> None:
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    output.mkdir(parents=True, exist_ok=True)
    entries, rows = zip(*cases_with_scores(), strict=True)
    write(output / "ssim_cases.json", list(entries))
    write(output / "ssim_gradients.json", list(cases_with_gradients()))
    write(output / "ssim_batch.json", [], **batch())
    write(output / "ms_ssim_cases.json", list(cases_with_multi_scale_scores()))
    entry, row = save_photo(ssim_images.photo(), output)
    write(output / "photo.json", [], **entry)
    for path in [*sorted(output.glob("*ssim_*.json")), output / "photo.json", *sorted(output.glob("*.png"))]:
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    print_errors([*rows, row])


if __name__ == "__main__":
    main()
