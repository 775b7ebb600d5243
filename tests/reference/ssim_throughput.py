#!/usr/bin/env python3
"""Measures SSIM in PyTorch as `trainer bench ssim` measures the trainer's, to be put beside it.

usage: ssim_throughput.py [--device cpu|cuda] [--shapes LIST] [--trials N] [--warm-up N]
                          [--seconds CAP] [--json]

Contestants are pytorch-msssim's `SSIM` (Gaussian 11, sigma 1.5, valid positions: the trainer's own
conventions) as it is, and by `torch.compile` where that works. Shapes, passes, columns and rules are
those of `trainer bench ssim`: the gradient of the mean score by the first image only; GB/s of the
bytes that must move at least, 8 a value forward and 12 with the gradient; trials of 20 ms or more,
each ended by a wait for the device; the median of them. Where all images don't fit into memory or
time, fewer are measured, and the table says how many.

It needs PyTorch and pytorch-msssim: python3 -m pip install torch pytorch-msssim
"""

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from common import machine

DEFAULT_SHAPES = "65536x1x28x28,512x3x256x256,5x1x1500x1500"
PASSES = {"forward": 8, "forward_backward": 12}  # bytes a value
WINDOW = 11
# As in src/bench/timing.rs, which says why.
SHORTEST_TRIAL = 0.02
FIRST_VALUES = 1 << 20
LARGEST_GROWTH = 8
WARM_UP_SHARE = 4
COPY_SHAPE = (64, 1, 1024, 1024)


def shape(word: str) -> tuple[int, int, int, int]:
    try:
        numbers = tuple(int(number) for number in word.split("x"))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(
            f"{word}: expected imagesxchannelsxheightxwidth, such as 512x3x256x256"
        )
    if min(numbers[2:]) < WINDOW:
        raise argparse.ArgumentTypeError(f"{word}: each side must have at least {WINDOW} pixels")
    return numbers


