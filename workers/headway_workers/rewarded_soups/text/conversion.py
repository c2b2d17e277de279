"""From the weight files of old Keras versions to torch's layout.

A Keras kernel maps a row vector x to x K, shape (in, gates · units). torch's weights map a column, shape
(gates · units, in). In a file that Keras wrote for cuDNN (textgenrnn's), each gate's square of an input
kernel holds its transpose's entries in C order, each recurrent gate is transposed already, and the bias has
two halves, of the input and of the recurrence: what is torch's own layout, one gate above the other. The
gates of its LSTM stand in the order i, f, c, o in both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO

import h5py
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

Array = NDArray[np.float32]
Read = Callable[[str], Array]
Network = Callable[[Read], dict[str, Array]]
"""Named tensors in torch's layout, from a reader of the file's data sets by path."""

VOCABULARY = "vocabulary"
"""The metadata's key: a JSON object of characters and their numbers."""


def converted(weights: bytes, vocabulary: bytes, network: Network) -> bytes:
    """A safetensors file of an HDF5 weight file and a JSON vocabulary."""
    with h5py.File(BytesIO(weights), "r") as file:
        tensors = network(lambda path: np.array(file[path], dtype=np.float32))
    numbers = json.dumps(json.loads(vocabulary), ensure_ascii=False, sort_keys=True)
    return save({name: np.ascontiguousarray(one) for name, one in tensors.items()}, {VOCABULARY: numbers})


def policy(read: Read) -> dict[str, Array]:
    """The network of textgenrnn: embedding, two LSTMs in cuDNN's layout, attention, dense output."""
    found = {
        "embedding.weight": read("embedding/embedding/embeddings:0"),
        "attention.weight": read("attention/attention/attention_W:0").T,
        "output.weight": read("output/output/kernel:0").T,
        "output.bias": read("output/output/bias:0"),
    }
    for layer in ("rnn_1", "rnn_2"):
        part = f"{layer}/{layer}/"
        kernel, bias = read(f"{part}kernel:0"), read(f"{part}bias:0")
        inputs, width = kernel.shape
        gates = [gate.reshape(width // 4, inputs) for gate in np.split(kernel, 4, axis=1)]
        found[f"{layer}.weight_ih_l0"] = np.concatenate(gates)
        found[f"{layer}.weight_hh_l0"] = np.concatenate(
            np.split(read(f"{part}recurrent_kernel:0"), 4, axis=1)
        )
        found[f"{layer}.bias_ih_l0"], found[f"{layer}.bias_hh_l0"] = bias[:width], bias[width:]
    return found


def reactions(read: Read) -> dict[str, Array]:
    """The network of reactionrnn: embedding, a GRU with its gates in the order z, r, h, dense output."""
    return {
        "embedding.weight": read("embedding/embedding/embeddings"),
        "inputs.weight": read("rnn/rnn/kernel").T,
        "inputs.bias": read("rnn/rnn/bias"),
        "recurrence": read("rnn/rnn/recurrent_kernel"),
        "output.weight": read("output/output/kernel").T,
        "output.bias": read("output/output/bias"),
    }
