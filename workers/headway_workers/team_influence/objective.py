"""The objective team-influence: how well the next influence matrix of an unknown team is predicted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headway.wire.base import Params
from headway.wire.space import Boolean, Categorical, Float, Int, When
from headway.wire.study import Objective as Goal
from headway_workers.contract import (
    Evaluation,
    FidelityAxis,
    Metric,
    Objective,
    Report,
    overdue,
    silent,
)
from headway_workers.team_influence.dynamics import Dynamics
from headway_workers.team_influence.features import GROUPS, Transitions
from headway_workers.team_influence.folds import by_item, by_team
from headway_workers.team_influence.linear import Penalty
from headway_workers.team_influence.mlp import Recipe
from headway_workers.team_influence.predictors import Settings, TimeIsUp, predictions
from headway_workers.team_influence.scores import (
    divergence,
    most_influential,
    simplex_error,
    squared_errors,
)
from headway_workers.team_influence.simulator import Simulation, simulate
from headway_workers.team_influence.teams import Array, Teams
from headway_workers.team_influence.text import SentenceChannel, TextChannel, TfidfChannel
from headway_workers.team_influence.transcript_files import read

TEAMS = 31
"""As many as the paper has complete."""
FRESH = 31
"""Simulated teams that only the audit sees."""
HELD_OUT = 0.25
"""Share of a user's teams that only the audit sees."""
ATTRACTS = 1.9
"""Bound on r + g: from 2 on, the dynamics of identical performers have no attracting fixed point."""

TRANSCRIPTS = "HEADWAY_TEAM_TRANSCRIPTS"
SENTENCE_MODEL = "HEADWAY_SENTENCE_MODEL"

_LINEAR, _MLP, _FITTED = (When("model", models) for models in (("linear",), ("mlp",), ("linear", "mlp")))


class TeamInfluence(Objective):
    """Mean squared error of the next reported influence matrix, in cross-validation by team.

    31 simulated teams of four over nine issues, or a user's transcripts, which the problem's seed fixes
    with the folds. Every model starts from the dynamics (our reconstruction); `linear` and `mlp` learn a
    correction from the features that are switched on. The evaluation's seed draws the perceptron's weights,
    batches and dropout, and nothing else. One core: 0.03 s (drp), 0.3 s (linear), 3 to 15 s (mlp).
    """

    name = "team-influence"
    summary = "Team-grouped cross-validated error of predicted influence matrices in small teams."
    parameters = (
        Categorical(("drp", "linear", "mlp"), name="model"),
        Float(0.0, 1.0, name="a"),
        Float(0.0, 1.0, name="r"),
        Float(0.0, 1.0, name="g"),
        Float(0.5, 4.0, name="eta"),
        Float(0.0, 3.0, name="kappa"),
        Float(0.0, 1.0, name="u"),
        Float(0.5, 1.0, name="perf_memory"),
        Categorical(("ridge", "l1"), when=_LINEAR, name="penalty"),
        Float(1e-5, 1e2, log=True, when=_LINEAR, name="strength"),
        Int(8, 128, log=True, when=_MLP, name="width"),
        Int(1, 3, when=_MLP, name="depth"),
        Float(0.0, 0.6, when=_MLP, name="dropout"),
        Float(1e-4, 1e-2, log=True, when=_MLP, name="learning_rate"),
        Float(1e-6, 1e-2, log=True, when=_MLP, name="weight_decay"),
        *(Boolean(when=_FITTED, name=f"use_{group}") for group in GROUPS),
        Boolean(when=_FITTED, name="augmentation"),
    )
    linear_constraints = (f"r + g <= {ATTRACTS}",)
    goals = (Goal(name="mse", goal="minimize"),)
    outcome_constraints = ("simplex_error <= 1e-9",)
    fidelity = FidelityAxis("teams", 2, TEAMS)
    data = (
        f"simulated teams; or a folder of transcripts ({TRANSCRIPTS}), and sentence embeddings by a model on "
        f"disk ({SENTENCE_MODEL})"
    )

    def __init__(
        self, problem_seed: int = 0, *, transcripts: Path | None = None, sentence_model: Path | None = None
    ) -> None:
        self.problem_seed = problem_seed
        self.transcripts = transcripts
        self.sentence_model = sentence_model

    @cached_property
    def population(self) -> tuple[Teams, Teams]:
        """The teams that the optimiser sees, and those that only the audit does.

        Raises:
            TranscriptError: the user's transcripts can't be read.
        """
        rng = np.random.default_rng([self.problem_seed, 5])
        if self.transcripts is None:
            seen, unseen = (simulate(Simulation(), count, rng).teams() for count in (TEAMS, FRESH))
            return seen, unseen
        teams = read(self.transcripts).teams()
        order = rng.permutation(len(teams))
        kept = len(teams) - round(HELD_OUT * len(teams))
        return teams[order[:kept]], teams[order[kept:]]

    @cached_property
    def channel(self) -> TextChannel:
        """What embeds messages."""
        return TfidfChannel() if self.sentence_model is None else SentenceChannel(self.sentence_model)

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
        """Five folds by team of the first `fidelity` teams; rungs are the teams tested so far."""
        settings = settings_of(params)
        if settings.dynamics.r + settings.dynamics.g > ATTRACTS + 1e-9:
            return Evaluation(status="infeasible", reason=f"r + g is above {ATTRACTS}.")
        plan = _Plan.over(*self.population, settings.dynamics.memory, fidelity, self.problem_seed)
        found = predictions(
            settings,
            plan.rows,
            plan.splits,
            channel=self.channel,
            seed=seed,
            device=device,
            late=partial(overdue, deadline),
        )
        outcomes: list[_Outcome] = []
        try:
            for (_, test), predicted in zip(plan.splits, found, strict=True):
                if not np.isfinite(predicted).all():
                    return Evaluation(
                        status="diverged", reason=f"The {settings.model}'s training left the finite numbers."
                    )
                outcomes.append(_Outcome.of(predicted, plan.rows, test))
                if len(outcomes) <= plan.folds:
                    tested = sum(outcome.teams for outcome in outcomes)
                    report(tested, float(np.mean([outcome.mse for outcome in outcomes])))
        except TimeIsUp:
            return Evaluation(status="timeout", reason=f"Time was up after {len(outcomes)} fits.")
        return _evaluation(outcomes, plan)


