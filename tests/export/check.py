#!/usr/bin/env python3
"""Checks a folder that `trainer export` wrote, but for the numbers, by ONNX's own checker: check.py FOLDER"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

VALUES = {
    "encoder": ("images", "codes"),
    "decoder": ("codes", "reconstructions"),
    "autoencoder": ("images", "reconstructions"),
}


def main():
    folder = Path(sys.argv[1])
    images = np.load(folder / "inputs.npy")
    codes = np.load(folder / "codes.npy")
    shapes = {"images": images.shape[1:], "codes": codes.shape[1:], "reconstructions": images.shape[1:]}
    for name, values in VALUES.items():
        path = folder / f"{name}.onnx"
        onnx.checker.check_model(path, full_check=True)
        model = onnx.load(path)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        record = json.loads(metadata["trainer"])
        assert metadata["arch"].startswith(record["arch"]), metadata
        assert record["latent_dim"] == codes.shape[1], record
        assert record["thresholds"]["scores"]["latent"] > 0, record
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for value, found in zip(values, (*session.get_inputs(), *session.get_outputs()), strict=True):
            assert (found.name, found.shape) == (value, ["batch", *shapes[value]]), (found.name, found.shape)
        # A batch of any size, none among them.
        for count in (0, 1, 3):
            given = np.zeros((count, *shapes[values[0]]), np.float32)
            (made,) = session.run([values[1]], {values[0]: given})
            assert made.shape == (count, *shapes[values[1]]), made.shape
    print(f"{folder.parent.name}  {model.ByteSize()} bytes, opset {model.opset_import[0].version}")


if __name__ == "__main__":
    main()
