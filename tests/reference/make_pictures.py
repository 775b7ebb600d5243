#!/usr/bin/env python3
"""Makes the small pictures that reading of image folders is tested with, and what Pillow reads from
them.

usage: make_pictures.py [OUTPUT_FOLDER]        (the folder `pictures` beside this script if none)

Needs: pip install numpy==2.4.6 pillow==13.0.0

  NAME.EXT      one picture for each format, pixel type and peculiarity that must be understood
  NAME.EXT.png  what it shows, 8-bit grey or RGB, as Pillow reads it: the first frame, turned upright
                as EXIF says, 16 bits scaled to 8 and rounded, palettes looked up, opaque alpha left out
  broken/       files that are damaged, or that can't be taken for a picture as they are
  resized/      a picture, in colour and grey, and what Pillow's bicubic filter makes of it

Everything is drawn here, so what a lossless file must show is known, and Pillow's reading is checked
against it. For two files it can't be used: Pillow keeps the upper byte of 16-bit colour instead of
rounding, and doesn't know PAM; there the drawing itself is the expected picture. Other versions of
Pillow, and of the libraries in it, may write other bytes and read lossy files a little differently.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 24, 16
PHOTO_WIDTH, PHOTO_HEIGHT = 97, 61
LEVELS = 257  # of 16 bits for each of 8: 65535 / 255
NEAR = 12.0  # mean difference of a lossy picture from its drawing, of 255; turned wrongly, it's above 40
SIZE_LIMIT = 200_000  # bytes, all files together
ORIENTATION = 0x0112
RESIZED = ((32, 32, "stretch"), (32, 32, "crop"), (40, 24, "crop"), (128, 128, "crop"))
# How the upright picture is turned to be stored with that orientation; each undoes what
# `exif_transpose` does.
STORED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[:, ::-1],
}
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
PNG_GREY, PNG_RGB = 0, 2
TYPE_SHORT, TYPE_LONG = 3, 4  # in TIFF
SOI, EOI, SOS, APP1, ADOBE = b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xe1", b"\xff\xee"

# A file: its name, its bytes, and the pixels drawn, [H, W] or [H, W, 3].
Picture = tuple[str, bytes, np.ndarray]


# What is drawn


def noise(amplitude: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    # RandomState's numbers are the same in all versions of numpy.
    return np.random.RandomState(seed).randint(-amplitude, amplitude + 1, shape)


def colour(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A gradient for each channel, a disc at the upper left, and noise at the lower right."""
    rows, columns = np.indices((height, width))
    image = np.stack(
        (
            24 + 208 * columns // (width - 1),
            216 - 184 * rows // (height - 1),
            64 + 128 * (rows + columns) // (height + width - 2),
        ),
        axis=-1,
    )
    disc = (10 * rows - 4 * height) ** 2 + (10 * columns - 3 * width) ** 2 < (3 * height) ** 2
    image[disc] = (236, 44, 20)
    top, left = height * 5 // 8, width * 5 // 8
    image[top:, left:] += noise(24, image[top:, left:].shape, seed=1)
    return np.clip(image, 0, 255).astype(np.uint8)


def luma(image: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(image.astype(np.int64), -1, 0)
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)


