#!/usr/bin/env python3
"""Measures CPU training throughput: the trainer's backends and Keras, side by side.

usage: throughput.py [--trainer PATH] [--trials N] [--epochs N] [--json FILE]

Each contestant trains the same model (the trainer's architecture `baseline`: 1,621,889 parameters)
with Adam and binary cross-entropy from logits, in batches of 128, on 11,200 images of 28x28: 80 %
of Fashion-MNIST's T-shirts and trousers. Counted are training images per second, by epoch, without
validation. A trial is a fresh process; its first epoch warms up and isn't counted. Trials are
interleaved, so that a machine that slows down slows all of them. Every contestant uses as many
threads as it chooses to.

Build first (`cargo build --release`), let nothing else run, and give the machine some minutes.
Keras needs tensorflow (`python3 -m pip install tensorflow-cpu`); without it, the trainer alone is
measured.
"""

import argparse
import csv
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import INSTALL_TENSORFLOW, ROOT, build_model, import_tensorflow, machine, split

BATCH_SIZE = 128
TRAINER_BACKENDS = ("flex", "ndarray")
# A load average above this share of the threads, before the first trial, means company.
QUIET_LOAD = 0.25


def arguments() -> argparse.Namespace:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    trainer = target / "release" / ("trainer.exe" if os.name == "nt" else "trainer")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--trainer", type=Path, default=trainer, metavar="PATH", help="executable [%(default)s]"
    )
    parser.add_argument("--trials", type=int, default=3, metavar="N", help="of each contestant [3]")
    parser.add_argument(
        "--epochs", type=int, default=3, metavar="N", help="in a trial, the first not counted [3]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here as well")
    parser.add_argument("--keras-trial", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.trials < 1:
        parser.error("--trials must be at least 1")
    if options.epochs < 2:
        parser.error("--epochs must be at least 2: the first one only warms up")
    return options


def keras_trial(epochs: int) -> None:
    """Runs in a process of its own; prints the images per second of each epoch as JSON."""
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
    rates = [len(images) / seconds for seconds in clock.seconds]
    versions = {"tensorflow": tensorflow.__version__, "keras": keras.__version__}
    print(json.dumps({"rates": rates, "versions": versions}))


def measure_keras(options: argparse.Namespace, versions: dict[str, str]) -> list[float]:
    command = [sys.executable, __file__, "--keras-trial", "--epochs", str(options.epochs)]
    # TensorFlow says much on stderr that only matters if it fails.
    trial = subprocess.run(command, capture_output=True, text=True)
    if trial.returncode != 0:
        sys.exit(f"{trial.stderr}\nthe Keras trial failed")
    result = json.loads(trial.stdout)
    versions.update(result["versions"])
    return result["rates"]


def measure_trainer(options: argparse.Namespace, backend: str) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="throughput-") as runs:
        command = [options.trainer, "--backend", backend, "--arch", "baseline", "--runs", runs]
        command += ["--classes", "t-shirt,trouser", "--batch-size", str(BATCH_SIZE)]
        command += ["--epochs", str(options.epochs), "--patience", "99", "--quiet"]
        # The trainer's settings may come from the environment as well, but not here.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRAINER_")}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        [metrics] = Path(runs).glob("*/metrics.csv")
        with metrics.open(newline="") as file:
            return [float(row["images_per_second"]) for row in csv.DictReader(file)]


def trainer_version(path: Path) -> str:
    try:
        shown = subprocess.run([path, "--version"], check=True, stdout=subprocess.PIPE, text=True)
    except (FileNotFoundError, PermissionError) as error:
        sys.exit(f"{path}: {error.strerror}: cargo build --release, or --trainer PATH")
    return shown.stdout.strip().removeprefix("trainer ")


def print_table(rates: dict[str, list[float]]) -> None:
    print(f"{'training images/s':<20}{'median':>9}{'min':>9}{'max':>9}{'epochs':>9}", end="")
    print(f"{'to Keras':>10}" if "keras" in rates else "")
    for name, values in rates.items():
        median = statistics.median(values)
        print(f"{name:<20}{median:>9.0f}{min(values):>9.0f}{max(values):>9.0f}", end="")
        print(f"{len(values):>9}", end="")
        print(f"{median / statistics.median(rates['keras']):>9.2f}x" if "keras" in rates else "")


def main() -> None:
    options = arguments()
    if options.keras_trial:
        keras_trial(options.epochs)
        return

    versions = {"trainer": trainer_version(options.trainer)}
    # Imported by the trials alone: it would start threads here.
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    contestants = {
        f"trainer {backend}": lambda backend=backend: measure_trainer(options, backend)
        for backend in TRAINER_BACKENDS
    }
    if has_tensorflow:
        contestants["keras"] = lambda: measure_keras(options, versions)

    this = machine()
    if not has_tensorflow:
        print(f"Keras isn't measured: no tensorflow. Install it: {INSTALL_TENSORFLOW}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > QUIET_LOAD * this["threads"]:
        print(f"warning: other work is running (load average {load:.2f}): the numbers will be low")

    trials: dict[str, list[list[float]]] = {name: [] for name in contestants}
    for trial in range(options.trials):
        # Each trial begins with another contestant.
        shift = trial % len(contestants)
        names = list(contestants)
        for name in names[shift:] + names[:shift]:
            epochs = contestants[name]()
            trials[name].append(epochs)
            print(f"trial {trial + 1}, {name}:", *(f"{rate:.0f}" for rate in epochs), flush=True)

    counted = {name: [rate for trial in each for rate in trial[1:]] for name, each in trials.items()}
    print(f"\n{this['cpu']}, {this['threads']} threads, {this['system']}")
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print_table(counted)
    if options.json:
        result = {
            "batch_size": BATCH_SIZE,
            "machine": this,
            "versions": versions,
            "load_average_before": load,
            "images_per_second": {
                name: {
                    "median": statistics.median(values),
                    "min": min(values),
                    "max": max(values),
                    "trials": trials[name],
                }
                for name, values in counted.items()
            },
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
