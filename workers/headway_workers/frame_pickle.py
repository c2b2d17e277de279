"""Read a pickled pandas table without pandas, and without letting the pickle run anything.

A pickle names classes and functions to call. This reader answers an allow-list of names with stand-ins of
its own that only keep what they are given, or with NumPy's constructors of arrays; it refuses every other
name before anything is called.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RefusedClass(ValueError):
    """A pickle names a class that is not on the allow-list."""

    def __init__(self, module: str, name: str) -> None:
        super().__init__(
            f"The pickle names {module}.{name}, which is not on the list of what a table needs. It was not "
            "read any further; use the file as the package ships it."
        )


class NotATable(ValueError):
    """What was unpickled is not a table of columns."""


class _Kept:
    """Stands in for a class of pandas: keeps its arguments and its state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Frame(_Kept):
    pass


class _Manager(_Kept):
    pass


class _Block(_Kept):
    pass


class _Index(_Kept):
    pass


class _Extension(_Kept):
    """A column that is no array of NumPy's: categories, or integers with missing values."""


def _extension(*_: Any) -> _Extension:
    return _Extension()


def _new_index(_: type, data: dict[str, Any]) -> _Index:
    return _Index(data)


def _from_buffer(buffer: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


def _empty(_: type, shape: tuple[int, ...], code: bytes) -> NDArray[Any]:
    return np.ndarray(shape, np.dtype(code.decode()))


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("pandas.core.frame", "DataFrame"): _Frame,
    ("pandas.core.internals.managers", "BlockManager"): _Manager,
    ("pandas._libs.internals", "_unpickle_block"): _Block,
    ("pandas.core.indexes.base", "_new_Index"): _new_index,
    ("pandas.core.indexes.base", "Index"): _Index,
    ("pandas.core.indexes.range", "RangeIndex"): _Index,
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _extension,
    ("pandas.core.arrays.categorical", "Categorical"): _Extension,
    ("pandas.core.arrays.integer", "IntegerArray"): _Extension,
    ("pandas.core.arrays.integer", "Int32Dtype"): _Extension,
    ("pandas.core.dtypes.dtypes", "CategoricalDtype"): _Extension,
    ("builtins", "slice"): slice,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _empty for core in ("core", "_core")},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise RefusedClass(module, name) from None


def columns(pickled: bytes) -> dict[str, NDArray[Any]]:
    """The table's columns by name; categories and integers with missing values are left out.

    Raises:
        RefusedClass: the pickle names something that a table doesn't need.
        NotATable: it holds something else, or can't be read.
    """
    try:
        frame = _Reader(BytesIO(pickled)).load()
    except RefusedClass:
        raise
    except (pickle.UnpicklingError, EOFError, LookupError, AttributeError, TypeError, ValueError) as error:
        raise NotATable(f"The pickle can't be read: {error}") from error
    try:
        manager = frame.state["_mgr"]
        blocks, axes = manager.arguments
        names = np.asarray(axes[0].arguments[0]["data"])
        found = {}
        for block in blocks:
            values, placement, _ = block.arguments
            if isinstance(values, _Extension):
                continue
            for name, column in zip(names[placement], values, strict=True):
                found[str(name)] = column
        return {str(name): found[str(name)] for name in names if str(name) in found}
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise NotATable(f"The pickle holds no table of columns: {error!r}") from error