def grey(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return luma(colour(width, height))


def sixteen_bits(image: np.ndarray) -> np.ndarray:
    """The same picture in 16 bits, so that its 8 bits come out of rounding, but not of cutting off."""
    fine = (np.arange(image.size).reshape(image.shape) * 101) % LEVELS - LEVELS // 2
    return np.clip(image.astype(np.int64) * LEVELS + fine, 0, 65535).astype(np.uint16)


def black_and_white() -> np.ndarray:
    return grey() > 128


def shades(bits: int) -> np.ndarray:
    """Grey in so many bits a pixel."""
    return grey() >> (8 - bits)


def many_colours(width: int = WIDTH, height: int = HEIGHT) -> tuple[np.ndarray, np.ndarray]:
    """Indices [H, W] into a palette [48, 3]: red in four steps, green in four, blue in three."""
    steps = np.array((4, 4, 3))
    red, green, blue = np.moveaxis(colour(width, height).astype(np.int64) * steps // 256, -1, 0)
    palette = np.indices(steps).reshape(3, -1).T * 255 // (steps - 1)
    return ((red * 4 + green) * 3 + blue).astype(np.uint8), palette.astype(np.uint8)


def four_colours() -> tuple[np.ndarray, np.ndarray]:
    palette = np.array(((20, 30, 90), (200, 40, 60), (60, 180, 80), (250, 230, 190)), np.uint8)
    return shades(2), palette


def inks(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Cyan, magenta, yellow and black, [H, W, 4]."""
    rows, columns = np.indices((height, width))
    black = 96 * rows // (height - 1) + 48 * columns // (width - 1)
    return np.concatenate((255 - colour(width, height), black[..., None].astype(np.uint8)), axis=-1)


def photo() -> np.ndarray:
    """Steps, rings, stripes and edges, in colour, and noise at the lower left. Flat parts keep the
    files small."""
    rows, columns = np.indices((PHOTO_HEIGHT, PHOTO_WIDTH))
    distance = (rows - 24) ** 2 + (columns - 62) ** 2
    channels = (
        40 + 16 * (columns // 9) + 48 * (distance // 160 % 2),
        204 - 24 * (rows // 8),
        40 + 32 * (distance // 480),
    )
    image = np.stack(channels, axis=-1)
    image[4:20, 6:34] = np.where((columns // 2 % 2 == 0)[4:20, 6:34, None], (250, 246, 230), (12, 16, 40))
    image[44:56, 70:92] = (200, 24, 40)
    image[47:53, 74:80] = (250, 250, 250)
    image[40:, 8:26] += noise(40, image[40:, 8:26].shape, seed=2)
    return np.clip(image, 0, 255).astype(np.uint8)


# Files


def saved(image: np.ndarray | Image.Image, file_format: str, **options: object) -> bytes:
    content = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(np.ascontiguousarray(image))
    image.save(content, file_format, **options)
    return content.getvalue()


def with_palette(indices: np.ndarray, palette: np.ndarray) -> Image.Image:
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    return image


def cmyk(image: np.ndarray) -> Image.Image:
    height, width, _ = image.shape
    return Image.frombytes("CMYK", (width, height), image.tobytes())


def with_alpha(image: np.ndarray, alpha: int | np.ndarray = 255) -> np.ndarray:
    channels = image if image.ndim == 3 else image[..., None]
    plane = np.broadcast_to(np.asarray(alpha, np.uint8), image.shape[:2])
    return np.concatenate((channels, plane[..., None]), axis=-1)


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return exif


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples: np.ndarray, bits: int) -> Iterator[bytes]:
    """The rows of [H, W] or [H, W, C], samples of that many bits, the upper ones first, each row in
    whole bytes."""
    for row in samples.reshape(len(samples), -1):
        if bits == 16:
            yield row.astype(">u2").tobytes()
        else:
            unpacked = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, -bits:]
            yield np.packbits(unpacked).tobytes()


def png(samples: np.ndarray, bits: int, kind: int, interlaced: bool = False) -> bytes:
    height, width = samples.shape[:2]
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [samples[top::down, left::right] for top, left, down, right in passes]
    # The 0 is the row's filter: none.
    rows = b"".join(b"\0" + row for part in parts for row in packed_rows(part, bits))
    header = struct.pack(">2I5B", width, height, bits, kind, 0, 0, interlaced)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def jpeg_segment(marker: bytes, data: bytes) -> bytes:
    return marker + struct.pack(">H", len(data) + 2) + data


def with_segment(content: bytes, segment: bytes) -> bytes:
    """The JPEG with one more segment at its front."""
    assert content.startswith(SOI)
    return SOI + segment + content[len(SOI) :]


def without_adobe(content: bytes) -> bytes:
    start = content.index(ADOBE)
    (length,) = struct.unpack_from(">H", content, start + 2)
    assert content[start + 4 : start + 9] == b"Adobe"
    return content[:start] + content[start + 2 + length :]


def exif_with_preview(preview: bytes) -> bytes:
    """EXIF of two directories: the picture's, with an orientation of 1, and the preview's."""
    first = 8
    second = first + 2 + 12 + 4
    data = second + 2 + 3 * 12 + 4
    return (
        b"Exif\0\0II*\0"
        + struct.pack("<I", first)
        + struct.pack("<HHHII", 1, ORIENTATION, TYPE_SHORT, 1, 1)
        + struct.pack("<I", second)
        + struct.pack("<HHHII", 3, 0x0103, TYPE_SHORT, 1, 6)  # compression: JPEG
        + struct.pack("<HHII", 0x0201, TYPE_LONG, 1, data)
        + struct.pack("<HHII", 0x0202, TYPE_LONG, 1, len(preview))
        + struct.pack("<I", 0)
        + preview
    )


def with_tag(content: bytes, tag: int, old: int, new: int) -> bytes:
    """The little-endian TIFF with another number in this tag of its first directory."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        found, kind, values, value = struct.unpack_from("<HHIH", content, entry)
        if found == tag:
            assert (kind, values, value) == (TYPE_SHORT, 1, old), (kind, values, value)
            return content[: entry + 8] + struct.pack("<H", new) + content[entry + 10 :]
    raise AssertionError(f"no tag {tag}")


def tiled_tiff(image: np.ndarray, side: int) -> bytes:
    """RGB in tiles, not compressed. What reaches beyond the picture is white."""
    height, width, _ = image.shape
    down, across = -(-height // side), -(-width // side)
    padded = np.full((down * side, across * side, 3), 255, np.uint8)
    padded[:height, :width] = image
    tiles = [
        padded[top : top + side, left : left + side].tobytes()
        for top in range(0, down * side, side)
        for left in range(0, across * side, side)
    ]
    count = 10
    values = 8 + 2 + 12 * count + 4  # where those are that don't fit into an entry
    sizes = values + 3 * 2
    offsets = sizes + 4 * len(tiles)
    data = offsets + 4 * len(tiles)
    entries = (
        (256, TYPE_SHORT, 1, width),
        (257, TYPE_SHORT, 1, height),
        (258, TYPE_SHORT, 3, values),  # bits
        (259, TYPE_SHORT, 1, 1),  # not compressed
        (262, TYPE_SHORT, 1, 2),  # RGB
        (277, TYPE_SHORT, 1, 3),  # channels
        (322, TYPE_SHORT, 1, side),
        (323, TYPE_SHORT, 1, side),
        (324, TYPE_LONG, len(tiles), offsets),
        (325, TYPE_LONG, len(tiles), sizes),
    )
    assert len(entries) == count and len(tiles) > 1
    return (
        b"II*\0"
        + struct.pack("<IH", 8, count)
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I3H", 0, 8, 8, 8)
        + b"".join(struct.pack("<I", len(tile)) for tile in tiles)
        + b"".join(struct.pack("<I", data + i * len(tiles[0])) for i in range(len(tiles)))
        + b"".join(tiles)
    )


def pnm(magic: str, samples: np.ndarray, maximum: int | None) -> bytes:
    """In ASCII if `samples` are integers; bytes are taken as they are."""
    height, width = samples.shape[:2]
    head = f"{magic}\n{width} {height}\n" + (f"{maximum}\n" if maximum else "")
    if magic in ("P1", "P2", "P3"):
        # 16 numbers of 3 digits stay below the 70 characters that a line may have.
        numbers = [str(int(sample)) for sample in samples.ravel()]
        lines = [" ".join(numbers[i : i + 16]) for i in range(0, len(numbers), 16)]
        return (head + "\n".join(lines) + "\n").encode()
    bits = 1 if maximum is None else 16 if maximum > 255 else 8
    return head.encode() + b"".join(packed_rows(samples, bits))


def pam(image: np.ndarray) -> bytes:
    height, width, depth = image.shape
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    return head.encode() + image.tobytes()


# The pictures


def jpegs() -> Iterator[Picture]:
    image, plain = colour(), grey()
    colourful = {"quality": 95, "subsampling": "4:4:4"}
    base = saved(image, "JPEG", **colourful)
    yield "jpeg-444.jpg", base, image
    yield "jpeg-420.jpg", saved(image, "JPEG", quality=95, subsampling="4:2:0"), image
    yield "jpeg-422.jpg", saved(image, "JPEG", quality=95, subsampling="4:2:2"), image
    yield "jpeg-progressive.jpg", saved(image, "JPEG", progressive=True, **colourful), image
    yield "jpeg-grey.jpg", saved(plain, "JPEG", quality=95), plain
    yield "jpeg-grey-progressive.jpg", saved(plain, "JPEG", quality=95, progressive=True), plain
    ink = cmyk(inks())
    yield "jpeg-cmyk.jpg", saved(ink, "JPEG", quality=95), np.asarray(ink.convert("RGB"))
    restarts = saved(image, "JPEG", restart_marker_rows=1, **colourful)
    assert b"\xff\xdd" in restarts and b"\xff\xd0" in restarts, "no restart markers"
    yield "jpeg-restarts.jpg", restarts, image

    small = {"optimize": True, **colourful}
    for value, turned in STORED.items():
        content = saved(turned(image), "JPEG", exif=orientation(value), **small)
        yield f"jpeg-orientation-{value}.jpg", content, image
    yield "jpeg-orientation-9.jpg", saved(image, "JPEG", exif=orientation(9), **small), image
    base = saved(image, "JPEG", **small)
    garbage = noise(127, (60,), seed=3).astype(np.int8).tobytes()
    segment = jpeg_segment(APP1, b"Exif\0\0" + garbage)
    yield "jpeg-exif-garbage.jpg", with_segment(base, segment), image
    preview = saved(255 - colour(12, 8), "JPEG", quality=60, optimize=True)
    segment = jpeg_segment(APP1, exif_with_preview(preview))
    yield "jpeg-exif-preview.jpg", with_segment(base, segment), image
    junk = noise(127, (100,), seed=4).astype(np.int8).tobytes()
    yield "jpeg-junk-after-end.jpg", base + junk, image


def pngs() -> Iterator[Picture]:
    image, plain = colour(), grey()
    yield "png-grey-1.png", png(shades(1), 1, PNG_GREY), shades(1) * 255
    yield "png-grey-2.png", png(shades(2), 2, PNG_GREY), shades(2) * 85
    yield "png-grey-4.png", png(shades(4), 4, PNG_GREY), shades(4) * 17
    yield "png-grey-8.png", saved(plain, "PNG"), plain
    yield "png-grey-16.png", png(sixteen_bits(plain), 16, PNG_GREY), plain
    yield "png-grey-alpha-opaque.png", saved(with_alpha(plain), "PNG"), plain
    yield "png-rgb.png", saved(image, "PNG"), image
    yield "png-rgb-16.png", png(sixteen_bits(image), 16, PNG_RGB), image
    yield "png-rgba-opaque.png", saved(with_alpha(image), "PNG"), image
    for name, (indices, palette) in (("8", many_colours()), ("2", four_colours())):
        content = saved(with_palette(indices, palette), "PNG")
        # The depth and the colour type.
        assert content[24:26] == bytes((int(name), 3)), name
        yield f"png-palette-{name}.png", content, palette[indices]
    yield "png-interlaced.png", png(image, 8, PNG_RGB, interlaced=True), image
    for value, turned in STORED.items():
        content = saved(turned(image), "PNG", exif=orientation(value))
        assert b"eXIf" in content
        yield f"png-orientation-{value}.png", content, image
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - image)], "duration": 100}
    content = saved(image, "PNG", **frames)
    assert b"fdAT" in content
    yield "png-animated.png", content, image


def webps() -> Iterator[Picture]:
    image = colour()
    yield "webp-lossless.webp", saved(image, "WEBP", lossless=True), image
    yield "webp-lossy.webp", saved(image, "WEBP", quality=95), image
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - image)], "duration": 100}
    yield "webp-animated.webp", saved(image, "WEBP", lossless=True, **frames), image
    content = saved(STORED[6](image), "WEBP", lossless=True, exif=orientation(6))
    yield "webp-orientation-6.webp", content, image
    # The encoder says "no alpha" of an opaque picture; this bit of the header says that there is.
    content = bytearray(saved(with_alpha(image), "WEBP", lossless=True))
    assert content[12:16] == b"VP8L" and not content[24] & 0x10
    content[24] |= 0x10
    yield "webp-rgba-opaque.webp", bytes(content), image


