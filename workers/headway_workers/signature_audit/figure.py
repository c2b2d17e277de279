"""The experiment's picture: how ordinary a good signature is among random ones."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from headway_workers.signature_audit.checks import adjusted_for_proliferation, share_significant
from headway_workers.signature_audit.gene_sets import random_sets, weighted_scores
from headway_workers.signature_audit.simulator import FactorModel
from headway_workers.signature_audit.survival import concordance, scores_of
from headway_workers.style import BLUE, GOLD, INK, LIGHT_BLUE, RED, plain

SIZES = (1, 2, 5, 10, 20, 50, 100, 150)


def draw(figure: Figure) -> None:
    """A simulated cohort: C of random sets of twelve genes beside the planted ones, and how many random
    signatures are significant, by size.
    """
    cohort = FactorModel().draw(200, structure=0, rng=np.random.default_rng(0))
    Z = (cohort.values - cohort.values.mean(axis=0)) / cohort.values.std(axis=0)
    genes = torch.as_tensor(Z.T.copy())
    left, right = figure.subplots(1, 2)
    plain(left)
    plain(right)
    sets = torch.as_tensor(random_sets(len(genes), 12, 5_000, np.random.default_rng(5)))
    C = concordance(weighted_scores(genes, sets), cohort.survival).numpy()
    planted = concordance(scores_of(Z[:, cohort.signature].mean(axis=1)), cohort.survival).item()
    left.hist(C, bins=50, color=LIGHT_BLUE, label="5,000 random sets of 12 genes")
    left.axvline(planted, color=RED, lw=2, label=f"planted signature, C = {planted:.3f}")
    left.axvline(np.quantile(C, 0.95), color=INK, lw=1, ls="--", label="95 % of the random sets")
    left.set(xlabel="Harrell's C in 200 patients", ylabel="random sets")
    left.margins(y=0.25)
    left.legend(frameon=False, fontsize=9, loc="upper left")
    without = adjusted_for_proliferation(cohort, genes)
    for data, colour, label in ((genes, BLUE, "as they are"), (without, GOLD, "adjusted for meta-PCNA")):
        shares = [100 * share_significant(cohort, data, k, 200) for k in SIZES]
        right.plot(SIZES, shares, "o-", color=colour, label=label)
    right.axhline(5, color=INK, lw=1, ls="--", label="5 %")
    right.set_xscale("log")
    right.set_xticks(SIZES, [str(size) for size in SIZES])
    right.minorticks_off()
    right.set(
        xlabel="genes in a random signature",
        ylabel="significant at 5 % (PC1, median split), %",
        ylim=(0, 102),
    )
    right.legend(frameon=False, fontsize=9)
