#!/usr/bin/env python3
"""Prints what TensorBoard itself reads from a run: its scalars and pictures by epoch.

    python3 -m venv /tmp/tensorboard && /tmp/tensorboard/bin/pip install tensorboard
    /tmp/tensorboard/bin/python tests/reference/read_tensorboard.py runs/…
"""

import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main() -> None:
    folder = Path(sys.argv[1]) / "tb"
    for file in sorted(folder.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    for tag in sorted(events.Tags()["scalars"]):
        values = ", ".join(f"{event.step}: {event.value:.6g}" for event in events.Scalars(tag))
        print(f"{tag}  {values}")
    for tag in events.Tags()["images"]:
        for image in events.Images(tag):
            png = image.encoded_image_string
            assert png[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
            assert struct.unpack(">II", png[16:24]) == (image.width, image.height)
            print(f"{tag}  {image.step}: {image.width}×{image.height}, {len(png)} bytes")


if __name__ == "__main__":
    main()