def tiffs() -> Iterator[Picture]:
    image, plain = colour(), grey()
    compressions = {"": None, "-lzw": "tiff_lzw", "-deflate": "tiff_adobe_deflate", "-packbits": "packbits"}
    for name, compression in compressions.items():
        yield f"tiff-rgb{name}.tif", saved(image, "TIFF", compression=compression), image
    yield "tiff-rgb-jpeg.tif", saved(image, "TIFF", compression="jpeg", quality=95), image
    yield "tiff-rgb-tiled.tif", tiled_tiff(image, 16), image
    yield "tiff-grey-8.tif", saved(plain, "TIFF"), plain
    fine = sixteen_bits(plain)
    for name, mode, order, magic in (("little", "I;16", "<u2", b"II"), ("big", "I;16B", ">u2", b"MM")):
        samples = Image.frombytes(mode, (WIDTH, HEIGHT), fine.astype(order).tobytes())
        content = saved(samples, "TIFF")
        assert content.startswith(magic), name
        yield f"tiff-grey-16-{name}-endian.tif", content, plain
    bilevel = black_and_white()
    content = saved(bilevel, "TIFF")
    yield "tiff-bilevel-black-is-zero.tif", content, bilevel * np.uint8(255)
    content = with_tag(content, 262, old=1, new=0)
    yield "tiff-bilevel-white-is-zero.tif", content, ~bilevel * np.uint8(255)
    yield "tiff-rgba-opaque.tif", saved(with_alpha(image), "TIFF"), image
    ink = cmyk(inks())
    yield "tiff-cmyk.tif", saved(ink, "TIFF"), np.asarray(ink.convert("RGB"))
    pages = {"save_all": True, "append_images": [Image.fromarray(255 - image)]}
    yield "tiff-two-pages.tif", saved(image, "TIFF", compression="tiff_lzw", **pages), image
    content = saved(STORED[6](image), "TIFF", tiffinfo={ORIENTATION: 6})
    yield "tiff-orientation-6.tif", content, image
    indices, palette = many_colours()
    yield "tiff-palette.tif", saved(with_palette(indices, palette), "TIFF"), palette[indices]
    indices, palette = four_colours()
    yield "tiff-palette-4.tif", tiff_of_4_bits(indices, palette), palette[indices]