def from_environment() -> TeamInfluence:
    """On the transcripts and with the sentence model that the environment names, if it does."""
    paths = [os.environ.get(name) for name in (TRANSCRIPTS, SENTENCE_MODEL)]
    transcripts, model = (Path(path) if path else None for path in paths)
    return TeamInfluence(transcripts=transcripts, sentence_model=model)


def settings_of(params: Params) -> Settings:
    """The model that a point of the space stands for."""
    dynamics = Dynamics(
        *(float(params[name]) for name in ("a", "r", "g", "eta", "kappa", "u", "perf_memory"))
    )
    model = params["model"]
    if model == "drp":
        return Settings("drp", dynamics)
    groups = tuple(group for group in GROUPS if params[f"use_{group}"])
    augmented = bool(params["augmentation"])
    if model == "linear":
        penalty: Penalty = "l1" if params["penalty"] == "l1" else "ridge"
        return Settings(
            "linear", dynamics, groups, augmented, penalty=penalty, strength=float(params["strength"])
        )
    recipe = Recipe(
        width=int(params["width"]),
        depth=int(params["depth"]),
        dropout=float(params["dropout"]),
        learning_rate=float(params["learning_rate"]),
        weight_decay=float(params["weight_decay"]),
    )
    return Settings("mlp", dynamics, groups, augmented, recipe=recipe)


@dataclass(frozen=True)
class _Plan:
    """All fits of an evaluation: `folds` by team, as many by item, and one that the audit tests."""

    rows: Transitions
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]]
    folds: int

    @classmethod
    def over(cls, seen: Teams, unseen: Teams, memory: float, fidelity: int | None, seed: int) -> _Plan:
        seen = seen[: fidelity or len(seen)]
        rows = Transitions.of(seen + unseen, memory)
        selection = np.flatnonzero(rows.team < len(seen))
        grouped = by_team(rows.team[selection], seed)
        splits = grouped + by_item(rows.team[selection], seed)
        audit = np.flatnonzero(rows.team >= len(seen))
        if len(audit):
            splits.append((selection, audit))
        return cls(rows, splits, len(grouped))


@dataclass(frozen=True)
class _Outcome:
    """Scores of one split's test rows."""

    mse: float
    last: float
    """Of the last report as the prediction."""
    kl: float
    top: float
    simplex: float
    teams: int

    @classmethod
    def of(cls, predicted: Array, rows: Transitions, test: NDArray[np.intp]) -> _Outcome:
        target = rows.target[test]
        return cls(
            mse=float(squared_errors(predicted, target).mean()),
            last=float(squared_errors(rows.prev[test], target).mean()),
            kl=divergence(predicted, target),
            top=most_influential(predicted, target),
            simplex=simplex_error(predicted),
            teams=len(np.unique(rows.team[test])),
        )


def _evaluation(outcomes: list[_Outcome], plan: _Plan) -> Evaluation:
    grouped, itemwise = outcomes[: plan.folds], outcomes[plan.folds : 2 * plan.folds]
    errors = [outcome.mse for outcome in grouped]
    metrics = {
        "skill_over_last": Metric(1.0 - sum(errors) / sum(outcome.last for outcome in grouped), "selection"),
        "kl": Metric(float(np.mean([outcome.kl for outcome in grouped])), "selection"),
        "most_influential": Metric(float(np.mean([outcome.top for outcome in grouped])), "selection"),
        "mse_by_item": Metric(float(np.mean([outcome.mse for outcome in itemwise])), "diagnostic"),
    }
    if len(outcomes) > 2 * plan.folds:
        audit = outcomes[-1]
        metrics["mse_new_teams"] = Metric(audit.mse, "audit")
        metrics["skill_new_teams"] = Metric(1.0 - audit.mse / audit.last, "audit")
    return Evaluation(
        objectives={"mse": float(np.mean(errors))},
        noise={"mse": float(np.std(errors, ddof=1)) / len(errors) ** 0.5},
        constraints={"simplex_error": max(outcome.simplex for outcome in outcomes)},
        metrics=metrics,
    )
