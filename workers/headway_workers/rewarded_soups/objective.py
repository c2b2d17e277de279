"""The objective rewarded-soups: what a soup of two fine-tunes covers, against what the fine-tunes cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from headway.wire.base import Params
from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal
from headway.wire.study import Objective as Goal
from headway.wire.study import Policy as StudyPolicy
from headway_workers.contract import (
    Evaluation,
    FidelityAxis,
    Metric,
    Objective,
    Report,
    overdue,
    silent,
)
from headway_workers.rewarded_soups.connectivity import margins
from headway_workers.rewarded_soups.fronts import best_weighted, hypervolume
from headway_workers.rewarded_soups.interpolation import segment
from headway_workers.rewarded_soups.text.evaluation import Scores, along, hypervolume_error, scores
from headway_workers.rewarded_soups.text.fine_tunes import TimeIsUp, fine_tuned
from headway_workers.rewarded_soups.text.pairs import PAIRS, Pair
from headway_workers.rewarded_soups.text.reinforce import TRAINABLE, Recipe

RUNGS = (20, 40, 80, 160, 320)
"""Steps at which a value is reported on the way."""
RUNG_POLICIES, RUNG_TEXTS = 3, 300
"""At a rung, the soup is sampled at three weights."""
TEXTS = 2_000
"""Of each policy of the final soup: a standard error of 0.007 for a reward that deviates by 0.3."""
DIVERGENCE_TEXTS = 300
PREFERENCES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class _Run:
    """One evaluation's fixed parts."""

    pair: Pair
    recipe: Recipe
    seed: int
    device: str


class RewardedSoups(Objective):
    """Hypervolume of the soups of two policies, each fine-tuned for one reward of a pair.

    The policy is a pretrained character language model, the rewards are a pretrained reaction model's and a
    lexicon's. Both ends have the same recipe and the evaluation's seed; nothing else is random. The
    hypervolume is measured above a reference that is fixed per pair, and so compares between recipes of one
    pair only: give the pair as context. One core: 1 to 6 minutes, or seconds where the fine-tunes are kept.
    """

    name = "rewarded-soups"
    summary = "Front of a soup of two fine-tuned language models, against the steps that they took."
    parameters = (
        Categorical(tuple(PAIRS), name="pair"),
        Float(1e-4, 3e-2, log=True, name="lr"),
        Float(1e-3, 1.0, log=True, name="kl_coef"),
        Int(20, 400, log=True, name="steps"),
        Ordinal((24, 48, 96), name="batch"),
        Float(0.5, 1.0, name="temperature"),
        Categorical(TRAINABLE, name="trainable"),
        Boolean(name="advantage_norm"),
        Int(5, 21, name="n_lambda"),
    )
    goals = (
        Goal(name="hypervolume", goal="maximize"),
        Goal(name="gradient_steps", goal="minimize"),
    )
    outcome_constraints = ("margin_in_errors >= -2", "kl <= 0.5")
    fidelity = FidelityAxis("steps", 20, 400)
    data = "networks of the MIT packages textgenrnn 2.0.0 and reactionrnn 0.1, fetched with pip at first use"
    budget = 30
    policy = StudyPolicy(lease_s=60.0, first_heartbeat_grace_s=60.0)

    def __init__(self, cache: Path | None = None, *, texts: int = TEXTS) -> None:
        self._cache, self._texts = cache, texts

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """Fine-tune both ends to 20, 40, 80 … of `fidelity` steps; a rung's value is its hypervolume.

        Raises:
            DataUnavailable: the pretrained networks can't be had.
        """
        run = _Run(PAIRS[str(params["pair"])], recipe_of(params), seed, device)
        most = fidelity or int(params["steps"])
        late = partial(overdue, deadline)
        for steps in (*(rung for rung in RUNGS if rung < most), most):
            try:
                ends = [
                    fine_tuned(
                        run.pair.task(preference, run.recipe, seed),
                        steps,
                        device=device,
                        cache=self._cache,
                        late=late,
                    )
                    for preference in (1.0, 0.0)
                ]
            except TimeIsUp:
                return Evaluation(status="timeout", reason=f"Time was up before both had {steps} steps.")
            except FloatingPointError as error:
                return Evaluation(status="diverged", reason=str(error))
            if steps < most:
                report(steps, _rung(run, ends))
        return self._evaluation(run, ends, most, int(params["n_lambda"]), report)

    def _evaluation(
        self, run: _Run, ends: list[dict[str, Tensor]], steps: int, policies: int, report: Report
    ) -> Evaluation:
        pair, weights = run.pair, np.array(segment(policies))
        found = along(ends, weights.tolist(), pair.names, texts=self._texts, seed=run.seed, device=run.device)
        values = np.stack([one.values for one in found])
        means = values.mean(axis=1)
        rng = np.random.default_rng([run.seed, 17])
        connected = margins(values[1:-1], values[[0, -1]], weights[1:-1], rng)
        volume = hypervolume(means, pair.reference)
        report(steps, volume)
        kl = max(_divergence(run, end) for end in ends)
        best = best_weighted(means, np.array([(mu, 1.0 - mu) for mu in PREFERENCES]))
        metrics = {
            f"best_at_{mu:g}": Metric(float(value), "selection")
            for mu, value in zip(PREFERENCES, best, strict=True)
        }
        # 1 where the soup adds nothing to its two ends.
        if (of_ends := hypervolume(means[[0, -1]], pair.reference)) > 0.0:
            metrics["hypervolume_over_ends"] = Metric(volume / of_ends, "selection")
        metrics["distinct_texts"] = Metric(min(one.distinct for one in found))
        metrics["smallest_margin"] = Metric(float(connected.mean.min()), "selection")
        return Evaluation(
            objectives={"hypervolume": volume, "gradient_steps": float(len(ends) * steps)},
            noise={"hypervolume": hypervolume_error(values, pair.reference, rng), "gradient_steps": 0.0},
            constraints={"margin_in_errors": _finite(connected.smallest_in_errors), "kl": kl},
            metrics=metrics,
        )


def recipe_of(params: Params) -> Recipe:
    """The fine-tune that a point of the space stands for."""
    return Recipe(
        learning_rate=float(params["lr"]),
        kl_coef=float(params["kl_coef"]),
        batch=int(params["batch"]),
        temperature=float(params["temperature"]),
        trainable=next(name for name in TRAINABLE if name == params["trainable"]),
        advantage_norm=bool(params["advantage_norm"]),
    )


def _rung(run: _Run, ends: list[dict[str, Tensor]]) -> float:
    weights = segment(RUNG_POLICIES)
    found = along(ends, weights, run.pair.names, texts=RUNG_TEXTS, seed=run.seed, device=run.device)
    return hypervolume(np.stack([_means(one) for one in found]), run.pair.reference)


def _divergence(run: _Run, end: dict[str, Tensor]) -> float:
    texts = DIVERGENCE_TEXTS
    return scores(
        end, run.pair.names, texts=texts, seed=run.seed, device=run.device, divergence=True
    ).divergence


def _means(found: Scores) -> np.ndarray:
    means: np.ndarray = found.values.mean(axis=0)
    return means


def _finite(margin: float) -> float:
    """A margin in errors that has none, between policies that always say the same, as a large number."""
    return float(np.clip(margin, -1e6, 1e6))
