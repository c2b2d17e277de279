"""The pull agent: ask for a trial, evaluate it, report it, until the study is done."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from types import TracebackType
from typing import Protocol

from threadpoolctl import threadpool_limits

from headway import Client, Study
from headway.errors import NotFound
from headway.wire.base import Params
from headway.wire.measured import MeasuredValue
from headway.wire.study import StudyDefinition
from headway_workers import registry
from headway_workers.contract import Evaluation, Objective, Status

PROPERTY_OF_THE_POINT: frozenset[Status] = frozenset({"infeasible", "diverged"})
"""Reported as infeasible, for the model to learn from. A timeout, or a solver that gave up, may be the
machine's fault, and is reported as failed."""

DIFFERENCES = {
    "space": "another space",
    "objectives": "other objectives",
    "outcome_constraints": "other outcome constraints",
}
"""Fields of a definition in which a study may not differ from its objective's declaration."""


class StudyMismatch(ValueError):
    """A study of that name exists, and asks for something else than this objective evaluates."""


class Given(Protocol):
    """A trial as the agent needs it."""

    @property
    def params(self) -> Params: ...
    @property
    def seed(self) -> int: ...
    def __enter__(self) -> object: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...
    def report(self, step: int, **metrics: float) -> None: ...
    def finish(self, value: dict[str, MeasuredValue]) -> object: ...
    def infeasible(self, message: str = "", reason: str | None = None) -> object: ...
    def fail(self, message: str, reason: str | None = None) -> object: ...


def work(
    name: str,
    *,
    study: str | None = None,
    audit: str | None = None,
    url: str,
    worker: str | None = None,
    max_trials: int | None = None,
) -> int:
    """Evaluate the named objective for a study until that is done; the number of trials evaluated.

    The study is created from the objective's declaration where it doesn't exist. The client keeps the
    lease alive, and a SIGTERM hands the trial back before the process ends.

    Args:
        name: the objective's.
        study: the study; by default the one named like the objective.
        audit: a study whose newest audit is served, all studies of it, in place of a study.
        url: the server.
        worker: how the study calls this worker.
        max_trials: stop after so many.

    Raises:
        UnknownObjective: naming those that are known.
        StudyMismatch: the study's space or objective is another.
        NotFound: the study has not been audited.
    """
    objective = registry.objective(name)
    with Client(url) as client, threadpool_limits(1):
        if audit is not None:
            audited = client.study(audit)
            _require_same(audited.definition, objective.definition(audit), objective)
            return run(objective, audited.last_audit().trials(worker), max_trials)
        trials = join(client, objective, study).trials(worker=worker)
        return run(objective, trials, max_trials)


def run(objective: Objective, trials: Iterable[Given], max_trials: int | None = None) -> int:
    """Evaluate the objective at each trial and report what it found; the number of trials evaluated."""
    done = 0
    for trial in trials:
        with trial:
            report = partial(_report_rung, trial, objective.goals[0].name)
            tell(trial, objective.evaluate(trial.params, seed=trial.seed, report=report))
        done += 1
        if done == max_trials:
            break
    return done


def tell(trial: Given, evaluation: Evaluation) -> None:
    """Finish a trial as its evaluation ended: with what was measured, or the reason why there is nothing."""
    if evaluation.status == "ok":
        trial.finish(measured(evaluation))
    elif evaluation.status in PROPERTY_OF_THE_POINT:
        trial.infeasible(evaluation.reason, evaluation.status)
    else:
        trial.fail(evaluation.reason, evaluation.status)


def measured(evaluation: Evaluation) -> dict[str, MeasuredValue]:
    """Everything that an evaluation measured, by name: objectives, constraints and metrics."""
    seen = {**evaluation.objectives, **evaluation.constraints}
    found = {
        name: MeasuredValue(value=value, std_error=evaluation.noise.get(name), role="selection")
        for name, value in seen.items()
    }
    for name, metric in evaluation.metrics.items():
        found[name] = MeasuredValue(value=metric.value, role=metric.role)
    return found


def _report_rung(trial: Given, name: str, step: int, value: float) -> None:
    trial.report(step, **{name: value})


def join(client: Client, objective: Objective, name: str | None = None, budget: int | None = None) -> Study:
    """The study of that name, created from the objective's declaration where there is none.

    Raises:
        StudyMismatch: naming what differs.
    """
    definition = objective.definition(name, budget=budget)
    try:
        study = client.study(definition.name)
        found = study.view().definition
    except NotFound:
        return client.define(definition)
    _require_same(found, definition, objective)
    return study


def _require_same(found: StudyDefinition, declared: StudyDefinition, objective: Objective) -> None:
    """Refuse a study that asks for something else than the objective evaluates.

    Raises:
        StudyMismatch: naming what differs.
    """
    for field, other in DIFFERENCES.items():
        if getattr(found, field) != getattr(declared, field):
            raise StudyMismatch(
                f"The study {found.name!r} is not one of {objective.name}: it has {other}. "
                "Work for a study under another name."
            )
