"""Tests of the paper's three hypotheses on reports, one-sided, with teams as the units that are independent.

Off the diagonal, a report is regressed on the one before and on what is said to move it:

    M_ij(t+1) ~ M_ij(t) + M_ij(0) + D_ij + p_j + t p_j + c_j + max(p_j − p_i, 0) + effects of (team, t, i)

H1, expertise is accorded influence: the coefficient of p_j is positive. H2, confidence is: that of c_j.
H3, who does worse underestimates who does better: the coefficient of the shortfall is negative, with
effects of (team, t, j) too, so that only members who judge the same j on the same issue are compared (p_j
and c_j are absorbed by them). D is the dynamics' differentiation: it moves low performers' rows for a
reason of its own. Expertise may count more as evidence accumulates (t p_j, t from its mean); without that
term, confidence, which goes with skill, took its place: H2 was found in 10 % of data sets without it. The
regression is ours.

Standard errors leave out a team at a time (jackknife), t has T − 1 degrees of freedom. All that is needed
of a team is its moments, so that many data sets are tested at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from headway_workers.team_influence.dynamics import differentiation
from headway_workers.team_influence.features import Transitions
from headway_workers.team_influence.teams import Array, Teams

HYPOTHESES = ("H1", "H2", "H3")


@dataclass(frozen=True)
class Finding:
    """A coefficient in the hypothesis's direction, with leading axes for data sets."""

    coefficient: Array
    t: Array
    p: Array
    """One-sided."""


def findings(teams: Teams, sets: int) -> dict[str, Finding]:
    """H1 to H3 on so many data sets of equal size, which stand one after another in `teams`.

    Raises:
        ValueError: the teams are no multiple of `sets`, or fewer than three a set.
    """
    if len(teams) % sets or len(teams) < 3 * sets:
        raise ValueError(f"{len(teams)} teams are no {sets} data sets of three or more.")
    rows, n = Transitions.of(teams), teams.members
    cells = ~np.eye(n, dtype=bool)
    lead = np.broadcast_to(rows.p[:, None, :], rows.prev.shape)
    issue = np.arange(len(rows)) % (teams.issues - 1) - (teams.issues - 2) / 2.0
    confident = np.broadcast_to(rows.confidence[:, None, :], rows.prev.shape)
    shortfall = np.maximum(rows.p[:, None, :] - rows.p[:, :, None], 0.0)
    D = differentiation(rows.prev, rows.p)
    by_row, by_both = _annihilators(n)
    together = [rows.prev, rows.first, D, lead, confident, shortfall, issue[:, None, None] * lead]
    among_judges = [rows.prev, rows.first, D, shortfall]

    def fit(regressors: list[Array], annihilator: Array) -> tuple[Array, Array]:
        X = annihilator @ np.stack([one[:, cells] for one in regressors], axis=-1)
        y = annihilator @ rows.target[:, cells][..., None]
        k, shape = X.shape[-1], (sets, len(teams) // sets, -1, X.shape[1])
        X, y = X.reshape(*shape, k), y.reshape(*shape, 1)
        XX = np.einsum("stiak,stial->stkl", X, X)
        return jackknifed(XX, np.einsum("stiak,stia->stk", X, y[..., 0]))

    (coefficients, errors), (judged, judged_errors) = fit(together, by_row), fit(among_judges, by_both)
    df = len(teams) // sets - 1
    return {
        "H1": _finding(coefficients[..., 3], errors[..., 3], df),
        "H2": _finding(coefficients[..., 4], errors[..., 4], df),
        "H3": _finding(-judged[..., 3], judged_errors[..., 3], df),
    }


def jackknifed(XX: Array, Xy: Array) -> tuple[Array, Array]:
    """Least squares and its leave-one-cluster-out standard errors, each (…, k), from the moments XᵀX of
    shape (…, G, k, k) and Xᵀy of shape (…, G, k) of G clusters.
    """
    clusters = XX.shape[-3]
    all_XX, all_Xy = XX.sum(axis=-3), Xy.sum(axis=-2)
    coefficients = np.linalg.solve(all_XX, all_Xy[..., None])[..., 0]
    left = np.linalg.solve(all_XX[..., None, :, :] - XX, (all_Xy[..., None, :] - Xy)[..., None])[..., 0]
    spread = np.square(left - left.mean(axis=-2, keepdims=True)).sum(axis=-2)
    return coefficients, np.sqrt(spread * (clusters - 1) / clusters)


def _finding(coefficient: Array, error: Array, df: int) -> Finding:
    t = coefficient / error
    return Finding(coefficient, t, stats.t.sf(t, df))


def _annihilators(n: int) -> tuple[Array, Array]:
    """I − Z Z⁺ over the n (n − 1) cells off the diagonal, for effects of the row, and of row and column."""
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    rows, columns = np.eye(n)[i], np.eye(n)[j]
    by_row, by_both = (np.eye(len(i)) - Z @ np.linalg.pinv(Z) for Z in (rows, np.hstack([rows, columns])))
    return by_row, by_both
