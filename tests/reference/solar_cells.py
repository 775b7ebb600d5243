"""How well defective solar cells are told from good ones: the guide's table.

    tests/reference/fetch_sets SETS
    python3 tests/reference/solar_cells.py SETS [--trainer PROGRAM] [--latent-dim N] [--size N]

Of each type of cells, and of both, a model is trained on 80 % of those with a defect probability of 0, and the rest of
them is scored against those with probability 1, by each anomaly score. Every other defective cell is there to choose
the score by; the others judge it.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

from common import add_trainer_argument, trainer_environment

SCORES = [f"{by} {over}" for by in ["mse", "ssim", "ssim+l1", "relative", "sqrt"] for over in ["mean", "worst"]]


def lay_out(sets: Path, kind: str, place: Path) -> None:
    """Links to the cells of a kind: train, and A and B with good and bad ones."""
    rows = [line.split() for line in (sets / "cells.csv").read_text().splitlines()]
    rows = [(Path(path).name, float(defect), type_) for path, defect, type_ in rows]
    rows = [row for row in rows if kind in ("both", row[2])]
    good = [name for name, defect, _ in rows if defect == 0]
    bad = sorted(name for name, defect, _ in rows if defect == 1)
    random.Random(0).shuffle(good)
    split = int(0.8 * len(good))
    parts = {"train": good[:split]}
    for half, chosen in [("A", bad[0::2]), ("B", bad[1::2])]:
        parts[f"{half}/good"], parts[f"{half}/bad"] = good[split:], chosen
    for part, names in parts.items():
        (place / part).mkdir(parents=True)
        for name in names:
            (place / part / name).symlink_to((sets / "cells" / name).resolve())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, help="the folder that fetch_sets filled")
    parser.add_argument("--latent-dim", default="128")
    parser.add_argument("--size", default="64")
    add_trainer_argument(parser)
    arguments = parser.parse_args()

    def run(*words) -> str:
        command = [arguments.trainer, *words]
        done = subprocess.run(
            command, check=True, env=trainer_environment(), stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    for kind in ["mono", "poly", "both"]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            lay_out(arguments.sets, kind, place / "cells")
            settings = ["--size", arguments.size, "--latent-dim", arguments.latent_dim, "--no-cache"]
            training = ["--data", place / "cells/train", "--runs", place / "runs", "--json", "--quiet"]
            model = json.loads(run(*training, *settings))["run"]

            def auroc(score: str, half: str) -> dict[str, float]:
                by, over = score.split()
                images = [place / "cells" / half, "--normal", "good", "--by", by, "--over", over]
                output = ["-o", place / "scores.csv", "--force", "--json", "--quiet"]
                found = json.loads(run("score", model, *images, *output))["detection"]
                return {method: found[method]["auroc"] for method in ["model", "pca"]}

            by_score = {score: auroc(score, "A")["model"] for score in SCORES}
            best = max(SCORES, key=by_score.get)
            for score in [best, "mse mean"]:
                judged = auroc(score, "B")
                print(
                    f"{kind:5} {score:14} chosen by {by_score[score]:.4f}   judged by {judged['model']:.4f}"
                    f"   PCA {judged['pca']:.4f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
