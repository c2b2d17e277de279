import io
import lzma
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session", params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request: pytest.FixtureRequest) -> str:
    """Every device that this machine has."""
    name: str = request.param
    return name


class DataFrame:
    """Pickles as pandas's own does; the tests don't have that."""

    def __init__(self, manager):
        self._mgr = manager


class BlockManager:
    def __init__(self, blocks, axes):
        self.parts = (blocks, axes)

    def __reduce__(self):
        return BlockManager, self.parts


class Block:
    def __init__(self, values, placement):
        self.parts = (values, placement, 2)

    def __reduce__(self):
        return _unpickle_block, self.parts


class Index:
    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return _new_Index, (Index, {"data": self.data, "name": None})


def _unpickle_block(*parts):
    raise AssertionError("only named by the pickle")


def _new_Index(*parts):  # noqa: N802 - as pandas calls it
    raise AssertionError("only named by the pickle")


HOMES: dict[Any, str] = {
    DataFrame: "pandas.core.frame",
    BlockManager: "pandas.core.internals.managers",
    _unpickle_block: "pandas._libs.internals",
    Index: "pandas.core.indexes.base",
    _new_Index: "pandas.core.indexes.base",
}


class Pickler(pickle._Pickler):
    """Names what stands in for pandas's classes as pandas does."""

    def save_global(self, obj, name=None):
        if obj not in HOMES:
            return super().save_global(obj, name)
        self.save(HOMES[obj])
        self.save(obj.__name__)
        self.write(pickle.STACK_GLOBAL)
        return self.memoize(obj)

    dispatch: ClassVar[dict[type, Any]] = {**pickle._Pickler.dispatch, type(_unpickle_block): save_global}


def pickled(columns: dict[str, list[Any]]) -> bytes:
    """A table as pandas pickles it: blocks of columns, their places, and the axes."""
    blocks = [Block(np.array([column]), slice(at, at + 1, 1)) for at, column in enumerate(columns.values())]
    names = Index(np.array(list(columns), dtype=object))
    rows = Index(np.arange(len(next(iter(columns.values())))))
    file = io.BytesIO()
    Pickler(file, protocol=5).dump(DataFrame(BlockManager(tuple(blocks), [names, rows])))
    return file.getvalue()


@pytest.fixture
def write_table(tmp_path: Path):
    """Writes a table of columns in the format of the package's."""

    def write(columns: dict[str, list[Any]]) -> Path:
        path = tmp_path / "table.pkl.compress"
        path.write_bytes(lzma.compress(pickled(columns)))
        return path

    return write
