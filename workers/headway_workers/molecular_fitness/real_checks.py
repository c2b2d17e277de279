"""The paper's second task on real data: ClinVar labels of P53, and published predictions for TEM-1.

The files are the EVE repository's (MIT) and facebookresearch/esm's (MIT); HEADWAY_DATA_DIR names the folder
that holds them as eve/ and esm/. Without it these checks are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headway_workers.contract import Check
from headway_workers.molecular_fitness.alignment_files import AMINO_ACIDS, Alignment, read_alignment
from headway_workers.molecular_fitness.autoregressive import Uniform
from headway_workers.molecular_fitness.bear import by_marginal_likelihood
from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.sample import GAP, Sample
from headway_workers.molecular_fitness.scores import acceptance, auc, spearman
from headway_workers.molecular_fitness.swi import SiteWise
from headway_workers.molecular_fitness.trees import Array
from headway_workers.molecular_fitness.variant_files import read_clinical_labels, read_columns

DATA_DIR = "HEADWAY_DATA_DIR"
GAPS_A_ROW = 0.5
"""Rows with more are left out, as EVE does."""
PSEUDOCOUNT = 0.5
LAGS = tuple(range(3, 9))
STRENGTHS = np.logspace(-1, 2, 7)
DRAWS = 200
PUBLISHED = {"independent": 0.614, "pairwise": 0.718, "vae_ensemble": 0.776}
"""Spearman's ρ of published predictions against column 2500, by an independent trial."""


def checks() -> Iterator[Check]:
    """What the files that are there allow."""
    folder = os.environ.get(DATA_DIR)
    if folder is None:
        return
    root = Path(folder)
    if (root / "esm").is_dir():
        yield from published(root / "esm" / "BLAT_ECOLX_Ranganathan2015_labeled.csv")
    if (root / "eve").is_dir():
        yield from p53(root / "eve")


def published(path: Path) -> Iterator[Check]:
    """The scorer on the 4,788 TEM-1 mutants that have all published predictions."""
    columns = [f"mutation_effect_prediction_{name}" for name in PUBLISHED]
    table = read_columns(path, ["2500", *columns])
    table = table[np.isfinite(table).all(axis=1)]
    yield Check("TEM-1: mutants with predictions", 4_788, len(table), 0)
    for place, (name, rho) in enumerate(PUBLISHED.items(), start=1):
        ours = float(spearman(table[:, place], table[:, 0]))
        yield Check(f"TEM-1: ρ of the published {name}", rho, ours, 6e-4)


@dataclass(frozen=True)
class ClinicalResult:
    """Of the two densities on one protein's labels."""

    benign: int
    pathogenic: int
    auc_site_wise: float
    auc_bear: float
    """Mean over the posterior's densities."""
    auc_mean_density: float
    """Of the posterior's mean."""
    lag: int
    h: float
    wins: float
    """P(site-wise > p₀)."""


def clinical(
    alignment: Alignment, variants: Sequences, pathogenic: Array, *, seed: int = 0
) -> ClinicalResult:
    """Site-wise on the alignment as it is, BEAR on the unaligned sequences, lag and h by likelihood."""
    positive = pathogenic > 0.5
    sample = Sample.of(alignment.x, len(AMINO_ACIDS))
    site_wise = float(auc(-SiteWise.fit(sample, PSEUDOCOUNT).log_density(variants), positive))
    letters = len(AMINO_ACIDS) + 1
    bear = by_marginal_likelihood(
        Sample.of(unaligned(alignment.x), letters), Uniform(letters), LAGS, STRENGTHS
    )
    words = unaligned(variants)
    of_draws = auc(-bear.draws(words, DRAWS, np.random.default_rng(seed)), positive)
    return ClinicalResult(
        benign=int((~positive).sum()),
        pathogenic=int(positive.sum()),
        auc_site_wise=site_wise,
        auc_bear=float(of_draws.mean()),
        auc_mean_density=float(auc(-bear.log_density(words), positive)),
        lag=bear.lag,
        h=bear.h,
        wins=acceptance(site_wise, of_draws),
    )


def unaligned(x: Sequences) -> Sequences:
    """Residues moved to the left, then a stop letter (20), then nothing, (N, L + 1)."""
    stopped = np.hstack([x, np.full((len(x), 1), len(AMINO_ACIDS), dtype=np.int64)])
    order = np.argsort(stopped == GAP, axis=1, kind="stable")
    moved: Sequences = np.take_along_axis(stopped, order, axis=1)
    return moved


def p53(folder: Path) -> Iterator[Check]:
    """H2 on P53: the site-wise model, a worse density, tells pathogenic from benign far better."""
    alignment = read_alignment(folder / "P53_HUMAN_b0.1.a2m").without_gappy_rows(GAPS_A_ROW)
    variants, labels = read_clinical_labels(folder / "ClinVar_labels.csv", "P53_HUMAN").on(alignment)
    found = clinical(alignment, variants, labels)
    yield Check("P53: benign variants", 33, found.benign, 0)
    yield Check("P53: pathogenic variants", 130, found.pathogenic, 0)
    yield Check("P53: AUC, site-wise (0.973 to 0.975)", 0.974, found.auc_site_wise, 0.0015)
    yield Check("P53: AUC, BEAR (0.64 to 0.69)", 0.665, found.auc_bear, 0.03)
    yield Check("P53: AUC, BEAR's mean density", 0.665, found.auc_mean_density, None)
    yield Check("P53: BEAR's lag by marginal likelihood (4 to 7)", 5.5, found.lag, 1.5)
    yield Check("P53: P(site-wise > p₀)", 1.0, found.wins, 0.025)
