"""What the scripts of this folder share: the embedded images, the baseline model in Keras, and
what they say of the machine.

Packages are imported where they're used, so that a script only needs those that it works with:
numpy for the images, TensorFlow for the model.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "src/data/embedded"
SIDE = 28
IMAGE_MAGIC, LABEL_MAGIC = 0x803, 0x801
LATENT_DIM = 128
TRAIN_SHARE, VALIDATION_SHARE = 0.8, 0.1
INSTALL_TENSORFLOW = "python3 -m pip install tensorflow-cpu"


def read_embedded() -> tuple[np.ndarray, np.ndarray]:
    """Fashion-MNIST's T-shirts and trousers: pixels [14000, 28, 28] and labels [14000], u8."""
    import numpy as np

    images = gzip.decompress((EMBEDDED / "images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((EMBEDDED / "labels-idx1-ubyte.gz").read_bytes())
    magic, count, height, width = struct.unpack(">4I", images[:16])
    assert (magic, height, width) == (IMAGE_MAGIC, SIDE, SIDE), "not 28x28 IDX images"
    assert struct.unpack(">2I", labels[:8]) == (LABEL_MAGIC, count), "labels disagree"
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(count, SIDE, SIDE)
    return pixels, np.frombuffer(labels, np.uint8, offset=8)


def split(seed: int) -> dict[str, np.ndarray]:
    """The embedded images as f32 in [0, 1], [N, 28, 28, 1], by part: 80 % train, 10 % validation,
    10 % test of each class, as the trainer's default, though not the same images: the trainer's
    generator is another one."""
    import numpy as np

    pixels, labels = read_embedded()
    images = pixels[..., None].astype(np.float32) / np.float32(255)
    rng = np.random.default_rng(seed)
    parts: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for label in np.unique(labels):
        order = rng.permutation(np.flatnonzero(labels == label))
        train = round(TRAIN_SHARE * len(order))
        validation = round(VALIDATION_SHARE * len(order))
        pieces = np.split(order, [train, train + validation])
        for part, indices in zip(parts.values(), pieces, strict=True):
            part.append(indices)
    return {name: images[np.concatenate(part)] for name, part in parts.items()}


def build_model():
    """The trainer's architecture `baseline` with 128 latent values, compiled with Adam at Keras's
    defaults, which are also the trainer's (learning rate 1e-3, epsilon 1e-7).

    As in the trainer, the model gives logits and the loss is binary cross-entropy from logits;
    the reconstruction is their sigmoid.
    """
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(LATENT_DIM),
            layers.Dense(SIDE // 2 * SIDE // 2 * 32),
            layers.Reshape((SIDE // 2, SIDE // 2, 32)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.UpSampling2D(2),
            layers.Conv2D(1, 3, padding="same"),
        ],
        name="baseline",
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
    return model


def build_torch_model():
    """The same layers in PyTorch, drawn as Keras draws them; images are [N, 1, 28, 28]."""
    from torch import nn

    half = SIDE // 2
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(half * half * 32, LATENT_DIM),
        nn.Linear(LATENT_DIM, half * half * 32),
        nn.Unflatten(1, (32, half, half)),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(32, 1, 3, padding=1),
    )
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


def build_torch_residual(channels: int, height: int, width: int, latent_dim: int, size: int = 16):
    """The trainer's architecture `residual` in PyTorch, for images [N, C, H, W] whose sides its halvings
    divide. `size` is the number of channels at full size."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, count):
            super().__init__()
            self.first = nn.Conv2d(count, count, 3, padding=1)
            self.second = nn.Conv2d(count, count, 3, padding=1)
            nn.init.zeros_(self.second.weight)

        def forward(self, x):
            return x + self.second(self.first(x.relu()).relu())

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            halvings, side = 0, min(height, width)
            while side >= 14:
                halvings, side = halvings + 1, side // 2
            counts = [size << min(level, 4) for level in range(halvings + 1)]
            encoder = [nn.Conv2d(channels, size, 3, padding=1)]
            decoder = [nn.Conv2d(size, channels, 3, padding=1), nn.ReLU()]
            for level in range(1, halvings + 1):
                below, here = counts[level - 1], counts[level]
                encoder += [nn.ReLU(), nn.Conv2d(below, here, 3, stride=2, padding=1), Residual(here)]
                decoder += [nn.PixelShuffle(2), nn.Conv2d(here, 4 * below, 3, padding=1), nn.ReLU()]
                decoder += [Residual(here)]
            features = (counts[-1], height >> halvings, width >> halvings)
            count, pixels = features[0] * features[1] * features[2], channels * height * width
            self.encoder = nn.Sequential(*encoder, nn.Flatten(), nn.Linear(count, latent_dim))
            self.decoder = nn.Sequential(
                nn.Linear(latent_dim, count), nn.Unflatten(1, features), *reversed(decoder)
            )
            self.into = nn.Sequential(nn.Flatten(), nn.Linear(pixels, latent_dim))
            self.out = nn.Sequential(
                nn.Linear(latent_dim, pixels), nn.Unflatten(1, (channels, height, width))
            )

        def forward(self, images):
            latents = self.encoder(images) + self.into(images)
            return (self.decoder(latents) + self.out(latents)).clamp(0, 1)

    return Autoencoder()


def import_tensorflow():
    """TensorFlow, without its notices about optional libraries; None where it isn't installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # No GPU: this is what a CPU is compared by.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        import tensorflow
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        return None
    return tensorflow


def add_trainer_argument(parser: argparse.ArgumentParser) -> None:
    """`--trainer PATH`: the program, where cargo puts it unless another is named."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    trainer = target / "release" / ("trainer.exe" if os.name == "nt" else "trainer")
    parser.add_argument(
        "--trainer", type=Path, default=trainer, metavar="PATH", help="executable [%(default)s]"
    )


def trainer_environment() -> dict[str, str]:
    """The environment without settings of the trainer, which may come from there as well."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TRAINER_")}


def machine() -> dict[str, str | int]:
    """The CPU's name, and how many hardware threads this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": name, "threads": threads, "system": f"{platform.system()} {platform.release()}"}
