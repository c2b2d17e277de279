"""The network's task: images, the binary files of CIFAR-10, and training."""

import numpy as np
import pytest
import torch
from torch import nn

from headway_workers.async_bo.convolutions import LAYERS, error, network, parameters
from headway_workers.async_bo.images import (
    CIFAR10,
    RECORD,
    TRAINING_FILES,
    VALIDATION_FILE,
    Images,
    cifar10,
    digits,
)
from headway_workers.async_bo.problems import problem
from headway_workers.contract import DataUnavailable

PARAMS = {"learning_rate": 0.05, "momentum": 0.9, "batch_size": 64} | {
    f"filters{k}": 16 for k in range(1, LAYERS + 1)
}


@pytest.fixture(params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request):
    return request.param


@pytest.fixture
def folder(tmp_path):
    """Files as the data set's page describes them, written byte by byte: three images each."""
    for k, name in enumerate((*TRAINING_FILES, VALIDATION_FILE)):
        with (tmp_path / name).open("wb") as file:
            for image in range(3):
                file.write(bytes([k + image]))
                for channel in range(3):
                    file.write(
                        bytes(
                            (channel * 50 + row + column) % 256 for row in range(32) for column in range(32)
                        )
                    )
    return tmp_path


def test_cifar10_is_read_from_its_binary_version(folder):
    images = cifar10(folder)
    assert images.training.shape == (15, 3, 32, 32)
    assert images.validation.shape == (3, 3, 32, 32)
    assert images.training_labels.tolist() == [k + image for k in range(5) for image in range(3)]
    assert images.validation_labels.tolist() == [5, 6, 7]
    assert images.validation[1, 2, 7, 11] == pytest.approx((2 * 50 + 7 + 11) / 255)


def test_the_task_on_cifar10_reads_the_folder_that_the_environment_names(folder, monkeypatch):
    monkeypatch.setenv(CIFAR10, str(folder))
    at = problem.__wrapped__("cnn-cifar10", 0)
    assert at.dimension == 9
    row = at.row(PARAMS)
    assert at.evaluate(row) in {0.0, 1 / 3, 2 / 3, 1.0}


def test_what_is_no_cifar10_is_refused_by_name(folder, monkeypatch):
    monkeypatch.setenv(CIFAR10, str(folder / "elsewhere"))
    with pytest.raises(DataUnavailable, match=f"no data_batch_1.bin in .*elsewhere.*: set {CIFAR10}"):
        problem.__wrapped__("cnn-cifar10", 0)
    broken = folder / TRAINING_FILES[2]
    broken.write_bytes(broken.read_bytes()[:-1])
    with pytest.raises(DataUnavailable, match=f"data_batch_3.bin has {3 * RECORD - 1} bytes"):
        cifar10(folder)
    broken.write_bytes(bytes([10]) + bytes(RECORD - 1))
    with pytest.raises(DataUnavailable, match=r"data_batch_3.bin has the class 10"):
        cifar10(folder)


def test_digits_are_split_by_class():
    images = digits(1)
    assert len(images.training) + len(images.validation) == 1_797
    shares = np.bincount(images.validation_labels) / np.bincount(
        np.concatenate([images.training_labels, images.validation_labels])
    )
    assert np.abs(shares - 0.25).max() < 0.01


def test_the_network_has_six_convolutions_of_these_filters():
    filters = (16, 17, 18, 19, 20, 21)
    model = network(3, filters, torch.Generator().manual_seed(0))
    layers = [module for module in model if isinstance(module, nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == list(filters)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert [one.name for one in parameters()] == list(PARAMS)


def few():
    images = digits(0)
    return Images(
        images.training[:600], images.training_labels[:600], images.validation, images.validation_labels
    )


def test_training_learns_and_is_repeatable(device):
    first, second = (error(PARAMS, few(), 3, epochs=12, device=device) for _ in range(2))
    assert first < 0.5  # chance is 0.9
    assert first == second or device == "cuda"
    assert error(PARAMS, few(), 3, epochs=0, device=device) > 0.6


def test_a_network_that_diverges_has_the_error_of_one_class():
    assert error(PARAMS | {"learning_rate": 1e6}, few(), 0, epochs=1) == pytest.approx(0.9, abs=0.02)
