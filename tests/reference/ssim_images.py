"""The image pairs whose SSIM the other scripts compute: real ones, noise, textures and extremes.

Pixels are integers; their value is `f32(integer) / f32(scale)`, an IEEE division that every
language does alike. All random draws are seeded, so the pairs depend on this file, the embedded
images and scikit-image's photo alone.

Shapes: an image is [C, H, W], or [H, W] until a `Case` holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from common import SIDE, read_embedded

BYTE, FINE = 255, 65536  # scales: of files, and of values that bytes are too coarse for
PHOTO_CROP = 192  # pixels a side: 12 at the fifth scale, and no side on the way is odd


@dataclass(frozen=True)
class Case:
    name: str
    scale: int
    x: np.ndarray
    y: np.ndarray

    def __post_init__(self) -> None:
        assert self.x.shape == self.y.shape, self.name
        for side in ("x", "y"):
            image = getattr(self, side)
            # A grey image is one channel.
            object.__setattr__(self, side, image.astype(np.int64).reshape((-1, *image.shape[-2:])))

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """What the pixels stand for, f32 [C, H, W]."""
        x, y = (image.astype(np.float32) / np.float32(self.scale) for image in (self.x, self.y))
        return x, y

    def shape(self) -> dict[str, int]:
        return dict(zip(("channels", "height", "width"), self.x.shape, strict=True))

    def pixels(self) -> dict[str, list[int]]:
        return {"x": self.x.ravel().tolist(), "y": self.y.ravel().tolist()}


def blurred(image: np.ndarray) -> np.ndarray:
    """A 3x3 box blur of bytes, edges repeated."""
    padded = np.pad(image.astype(np.int64), 1, mode="edge")
    height, width = image.shape
    total = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    return (total + 4) // 9


def noisy(image: np.ndarray, amplitude: int, rng: np.random.Generator) -> np.ndarray:
    noise = rng.integers(-amplitude, amplitude + 1, image.shape)
    return np.clip(image.astype(np.int64) + noise, 0, 255)


def constant(value: int, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    return np.full(shape, value)


def checkerboard(cell: int, phase: int) -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    return ((rows // cell + columns // cell + phase) % 2) * 255


def step(left: int, right: int) -> np.ndarray:
    return np.where(np.arange(SIDE) < SIDE // 2, left, right) * np.ones((SIDE, 1), np.int64)


def texture(height: int, width: int, phase: float) -> np.ndarray:
    """A diagonal gradient with ripples, in units of FINE."""
    rows, columns = np.indices((height, width))
    gradient = (rows + columns) / (height + width - 2)
    ripples = np.sin(0.9 * rows + phase) * np.cos(0.7 * columns - phase)
    return np.rint((0.15 + 0.6 * gradient + 0.1 * ripples) * FINE).astype(np.int64)


def signed_texture(height: int, width: int, phase: float) -> np.ndarray:
    """A texture whose local means run from below 0 to above it, within [-1, 1]."""
    return 2 * texture(height, width, phase) - FINE


def blocks(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Black and white blocks of 4x4."""
    coarse = rng.integers(0, 2, (-(-height // 4), -(-width // 4))) * 255
    return coarse.repeat(4, 0).repeat(4, 1)[:height, :width]


def colour_texture(height: int, width: int, phase: float) -> np.ndarray:
    return np.stack([texture(height, width, phase + channel) for channel in range(3)])


def one_channel_inverted(image: np.ndarray) -> np.ndarray:
    return np.stack([image[0], image[1], image.max() - image[2]])


def photo() -> Case:
    """The photo that scikit-image brings along (CC0, by Lav Varshney), and a worse copy."""
    from skimage.data import camera

    rng = np.random.default_rng(512)
    image = camera()
    return Case("photo, blurred and noisy", BYTE, image, noisy(blurred(blurred(image)), 12, rng))


def ssim_cases() -> Iterator[Case]:
    """New cases go to the end: they all draw from one generator."""
    pixels, labels = read_embedded()
    shirts, trousers = pixels[labels == 0], pixels[labels == 1]
    rng = np.random.default_rng(2004)  # the year of the paper

    for name, image in [("t-shirt", shirts[0]), ("trouser", trousers[0])]:
        yield Case(f"{name}, blurred", BYTE, image, blurred(image))
        yield Case(f"{name}, little noise", BYTE, image, noisy(image, 8, rng))
        yield Case(f"{name}, much noise", BYTE, image, noisy(image, 96, rng))
        yield Case(f"{name}, inverted", BYTE, image, 255 - image.astype(np.int64))
    yield Case("two t-shirts", BYTE, shirts[1], shirts[2])
    yield Case("two trousers", BYTE, trousers[1], trousers[2])
    yield Case("t-shirt and trouser", BYTE, shirts[3], trousers[3])
    yield Case("t-shirt and itself", BYTE, shirts[4], shirts[4])
    yield Case("t-shirt and black", BYTE, shirts[5], constant(0))

    noise = rng.integers(0, 256, (SIDE, SIDE))
    yield Case("noise and itself", BYTE, noise, noise)
    yield Case("noise and its negative", BYTE, noise, 255 - noise)
    yield Case("constant and noise", BYTE, constant(128), noise)
    yield Case("equal constants", BYTE, constant(77), constant(77))
    yield Case("near constants", BYTE, constant(200), constant(210))
    yield Case("far constants", BYTE, constant(77), constant(230))
    yield Case("far constants, bright", FINE, constant(64433), constant(30682))
    yield Case("black and white", BYTE, constant(0), constant(255))
    yield Case("black and black", BYTE, constant(0), constant(0))
    yield Case("white and white", BYTE, constant(255), constant(255))

    low, high = round(0.9 * FINE), round(0.95 * FINE)
    bright = rng.integers(low, high, (SIDE, SIDE))
    yield Case("bright, low contrast", FINE, bright, rng.integers(low, high, (SIDE, SIDE)))
    yield Case("bright, hardly any contrast", FINE, bright // 64 + low, bright // 128 + low)
    dark = rng.integers(0, round(0.05 * FINE), (SIDE, SIDE))
    yield Case("dark, low contrast", FINE, dark, dark // 2 + rng.integers(0, 512, (SIDE, SIDE)))
    yield Case("dark and bright, low contrast", FINE, dark, bright)

    yield Case("checkerboards, in phase", BYTE, checkerboard(1, 0), checkerboard(1, 0))
    yield Case("checkerboards, opposite", BYTE, checkerboard(1, 0), checkerboard(1, 1))
    yield Case("checkerboards, coarse and opposite", BYTE, checkerboard(4, 0), checkerboard(4, 1))
    yield Case("checkerboards, fine and coarse", BYTE, checkerboard(1, 0), checkerboard(2, 0))
    yield Case("steps, one half as high", BYTE, step(0, 255), step(0, 128))
    yield Case("steps, offset", BYTE, step(20, 180), step(60, 220))

    for height, width in [(11, 11), (11, 12), (17, 40), (31, 12)]:
        x = rng.integers(0, 256, (height, width))
        yield Case(f"{height}x{width}", BYTE, x, noisy(x, 40, rng))
    yield Case("64x64 gradient with texture", FINE, texture(64, 64, 0.0), texture(64, 64, 0.8))

    x = rng.integers(0, 256, (3, 12, 17))
    yield Case("colour, noise", BYTE, x, noisy(x, 60, rng))
    yield Case("colour, three images each", BYTE, shirts[6:9], np.stack([*shirts[9:11], trousers[4]]))
    x = colour_texture(15, 13, 0.0)
    yield Case("colour, one channel inverted", FINE, x, one_channel_inverted(x))

    x = signed_texture(24, 21, 0.0)
    little = rng.integers(-FINE // 20, FINE // 20, x.shape)
    yield Case("negatives, texture and its negation", FINE, x, -x + little)
    yield Case("negatives, two textures", FINE, x, signed_texture(24, 21, 0.8) + little)
    x = rng.integers(-FINE, FINE + 1, (14, 19))
    yield Case("negatives, noise", FINE, x, x // 2 + rng.integers(-FINE // 4, FINE // 4, x.shape))
    x, y = (3 * texture(19, 22, phase) - FINE for phase in (0.0, 0.8))
    yield Case("outside the data range", FINE, x, y)
    x = rng.integers(0, 256, (15, 15))
    # Bytes that nobody divided by 255.
    yield Case("far outside the data range", 1, x, noisy(x, 40, rng))

    for height, width in [(11, 29), (13, 16), (27, 14)]:
        x = rng.integers(0, 256, (height, width))
        yield Case(f"{height}x{width}", BYTE, x, noisy(x, 40, rng))
    yield Case("45x33 gradient with texture", FINE, texture(45, 33, 0.0), texture(45, 33, 0.8))
    # Smaller than some windows or than the padding by reflection: not every preset has a score.
    for height, width in [(7, 10), (6, 6), (5, 4), (1, 1)]:
        x = rng.integers(0, 256, (height, width))
        yield Case(f"{height}x{width}", BYTE, x, noisy(x, 40, rng))

    yield bright_11x11()
    x = blocks(26, 30, rng)
    yield Case("saturated blocks", BYTE, x, blocks(26, 30, rng))
    yield Case("saturated blocks and their blur", BYTE, x, blurred(x))


def bright_11x11() -> Case:
    """Variances far below the squared mean: in f32 they drown in its rounding, and a single window
    has no others to average the error with. Of 60 seeds, TensorFlow's error is 2e-4 in the median
    and 7e-4 here."""
    rng = np.random.default_rng(18)
    low, high = round(0.9 * FINE), round(0.92 * FINE)
    x = rng.integers(low, high, (11, 11))
    return Case("bright, low contrast, 11x11", FINE, x, rng.integers(low, high, (11, 11)))


def gradient_cases() -> Iterator[Case]:
    pixels, labels = read_embedded()
    shirts, trousers = pixels[labels == 0], pixels[labels == 1]
    rng = np.random.default_rng(1984)

    crop = shirts[11, 4:24, 4:24]
    yield Case("t-shirt and its blur, 20x20", BYTE, crop, blurred(crop))
    yield Case("t-shirt and trouser, 16x20", BYTE, shirts[12, 6:22, 4:24], trousers[5, 6:22, 4:24])
    yield Case("texture, 13x16", FINE, texture(13, 16, 0.0), texture(13, 16, 0.8))
    x = rng.integers(0, 256, (3, 12, 14))
    yield Case("colour, 3x12x14", BYTE, x, noisy(x, 60, rng))
    x, y = rng.integers(round(0.9 * FINE), round(0.92 * FINE), (2, 14, 14))
    yield Case("bright, low contrast, 14x14", FINE, x, y)
    x = signed_texture(12, 15, 0.0)
    little = rng.integers(-FINE // 20, FINE // 20, x.shape)
    yield Case("negatives, 12x15", FINE, x, -x + little)


def multi_scale_cases() -> Iterator[Case]:
    pixels, labels = read_embedded()
    shirts, trousers = pixels[labels == 0], pixels[labels == 1]
    rng = np.random.default_rng(2003)  # the year of the paper

    yield Case("t-shirt, blurred", BYTE, shirts[0], blurred(shirts[0]))
    yield Case("trouser, noise", BYTE, trousers[0], noisy(trousers[0], 40, rng))
    yield Case("two t-shirts", BYTE, shirts[1], shirts[2])
    yield Case("t-shirt and itself", BYTE, shirts[3], shirts[3])
    # Negative contrast-structure, so 0.
    yield Case("t-shirt, inverted", BYTE, shirts[0], 255 - shirts[0].astype(np.int64))
    yield Case("checkerboards, opposite", BYTE, checkerboard(1, 0), checkerboard(1, 1))
    x = shirts[6:9].astype(np.int64)
    yield Case("colour, one channel inverted", BYTE, x, one_channel_inverted(x))
    yield Case("20x17, one scale", FINE, texture(20, 17, 0.0), texture(20, 17, 0.8))
    yield Case("45x33, odd sides", FINE, texture(45, 33, 0.0), texture(45, 33, 0.8))
    x, y = colour_texture(44, 48, 0.0), colour_texture(44, 48, 0.3)
    yield Case("colour, 3x44x48", FINE, x, y + rng.integers(-FINE // 40, FINE // 40, y.shape))
    whole = photo()
    # The man and his camera.
    window = np.s_[:, 96 : 96 + PHOTO_CROP, 160 : 160 + PHOTO_CROP]
    yield Case("photo, blurred and noisy, 192x192", BYTE, whole.x[window], whole.y[window])
