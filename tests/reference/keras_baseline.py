#!/usr/bin/env python3
"""Trains the trainer's baseline model in Keras, and reports SSIM on test images.

usage: keras_baseline.py [--epochs N] [--batch-size N] [--patience N] [--seed N] [--limit N]
                         [--json FILE]

It answers what the same network reaches in the framework that most people know, at that framework's
settings: batches of 32, Adam with a constant learning rate of 1e-3, at most 50 epochs. As in the
trainer, training stops after 10 epochs without a better validation loss, the best epoch's weights
are the ones judged, and the images are divided 80 : 10 : 10 within each class (by another random
generator, so these aren't the same images). The model gives logits, and the loss is binary
cross-entropy from logits. SSIM is `tf.image.ssim`, PSNR `tf.image.psnr`.

Needs tensorflow (`python3 -m pip install tensorflow-cpu`). On a CPU, an epoch takes some seconds.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from common import INSTALL_TENSORFLOW, build_model, import_tensorflow, machine, split

EVALUATION_BATCH = 256


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=50, help="at most so many [50]")
    parser.add_argument("--batch-size", type=int, default=32, help="images in a step [32]")
    parser.add_argument("--patience", type=int, default=10, help="epochs without progress [10]")
    parser.add_argument("--seed", type=int, default=0, help="of split, weights and order [0]")
    parser.add_argument("--limit", type=int, help="images per part, for a quick try [all]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here as well")
    return parser.parse_args()


def judge(tf, model, images) -> dict[str, float]:
    """Means over the images: SSIM, PSNR in dB, MSE."""
    reconstructions = tf.sigmoid(model.predict(images, batch_size=EVALUATION_BATCH, verbose=0))
    originals = tf.constant(images)
    mean = lambda values: float(tf.reduce_mean(values))
    return {
        "ssim": mean(tf.image.ssim(originals, reconstructions, max_val=1.0)),
        "psnr": mean(tf.image.psnr(originals, reconstructions, max_val=1.0)),
        "mse": mean(tf.square(originals - reconstructions)),
    }


def main() -> None:
    options = arguments()
    tf = import_tensorflow()
    if tf is None:
        sys.exit(f"tensorflow isn't installed: {INSTALL_TENSORFLOW}")
    import keras

    keras.utils.set_random_seed(options.seed)
    parts = {name: images[: options.limit] for name, images in split(options.seed).items()}
    model = build_model()
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=options.patience, restore_best_weights=True
    )
    train, validation = parts["train"], parts["validation"]
    started = time.perf_counter()
    history = model.fit(
        train,
        train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=(validation, validation),
        callbacks=[stop],
        verbose=2,
    )
    seconds = time.perf_counter() - started

    losses = history.history["val_loss"]
    # Keras restores the best weights only if it stopped early or all epochs are through; either
    # way they are in place now.
    result = {
        "test": judge(tf, model, parts["test"]),
        "validation": judge(tf, model, validation),
        "images": {name: len(images) for name, images in parts.items()},
        "parameters": model.count_params(),
        "epochs": len(losses),
        "best_epoch": losses.index(min(losses)) + 1,
        "batch_size": options.batch_size,
        "seed": options.seed,
        "training_seconds": seconds,
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "machine": machine(),
    }
    test = result["test"]
    print(
        f"test  SSIM {test['ssim']:.4f}  PSNR {test['psnr']:.2f} dB  MSE {test['mse']:.5f}"
        f"  ({result['images']['test']} images)\n"
        f"best epoch {result['best_epoch']} of {result['epochs']}, {seconds:.1f} s,"
        f" tensorflow {tf.__version__}, keras {keras.__version__}"
    )
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
