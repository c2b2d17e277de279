"""What is changed about a trial after the fact, under the rule that nothing is forgotten: its history says
what was there before.

A result's numbers may be corrected, and a trial excluded: its results count no more then, present and late
ones, but its number and its place in the budget stay taken. Either alters what the model has learnt from, so
the study's data get a new revision, and every posterior and fit of an older one is void.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headway.wire.amendments import TrialChange, TrialPatch, TrialSnapshot
from headway.wire.measured import MeasuredValue
from headway_server.domain.errors import IllegalTransition, ValidationFailed
from headway_server.domain.measured import measured_metrics
from headway_server.domain.observation import Observation
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial


@dataclass(frozen=True)
class Amendment:
    """Who changes a trial, when, and under which event number."""

    seq: int
    actor: str
    now: datetime


def amend(study: Study, trial: Trial, patch: TrialPatch, by: Amendment) -> TrialChange | None:
    """Change what the patch names, and note it in the trial's history; None where all of it is so already.

    Args:
        study: locked; its data get a new revision where the engine's are no longer right.
        trial: one of its trials.
        patch: what is to change.
        by: goes into the history.

    Raises:
        ValidationFailed: a correction or an exclusion without a reason, a metric without the study's
            objective, or an attempt that has no result.
        NotFinite: a corrected number is NaN or infinite.
        IllegalTransition: a result without a value is to be corrected.
    """
    was: dict[str, object] = {}
    became: dict[str, object] = {}
    if patch.note is not None and patch.note != trial.note:
        was["note"], became["note"] = trial.note, patch.note
    tags = trial.tags if patch.tags is None else tuple(dict.fromkeys(patch.tags))
    if tags != trial.tags:
        was["tags"], became["tags"] = trial.tags, tags
    if patch.excluded is not None and patch.excluded != trial.excluded:
        was["excluded"], became["excluded"] = trial.excluded, patch.excluded
    corrected = None if patch.metrics is None else _corrected(study, trial, patch)
    if corrected is not None:
        seen, measured = corrected
        changed = [name for name, metric in measured.items() if seen.metrics.get(name) != metric]
        if changed:
            was["metrics"] = {name: seen.metrics.get(name) for name in changed}
            became["metrics"] = {name: measured[name] for name in changed}
    if not became:
        return None
    _require_reason(patch, became)
    if corrected is not None and "metrics" in became:
        seen, measured = corrected
        first = measured[study.objective.name]
        seen.metrics, seen.value, seen.std_error = measured, first.value, first.std_error
    trial.note = trial.note if patch.note is None else patch.note
    trial.tags = tags
    trial.excluded = trial.excluded if patch.excluded is None else patch.excluded
    trial.updated_at = by.now
    if trial.observations and became.keys() & {"excluded", "metrics"}:
        study.data_revision += 1
    change = TrialChange(
        seq=by.seq,
        at=by.now,
        actor=by.actor,
        reason=patch.reason,
        attempt=corrected[0].attempt if corrected is not None and "metrics" in became else None,
        was=TrialSnapshot.model_validate(was),
        became=TrialSnapshot.model_validate(became),
    )
    trial.history = (*trial.history, change)
    return change


def _corrected(study: Study, trial: Trial, patch: TrialPatch) -> tuple[Observation, dict[str, MeasuredValue]]:
    """The result that the patch corrects, and all its metrics with those of the patch, checked."""
    if patch.attempt is None:
        seen = trial.counting
        if seen is None:
            raise IllegalTransition(
                f"Trial {trial.number} is {trial.state} and has no value to correct. "
                "Exclude it, or name the `attempt` whose result is wrong."
            )
    else:
        seen = next((one for one in trial.observations if one.attempt == patch.attempt), None)
        if seen is None:
            attempts = ", ".join(str(one.attempt) for one in trial.observations) or "none"
            raise ValidationFailed.at(
                "/attempt",
                f"Attempt {patch.attempt} at trial {trial.number} has no result.",
                f"Those with one: {attempts}.",
            )
        if seen.outcome != "completed":
            raise IllegalTransition(
                f"Attempt {seen.attempt} at trial {trial.number} reported {seen.outcome}: "
                "there is no value to correct."
            )
    metrics = measured_metrics(study, seen.outcome, {**seen.metrics, **(patch.metrics or {})}, seen.params)
    return seen, metrics.metrics


def _require_reason(patch: TrialPatch, became: dict[str, object]) -> None:
    grave = [name for name in ("metrics", "excluded") if name in became]
    if grave and patch.reason is None:
        what = "A correction" if grave[0] == "metrics" else "A change of `excluded`"
        raise ValidationFailed.at("/reason", f"{what} has no reason.", "Say why: the history keeps it.")
