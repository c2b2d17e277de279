"""The file of a backup: lines of JSON, compressed, with a checksum at the end.

    {"headway": "backup", "format": 1, "schema": "0005", "made_at": "…", "made_by": "0.1.0"}
    {"table": "studies", "columns": {"id": "integer", "created_at": "moment", …}, "key": "id", "last_id": 7}
    [1, "2026-01-01T12:00:00.000000+00:00", …]
    …
    {"end": {"studies": 1, …}, "sha256": "…"}

Every column says what kind of value it has, so that a file is read without the tables it was made from, on
either database, and by later versions. The checksum is over all lines before the last.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from headway_server.domain.errors import InvalidBackup

Kind = Literal["integer", "number", "text", "boolean", "moment"]
Value = int | float | str | bool | datetime | None

FORMAT = 1
COMPRESSION = 3
"""zlib's level: three times as fast as its default, for a tenth more bytes."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(_Line):
    """The first line."""

    headway: Literal["backup"] = "backup"
    format: Annotated[int, Field(ge=1)] = FORMAT
    schema_: Annotated[str, Field(alias="schema")]
    """The revision of the database that it was made of."""
    made_at: AwareDatetime
    made_by: str

    model_config = ConfigDict(populate_by_name=True)


class TableHeader(_Line):
    """The line before a table's rows."""

    table: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    columns: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Kind]
    key: str | None = None
    """The column whose values the database gives, where there is one."""
    last_id: int = 0
    """The last of them that was ever given: none is given twice."""


class Trailer(_Line):
    """The last line: how many rows each table has, and the checksum."""

    end: dict[str, int]
    sha256: str


_LINE: TypeAdapter[TableHeader | Trailer | list[int | float | str | bool | None]] = TypeAdapter(
    TableHeader | Trailer | list[int | float | str | bool | None]
)


@dataclass
class BackupWriter:
    """Writes a backup's lines, in their order."""

    _file: gzip.GzipFile
    _checksum: hashlib._Hash = field(default_factory=hashlib.sha256)
    _counts: dict[str, int] = field(default_factory=dict)

    def header(self, header: Header) -> None:
        """The first line."""
        self._write(header.model_dump_json(by_alias=True))

    def table(self, table: TableHeader) -> None:
        """A table begins."""
        self._counts[table.table] = 0
        self._table = table
        self._write(table.model_dump_json())

    def row(self, values: Sequence[Value]) -> None:
        """One of its rows."""
        self._counts[self._table.table] += 1
        plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
        self._write(json.dumps(plain, separators=(",", ":"), allow_nan=False))

    def end(self) -> dict[str, int]:
        """The last line; how many rows there are by table."""
        self._file.write(
            Trailer(end=self._counts, sha256=self._checksum.hexdigest()).model_dump_json().encode()
        )
        self._file.write(b"\n")
        return self._counts

    def _write(self, text: str) -> None:
        line = text.encode() + b"\n"
        self._checksum.update(line)
        self._file.write(line)


@contextmanager
def written(path: Path) -> Iterator[BackupWriter]:
    """A new file, for its owner's eyes only; in the place of an older one once all of it is on the disk."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with (
            os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=COMPRESSION, filename="") as file,
        ):
            yield BackupWriter(file)
            file.close()
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[Header | TableHeader | list[Value] | Trailer]:
    """A backup's lines, rows as Python's values; one at a time, so that it may be larger than the memory.

    Raises:
        InvalidBackup: it is none, or is damaged; what came before may have been part of it.
    """
    checksum = hashlib.sha256()
    table: TableHeader | None = None
    counts: dict[str, int] = {}
    try:
        with gzip.open(path, "rb") as file:
            first = file.readline()
            yield _header(path, first)
            checksum.update(first)
            for text in file:
                line = _LINE.validate_json(text)
                if isinstance(line, Trailer):
                    if line != Trailer(end=counts, sha256=checksum.hexdigest()) or file.readline():
                        raise _damaged(path, "its checksum is another")
                    yield line
                    return
                checksum.update(text)
                if isinstance(line, TableHeader):
                    table = line
                    counts[table.table] = 0
                    yield table
                elif table is None or len(line) != len(table.columns):
                    raise _damaged(path, "a row has no table, or not its columns")
                else:
                    counts[table.table] += 1
                    yield [
                        datetime.fromisoformat(value)
                        if kind == "moment" and isinstance(value, str)
                        else value
                        for value, kind in zip(line, table.columns.values(), strict=True)
                    ]
    except OSError as error:
        raise _damaged(path, str(error)) from error
    except (EOFError, zlib.error, ValidationError, ValueError) as error:
        raise _damaged(path, f"it can't be read to its end ({type(error).__name__})") from error
    raise _damaged(path, "its end is missing")


def verify(path: Path) -> tuple[Header, dict[str, int]]:
    """Read all of a backup; its header, and its rows by table.

    Raises:
        InvalidBackup: it is none, or is damaged.
    """
    lines = read_lines(path)
    first = next(lines)
    (last,) = deque(lines, maxlen=1)
    if not (isinstance(first, Header) and isinstance(last, Trailer)):
        raise _damaged(path, "it has no beginning or no end")
    return first, last.end


def _header(path: Path, line: bytes) -> Header:
    try:
        header = Header.model_validate_json(line)
    except ValidationError as error:
        raise InvalidBackup(f"{path} is not a backup. `headway backup FILE` makes one.") from error
    if header.format > FORMAT:
        raise InvalidBackup(
            f"{path} was made by headway {header.made_by}, in a format that this version does not know "
            f"({header.format}). Install that version."
        )
    return header


def _damaged(path: Path, how: str) -> InvalidBackup:
    return InvalidBackup(f"{path} is damaged: {how}. Nothing was restored; use another copy of it.")
