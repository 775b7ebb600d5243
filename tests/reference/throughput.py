#!/usr/bin/env python3
"""Measures CPU throughput: the trainer's backends, Keras and PyTorch, side by side.

usage: throughput.py [--trainer PATH] [--trials N] [--epochs N] [--json FILE]

Each contestant trains the same model (the trainer's architecture `baseline`: 1,621,889 parameters)
with Adam and binary cross-entropy from logits, in batches of 128, on 11,200 images of 28x28: 80 %
of Fashion-MNIST's T-shirts and trousers; then it restores these images in batches of 128. Counted
are images per second; of training without validation, by the epochs after the first, which warms
up. A trial is a fresh process. Trials are interleaved, so that a machine that slows down slows all
of them. Every contestant uses as many threads as it chooses to.

Build first (`cargo build --release`), let nothing else run, and give the machine some minutes.
Keras needs tensorflow, PyTorch torch (`python3 -m pip install tensorflow-cpu torch`); what isn't
installed isn't measured.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import (
    add_trainer_argument,
    build_model,
    build_torch_model,
    import_tensorflow,
    machine,
    split,
    trainer_environment,
)

BATCH_SIZE = 128
TRAINER_BACKENDS = ("flex", "ndarray")
# What a contestant in Python is, and the package that it needs.
PYTHON = {
    "keras": "tensorflow",
    "torch": "torch",
    "torch channels-last": "torch",
}
# A load average above this share of the threads, before the first trial, means company.
QUIET_LOAD = 0.25
# Long enough for the timer.
INFERENCE_SECONDS = 2.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_trainer_argument(parser)
    parser.add_argument("--trials", type=int, default=3, metavar="N", help="of each contestant [3]")
    parser.add_argument(
        "--epochs", type=int, default=3, metavar="N", help="in a trial, the first not counted [3]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here as well")
    parser.add_argument("--python-trial", choices=PYTHON, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.trials < 1:
        parser.error("--trials must be at least 1")
    if options.epochs < 2:
        parser.error("--epochs must be at least 2: the first one only warms up")
    return options


def timed_inference(restore_batch, images) -> float:
    """Images per second of `restore_batch`, after one batch to warm up."""
    starts = range(0, len(images), BATCH_SIZE)
    restore_batch(images[:BATCH_SIZE])
    started, count = time.perf_counter(), 0
    while True:
        for start in starts:
            batch = images[start : start + BATCH_SIZE]
            restore_batch(batch)
            count += len(batch)
            seconds = time.perf_counter() - started
            if seconds > INFERENCE_SECONDS:
                return count / seconds


def keras_trial(epochs: int) -> dict:
    tensorflow = import_tensorflow()
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.started)

    keras.utils.set_random_seed(0)
    images = split(seed=0)["train"]
    clock = Clock()
    model = build_model()
    model.fit(images, images, BATCH_SIZE, epochs, verbose=0, callbacks=[clock])

    @tensorflow.function(reduce_retracing=True)
    def restore(batch):
        return tensorflow.sigmoid(model(batch, training=False))

    return {
        "training": [len(images) / seconds for seconds in clock.seconds[1:]],
        "inference": timed_inference(lambda batch: restore(batch).numpy(), images),
        "versions": {"tensorflow": tensorflow.__version__, "keras": keras.__version__},
    }


def torch_trial(epochs: int, channels_last: bool) -> dict:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    images = torch.from_numpy(split(seed=0)["train"]).permute(0, 3, 1, 2)
    images = images.contiguous(memory_format=layout)
    model = build_torch_model().to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), eps=1e-7)
    rates = []
    for _ in range(epochs):
        started = time.perf_counter()
        for indices in torch.randperm(len(images)).split(BATCH_SIZE):
            batch = images[indices]
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(model(batch), batch).backward()
            optimizer.step()
        rates.append(len(images) / (time.perf_counter() - started))
    with torch.inference_mode():
        inference = timed_inference(lambda batch: model(batch).sigmoid(), images)
    return {
        "training": rates[1:],
        "inference": inference,
        "versions": {"torch": torch.__version__},
    }


def python_trial(name: str, epochs: int) -> None:
    """Runs in a process of its own, and prints what it measured as JSON."""
    if name == "keras":
        result = keras_trial(epochs)
    else:
        result = torch_trial(epochs, channels_last=name.endswith("channels-last"))
    print(json.dumps(result))


def measure_python(name: str, options: argparse.Namespace, versions: dict[str, str]) -> dict:
    command = [sys.executable, __file__, "--python-trial", name, "--epochs", str(options.epochs)]
    # TensorFlow says much on stderr that only matters if it fails.
    trial = subprocess.run(command, capture_output=True, text=True)
    if trial.returncode != 0:
        sys.exit(f"{trial.stderr}\nthe trial of {name} failed")
    result = json.loads(trial.stdout)
    versions.update(result["versions"])
    return result


def measure_trainer(backend: str, options: argparse.Namespace) -> dict:
    command = [options.trainer, "bench", "training", "--backend", backend, "--arch", "baseline"]
    command += ["--classes", "t-shirt,trouser", "--batch-size", str(BATCH_SIZE), "--json"]
    command += ["--epochs", str(options.epochs), "--patience", "99", "--trials", "1"]
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=trainer_environment(),
    )
    report = json.loads(done.stdout)
    return {
        "training": report["training_images_per_second"]["trials"],
        "inference": report["inference_images_per_second"]["median"],
    }


def trainer_version(path: Path) -> str:
    try:
        shown = subprocess.run([path, "--version"], check=True, stdout=subprocess.PIPE, text=True)
    except (FileNotFoundError, PermissionError) as error:
        sys.exit(f"{path}: {error.strerror}: cargo build --release, or --trainer PATH")
    return shown.stdout.strip().removeprefix("trainer ")


def print_table(title: str, rates: dict[str, list[float]]) -> None:
    print(f"\n{title:<22}{'median':>9}{'min':>9}{'max':>9}{'values':>9}", end="")
    print(f"{'to Keras':>10}" if "keras" in rates else "")
    for name, values in rates.items():
        median = statistics.median(values)
        print(f"{name:<22}{median:>9.0f}{min(values):>9.0f}{max(values):>9.0f}", end="")
        print(f"{len(values):>9}", end="")
        print(f"{median / statistics.median(rates['keras']):>9.2f}x" if "keras" in rates else "")


def main() -> None:
    options = arguments()
    if options.python_trial:
        python_trial(options.python_trial, options.epochs)
        return

    versions = {"trainer": trainer_version(options.trainer)}
    contestants = {
        f"trainer {backend}": lambda backend=backend: measure_trainer(backend, options)
        for backend in TRAINER_BACKENDS
    }
    for name, package in PYTHON.items():
        # Imported by the trials alone: it would start threads here.
        if importlib.util.find_spec(package) is None:
            print(f"{name} isn't measured: {package} isn't installed")
        else:
            contestants[name] = lambda name=name: measure_python(name, options, versions)

    this = machine()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > QUIET_LOAD * this["threads"]:
        print(f"warning: other work is running (load average {load:.2f}): the numbers will be low")

    training: dict[str, list[float]] = {name: [] for name in contestants}
    inference: dict[str, list[float]] = {name: [] for name in contestants}
    for trial in range(options.trials):
        # Each trial begins with another contestant.
        shift = trial % len(contestants)
        names = list(contestants)
        for name in names[shift:] + names[:shift]:
            result = contestants[name]()
            training[name] += result["training"]
            inference[name].append(result["inference"])
            rates = " ".join(f"{rate:.0f}" for rate in result["training"])
            print(f"trial {trial + 1}, {name}: {rates}, inference {result['inference']:.0f}", flush=True)

    print(f"\n{this['cpu']}, {this['threads']} threads, {this['system']}")
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print_table("training, images/s", training)
    print_table("inference, images/s", inference)
    if options.json:
        result = {
            "batch_size": BATCH_SIZE,
            "machine": this,
            "versions": versions,
            "load_average_before": load,
            "training_images_per_second": training,
            "inference_images_per_second": inference,
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
