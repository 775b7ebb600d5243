#!/usr/bin/env python3
"""How many images of a folder Pillow makes into 64×64 pixels in a second, as `trainer data` does: cut to a square
in the centre, resized by its bicubic filter, put on white where they are transparent.

usage: decode_throughput.py FOLDER [PROCESSES] [TRIALS]        (2 and 5 if none)

Needs: pip install numpy==2.4.6 pillow==13.0.0

Files are in the system's cache after the first trial, which doesn't count. Beside it:
    time trainer data FOLDER --no-cache --size 64 --background white --quiet
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64


def decode(path: str) -> bytes:
    image = Image.open(path)
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        behind = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(behind, image).convert("RGB")
    if image.size != (SIDE, SIDE):
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    return np.asarray(image).tobytes()


def main() -> None:
    folder = Path(sys.argv[1])
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    trials = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    files = sorted(str(path) for path in folder.rglob("*.png"))
    rates = []
    for _ in range(trials + 1):
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(abs, range(processes)))  # the processes are there
            started = time.perf_counter()
            for _ in pool.map(decode, files, chunksize=64):
                pass
            rates.append(len(files) / (time.perf_counter() - started))
    rates = rates[1:]
    print(f"{len(files)} images, {processes} processes, {trials} trials: "
          f"{statistics.median(rates):.0f} images/s ({min(rates):.0f} to {max(rates):.0f})")


if __name__ == "__main__":
    main()
