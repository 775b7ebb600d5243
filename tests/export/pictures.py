#!/usr/bin/env python3
"""Makes pictures in colour, of shapes on a gradient: pictures.py FOLDER COUNT HEIGHT WIDTH"""

import sys
from pathlib import Path

import numpy as np


def main():
    folder, count, height, width = Path(sys.argv[1]), *map(int, sys.argv[2:])
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    for index in range(count):
        sky, disc = rng.uniform(0, 255, (2, 3))
        radius, (top, left) = rng.uniform(3, 10), rng.uniform(0, [height, width])
        picture = sky * (y / height)[..., None]
        picture[(y - top) ** 2 + (x - left) ** 2 < radius**2] = disc
        header = f"P6\n{width} {height}\n255\n".encode()
        (folder / f"{index:03}.ppm").write_bytes(header + picture.astype(np.uint8).tobytes())


if __name__ == "__main__":
    main()
