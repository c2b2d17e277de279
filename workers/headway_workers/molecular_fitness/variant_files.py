"""Reads variants and what was found of them: ProteinGym's assays and EVE's ClinVar labels."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import DataUnavailable
from headway_workers.molecular_fitness.alignment_files import AMINO_ACIDS, Alignment
from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.trees import Array

_SUBSTITUTION = re.compile(rf"([{AMINO_ACIDS}])(\d+)([{AMINO_ACIDS}])")
_CLASSES = {"benign": False, "pathogenic": True}


class VariantError(DataUnavailable):
    """A table of variants can't be used; says file, line, value and remedy."""


@dataclass(frozen=True)
class Variants:
    """Variants of one protein, each a set of substitutions, and a number measured of each."""

    path: Path
    mutants: tuple[str, ...]
    """As in "A42G:C7D"."""
    values: Array
    """(V,)."""

    def on(self, alignment: Alignment, *, least_coverage: float = 1.0) -> tuple[Sequences, Array]:
        """The variants as sequences over the alignment's columns, (V', L), and their values, (V',).

        Raises:
            VariantError: a wild-type residue is not the alignment's, or fewer variants than the share
                `least_coverage` lie in its columns.
        """
        column = {int(position): place for place, position in enumerate(alignment.positions)}
        wild = alignment.x[0]
        kept, rows = [], []
        for number, mutant in enumerate(self.mutants):
            changes = substitutions(mutant)
            if any(position not in column for _, position, _ in changes):
                continue
            row = wild.copy()
            for before, position, after in changes:
                here = AMINO_ACIDS[wild[column[position]]]
                if here != before:
                    raise VariantError(
                        f"{self.path}: {mutant!r} has {before} at position {position}, where the alignment's "
                        f"first sequence has {here}. Correct the range in that sequence's name, or take the "
                        "alignment of this protein."
                    )
                row[column[position]] = AMINO_ACIDS.index(after)
            kept.append(number)
            rows.append(row)
        if len(kept) < least_coverage * len(self.mutants):
            raise VariantError(
                f"{self.path}: {len(kept)} of {len(self.mutants)} variants lie in the alignment's columns, "
                f"fewer than the share {least_coverage:g} asked for. Keep more columns (a larger "
                "share of gaps), or ask for less coverage."
            )
        return np.array(rows).reshape(len(rows), len(wild)), self.values[kept]


def substitutions(mutant: str) -> list[tuple[str, int, str]]:
    """(before, position, after) of each substitution in "A42G:C7D".

    Raises:
        ValueError: that is not what it is.
    """
    found = []
    for part in mutant.split(":"):
        matched = _SUBSTITUTION.fullmatch(part.strip())
        if matched is None:
            raise ValueError(f"{part!r} is no substitution like A42G")
        found.append((matched[1], int(matched[2]), matched[3]))
    return found


def read_assay(path: Path, *, mutant: str = "mutant", value: str = "DMS_score") -> Variants:
    """A deep mutational scan as ProteinGym writes it; rows without a value are left out.

    Raises:
        VariantError: a column is missing, or a row is not what it should be.
    """
    mutants, values = [], []
    for line, row in _rows(path, (mutant, value)):
        if row[value] == "":
            continue
        _well_formed(path, line, row[mutant])
        mutants.append(row[mutant])
        values.append(_number(path, line, value, row[value]))
    return Variants(path, tuple(mutants), np.array(values))


def read_clinical_labels(path: Path, protein: str) -> Variants:
    """ClinVar labels as EVE's repository has them: 1 pathogenic, 0 benign; other categories are left out.

    Raises:
        VariantError: a column is missing, a row is not what it should be, or the protein has no label.
    """
    mutants, values = [], []
    names = set()
    for line, row in _rows(path, ("protein_name", "mutations", "ClinVar_labels_category")):
        names.add(row["protein_name"])
        category = row["ClinVar_labels_category"].strip().lower()
        if row["protein_name"] != protein or category not in _CLASSES:
            continue
        _well_formed(path, line, row["mutations"])
        mutants.append(row["mutations"])
        values.append(float(_CLASSES[category]))
    if not mutants:
        raise VariantError(f"{path}: no label of {protein!r}. Labelled are {', '.join(sorted(names))}.")
    return Variants(path, tuple(mutants), np.array(values))


def read_columns(path: Path, columns: Sequence[str]) -> NDArray[np.float64]:
    """Numbers of a table, (rows, columns), empty cells as NaN: published predictions, say.

    Raises:
        VariantError: a column is missing, or a cell is no number.
    """
    return np.array(
        [
            [_number(path, line, name, row[name]) if row[name] else math.nan for name in columns]
            for line, row in _rows(path, columns)
        ]
    )


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells of each row, with the columns that are needed."""
    try:
        file = path.open(newline="", encoding="utf-8")
    except OSError as error:
        raise VariantError(f"{path}: can't be read ({error.strerror}). Give a CSV file.") from error
    with file:
        reader = csv.DictReader(file, restval="")
        for name in needed:
            if name not in (reader.fieldnames or ()):
                present = ", ".join(reader.fieldnames or ("none",))
                raise VariantError(f"{path}, line 1: no column {name!r}. Name it so; there are {present}.")
        for row in reader:
            yield reader.line_num, row


def _well_formed(path: Path, line: int, mutant: str) -> None:
    try:
        substitutions(mutant)
    except ValueError as error:
        raise VariantError(f"{path}, line {line}: {error}. Join several by ':', as in A42G:C7D.") from error


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise VariantError(
            f"{path}, line {line}: {column} = {cell!r} is no number. Give one, or leave it empty."
        )
    return number
