"""How much of the classes is in codes: nearest neighbours and a linear probe, beside PCA and raw pixels.

    python3 tests/reference/features.py MODEL FOLDER [--trainer PROGRAM]

FOLDER has the four IDX files of Fashion-MNIST or its kin. Classifiers learn from the official training images and are judged on the official
test images: the five nearest by Euclidean distance, and logistic regression on standardised features. The model may
have seen test images in training, but no labels. Needs numpy and scikit-learn.
"""

import argparse
import csv
import gzip
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from common import add_trainer_argument, trainer_environment


def idx_images(folder: str) -> np.ndarray:
    """All images, [N, pixels] in [0, 1], the training images first."""
    parts = []
    for part in ["train", "t10k"]:
        path = next(Path(folder).glob(f"{part}-images-idx3-ubyte*"))
        read = gzip.decompress if path.suffix == ".gz" else bytes
        content = np.frombuffer(read(path.read_bytes()), np.uint8)
        count, height, width = content[4:16].view(">u4")
        parts.append(content[16:].reshape(count, height * width).astype(np.float32) / 255)
    return np.concatenate(parts)


def accuracies(train, test, train_labels, test_labels):
    """Of the five nearest, and of a linear probe."""
    nearest = KNeighborsClassifier(5, algorithm="brute", n_jobs=-1).fit(train, train_labels)
    scaler = StandardScaler().fit(train)
    probe = LogisticRegression(max_iter=300, tol=1e-3).fit(scaler.transform(train), train_labels)
    return nearest.score(test, test_labels), probe.score(scaler.transform(test), test_labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model file, or a run")
    parser.add_argument("folder", help="the folder with the four IDX files")
    add_trainer_argument(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "codes.npy"
        encode = [arguments.trainer, "encode", arguments.model, arguments.folder, "-o", output, "--quiet"]
        subprocess.run(encode, check=True, env=trainer_environment())
        codes = np.load(output)
        with open(output.with_suffix(".csv"), newline="") as table:
            rows = list(csv.DictReader(table))
    is_train = np.array([row["path"].startswith("train/") for row in rows])
    labels = np.array([row["class"] for row in rows])
    pixels = idx_images(arguments.folder)
    assert len(pixels) == len(codes)
    pca = PCA(codes.shape[1], svd_solver="covariance_eigh").fit(pixels[is_train])
    for name, features in [
        (f"codes of {codes.shape[1]} values", codes),
        (f"PCA, {codes.shape[1]} components", pca.transform(pixels)),
        ("pixels", pixels),
    ]:
        nearest, probe = accuracies(
            features[is_train], features[~is_train], labels[is_train], labels[~is_train]
        )
        print(f"{name:24} five nearest {nearest:.4f}   linear probe {probe:.4f}", flush=True)


if __name__ == "__main__":
    main()