def shapes(words: str) -> list[tuple[int, int, int, int]]:
    return [shape(word) for word in words.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), help="[cuda where there is one]")
    parser.add_argument(
        "--shapes", type=shapes, default=DEFAULT_SHAPES, metavar="LIST", help="[%(default)s]"
    )
    parser.add_argument("--trials", type=int, default=10, metavar="N", help="[%(default)s]")
    parser.add_argument(
        "--warm-up", type=int, default=3, metavar="N", help="trials that don't count [%(default)s]"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=5,
        metavar="CAP",
        help="how long the trials of a measurement may take [%(default)s]",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every trial")
    options = parser.parse_args()
    if options.trials < 1:
        parser.error("--trials must be at least 1")
    if options.warm_up < 0:
        parser.error("--warm-up must be at least 0")
    if not 0 < options.seconds < math.inf:
        parser.error("--seconds must be a number above zero")
    return options


@dataclass
class Bench:
    """How work is timed; src/bench/timing.rs has the same in Rust."""

    device: str
    trials: int
    warm_up: int
    cap: float

    def sync(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object], times: int) -> float:
        self.sync()
        started = time.perf_counter()
        for _ in range(times):
            work()
        self.sync()
        return time.perf_counter() - started

    def attempt(self, images: int, prepare: Callable[[int], Callable]) -> float:
        work = prepare(images)
        work()  # torch.compile compiles
        return self.seconds(work, 1)

    def fit(self, largest: int, values: int, prepare: Callable) -> tuple[int, str | None]:
        """How many images to measure, and why not more."""
        fitting = failing = None
        images = halved(largest, FIRST_VALUES // values)
        while True:
            try:
                fitting = images, self.attempt(images, prepare)
            except (RuntimeError, MemoryError) as error:  # torch's own errors are RuntimeErrors
                if images == 1:
                    raise
                failing = images, in_short(error)
            if self.device == "cuda":
                torch.cuda.empty_cache()
            ceiling = failing[0] - 1 if failing else largest
            if fitting is None:
                images = halved(largest, ceiling)
                continue
            growth = self.cap / (fitting[1] * (self.warm_up + self.trials))
            affordable = int(fitting[0] * min(growth, LARGEST_GROWTH))
            images = halved(largest, min(affordable, ceiling))
            if images > fitting[0]:
                continue
            if images == largest:
                return images, None
            if failing and halved(largest, affordable) > images:
                return images, failing[1]
            return images, f"the trials of more would take longer than {self.cap:g} s"

    def measure(self, largest: int, values: int, prepare: Callable, bytes_a_value: int) -> dict:
        images, limit = self.fit(largest, values, prepare)
        work = prepare(images)
        work()
        repetitions = 1
        while (seconds := self.seconds(work, repetitions)) < SHORTEST_TRIAL:
            repetitions *= math.ceil(min(max(SHORTEST_TRIAL / seconds, 2), 10))
        started = time.perf_counter()
        for _ in range(self.warm_up):
            if time.perf_counter() - started < self.cap / WARM_UP_SHARE:
                self.seconds(work, repetitions)
        trials = []
        while not trials or (
            len(trials) < self.trials and time.perf_counter() - started < self.cap
        ):
            trials.append(self.seconds(work, repetitions) / repetitions)
        median = statistics.median(trials)
        return {
            "images": images,
            "fewer_images_because": limit,
            "repetitions": repetitions,
            "median_seconds": median,
            "min_seconds": min(trials),
            "max_seconds": max(trials),
            "trial_seconds": trials,
            "images_per_second": images / median,
            "gigabytes_per_second": images * values * bytes_a_value / median / 1e9,
        }


def halved(largest: int, limit: int) -> int:
    while largest > 1 and largest > limit:
        largest //= 2
    return max(largest, 1)


def in_short(error: Exception) -> str:
    text = str(error).strip()
    if "out of memory" in text.lower() or "allocate memory" in text.lower():
        return "out of memory"
    return (text or type(error).__name__).splitlines()[0][:160]


def preparation(score: Callable, sides: tuple, backward: bool, device: str) -> Callable:
    """From a number of images to the work on so many."""

    def prepare(images: int) -> Callable:
        torch.manual_seed(0)
        x = torch.rand((images, *sides), device=device)
        y = 0.8 * x + 0.2 * torch.rand_like(x)
        if not backward:

            def forward():
                with torch.no_grad():
                    return score(x, y)

            return forward
        x.requires_grad_()
        return lambda: torch.autograd.grad(score(x, y).mean(), x)

    return prepare


def copy_preparation(device: str) -> Callable:
    def prepare(images: int) -> Callable:
        x = torch.ones((images, *COPY_SHAPE[1:]), device=device)
        return lambda: x * 2

    return prepare


def print_table(report: dict) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    print(f"{versions} on {report['device']} ({report['adapter']}), {report['system']}")
    columns = f"{'images':>8}{'trials':>8}{'median ms':>11}{'min':>11}{'max':>11}{'images/s':>13}"
    columns += f"{'GB/s':>9}{'of copy':>9}"
    heading = None
    for row in report["measurements"]:
        title = f"{'x'.join(map(str, row['shape']))}, {row['pass'].replace('_', ' + ')}"
        if title != heading:
            heading = title
            print(f"\n{title}\n  {'':<16}{columns}")
        if row["error"]:
            print(f"  {row['method']:<16}failed: {row['error']}")
            continue
        times = (1e3 * row[f"{key}_seconds"] for key in ("median", "min", "max"))
        print(f"  {row['method']:<16}{row['images']:>8}{len(row['trial_seconds']):>8}", end="")
        print(*(f"{milliseconds:>11.3f}" for milliseconds in times), sep="", end="")
        print(f"{row['images_per_second']:>13.1f}{row['gigabytes_per_second']:>9.2f}", end="")
        print(f"{row['share_of_copy']:>8.1%}")
        if row["fewer_images_because"]:
            print(f"  {'':<16}fewer images: {row['fewer_images_because']}")
    copy = report["copy"]
    print(
        "\nbackward: the gradient of the mean score by the first image only."
        "\nGB/s: 8 bytes a value forward (both images read), 12 with the gradient (written): the least"
        " that must move."
        f"\nof copy: as a share of the {copy['gigabytes_per_second']:.1f} GB/s of x * 2 on"
        f" {4 * copy['images']} MiB, read and written."
    )


def main() -> None:
    options = arguments()
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("--device cuda: PyTorch finds no CUDA device here; use --device cpu")
    this = machine()
    bench = Bench(device, options.trials, options.warm_up, options.seconds)

    copy = bench.measure(COPY_SHAPE[0], math.prod(COPY_SHAPE[1:]), copy_preparation(device), 8)
    measurements = []
    for asked in options.shapes:
        images, *sides = asked
        score = pytorch_msssim.SSIM(data_range=1, size_average=False, channel=sides[0]).to(device)
        contestants = {"pytorch-msssim": score, "compiled": torch.compile(score, dynamic=False)}
        for name, bytes_a_value in PASSES.items():
            for method, function in contestants.items():
                row = {"shape": asked, "pass": name, "method": method, "error": None}
                prepare = preparation(function, tuple(sides), name != "forward", device)
                torch.compiler.reset()
                try:
                    row |= bench.measure(images, math.prod(sides), prepare, bytes_a_value)
                    row["share_of_copy"] = (
                        row["gigabytes_per_second"] / copy["gigabytes_per_second"]
                    )
                    result = f"{1e3 * row['median_seconds']:.3f} ms for {row['images']} images"
                except (RuntimeError, MemoryError) as error:
                    row["error"] = in_short(error)
                    result = f"failed: {row['error']}"
                title = f"{'x'.join(map(str, asked))}, {name}, {method}"
                print(f"{title}: {result}", file=sys.stderr, flush=True)
                measurements.append(row)

    report = {
        "versions": {
            "torch": torch.__version__,
            "pytorch-msssim": importlib.metadata.version("pytorch-msssim"),
        },
        "device": device,
        "adapter": torch.cuda.get_device_name() if device == "cuda" else this["cpu"],
        "cpu": this["cpu"],
        "threads": torch.get_num_threads(),
        "system": this["system"],
        "trials": options.trials,
        "warm_up": options.warm_up,
        "seconds_cap": options.seconds,
        "copy": copy,
        "measurements": measurements,
    }
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_table(report)


if __name__ == "__main__":
    # Usage is explained without them, and they take seconds to import.
    if not {"-h", "--help"} & set(sys.argv):
        import importlib.metadata

        try:
            import pytorch_msssim
            import torch
        except ModuleNotFoundError as missing:
            sys.exit(f"no {missing.name}: python3 -m pip install torch pytorch-msssim")
    main()