def tiff_of_4_bits(indices: np.ndarray, palette: np.ndarray) -> bytes:
    """A palette of 16 colours and two pixels in a byte, which Pillow reads but doesn't write."""
    height, width = indices.shape
    pixels = (indices[:, ::2] << 4 | indices[:, 1::2]).tobytes()
    colours = np.pad(palette, ((0, 16 - len(palette)), (0, 0)))
    table = (colours.T.astype(">u2") * LEVELS).astype(">u2").tobytes()
    head = 8
    short, long = "HH", "I"
    entries = (
        *((256, short, width), (257, short, height), (258, short, 4), (259, short, 1)),
        *((262, short, 3), (273, long, head + len(table)), (277, short, 1)),
        *((278, short, height), (279, long, len(pixels))),
    )
    directory = struct.pack(">H", len(entries) + 1)
    for tag, kind, value in entries:
        values = (value, 0) if kind == short else (value,)
        directory += struct.pack(f">HHI{kind}", tag, 3 if kind == short else 4, 1, *values)
    directory += struct.pack(">HHII", 320, 3, colours.size, head)
    place = head + len(table) + len(pixels)
    return b"MM\0*" + struct.pack(">I", place) + table + pixels + directory + bytes(4)


def others() -> Iterator[Picture]:
    image, plain, bilevel = colour(), grey(), black_and_white()
    indices, palette = many_colours()
    few = with_palette(indices, palette)
    yield "bmp-24.bmp", saved(image, "BMP"), image
    yield "bmp-palette-8.bmp", saved(few, "BMP"), palette[indices]
    yield "bmp-1.bmp", saved(bilevel, "BMP"), bilevel * np.uint8(255)
    yield "bmp-32.bmp", saved(with_alpha(image), "BMP"), image

    yield "gif-plain.gif", saved(few, "GIF", interlace=False), palette[indices]
    frames = {"save_all": True, "append_images": [ImageOps.mirror(few)], "duration": 100}
    yield "gif-animated.gif", saved(few, "GIF", **frames), palette[indices]
    yield "gif-interlaced.gif", saved(few, "GIF", interlace=True), palette[indices]

    # In PBM, 1 is black.
    yield "pnm-p1.pbm", pnm("P1", ~bilevel, None), bilevel * np.uint8(255)
    yield "pnm-p2.pgm", pnm("P2", plain, 255), plain
    yield "pnm-p2-maximum-15.pgm", pnm("P2", shades(4), 15), shades(4) * 17
    yield "pnm-p3.ppm", pnm("P3", image, 255), image
    yield "pnm-p4.pbm", pnm("P4", ~bilevel, None), bilevel * np.uint8(255)
    yield "pnm-p5.pgm", pnm("P5", plain, 255), plain
    yield "pnm-p5-16.pgm", pnm("P5", sixteen_bits(plain), 65535), plain
    yield "pnm-p6.ppm", pnm("P6", image, 255), image
    yield "pnm-p7.pam", pam(image), image

    yield "qoi-rgb.qoi", saved(image, "QOI"), image


