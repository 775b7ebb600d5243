#!/usr/bin/env python3
"""Checks beside an exported model that other programs compute what trainer does: check.py [onnxruntime] [torch]

Without a name it takes what is installed of both. inputs.npy has images, codes.npy and reconstructions.npy what trainer
makes of them in one pass of the encoder. Exits 1 where pixels differ by more than 1e-5, or codes by more than 1e-5 of
the largest one.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5
FOLDER = Path(__file__).resolve().parent


def onnxruntime_results(images, codes):
    import onnxruntime

    def run(name, values):
        session = onnxruntime.InferenceSession(FOLDER / name, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: values})[0]

    return run("encoder.onnx", images), run("decoder.onnx", codes), run("autoencoder.onnx", images)


def torch_results(images, codes):
    sys.path.insert(0, str(FOLDER))
    import torch
    from autoencoder import load

    model = load(FOLDER / "pytorch.safetensors")
    with torch.no_grad():
        images, codes = torch.from_numpy(images), torch.from_numpy(codes)
        return [tensor.numpy() for tensor in (model.encode(images), model.decode(codes), model(images))]


def main():
    programs = {"onnxruntime": onnxruntime_results, "torch": torch_results}
    needed = {"onnxruntime": ["onnxruntime"], "torch": ["torch", "safetensors"]}
    is_there = {name: all(map(importlib.util.find_spec, modules)) for name, modules in needed.items()}
    named = sys.argv[1:] or [name for name in programs if is_there[name]]
    if not named or not programs.keys() >= set(named):
        sys.exit("expected onnxruntime, torch or both, and one of them installed: pip install onnxruntime")
    images, codes, pixels = (np.load(FOLDER / f"{name}.npy") for name in ("inputs", "codes", "reconstructions"))
    is_good = True
    for name in named:
        found = programs[name](images, codes)
        largest = np.abs(codes).max()
        differences = {
            "codes, of the largest one": np.abs(found[0] - codes).max() / (largest or 1),
            "pixels decoded from codes": np.abs(found[1] - pixels).max(),
            "pixels encoded and decoded": np.abs(found[2] - pixels).max(),
        }
        for what, difference in differences.items():
            # So that a difference that is no number is one, too.
            is_near = bool(difference <= TOLERANCE)
            is_good &= is_near
            print(f"{name}  {what}  {difference:.1e}  {'ok' if is_near else f'more than {TOLERANCE:.0e}'}")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
