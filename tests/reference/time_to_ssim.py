#!/usr/bin/env python3
"""Measures how long Keras takes to an SSIM of the validation images, and `trainer` beside it.

usage: time_to_ssim.py [--target SSIM] [--seconds N] [--trainer PATH] [--trials N] [--json FILE]

Keras trains the model that this work starts from (128 latent values, binary cross-entropy, Adam,
batches of 32) and is judged after each epoch; `trainer bench time-to-ssim` trains its linear
architecture to the same target. Both count from the start of their process, on the embedded
T-shirts and trousers (80 : 10 : 10; not the same split, whose generators differ). Where Keras isn't
there after --seconds, that is a lower bound of its time.

Build first (`cargo build --release`) and let nothing else run. Keras needs tensorflow
(`python3 -m pip install tensorflow-cpu`).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import (
    INSTALL_TENSORFLOW,
    add_trainer_argument,
    build_model,
    import_tensorflow,
    machine,
    split,
)

BATCH_SIZE = 32
EVALUATION_BATCH = 256


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--target", type=float, default=0.913, metavar="SSIM", help="[0.913]")
    parser.add_argument("--seconds", type=float, default=600, metavar="N", help="for Keras [600]")
    parser.add_argument("--trials", type=int, default=3, metavar="N", help="of the trainer [3]")
    add_trainer_argument(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here as well")
    parser.add_argument("--keras-trial", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def keras_trial() -> None:
    """Runs in a process of its own; prints the validation SSIM after each epoch, without end."""
    tf = import_tensorflow()
    if tf is None:
        sys.exit(f"tensorflow isn't installed: {INSTALL_TENSORFLOW}")
    parts = split(seed=0)
    train, validation = parts["train"], parts["validation"]
    model = build_model()
    originals = tf.constant(validation)
    while True:
        model.fit(train, train, batch_size=BATCH_SIZE, epochs=1, verbose=0)
        logits = model.predict(validation, batch_size=EVALUATION_BATCH, verbose=0)
        scores = tf.image.ssim(originals, tf.sigmoid(logits), max_val=1.0)
        print(float(tf.reduce_mean(scores)), flush=True)


def time_keras(target: float, cap: float) -> dict:
    """Seconds from process start, or none where the cap comes first; and SSIM by epoch."""
    command = [sys.executable, __file__, "--keras-trial"]
    started = time.perf_counter()
    curve: list[tuple[float, float]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seconds, ssim = time.perf_counter() - started, float(line)
            curve.append((seconds, ssim))
            print(f"Keras, epoch {len(curve)}: {ssim:.4f} after {seconds:.1f} s", flush=True)
            if ssim >= target or seconds >= cap:
                break
        process.kill()
    if not curve:
        sys.exit("Keras ended before its first epoch was through")
    reached = curve[-1][1] >= target
    return {"seconds": curve[-1][0] if reached else None, "curve": curve}


def time_trainer(options: argparse.Namespace) -> list[float]:
    command = [options.trainer, "bench", "time-to-ssim", "--target", str(options.target), "--json"]
    command += ["--backend", "flex", "--trials", str(options.trials)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{options.trainer} ended with {done.returncode}")
    return json.loads(done.stdout)["seconds"]["trials"]


def main() -> None:
    options = arguments()
    if options.keras_trial:
        return keras_trial()
    trainer = time_trainer(options)
    keras = time_keras(options.target, options.seconds)
    result = {"target": options.target, "trainer": trainer, "keras": keras, "machine": machine()}
    median = statistics.median(trainer)
    print(
        f"validation SSIM {options.target}, from process start\n"
        f"trainer  {median:8.2f} s  ({min(trainer):.2f} to {max(trainer):.2f}, {len(trainer)} trials)"
    )
    last, ssim = keras["curve"][-1]
    if keras["seconds"] is None:
        print(f"Keras    not after {last:.1f} s, where it is at {ssim:.4f}: over {last / median:.0f}x")
    else:
        print(f"Keras    {last:8.2f} s  (one trial): {last / median:.0f}x")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