def pictures() -> Iterator[Picture]:
    for group in (jpegs, pngs, webps, tiffs, others):
        yield from group()


# What Pillow doesn't read, or not with rounding: the drawing is what is expected.
UNREAD = ("pnm-p7.pam",)
CUT_OFF = ("png-rgb-16.png",)
LOSSY = ("webp-lossy.webp", "tiff-rgb-jpeg.tif")  # and all JPEG files


def cut(content: bytes, after: bytes = b"", times: int = 1) -> bytes:
    """The first 60 %, in which `after` must occur so often."""
    kept = content[: len(content) * 6 // 10]
    assert kept.count(after) >= times, f"{after!r} isn't in the first 60 %"
    return kept


def broken() -> Iterator[tuple[str, bytes]]:
    image = colour()
    # Larger, so that the cut isn't in a header.
    large = colour(2 * WIDTH, 2 * HEIGHT)
    options = {"quality": 95, "subsampling": "4:4:4", "optimize": True}
    yield "jpeg-cut.jpg", cut(saved(large, "JPEG", **options), after=SOS)
    content = saved(large, "JPEG", progressive=True, **options)
    yield "jpeg-progressive-cut.jpg", cut(content, after=SOS, times=2)
    content = saved(image, "JPEG", **options)
    assert content.endswith(EOI)
    yield "jpeg-no-end.jpg", content[: -len(EOI)]
    yield "jpeg-cmyk-no-adobe.jpg", without_adobe(saved(cmyk(inks()), "JPEG", quality=95))

    content = saved(image, "PNG")
    yield "png-cut.png", cut(content, after=b"IDAT")
    flipped = bytearray(content)
    flipped[(content.index(b"IDAT") + len(content)) // 2] ^= 0xFF
    yield "png-flipped-byte.png", bytes(flipped)
    side = 60_000
    header = struct.pack(">2I5B", side, side, 8, PNG_RGB, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000), 9)), (b"IEND", b""))
    yield "png-huge.png", content[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)
    alpha = 255 * np.indices(image.shape[:2])[1] // (WIDTH - 1)
    yield "png-transparent.png", saved(with_alpha(image, alpha), "PNG")
    yield "png-empty.png", b""

    content = saved(with_palette(*many_colours(2 * WIDTH, 2 * HEIGHT)), "GIF")
    # The head, a palette of 64 colours at most, the head of the picture, and some of its pixels.
    assert len(cut(content)) > 13 + 64 * 3 + 11 + 64
    yield "gif-cut.gif", cut(content)
    yield "webp-cut.webp", cut(saved(image, "WEBP", lossless=True), after=b"VP8L")
    yield "tiff-cut.tif", cut(saved(image, "TIFF"))
    yield "tiff-float.tif", saved(grey().astype(np.float32) / np.float32(255), "TIFF")
    yield "bmp-cut.bmp", cut(saved(image, "BMP"))
    yield "pnm-cut.ppm", cut(pnm("P6", image, 255))
    yield "qoi-cut.qoi", cut(saved(image, "QOI"))

    page = "<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"
    yield "html.jpg", page.encode()
    brands = b"ftypheic\0\0\0\0mif1heic"
    contents = b"mdat" + bytes(64)
    yield "heic.jpg", b"".join(struct.pack(">I", len(box) + 4) + box for box in (brands, contents))


