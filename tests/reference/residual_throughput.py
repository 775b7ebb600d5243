#!/usr/bin/env python3
"""Measures CPU training throughput of the architecture `residual`: the trainer and PyTorch, side by
side, and prints the ratio.

usage: residual_throughput.py [--trainer PATH] [--trials N] [--epochs N] [--images 28x28x1|64x64x3]

Both train the same network (its parameters are counted and compared) with Adam and mean squared
error, in batches of 128, on images of noise; PyTorch in channels-last layout, which
is the faster one for it. Counted are images per second, by the epochs after the first, which warms up.
A trial is a fresh process, and trials alternate, so that a machine that slows down slows both. Both
use as many threads as they choose to.

Build first (`cargo build --release`), and let nothing else run. Needs: pip install torch numpy
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import add_trainer_argument, build_torch_residual, machine, trainer_environment

BATCH_SIZE = 128
LATENT_DIM = 128
SHAPES = {"28x28x1": (1, 28, 28, 4096), "64x64x3": (3, 64, 64, 1024)}  # channels, height, width, count


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_trainer_argument(parser)
    parser.add_argument("--trials", type=int, default=3, metavar="N", help="of each [3]")
    parser.add_argument(
        "--epochs", type=int, default=3, metavar="N", help="in a trial, the first not counted [3]"
    )
    parser.add_argument("--images", choices=SHAPES, help="only these [both sizes]")
    parser.add_argument("--torch-trial", choices=SHAPES, help=argparse.SUPPRESS)
    return parser.parse_args()


def torch_trial(images: str, epochs: int) -> None:
    """Runs in a process of its own, and prints what it measured as JSON."""
    import torch

    torch.manual_seed(0)
    *shape, count = SHAPES[images]
    model = build_torch_residual(*shape, LATENT_DIM).to(memory_format=torch.channels_last)
    data = torch.rand(count, *shape).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters())
    rates = []
    for _ in range(epochs):
        started = time.perf_counter()
        for indices in torch.randperm(count).split(BATCH_SIZE):
            batch = data[indices]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(batch), batch).backward()
            optimizer.step()
        rates.append(count / (time.perf_counter() - started))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps([rates[1:], parameters, torch.__version__]))


def measure_torch(images: str, options: argparse.Namespace) -> list:
    command = [sys.executable, __file__, "--torch-trial", images, "--epochs", str(options.epochs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def trainer_settings(images: str, folder: Path, options: argparse.Namespace) -> list[str]:
    settings = ["--arch", "residual", "--latent-dim", str(LATENT_DIM), "--loss", "mse", "--no-pca"]
    settings += ["--optimizer", "adam", "--augment", "none", "--clip-norm", "0"]
    settings += ["--batch-size", str(BATCH_SIZE), "--epochs", str(options.epochs)]
    # Enough for training to have as many as PyTorch.
    return [*settings, "--patience", "99", "--backend", "flex", "--data", str(folder / images)]


def run_trainer(arguments: list[str], options: argparse.Namespace) -> str:
    done = subprocess.run(
        [options.trainer, *arguments],
        check=True,
        text=True,
        env=trainer_environment(),
        capture_output=True,
    )
    return done.stdout


def make_images(folder: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    for name, (channels, height, width, count) in SHAPES.items():
        (folder / name).mkdir()
        kind = "P5" if channels == 1 else "P6"
        for index in range(count * 10 // 8):  # 80 % are trained on
            pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8).tobytes()
            head = f"{kind}\n{width} {height}\n255\n".encode()
            (folder / name / f"{index:05}.pnm").write_bytes(head + pixels)


def main() -> None:
    options = arguments()
    if options.torch_trial:
        torch_trial(options.torch_trial, options.epochs)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_images(folder)
        for images in [options.images] if options.images else SHAPES:
            settings = trainer_settings(images, folder, options)
            table = run_trainer([*settings, "--dry-run"], options)
            expected = int(re.search(r"^total +(\d+)", table, re.MULTILINE)[1])
            ours, theirs = [], []
            for trial in range(options.trials):
                report = json.loads(
                    run_trainer(["bench", "training", *settings, "--trials", "1", "--json"], options)
                )
                ours += report["training_images_per_second"]["trials"]
                rates, parameters, version = measure_torch(images, options)
                assert parameters == expected, f"{parameters} parameters, the trainer has {expected}"
                theirs.append(statistics.mean(rates))
                print(f"{images}, trial {trial + 1}: trainer {ours[-1]:.0f}, PyTorch {theirs[-1]:.0f}")
            ratio = statistics.median(ours) / statistics.median(theirs)
            print(
                f"{images}, {expected} parameters: trainer {statistics.median(ours):.0f} images/s, "
                f"PyTorch {version} channels-last {statistics.median(theirs):.0f}: ratio {ratio:.2f}"
            )
    this = machine()
    print(f"{this['cpu']}, {this['threads']} threads, {this['system']}; {options.trials} trials each")


if __name__ == "__main__":
    main()
