"""How a signature is made from training patients, and what it scores others.

Signs and orientation come from the training patients alone ([design], ours).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from headway_workers.signature_audit.elastic_net import PartialLikelihood, coefficients
from headway_workers.signature_audit.gene_sets import ROWS, principal_weights, weighted_scores
from headway_workers.signature_audit.simulator import Cohort
from headway_workers.signature_audit.survival import Array, CoxScore, Survival

RankBy = Literal["cox_z", "variance", "correlation_to_seed_gene"]
Aggregator = Literal["mean", "pc1", "rank_mean", "cox_weighted", "coxnet"]
Transform = Literal["z", "rank", "log2"]
Split = Literal["continuous", "median", "tertile"]
Adjust = Literal["none", "metaPCNA", "age+grade"]


@dataclass(frozen=True)
class Recipe:
    """A point of the search space."""

    k: int
    rank_by: RankBy
    aggregator: Aggregator
    transform: Transform
    split: Split
    var_filter_q: float
    adjust: Adjust
    alpha: float = 0.0
    """Of `coxnet`: the penalty, as a share of the one that leaves no gene."""
    l1_ratio: float = 1.0
    """Of `coxnet`: the share of the penalty that is the absolute value's."""


@dataclass(frozen=True)
class Prepared:
    """Patients to learn from and patients to score, as a recipe sees them: all that no outcome decides, so
    that thousands of permuted outcomes share it. `prepared` makes one.
    """

    recipe: Recipe
    eligible: NDArray[np.intp]
    """Columns that pass the variance filter."""
    spread: Array
    """Standard deviation of every eligible gene in the patients to learn from, shape (E,)."""
    train: Tensor
    """Transformed expression of the patients to learn from, shape (E, n)."""
    centred: Tensor
    """`train` less each gene's mean."""
    test: Tensor
    """That of the patients to score, shape (E, m)."""
    covariates: tuple[Tensor, Tensor] | None
    """What scores are adjusted for, with a column of ones: shapes (n, p) and (m, p)."""

    @property
    def device(self) -> str:
        """Where the tensors are."""
        return str(self.train.device)


