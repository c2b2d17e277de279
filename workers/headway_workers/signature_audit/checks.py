"""What signature-audit is held to, quickest first. B-numbers are those of the specification's table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy.stats import CensoredData, logrank, norm

from headway_workers.contract import Check
from headway_workers.signature_audit import cohorts
from headway_workers.signature_audit.gene_sets import principal_weights, random_sets, weighted_scores
from headway_workers.signature_audit.simulator import Cohort, FactorModel
from headway_workers.signature_audit.survival import Array, CoxScore, Survival, concordance, scores_of
from headway_workers.statistics.optimizers_curse import expected_maximum
from headway_workers.statistics.p_values import exact, monte_carlo

LEVEL = 1.96


def checks() -> Iterator[Check]:
    """Those on real cohorts stand only where SurvSet is installed; else the simulator's are all."""
    yield concordance_by_pairs()
    yield log_rank()
    yield from curse_table()
    yield from random_signatures(
        "simulated", FactorModel().draw(200, structure=0, rng=np.random.default_rng(0))
    )
    if cohorts.installed() is not None:
        yield from random_signatures("DBCD", cohorts.cohort("DBCD"))
        yield from nominal_and_random("gse1992", cohorts.cohort("gse1992"), "OGT")
        yield from proliferation("gse1992", cohorts.cohort("gse1992"))
        yield search_aware(cohorts.cohort("gse3143"))
        yield winners_curse(cohorts.cohort("gse3143"))


def concordance_by_pairs() -> Check:
    """B1: C against a count over all pairs, with ties in times and scores."""
    rng = np.random.default_rng(1)
    time, event = np.ceil(rng.exponential(10, 120)), rng.random(120) < 0.6
    score = np.round(rng.normal(size=120), 1)
    won = pairs = 0.0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        pairs += float(later.sum())
        won += float((score[i] > score[later]).sum() + 0.5 * (score[i] == score[later]).sum())
    ours = concordance(scores_of(score), Survival(time, event)).item()
    return Check("B1 Harrell's C, counted over pairs", won / pairs, ours, 1e-12)


def log_rank() -> Check:
    """B2: z² of a group against scipy's log-rank statistic, with tied times."""
    rng = np.random.default_rng(2)
    time, event = np.ceil(rng.exponential(10, 120)), rng.random(120) < 0.6
    group = rng.random(120) < 0.5
    sides = [CensoredData(uncensored=time[s & event], right=time[s & ~event]) for s in (group, ~group)]
    z = CoxScore(Survival(time, event), ties="hypergeometric")(scores_of(group.astype(float))).item()
    return Check(
        "B2 score z² of a group, scipy's log-rank", float(logrank(*sides).statistic) ** 2, z**2, 1e-9
    )


def curse_table() -> Iterator[Check]:
    """E[max of n] in standard deviations, the specification's table [probe]."""
    for n, bias in ((20, 1.87), (50, 2.25), (100, 2.51), (200, 2.75), (400, 2.97)):
        yield Check(f"optimizer's curse of {n} equal arms, sd", bias, expected_maximum(n), 0.006)


def random_signatures(name: str, cohort: Cohort, draws: int = 150) -> Iterator[Check]:
    """B3: random signatures' PC1 split at the median; B4: single genes; B5: C of random sets of twelve."""
    genes = _z_by_gene(cohort)
    for k in (100, 150):
        share = share_significant(cohort, genes, k, draws)
        yield Check(
            f"B3 {name}: random signatures of {k} genes at p < .05, above .9", 0.95, share, 0.05 + 1e-12
        )
    share = float((CoxScore(cohort.survival)(genes).abs() > LEVEL).double().mean())
    yield Check(f"B4 {name}: single genes at p < .05, above .3", 0.65, share, 0.35)
    sets = torch.as_tensor(random_sets(len(genes), 12, 2_000, np.random.default_rng(5)))
    C = concordance(weighted_scores(genes, sets), cohort.survival).numpy()
    reported = {"DBCD": 0.642}.get(name, 0.61)
    yield Check(f"B5 {name}: 95 % of random 12-gene C below", reported, _quantile(C), None)


def share_significant(cohort: Cohort, genes: torch.Tensor, k: int, draws: int) -> float:
    """Share of random signatures whose PC1, split at the median, has p < .05."""
    sets = torch.as_tensor(random_sets(len(genes), k, draws, np.random.default_rng([3, k])))
    scores = weighted_scores(genes, sets, principal_weights(genes, sets))
    high = (scores > scores.median(dim=1, keepdim=True).values).double()
    return float((CoxScore(cohort.survival)(high).abs() > LEVEL).double().mean())


