#!/usr/bin/env python3
"""Makes the embedded data set: Fashion-MNIST's T-shirt/top (0) and Trouser (1) images.

usage: make_embedded.py SOURCE_DIR OUTPUT_DIR

SOURCE_DIR holds the four official files, gzip'd. OUTPUT_DIR gets images-idx3-ubyte.gz and
labels-idx1-ubyte.gz, in the same format: the training images in file order, then the test images.
Both are compressed by zopfli where it is installed (2 % smaller), else by gzip level 9. Either way
the result depends on the input alone: no file name or time goes into the gzip header.
"""

import gzip
import shutil
import struct
import subprocess
import sys
from pathlib import Path

CLASSES = (0, 1)
SIDE = 28
IMAGE_MAGIC, LABEL_MAGIC = 0x803, 0x801


def read(source: Path, part: str) -> tuple[bytes, bytes]:
    """Pixels and labels of one part, headers checked and removed."""
    images = gzip.decompress((source / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((source / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    magic, count, height, width = struct.unpack(">4I", images[:16])
    assert (magic, height, width) == (IMAGE_MAGIC, SIDE, SIDE), f"{part}: not 28x28 IDX images"
    assert struct.unpack(">2I", labels[:8]) == (LABEL_MAGIC, count), f"{part}: labels disagree"
    assert len(images) == 16 + count * SIDE * SIDE and len(labels) == 8 + count, f"{part}: length"
    return images[16:], labels[8:]


def write(path: Path, content: bytes) -> None:
    if shutil.which("zopfli"):
        plain = path.with_suffix("")
        plain.write_bytes(content)
        # zopfli writes PLAIN.gz beside the input, with a zero time and no name.
        subprocess.run(["zopfli", "--gzip", str(plain)], check=True)
        plain.unlink()
    else:
        path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    assert gzip.decompress(path.read_bytes()) == content
    print(f"{path}: {path.stat().st_size} bytes")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, output = Path(sys.argv[1]), Path(sys.argv[2])
    pixels, labels = bytearray(), bytearray()
    for part in ("train", "t10k"):
        part_pixels, part_labels = read(source, part)
        for i, label in enumerate(part_labels):
            if label in CLASSES:
                pixels += part_pixels[i * SIDE * SIDE : (i + 1) * SIDE * SIDE]
                labels.append(label)
    output.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">4I", IMAGE_MAGIC, len(labels), SIDE, SIDE)
    write(output / "images-idx3-ubyte.gz", header + pixels)
    write(output / "labels-idx1-ubyte.gz", struct.pack(">2I", LABEL_MAGIC, len(labels)) + labels)


if __name__ == "__main__":
    main()