@dataclass(frozen=True)
class Fitted:
    """What the outcomes of the patients to learn from decide."""

    prepared: Prepared
    survival: Survival
    """Of the patients to learn from."""
    chosen: NDArray[np.intp]
    """Places in `eligible`, best first, shape (k,)."""
    cox_z: Tensor
    """Of every eligible gene, shape (E,)."""

    def scores(self, sets: NDArray[Any]) -> Tensor:
        """What the patients to score get from gene sets that are fitted as the signature's own genes are:
        adjusted, split at the training patients' quantiles, and turned so that a higher score was a higher
        risk in training. `sets` holds places in `eligible`, shape (B, k); (B, m) comes back.
        """
        one = self.prepared
        chosen = torch.as_tensor(sets, device=one.device)
        weights = self._weights(chosen)
        train, test = (weighted_scores(genes, chosen, weights) for genes in (one.train, one.test))
        if one.covariates is not None:
            known, new = one.covariates
            slopes = torch.linalg.lstsq(known, train.T).solution
            train, test = train - (known @ slopes).T, test - (new @ slopes).T
        sign = torch.where(CoxScore(self.survival, device=one.device)(train) < 0, -1.0, 1.0)
        train, test = train * sign[:, None], test * sign[:, None]
        if one.recipe.split == "continuous":
            return test
        shares = {"median": (0.5,), "tertile": (1.0 / 3.0, 2.0 / 3.0)}[one.recipe.split]
        cuts = torch.quantile(train, torch.tensor(shares, dtype=train.dtype, device=train.device), dim=1)
        return torch.stack([(test > cut[:, None]).to(test.dtype) for cut in cuts]).sum(dim=0)

    def _weights(self, sets: Tensor) -> Tensor:
        """Shape (B, k)."""
        if self.prepared.recipe.aggregator == "pc1":
            return principal_weights(self.prepared.centred, sets)
        if self.prepared.recipe.aggregator == "coxnet":
            return self._elastic_net(sets)
        z = self.cox_z[sets]
        return (
            z
            if self.prepared.recipe.aggregator == "cox_weighted"
            else torch.where(z < 0, -torch.ones_like(z), torch.ones_like(z))
        )

    def _elastic_net(self, sets: Tensor) -> Tensor:
        """Of genes in units of their standard deviations, which the penalty treats alike."""
        recipe, train = self.prepared.recipe, self.prepared.centred
        likelihood = PartialLikelihood(self.survival, self.prepared.device)
        scale = train.std(dim=1, correction=0).clamp_min(1e-12)
        block = max(1, ROWS // (sets.shape[1] * train.shape[1]))
        parts = []
        for some in torch.split(sets, block):
            genes = train[some] / scale[some][:, :, None]
            found = coefficients(genes, likelihood, recipe.alpha, recipe.l1_ratio)
            parts.append(found / scale[some])
        return torch.cat(parts)


def prepared(recipe: Recipe, learn: Cohort, score: Cohort, device: str = "cpu") -> Prepared:
    """Filter by variance, transform, and lay the covariates out."""
    spread = learn.values.std(axis=0)
    eligible = np.flatnonzero((spread >= np.quantile(spread, recipe.var_filter_q)) & (spread > 0))
    location, spread = learn.values[:, eligible].mean(axis=0), spread[eligible]
    train, test = (
        torch.as_tensor(
            _transformed(one.values[:, eligible], recipe, location, spread).T.copy(), device=device
        )
        for one in (learn, score)
    )
    covariates = None
    if recipe.adjust != "none":
        known, new = (
            torch.as_tensor(_covariates(recipe, one, learn), dtype=torch.float64, device=device)
            for one in (learn, score)
        )
        covariates = known, new
    centred = train - train.mean(dim=1, keepdim=True)
    return Prepared(recipe, eligible, spread, train, centred, test, covariates)


def fit(prepared: Prepared, survival: Survival) -> Fitted:
    """Rank the eligible genes by the outcomes of the patients to learn from, and choose."""
    z = CoxScore(survival, device=prepared.device)(prepared.centred)
    rank: Array = z.abs().cpu().numpy()
    if prepared.recipe.rank_by == "variance":
        rank = prepared.spread
    elif prepared.recipe.rank_by == "correlation_to_seed_gene":
        rank = _alike(prepared.centred, int(rank.argmax()))
    chosen = np.argsort(-rank, kind="stable")[: prepared.recipe.k]
    return Fitted(prepared, survival, chosen, z)


def _covariates(recipe: Recipe, cohort: Cohort, of_train: Cohort) -> Array:
    if recipe.adjust == "age+grade":
        assert cohort.covariates is not None
        return np.column_stack([np.ones(len(cohort.survival)), cohort.covariates])
    X, known = cohort.values[:, cohort.proliferation], of_train.values[:, cohort.proliferation]
    index = np.median((X - known.mean(axis=0)) / known.std(axis=0), axis=1)  # Venet et al. 2011
    return np.column_stack([np.ones(len(index)), index])


def _transformed(values: Array, recipe: Recipe, location: Array, spread: Array) -> Array:
    """`rank` is a patient's rank among the cohort's, gene by gene; `rank_mean` ranks a patient's genes."""
    if recipe.transform == "z":
        values = (values - location) / spread
    elif recipe.transform == "rank":
        values = rankdata(values, axis=0) / len(values)
    else:
        values = values - location
    if recipe.aggregator == "rank_mean":
        values = rankdata(values, axis=1) / values.shape[1]
    return values


def _alike(train: Tensor, seed_gene: int) -> Array:
    norms = train.norm(dim=1)
    found: Any = (train @ train[seed_gene] / (norms * norms[seed_gene]).clamp_min(1e-300)).abs()
    alike: Array = found.cpu().numpy()
    return alike