def adjusted_for_proliferation(cohort: Cohort, genes: torch.Tensor) -> torch.Tensor:
    """Each gene's residuals of a regression on the meta-PCNA index, in units of their standard deviation.

    Index and adjustment are those of Venet et al. 2011: the median of the meta-PCNA genes, gene by gene.
    """
    index = genes[torch.as_tensor(cohort.proliferation)].quantile(0.5, dim=0)
    index = index - index.mean()
    index = index / index.norm()
    residuals = genes - torch.outer(genes @ index, index)
    return residuals / residuals.std(dim=1, correction=0, keepdim=True)


def proliferation(name: str, cohort: Cohort, draws: int = 600) -> Iterator[Check]:
    """B6: adjustment for the meta-PCNA genes removes random significance; the levels are those of an
    independent trial with 150 draws, and the tolerance three standard errors of the difference.
    """
    genes = _z_by_gene(cohort)
    without = adjusted_for_proliferation(cohort, genes)
    for k, before, after in ((50, 0.29, 0.06), (100, 0.19, 0.05)):
        raw, adjusted = (share_significant(cohort, data, k, draws) for data in (genes, without))
        for which, level, share in (
            ("as they are", before, raw),
            ("adjusted for meta-PCNA", after, adjusted),
        ):
            error = np.sqrt(level * (1 - level) * (1 / 150 + 1 / draws))
            claim = f"B6 {name}: random signatures of {k}, {which}, at p < .05"
            yield Check(claim, level, share, 3 * float(error))
        yield Check(f"B6 {name}: k = {k}, adjusted less raw, below 0", -0.5, adjusted - raw, 0.5)


def nominal_and_random(name: str, cohort: Cohort, gene: str) -> Iterator[Check]:
    """B7: a gene's nominal p, and its exact p among all genes (an independent trial's as oracles)."""
    z = CoxScore(cohort.survival)(_z_by_gene(cohort)).abs().numpy()
    own = float(z[cohort.genes.index(gene)])
    nominal, among = 2.0 * float(norm.sf(own)), exact(z, own).p
    yield Check(f"B7 {name}: nominal p of {gene}", 0.050, nominal, 0.003)
    yield Check(f"B7 {name}: p of {gene} among all genes", 0.174, among, 0.003)


def search_aware(cohort: Cohort, tried: int = 200, deals: int = 499) -> Check:
    """B8: log10 of nominal p over maxT p of the best of many random scores; the search costs it."""
    rng = np.random.default_rng(8)
    genes = _z_by_gene(cohort)
    scores = weighted_scores(genes, torch.as_tensor(random_sets(len(genes), 12, tried, rng)))
    test = CoxScore(cohort.survival)
    best = float(test(scores).abs().max())
    null = np.array(
        [float(test(scores[:, rng.permutation(scores.shape[1])]).abs().max()) for _ in range(deals)]
    )
    apart = np.log10(2.0 * norm.sf(best)) - np.log10(monte_carlo(null, best).p)
    return Check("B8 gse3143: log10 of nominal p over maxT p, below 0", -5.0, float(apart), 5.0)


def winners_curse(cohort: Cohort, splits: int = 60, tried: int = 200) -> Check:
    """B9: the best of many random scores on one half loses on the other."""
    rng, drops = np.random.default_rng(9), []
    genes = _z_by_gene(cohort)
    for _ in range(splits):
        order = rng.permutation(len(cohort.survival))
        halves = np.array_split(order, 2)
        scores = weighted_scores(genes, torch.as_tensor(random_sets(len(genes), 12, tried, rng)))
        on = [concordance(scores[:, half], cohort.survival[half]).numpy() for half in halves]
        best = int(np.abs(on[0] - 0.5).argmax())
        sign = np.sign(on[0][best] - 0.5)
        drops.append(sign * (on[0][best] - on[1][best]))
    return Check("B9 gse3143: drop of C from half to half, above .08", 0.29, float(np.mean(drops)), 0.21)


def _z_by_gene(cohort: Cohort) -> torch.Tensor:
    Z = (cohort.values - cohort.values.mean(axis=0)) / cohort.values.std(axis=0)
    return torch.as_tensor(Z.T.copy())


def _quantile(C: Array) -> float:
    return float(np.quantile(np.maximum(C, 1.0 - C), 0.95))
