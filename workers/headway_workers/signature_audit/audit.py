"""The audit of one claim: its statistic against every null, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from typing import Literal

import numpy as np
import torch

from headway_workers.signature_audit.gene_sets import Sets, random_sets, weighted_scores
from headway_workers.signature_audit.matched_sets import matched_sets, strata
from headway_workers.signature_audit.outcomes import Outcome
from headway_workers.signature_audit.survival import Array
from headway_workers.statistics.p_values import PValue, benjamini_hochberg, exact, monte_carlo

Direction = Literal["two-sided", "greater", "less"]
Verdict = Literal["supported", "uncertain", "not supported"]

ENUMERATED = 8
"""Up to so many samples all permutations are counted (8! = 40,320)."""


@dataclass(frozen=True)
class Signature:
    """Genes by column, and the sign with which each enters the mean of z-values."""

    places: Sequence[int]
    signs: Sequence[float]


@dataclass(frozen=True)
class Finding:
    """A claim and all that is known of it."""

    name: str
    claim: str
    statistic: str
    observed: float
    centre: float
    samples: int
    genes: int
    universe: int
    direction: Direction
    null: Array
    """The statistic of random gene sets of the same size."""
    p_nominal: float
    random_gene: PValue
    """Better than an arbitrary signature of its size? (competitive)"""
    search: PValue
    """Would the search among what was tried have found as much, had the outcome meant nothing? maxT over
    permuted outcomes, on the list that was tried (`fixed_path`); self-contained where nothing else was.
    """
    matched: PValue | None
    """Better than an arbitrary signature of its size and kind? None where no set of like correlation was
    found. No part of the verdict.
    """
    matched_sets: int
    """How many sets, or genes where it is one, that was held against."""
    smallest_stratum: int
    """Genes in the smallest stratum of mean and variance from which they were drawn."""
    searched: Mapping[str, float]
    """What was tried, and its statistic."""
    q_bh: float | None = None
    """Benjamini–Hochberg value of the search-aware p; None where a hypothesis stands alone."""
    verdict: Verdict = "uncertain"
    reason: str = "not judged"

    @property
    def min_attainable_p(self) -> float:
        """The smallest p that all the tests could have returned together."""
        return max(self.random_gene.attainable, self.search.attainable)

    @property
    def mc_se(self) -> float:
        """The larger Monte-Carlo standard error."""
        return max(self.random_gene.mc_se, self.search.mc_se)


def audited(
    name: str,
    claim: str,
    values: Array,
    outcome: Outcome,
    tried: Mapping[str, Signature],
    *,
    direction: Direction = "two-sided",
    excluded: Sequence[int] = (),
    draws: int = 2_000,
    seed: int = 0,
    device: str = "cpu",
) -> Finding:
    """Hold the first signature tried against random ones and, with all the others, against permutations.

    `values` is (n, G). `excluded` columns belong to the outcome and to no random set. A single gene is
    compared with every gene of the universe, itself included, so that its p is exact.
    """
    rng, of_matched = (np.random.default_rng([seed, word]) for word in (62, 67))
    Z = _standardised(values)
    by_gene = torch.as_tensor(Z.T.copy(), device=device)
    scores = {key: np.asarray(one.signs) @ Z[:, one.places].T / len(one.places) for key, one in tried.items()}
    found = outcome.statistic(np.array(list(scores.values())), device)
    toward = partial(_extremeness, direction, outcome.centre)
    first = next(iter(tried.values()))
    universe = np.setdiff1d(np.arange(Z.shape[1]), excluded)
    with_own = np.union1d(universe, first.places)
    observed = float(toward(found[:1])[0])
    if len(first.places) == 1:
        alike = strata(values, with_own)
        same = with_own[alike == alike[with_own == first.places[0]]]
        null, of_like = (
            outcome.statistic(Z[:, some].T * first.signs[0], device) for some in (universe, same)
        )
        random_gene = exact(toward(null), observed)
        matched: PValue | None = exact(toward(of_like), observed)
        n_matched = smallest = len(same)
    else:
        sets = universe[random_sets(len(universe), len(first.places), draws, rng)]
        null = _of_sets(sets, first.signs, by_gene, outcome)
        random_gene = monte_carlo(toward(null), observed)
        like = matched_sets(values, first.places, first.signs, with_own, count=draws, rng=of_matched)
        n_matched, smallest = len(like.sets), like.smallest_stratum
        matched = (
            monte_carlo(toward(_of_sets(like.sets, first.signs, by_gene, outcome)), observed)
            if n_matched
            else None
        )
    best, n = float(toward(found).max()), len(outcome)
    # To deal the outcomes to other samples is to deal the scores: so all deals are one batch.
    enumerated = n <= ENUMERATED
    orders = list(permutations(range(n))) if enumerated else [rng.permutation(n) for _ in range(draws)]
    dealt = np.array([score[np.array(orders)] for score in scores.values()])
    shuffled = toward(outcome.statistic(dealt.reshape(-1, n), device)).reshape(len(scores), -1).max(axis=0)
    search = exact(shuffled, best) if enumerated else monte_carlo(shuffled, best)
    return Finding(
        name,
        claim,
        outcome.label,
        float(found[0]),
        outcome.centre,
        n,
        len(first.places),
        len(universe),
        direction,
        null,
        outcome.nominal(next(iter(scores.values()))),
        random_gene,
        search,
        matched,
        n_matched,
        smallest,
        dict(zip(tried, map(float, found), strict=True)),
    )


def judged(findings: Sequence[Finding], alpha: float = 0.05) -> list[Finding]:
    """The findings with Benjamini–Hochberg values, where there are several, and verdicts (our rule).

    Not significant is what a test says; that no test could have said otherwise is said instead, where the
    smallest attainable p is above alpha.
    """
    several = len(findings) > 1
    q = benjamini_hochberg([one.search.p for one in findings])
    return [
        _judged(replace(one, q_bh=q[place] if several else None), alpha) for place, one in enumerate(findings)
    ]


def _judged(one: Finding, alpha: float) -> Finding:
    if one.min_attainable_p > alpha:
        reason = (
            f"The smallest attainable p is {one.min_attainable_p:.3g}: no data of this size could be "
            f"significant at {alpha:g}."
        )
        return replace(one, verdict="uncertain", reason=reason)
    asked = {
        "random genes": one.random_gene.below(alpha),
        "the search re-run on permuted outcomes": one.search.below(alpha),
    }
    if one.q_bh is not None:
        asked["the several hypotheses (Benjamini-Hochberg)"] = one.q_bh <= alpha
    passed, failed, open_ = (
        [name for name, said in asked.items() if said is answer] for answer in (True, False, None)
    )
    if not failed and not open_:
        return replace(one, verdict="supported", reason=f"Stands against {', '.join(passed)}.")
    if not passed and not open_:
        return replace(one, verdict="not supported", reason=f"Does not stand against {', '.join(failed)}.")
    parts = [f"stands against {', '.join(passed)}"] if passed else []
    parts += [f"not against {', '.join(failed)}"] if failed else []
    parts += [f"too few draws to tell: {', '.join(open_)}"] if open_ else []
    sentence = "; ".join(parts)
    return replace(one, verdict="uncertain", reason=sentence[0].upper() + sentence[1:] + ".")


def _of_sets(sets: Sets, signs: Sequence[float], by_gene: torch.Tensor, outcome: Outcome) -> Array:
    """The statistic of each set, its genes with these signs."""
    device = str(by_gene.device)
    weights = torch.as_tensor(np.tile(signs, (len(sets), 1)), dtype=torch.float64, device=device)
    scores = weighted_scores(by_gene, torch.as_tensor(sets, device=device), weights)
    return outcome.statistic(scores.cpu().numpy(), device)


def _extremeness(direction: Direction, centre: float, values: Array) -> Array:
    """A statistic, so that larger is more extreme in the direction claimed."""
    apart: Array = values - centre
    if direction == "two-sided":
        apart = np.abs(apart)
    elif direction == "less":
        apart = -apart
    return apart


def _standardised(values: Array) -> Array:
    spread = values.std(axis=0)
    found: Array = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return found
