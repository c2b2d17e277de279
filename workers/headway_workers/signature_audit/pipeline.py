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
from headway_workers.signature_audit.gene_sets import ROWS, principal_weights
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
class Fitted:
    """What training patients decide; `score` applies it to any patients."""

    recipe: Recipe
    eligible: NDArray[np.intp]
    """Columns that pass the variance filter."""
    chosen: NDArray[np.intp]
    """Places in `eligible`, best first, shape (k,)."""
    cox_z: Array
    """Of every eligible gene, shape (E,)."""
    train: Tensor
    """Transformed training expression of the eligible genes, shape (E, n)."""
    location: Array
    spread: Array
    survival: Survival
    """Of the training patients."""
    device: str

    def weights(self, sets: Tensor) -> Tensor:
        """Weights of gene sets fitted as the signature's own are, shape (B, k)."""
        if self.recipe.aggregator == "pc1":
            return principal_weights(self.train, sets)
        if self.recipe.aggregator == "coxnet":
            return self._elastic_net(sets)
        z = torch.as_tensor(self.cox_z, device=self.device)[sets]
        return (
            z
            if self.recipe.aggregator == "cox_weighted"
            else torch.where(z < 0, -torch.ones_like(z), torch.ones_like(z))
        )

    def _elastic_net(self, sets: Tensor) -> Tensor:
        """Of genes in units of their standard deviations, which the penalty treats alike."""
        likelihood = PartialLikelihood(self.survival, self.device)
        scale = self.train.std(dim=1, correction=0).clamp_min(1e-12)
        block = max(1, ROWS // (sets.shape[1] * self.train.shape[1]))
        parts = []
        for some in torch.split(sets, block):
            genes = self.train[some] / scale[some][:, :, None]
            found = coefficients(genes, likelihood, self.recipe.alpha, self.recipe.l1_ratio)
            parts.append(found / scale[some])
        return torch.cat(parts)

    def transformed(self, cohort: Cohort) -> Tensor:
        """Expression of the eligible genes, shape (E, n)."""
        values = _transformed(cohort.values[:, self.eligible], self.recipe, self.location, self.spread)
        return torch.as_tensor(values.T.copy(), device=self.device)


def fit(recipe: Recipe, cohort: Cohort, device: str = "cpu") -> Fitted:
    """Filter by variance, rank, choose."""
    spread = cohort.values.std(axis=0)
    eligible = np.flatnonzero((spread >= np.quantile(spread, recipe.var_filter_q)) & (spread > 0))
    location, spread = cohort.values[:, eligible].mean(axis=0), spread[eligible]
    train = torch.as_tensor(
        _transformed(cohort.values[:, eligible], recipe, location, spread).T.copy(), device=device
    )
    train = train - train.mean(dim=1, keepdim=True)
    z = CoxScore(cohort.survival, device=device)(train).cpu().numpy()
    rank: Array = np.abs(z)
    if recipe.rank_by == "variance":
        rank = spread
    elif recipe.rank_by == "correlation_to_seed_gene":
        rank = _alike(train, int(rank.argmax()))
    chosen = np.argsort(-rank, kind="stable")[: recipe.k]
    return Fitted(recipe, eligible, chosen, z, train, location, spread, cohort.survival, device)


def finished(train: Tensor, test: Tensor, recipe: Recipe, of_train: Cohort, of_test: Cohort) -> Tensor:
    """Raw scores (B, n) of test patients, adjusted, split at the training patients' quantiles, and turned so
    that a higher one was a higher risk in training.
    """
    train, test = _adjusted(train, test, recipe, of_train, of_test)
    sign = torch.where(CoxScore(of_train.survival, device=str(train.device))(train) < 0, -1.0, 1.0)
    train, test = train * sign[:, None], test * sign[:, None]
    if recipe.split == "continuous":
        return test
    shares = {"median": (0.5,), "tertile": (1.0 / 3.0, 2.0 / 3.0)}[recipe.split]
    cuts = torch.quantile(train, torch.tensor(shares, dtype=train.dtype, device=train.device), dim=1)
    return torch.stack([(test > cut[:, None]).to(test.dtype) for cut in cuts]).sum(dim=0)


def _adjusted(
    train: Tensor, test: Tensor, recipe: Recipe, of_train: Cohort, of_test: Cohort
) -> tuple[Tensor, Tensor]:
    """Residuals of a regression on covariates that is fitted to the training patients."""
    if recipe.adjust == "none":
        return train, test
    known, new = (_covariates(recipe, one, of_train) for one in (of_train, of_test))
    A, B = (torch.as_tensor(one, dtype=train.dtype, device=train.device) for one in (known, new))
    slopes = torch.linalg.lstsq(A, train.T).solution
    return train - (A @ slopes).T, test - (B @ slopes).T


def _covariates(recipe: Recipe, cohort: Cohort, of_train: Cohort) -> Array:
    if recipe.adjust == "age+grade":
        assert cohort.covariates is not None
        return np.column_stack([np.ones(len(cohort.survival)), cohort.covariates])
    X, known = cohort.values[:, cohort.proliferation], of_train.values[:, cohort.proliferation]
    meta = ((X - known.mean(axis=0)) / known.std(axis=0)).mean(axis=1)
    return np.column_stack([np.ones(len(meta)), meta])


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
