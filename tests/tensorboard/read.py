#!/usr/bin/env python3
"""Checks that TensorBoard itself reads from a run what its metrics.csv says, and prints it.

    python3 -m venv /tmp/tensorboard && /tmp/tensorboard/bin/pip install tensorboard
    /tmp/tensorboard/bin/python tests/tensorboard/read.py runs/…
"""

import csv
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

COLUMNS = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "validation/ssim": "validation_ssim",
    "validation/psnr": "validation_psnr",
    "validation/mse": "validation_mse",
    "learning_rate": "learning_rate",
    "speed/images_per_second": "images_per_second",
}


def main() -> None:
    run = Path(sys.argv[1])
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]
    events = EventAccumulator(str(run / "tb"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == sorted(COLUMNS), events.Tags()["scalars"]
    for tag, column in COLUMNS.items():
        scalars = events.Scalars(tag)
        print(f"{tag}  " + ", ".join(f"{scalar.step}: {scalar.value:.6g}" for scalar in scalars))
        assert [scalar.step for scalar in scalars] == epochs, tag
        for scalar, row in zip(scalars, rows):
            assert math.isclose(scalar.value, float(row[column]), rel_tol=1e-6), (tag, scalar.step)
    images = events.Images("reconstructions")
    assert [image.step for image in images] == epochs
    for image in images:
        png = image.encoded_image_string
        assert png == (run / f"reconstructions/epoch-{image.step:04}.png").read_bytes()
        assert struct.unpack(">II", png[16:24]) == (image.width, image.height)
        print(f"reconstructions  {image.step}: {image.width}×{image.height}, {len(png)} bytes")


if __name__ == "__main__":
    main()
