"""Reads alignments: a2m, a3m and aligned fasta, on the residues of their first sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import DataUnavailable
from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.sample import GAP

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
_GAPS = "-."
_UNCERTAIN = "BJOUXZ*"
"""Ambiguous or rare residues; read as gaps."""


class AlignmentError(DataUnavailable):
    """An alignment can't be read; says file, line, value and remedy."""


@dataclass(frozen=True)
class Alignment:
    """Sequences over the positions of the first one, the wild type's."""

    names: tuple[str, ...]
    x: Sequences
    """(N, L), places in `AMINO_ACIDS`, or `GAP`; the first row has none."""
    positions: NDArray[np.int64]
    """(L,), of each column in the protein, from 1."""

    @property
    def wild_type(self) -> str:
        """The first sequence's residues, one a column."""
        return "".join(AMINO_ACIDS[code] for code in self.x[0])

    def without_gappy_columns(self, most: float) -> Alignment:
        """Only columns in which at most that share of the rows has a gap.

        Variants at a dropped position can't be scored: the loaders of labels say how many are lost.
        """
        kept = (self.x == GAP).mean(axis=0) <= most
        return replace(self, x=self.x[:, kept], positions=self.positions[kept])

    def without_gappy_rows(self, most: float) -> Alignment:
        """Only the wild type, and rows with at most that share of gaps."""
        kept = (self.x == GAP).mean(axis=1) <= most
        kept[0] = True
        names = tuple(name for name, keep in zip(self.names, kept, strict=True) if keep)
        return replace(self, names=names, x=self.x[kept])


def read_alignment(path: Path) -> Alignment:
    """Read an alignment; its first sequence is the wild type, numbered from its name's "/start-end".

    In a2m and fasta all rows have one length, and a column is kept if the wild type has a residue there,
    **whatever its case**: EVE's files write columns of low occupancy in lower case, and dropping those
    would lose 147 of P53's 163 labelled variants. In a3m (by the file's name) lower case is an insertion
    that the other rows lack, and is dropped.

    Raises:
        AlignmentError: what is wrong, in which line, and the remedy.
    """
    names, lines, rows = [], [], []
    for line, name, letters in _records(path):
        names.append(name)
        lines.append(line)
        rows.append(re.sub(r"[a-z.]", "", letters) if path.suffix == ".a3m" else letters.upper())
    for line, name, row in zip(lines, names, rows, strict=True):
        if len(row) != len(rows[0]):
            raise AlignmentError(
                f"{path}, line {line}: {name!r} has {len(row)} columns where the first sequence has "
                f"{len(rows[0])}. Align the sequences; an a3m file is told by its suffix .a3m."
            )
    codes = np.full(128, GAP - 1, dtype=np.int64)
    codes[[ord(letter) for letter in AMINO_ACIDS]] = np.arange(len(AMINO_ACIDS))
    codes[[ord(letter) for letter in _GAPS + _UNCERTAIN]] = GAP
    x = codes[np.frombuffer("".join(rows).encode(), dtype=np.uint8).reshape(len(rows), -1)]
    bad = np.argwhere(x < GAP)
    if len(bad):
        row, column = bad[0]
        raise AlignmentError(
            f"{path}, line {lines[row]}: {rows[row][column]!r} in column {column + 1} of {names[row]!r} is "
            f"no amino acid. Known are {AMINO_ACIDS}, {_UNCERTAIN} (read as gaps), '-' and '.'."
        )
    kept = x[0] != GAP
    if not kept.any():
        raise AlignmentError(f"{path}, line {lines[0]}: the first sequence, the wild type, has no residue.")
    first = _start(path, lines[0], names[0], int(kept.sum()))
    return Alignment(tuple(names), x[:, kept], np.arange(first, first + kept.sum()))


def _records(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, name and letters of each sequence."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise AlignmentError(
            f"{path}: can't be read ({error.strerror}). Give an a2m, a3m or fasta file."
        ) from error
    except UnicodeDecodeError as error:
        raise AlignmentError(
            f"{path}: byte {error.start} is no ASCII. Give an a2m, a3m or fasta file."
        ) from error
    line, name, letters = 0, None, list[str]()
    for number, content in enumerate(text.splitlines(), start=1):
        if content.startswith(">"):
            if name is not None:
                yield line, name, "".join(letters)
            line, name, letters = number, content[1:].strip(), []
        elif content.strip():
            if name is None:
                raise AlignmentError(
                    f"{path}, line {number}: {content[:20]!r} stands before the first '>' line."
                )
            letters.append(content.strip())
    if name is None:
        raise AlignmentError(f"{path}: no sequence. Each begins with a line '>name/start-end'.")
    yield line, name, "".join(letters)


def _start(path: Path, line: int, name: str, residues: int) -> int:
    """Position of the wild type's first residue; 1 where its name doesn't say."""
    found = re.search(r"/(\d+)-(\d+)$", name.split(maxsplit=1)[0]) if name else None
    if found is None:
        return 1
    start, end = int(found[1]), int(found[2])
    if end - start + 1 != residues:
        raise AlignmentError(
            f"{path}, line {line}: {name!r} spans {end - start + 1} positions, and the sequence has "
            f"{residues} residues. Correct the range, or leave it out to count from 1."
        )
    return start
