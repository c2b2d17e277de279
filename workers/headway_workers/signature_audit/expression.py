"""Expression by gene: what a series' probes become before anybody scores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headway_workers.signature_audit.survival import Array

Collapse = Literal["max_mean", "mean"]

LOG_ABOVE = 50.0
"""Where the 99th percentile is above this, values are intensities and not yet logarithms."""
MULTIPLE = ("///", ";", ",", "|")
"""What separates the symbols of a probe that measures several genes."""


class SeriesError(ValueError):
    """A file of expression, a platform or an audit can't be used; says where, what and the remedy."""


@dataclass(frozen=True)
class Series:
    """A GEO series as it is read: probes, and what is known of each sample."""

    samples: tuple[str, ...]
    probes: tuple[str, ...]
    values: Array
    """Shape (probes, samples); NaN where there is no value."""
    characteristics: tuple[Mapping[str, str], ...]
    """Of each sample, by key, lower case; keys may differ between samples."""
    platform: Mapping[str, Mapping[str, str]]
    """Column → probe → entry, where the file brings its platform (SOFT); else empty."""

    def column(self, key: str) -> list[str]:
        """A characteristic of every sample; "" where a sample lacks it.

        Raises:
            SeriesError: no sample has that key.
        """
        if not any(key.lower() in found for found in self.characteristics):
            known = sorted({name for found in self.characteristics for name in found})
            raise SeriesError(f"No sample has the characteristic {key!r}. Known: {', '.join(known)}.")
        return [found.get(key.lower(), "") for found in self.characteristics]


@dataclass(frozen=True)
class Expression:
    """log2 expression of G genes in n samples, shape (n, G), complete."""

    values: Array
    genes: tuple[str, ...]

    def places(self, genes: Sequence[str], of: str) -> list[int]:
        """Columns of some genes; `of` names the list in the error.

        Raises:
            SeriesError: the list is empty, repeats a gene, or has one that is not measured.
        """
        where = {gene: place for place, gene in enumerate(self.genes)}
        if not genes or len(set(genes)) != len(genes):
            raise SeriesError(f"{of}: the list is empty or repeats a gene; give each gene once.")
        if missing := [gene for gene in genes if gene not in where]:
            raise SeriesError(
                f"{of}: {', '.join(missing)} not measured among {len(where)} genes; "
                "remove them or use the platform's symbols."
            )
        return [where[gene] for gene in genes]


def by_gene(series: Series, symbols: Mapping[str, str], collapse: Collapse = "max_mean") -> Expression:
    """Probes collapsed to genes; a probe of several symbols, of none, or with a missing value is dropped.

    `max_mean` keeps each gene's probe of the highest mean, `mean` averages its probes. log2(x + 1) where
    the 99th percentile is above 50.

    Raises:
        SeriesError: no probe is left.
    """
    values = series.values
    if np.nanquantile(values, 0.99) > LOG_ABOVE:
        values = np.log2(np.maximum(values, 0.0) + 1.0)
    complete = np.atleast_1d(np.isfinite(values).all(axis=1))
    probes: dict[str, list[int]] = {}
    for row, probe in enumerate(series.probes):
        symbol = symbols.get(probe, "").strip()
        if complete[row] and symbol and not any(mark in symbol for mark in MULTIPLE):
            probes.setdefault(symbol, []).append(row)
    if not probes:
        raise SeriesError(
            f"None of the {len(series.probes)} probes has one symbol and all its values: "
            "does the platform table belong to this series?"
        )
    genes = tuple(sorted(probes))
    if collapse == "mean":
        rows = [values[probes[gene]].mean(axis=0) for gene in genes]
    else:
        rows = [values[max(probes[gene], key=lambda row: values[row].mean())] for gene in genes]
    return Expression(np.array(rows).T, genes)