# What they show


def to_bytes(image: Image.Image) -> np.ndarray:
    """8-bit grey [H, W] or RGB [H, W, 3]."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "RGBA"):
        assert image.getchannel("A").getextrema() == (255, 255), "not opaque"
        image = image.convert(image.mode[:-1])
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "CMYK"):
        image = image.convert("RGB")
    elif image.mode in ("I", "I;16", "I;16B"):
        samples = np.asarray(image).astype(np.int64)
        assert samples.min() >= 0 and samples.max() <= 65535
        # Half of an odd number is nothing that could be hit, so there are no ties.
        return ((samples + LEVELS // 2) // LEVELS).astype(np.uint8)
    assert image.mode in ("L", "RGB"), image.mode
    return np.asarray(image)


def shown(path: Path, drawn: np.ndarray) -> tuple[str, np.ndarray]:
    """Pillow's mode of the file, and the picture expected; the drawing is to check it with."""
    if path.name in UNREAD:
        return "-", drawn
    with Image.open(path) as image:
        mode, lossy = image.mode, image.format == "JPEG" or path.name in LOSSY
        read = to_bytes(image)
    assert read.shape == drawn.shape, (path.name, read.shape)
    if path.name in CUT_OFF:
        fine = sixteen_bits(drawn)
        assert (read == fine >> 8).all() and (read != drawn).any(), f"{path.name}: Pillow rounds now?"
        read = drawn
    difference = np.abs(read.astype(np.int64) - drawn).mean()
    assert difference <= (NEAR if lossy else 0), (path.name, difference)
    return mode, read


