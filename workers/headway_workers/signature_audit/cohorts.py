"""Real cohorts of the package SurvSet, which a user installs; it is looked up and never imported.

Its pickles are read by a reader that calls nothing they name. Some cohorts are the same patients: NSBCD and
gse4335, and DBCD, vdv and nki70. None of them may validate another.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import DataUnavailable
from headway_workers.frame_pickle import columns
from headway_workers.signature_audit.simulator import Cohort
from headway_workers.signature_audit.survival import Array, Survival

CLINICAL = ("num_age", "num_size", "num_erlev")
"""Numeric columns that are no genes."""
META_PCNA = 131
"""Genes of a meta-PCNA signature: those of the highest correlation with PCNA (Venet 2011)."""


def installed() -> Path | None:
    """The folder of the package's pickles; None where it is not installed."""
    spec = find_spec("SurvSet")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / "resources" / "pickles").exists():
            return path
    return None


def cohort(name: str) -> Cohort:
    """A cohort with all its numeric columns but the clinical ones as genes, complete columns only.

    The proliferation genes are the cohort's own meta-PCNA genes: the 131 of the highest Pearson correlation
    with PCNA, where PCNA is named among the genes.

    Raises:
        DataUnavailable: the package or the cohort is not there.
    """
    folder = installed()
    if folder is None:
        raise DataUnavailable("SurvSet is not installed; pip install 'headway[survival]' brings it.")
    path = folder / f"{name}.pickle"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.pickle")))
        raise DataUnavailable(f"SurvSet has no cohort {name!r}. Known: {known}.")
    table = columns(path.read_bytes())
    measured = {key: one for key, one in table.items() if key.startswith("num_") and key not in CLINICAL}
    found = {key: np.asarray(one, dtype=float) for key, one in measured.items()}
    complete = {key: one for key, one in found.items() if np.isfinite(one).all() and one.std() > 0}
    genes = tuple(key.removeprefix("num_").removeprefix("HS_") for key in complete)
    values = np.column_stack(list(complete.values()))
    survival = Survival(np.asarray(table["time"], dtype=float), np.asarray(table["event"]).astype(bool))
    return Cohort(values, genes, survival, _followers("PCNA", genes, values))


def _followers(gene: str, genes: tuple[str, ...], values: Array) -> NDArray[np.intp]:
    if gene not in genes:
        return np.zeros(0, dtype=np.intp)
    Z = (values - values.mean(axis=0)) / values.std(axis=0)
    alike = Z.T @ Z[:, genes.index(gene)]
    return np.sort(np.argsort(-alike, kind="stable")[:META_PCNA])
