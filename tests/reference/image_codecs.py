"""Bytes and SSIM of a run's test images as image files, beside which `trainer bench compress` stands:

    python3 tests/reference/image_codecs.py RUN PIXELS.npy

RUN is the run's folder, whose test.csv names the images, and PIXELS.npy what `trainer data … --save` wrote of the same
data set. Each image is a file of its own, by Pillow. SSIM follows tf.image.ssim, of grey images.
"""

import csv
import io
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features

RADIUS = 5
OFFSETS = np.arange(-RADIUS, RADIUS + 1)
WINDOW = np.exp(-(OFFSETS**2) / (2 * 1.5**2))
WINDOW /= WINDOW.sum()


def blurred(images):
    """An 11×11 Gaussian window at valid positions, for images [N, H, W]."""
    for axis in (1, 2):
        view = np.lib.stride_tricks.sliding_window_view(images, len(WINDOW), axis)
        images = view @ WINDOW
    return images


def ssim(a, b):
    """The mean over images [N, H, W] in [0, 1]."""
    mean_a, mean_b = blurred(a), blurred(b)
    variances = blurred(a * a) - mean_a**2 + blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return float((luminance * (2 * covariance + c2) / (variances + c2)).mean())


def measured(images, **options):
    """Mean bytes and SSIM of images [N, H, W] of bytes, each saved with these options."""
    sizes, restored = [], []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, **options)
        sizes.append(file.tell())
        restored.append(np.asarray(Image.open(file).convert("L")))
    return np.mean(sizes), ssim(images / 255, np.stack(restored) / 255)


def main():
    run, pixels = Path(sys.argv[1]), np.load(sys.argv[2])
    with open(run / "test.csv", newline="", encoding="utf-8") as table:
        indices = [int(row["index"]) for row in csv.DictReader(table)]
    images = pixels[indices].reshape(len(indices), *pixels.shape[-2:])
    print(f"{len(images)} images of {images.shape[2]}×{images.shape[1]}, Pillow {PIL.__version__}")
    formats = {"WEBP": (20, 30, 40, 50, 60, 70, 80, 90, 95), "JPEG": (50, 75, 90, 95)}
    if features.check("avif"):
        formats["AVIF"] = (40, 60, 70, 80, 90)
    for name, qualities in formats.items():
        more = {"method": 6} if name == "WEBP" else {"optimize": True} if name == "JPEG" else {}
        for quality in qualities:
            size, score = measured(images, format=name, quality=quality, **more)
            print(f"{name:5} {quality:3} {size:6.1f} bytes  SSIM {score:.4f}", flush=True)


main()