def save_png(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, optimize=True)
    with Image.open(path) as image:
        assert image.mode == ("L" if pixels.ndim == 2 else "RGB") and not image.info, path.name
        assert (np.asarray(image) == pixels).all(), path.name


def size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"


def write_pictures(output: Path) -> Iterator[Path]:
    print(f"{'file':<34}{'mode':>6}{'expected':>10}{'size':>9}{'bytes':>7}")
    for name, content, drawn in pictures():
        path, expected = output / name, output / f"{name}.png"
        path.write_bytes(content)
        mode, pixels = shown(path, drawn)
        save_png(expected, pixels)
        kind = "L" if pixels.ndim == 2 else "RGB"
        print(f"{name:<34}{mode:>6}{kind:>10}{size(pixels):>9}{len(content):>7}")
        yield from (path, expected)


def write_broken(output: Path) -> Iterator[Path]:
    output.mkdir(exist_ok=True)
    print(f"\n{'broken/':<34}{'bytes':>6}  what Pillow makes of it")
    for name, content in broken():
        path = output / name
        path.write_bytes(content)
        try:
            with Image.open(path) as image:
                image.load()
                found = f"{image.mode} {image.width}x{image.height}"
        except Exception as error:
            found = f"{type(error).__name__}: {error}".replace(f"{path}", name)
        print(f"{name:<34}{len(content):>6}  {found}")
        yield path


def centred_box(width: int, height: int) -> tuple[float, float, float, float]:
    """The largest box of that aspect ratio in the middle of the photo."""
    scale = min(PHOTO_WIDTH / width, PHOTO_HEIGHT / height)
    left, top = (PHOTO_WIDTH - width * scale) / 2, (PHOTO_HEIGHT - height * scale) / 2
    return left, top, PHOTO_WIDTH - left, PHOTO_HEIGHT - top


def write_resized(output: Path) -> Iterator[Path]:
    output.mkdir(exist_ok=True)
    print(f"\n{'resized/':<34}{'mode':>6}{'size':>9}{'bytes':>7}  box")
    for name, pixels in (("photo", photo()), ("photo-grey", luma(photo()))):
        image = Image.fromarray(pixels)
        results = [(name, None, image)]
        for width, height, how in RESIZED:
            box = centred_box(width, height) if how == "crop" else None
            resized = image.resize((width, height), Image.Resampling.BICUBIC, box=box)
            results.append((f"{name}-{width}x{height}-{how}", box, resized))
        for stem, box, result in results:
            path = output / f"{stem}.png"
            save_png(path, np.asarray(result))
            length = path.stat().st_size
            corners = "" if box is None else ", ".join(f"{corner:g}" for corner in box)
            print(f"{path.name:<34}{result.mode:>6}{size(np.asarray(result)):>9}{length:>7}  {corners}")
            yield path


def main() -> None:
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures"
    output.mkdir(parents=True, exist_ok=True)
    written = [
        *write_pictures(output),
        *write_broken(output / "broken"),
        *write_resized(output / "resized"),
    ]
    assert len(set(written)) == len(written), "two files of one name"
    total = sum(path.stat().st_size for path in written)
    print(f"\n{len(written)} files, {total / 1000:.1f} kB")
    assert total < SIZE_LIMIT
    for path in sorted(set(output.rglob("*")) - set(written)):
        if path.is_file():
            print(f"not of this script: {path}")


if __name__ == "__main__":
    main()
