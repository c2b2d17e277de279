import io
import tarfile
from dataclasses import replace
from hashlib import sha256

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file

from headway_workers.contract import DataUnavailable
from headway_workers.rewarded_soups.text import fetch
from headway_workers.rewarded_soups.text.policy import vocabulary


@pytest.fixture
def packed():
    """An archive as reactionrnn's is laid out, with other numbers."""
    rng = np.random.default_rng(0)
    shapes = {
        "embedding/embedding/embeddings": (3, 2),
        "rnn/rnn/kernel": (2, 9),
        "rnn/rnn/bias": (9,),
        "rnn/rnn/recurrent_kernel": (3, 9),
        "output/output/kernel": (3, 5),
        "output/output/bias": (5,),
    }
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, shape in shapes.items():
            file[name] = rng.standard_normal(shape).astype(np.float32)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in zip(
            fetch.REACTIONS.members, (weights.getvalue(), '{"é": 1, "b": 2}'.encode()), strict=True
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def test_archive_in_the_folder_is_converted_once(packed, tmp_path):
    source = replace(fetch.REACTIONS, sha256=sha256(packed).hexdigest())
    (tmp_path / source.file_name).write_bytes(packed)
    path = fetch.weights(source, tmp_path)
    (tmp_path / source.file_name).unlink()
    assert fetch.weights(source, tmp_path) == path
    assert vocabulary(path) == {"é": 1, "b": 2}
    assert load_file(path)["inputs.weight"].shape == (9, 2)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_another_archive_is_refused_by_its_hash(packed, tmp_path):
    (tmp_path / fetch.POLICY.file_name).write_bytes(packed)
    with pytest.raises(DataUnavailable, match=f"not {fetch.POLICY.sha256}"):
        fetch.weights(fetch.POLICY, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [fetch.POLICY.file_name]


def test_without_an_index_it_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(DataUnavailable, match=f"Put textgenrnn-2.0.0.tar.gz .* into {tmp_path}"):
        fetch.weights(fetch.POLICY, tmp_path)
