"""A study's trials as a Parquet file. Needs pyarrow, which the server runs without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain
from typing import IO, TYPE_CHECKING

from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, Parameter, Space
from headway_server.domain.errors import NotAcceptable
from headway_server.domain.study import Study
from headway_server.services.trial_columns import header
from headway_server.storage.trial_table import METRIC, PARAM

if TYPE_CHECKING:
    import pyarrow as pa


def require_pyarrow() -> None:
    """Refuse to write Parquet where its library is missing.

    Raises:
        NotAcceptable.
    """
    if find_spec("pyarrow") is None:
        raise NotAcceptable(
            "This server has no pyarrow, which writes Parquet. "
            "Ask for csv, ndjson or json, or have the server's extra installed again: "
            "pip install 'headway[server]'."
        )


def write_parquet(
    study: Study,
    earlier: Sequence[Space],
    pages: Iterable[Mapping[str, list[object]]],
    file: IO[bytes],
) -> None:
    """Write pages of columns as row groups: numbers as int64 and float64, times in UTC, mixed choices, and
    what was of several kinds in the versions of the space, as text.
    """
    from pyarrow import RecordBatch, parquet

    schema = _schema(study, earlier)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for page in pages:
            columns = {field.name: [_as(field.type, cell) for cell in page[field.name]] for field in schema}
            writer.write_batch(RecordBatch.from_pydict(columns, schema=schema))


def _schema(study: Study, earlier: Sequence[Space]) -> pa.Schema:
    import pyarrow as pa

    kinds: dict[str, set[pa.DataType]] = {}
    for parameter in chain(study.definition.space.scalars, *(space.scalars for space in earlier)):
        kinds.setdefault(parameter.name, set()).add(_type_of(parameter))
    own = {
        "number": pa.int64(),
        "space_version": pa.int64(),
        "value": pa.float64(),
        "std_error": pa.float64(),
        "created_at": pa.timestamp("us", "UTC"),
        "excluded": pa.bool_(),
        "updated_at": pa.timestamp("us", "UTC"),
    }

    def type_of(name: str) -> pa.DataType:
        if name.startswith(METRIC):
            return pa.float64()
        if name.startswith(PARAM):
            return _common(kinds[name.removeprefix(PARAM)])
        return own.get(name, pa.string())

    return pa.schema([(name, type_of(name)) for name in header(study, earlier)])


def _common(types: set[pa.DataType]) -> pa.DataType:
    """The type that holds values of all of these."""
    import pyarrow as pa

    if len(types) == 1:
        return next(iter(types))
    return pa.float64() if types <= {pa.int64(), pa.float64()} else pa.string()


def _type_of(parameter: Parameter) -> pa.DataType:
    import pyarrow as pa

    match parameter:
        case Float():
            return pa.float64()
        case Int():
            return pa.int64()
        case Boolean():
            return pa.bool_()
        case Categorical(choices=levels) | Ordinal(values=levels):
            kinds = {type(level) for level in levels}
            if kinds == {bool}:
                return pa.bool_()
            if kinds == {int}:
                return pa.int64()
            return pa.float64() if kinds <= {int, float} else pa.string()


def _as(type_: pa.DataType, cell: object) -> object:
    """A cell as its column can hold it: choices of several kinds are text."""
    import pyarrow as pa

    if cell is None or type_ != pa.string() or isinstance(cell, str):
        return cell
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
