"""GEO's text files: series matrices, SOFT families and platform tables, gzipped or not."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headway_workers.signature_audit.expression import Series, SeriesError

MISSING = ("", "null", "NA", "NaN", "nan")


def read_series_matrix(path: Path) -> Series:
    """A series matrix: `!Sample_…` rows with a value per sample, and one table.

    Raises:
        SeriesError: naming the line and what is wrong with it.
    """
    samples: tuple[str, ...] = ()
    characteristics: list[dict[str, str]] = []
    probes, rows, inside = list[str](), list[list[float]](), False
    for number, fields in _rows(path):
        key, cells = fields[0], fields[1:]
        if key == "!Sample_characteristics_ch1":
            characteristics = characteristics or [{} for _ in cells]
            _characteristics(cells, characteristics, f"{path}:{number}")
        elif key == "!series_matrix_table_begin":
            inside = True
        elif key == "!series_matrix_table_end":
            break
        elif inside and key == "ID_REF":
            samples = tuple(cells)
        elif inside:
            if len(cells) != len(samples):
                raise SeriesError(
                    f"{path}:{number}: probe {key} has {len(cells)} values, not {len(samples)}."
                )
            probes.append(key)
            rows.append([_number(cell, f"{path}:{number}") for cell in cells])
    else:
        raise SeriesError(f"{path}: no !series_matrix_table_end; the file is cut off or no series matrix.")
    if not probes:
        raise SeriesError(f"{path}: the table has no probes; the values are in a supplementary file then.")
    return Series(samples, tuple(probes), np.array(rows), tuple(characteristics or [{} for _ in samples]), {})


def read_soft(path: Path) -> Series:
    """A SOFT family of one platform: `^PLATFORM` with its table, and a table `ID_REF VALUE` per `^SAMPLE`.

    Raises:
        SeriesError: naming the line and what is wrong with it.
    """
    samples, characteristics = list[str](), list[dict[str, str]]()
    tables, platform = list[dict[str, float]](), dict[str, dict[str, str]]()
    entity, header, platforms = "", list[str](), 0
    inside = False
    for number, fields in _rows(path):
        key, _, value = fields[0].partition(" = ")
        if key.startswith("^"):
            entity, inside = key, False
            platforms += key == "^PLATFORM"
            if key == "^SAMPLE":
                samples.append(value)
                characteristics.append({})
                tables.append({})
        elif key == "!Sample_characteristics_ch1":
            _characteristic(value, characteristics[-1])
        elif key.endswith(("_table_begin", "_table_end")):
            inside, header = key.endswith("_table_begin"), []
        elif not inside:
            continue
        elif not header:
            header = fields
        elif entity == "^PLATFORM":
            _entries(header, fields, platform)
        elif entity == "^SAMPLE":
            tables[-1][fields[0]] = _value(header, fields, f"{path}:{number}")
    _one_platform(path, platforms, tables)
    probes = tuple(dict.fromkeys(probe for table in tables for probe in table))
    values = np.array([[table.get(probe, np.nan) for table in tables] for probe in probes])
    return Series(tuple(samples), probes, values, tuple(characteristics), platform)


def read_platform(path: Path, column: str) -> dict[str, str]:
    """Probe → symbol from a platform's table: tab-separated, its first column the probe, `#` comments.

    Raises:
        SeriesError: the table has no such column.
    """
    found: dict[str, str] = {}
    header: list[str] = []
    for _, fields in _rows(path):
        if fields[0].startswith(("#", "!", "^")):
            continue
        if not header:
            header = fields
            if column not in header:
                raise SeriesError(f"{path}: no column {column!r} among {', '.join(header)}.")
        elif len(fields) > header.index(column):
            found[fields[0]] = fields[header.index(column)]
    return found


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    if not path.exists():
        raise SeriesError(f"{path}: no such file; give its path relative to the audit's file.")
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as lines
        ):
            for number, fields in enumerate(csv.reader(lines, delimiter="\t"), start=1):
                if fields:
                    yield number, fields
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SeriesError(f"{path}: can't be read: {error}. Download it again.") from error


def _characteristics(cells: list[str], into: list[dict[str, str]], where: str) -> None:
    if len(cells) != len(into):
        raise SeriesError(f"{where}: {len(cells)} cells for {len(into)} samples; complete the row.")
    for cell, found in zip(cells, into, strict=True):
        _characteristic(cell, found)


def _characteristic(cell: str, into: dict[str, str]) -> None:
    key, colon, value = cell.partition(":")
    if colon:
        into[key.strip().lower()] = value.strip()


def _one_platform(path: Path, platforms: int, tables: list[dict[str, float]]) -> None:
    if platforms != 1 or not any(tables):
        raise SeriesError(
            f"{path}: {platforms} platforms and {len(tables)} samples with {sum(map(len, tables))} values; "
            "a family of one platform with samples' tables is read. Split it by platform."
        )


def _entries(header: list[str], fields: list[str], into: dict[str, dict[str, str]]) -> None:
    """A row of the platform's table; a row may be shorter than its header."""
    for column, cell in zip(header[1:], fields[1:], strict=False):
        into.setdefault(column, {})[fields[0]] = cell


def _value(header: list[str], fields: list[str], where: str) -> float:
    if "VALUE" not in header:
        raise SeriesError(f"{where}: the sample's table has no column VALUE, only {', '.join(header)}.")
    place = header.index("VALUE")
    return _number(fields[place] if place < len(fields) else "", where)


def _number(cell: str, where: str) -> float:
    if cell.strip() in MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        raise SeriesError(f"{where}: {cell!r} is no number; leave missing values empty.") from None
