"""Images to be classified: scikit-learn's digits, and CIFAR-10 from the files of its binary version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from headway_workers.contract import DataUnavailable

CIFAR10 = "HEADWAY_CIFAR10"
"""The environment's variable that names the folder of CIFAR-10's binary version."""
TRAINING_FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
VALIDATION_FILE = "test_batch.bin"
CHANNELS, SIDE = 3, 32
RECORD = 1 + CHANNELS * SIDE * SIDE
"""Bytes of an image: its class, then its red, green and blue planes by rows."""
CLASSES = 10

Pixels = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """Of ten classes, in [0, 1]: pixels (n, channels, side, side), labels (n,)."""

    training: Pixels
    training_labels: Labels
    validation: Pixels
    validation_labels: Labels


def digits(seed: int) -> Images:
    """1,797 images of 8 × 8; a quarter, stratified by class and drawn by seed, is for validation."""
    flat, labels = load_digits(return_X_y=True)
    pixels = (flat.reshape(-1, 1, 8, 8) / 16.0).astype(np.float32)
    a, b, of_a, of_b = train_test_split(
        pixels, labels.astype(np.int64), test_size=0.25, random_state=seed, stratify=labels
    )
    return Images(a, of_a, b, of_b)


def cifar10(folder: Path) -> Images:
    """50,000 training images of 32 × 32 in colour, 10,000 for validation (Krizhevsky 2009, binary version).

    Raises:
        DataUnavailable: a file is missing, or is not what its name says.
    """
    training = [_records(folder / name) for name in TRAINING_FILES]
    validation, labels = _records(folder / VALIDATION_FILE)
    return Images(
        np.concatenate([pixels for pixels, _ in training]),
        np.concatenate([of for _, of in training]),
        validation,
        labels,
    )


def _records(path: Path) -> tuple[Pixels, Labels]:
    """One file's images and classes."""
    if not path.is_file():
        raise DataUnavailable(
            f"There is no {path.name} in {str(path.parent)!r}: set {CIFAR10} to the folder of CIFAR-10's "
            f"binary version, {', '.join((*TRAINING_FILES, VALIDATION_FILE))}."
        )
    content = np.fromfile(path, dtype=np.uint8)
    if len(content) == 0 or len(content) % RECORD:
        raise DataUnavailable(
            f"{path.name} has {len(content)} bytes, which is no whole number of records of {RECORD}: "
            "fetch it anew."
        )
    records = content.reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= CLASSES:
        raise DataUnavailable(f"{path.name} has the class {labels.max()}, but they go to 9: fetch it anew.")
    return (records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE) / np.float32(255)).astype(np.float32), labels
