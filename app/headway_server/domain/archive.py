"""What an archive of a study must hold true, so that what is imported is a study as this server keeps it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TypeVar

from headway.wire.archive import Archive, ArchivedTrial
from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway_server.domain.errors import InvalidArchive, InvalidRequest
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import check_definition

T = TypeVar("T", bound=Hashable)

MOST_NAMED = 20
"""Faults that an error names; a document that was cut has thousands."""


def check_archive(archive: Archive) -> None:
    """Refuse a document that breaks a promise of the tables.

    Raises:
        InvalidArchive: naming what contradicts what.
        what `check_definition` raises.
    """
    space = check_definition(archive.study.definition)
    wrong: list[FieldError] = []
    for fault in _faults(archive, space):
        wrong.append(fault)
        if len(wrong) == MOST_NAMED:
            break
    if wrong:
        raise InvalidArchive.over(wrong)


def _faults(archive: Archive, space: SearchSpace) -> Iterator[FieldError]:
    study = archive.study
    if study.budget is not None and study.trials_created > study.budget:
        yield _fault(
            "/study/trials_created", f"{study.trials_created} trials exceed the budget of {study.budget}."
        )
    if len(archive.trials) != study.trials_created + study.trials_imported:
        yield _fault(
            "/trials",
            f"There are {len(archive.trials)} trials; the study counts {study.trials_created} created and "
            f"{study.trials_imported} imported.",
        )
    names = [trial.client_id for trial in archive.trials if trial.client_id is not None]
    if (name := _first_repeated(names)) is not None:
        yield _fault("/trials", f"Two trials have the client_id {name!r}.")
    seqs = [seen.seq for trial in archive.trials for seen in trial.observations]
    if (seq := _first_repeated(seqs)) is not None:
        yield _fault("/trials", f"Two observations have the seq {seq}.")
    for index, trial in enumerate(archive.trials):
        pointer = f"/trials/{index}"
        if trial.number != index + 1:
            yield _fault(f"{pointer}/number", f"{trial.number} stands where {index + 1} belongs.")
        for where, said in _trial_faults(trial, study.space_version, study.last_seq, space):
            yield _fault(f"{pointer}{where}", said)
    yield from _measurement_faults(archive)
    for index, event in enumerate(archive.events):
        if event.seq > study.last_seq or (index and event.seq <= archive.events[index - 1].seq):
            yield _fault(f"/events/{index}/seq", f"{event.seq} is not in order up to {study.last_seq}.")


def _trial_faults(
    trial: ArchivedTrial, space_version: int, last_seq: int, space: SearchSpace
) -> Iterator[tuple[str, str]]:
    live = [attempt.number for attempt in trial.attempts if attempt.ended_at is None]
    if live != ([] if trial.live_attempt is None else [trial.live_attempt]):
        yield "/live_attempt", f"It is {trial.live_attempt}; the attempts without an end are {live}."
    if (trial.state == "leased") != (trial.live_attempt is not None):
        yield "/state", f"{trial.state} contradicts live_attempt = {trial.live_attempt}."
    if (trial.state == "reserved") != (trial.reserved_until is not None):
        yield "/state", f"{trial.state} contradicts reserved_until = {trial.reserved_until}."
    if trial.params is None and trial.state not in ("reserved", "queued"):
        yield "/params", f"A trial that is {trial.state} has a point."
    if (trial.params is None) != (trial.origin is None):
        yield "/origin", "A point and its receipt come together."
    yield from _attempt_faults(trial)
    yield from _observation_faults(trial, last_seq)
    for k, change in enumerate(trial.history):
        if change.seq > last_seq or (k and change.seq <= trial.history[k - 1].seq):
            yield f"/history/{k}/seq", f"{change.seq} is not in order up to {last_seq}."
    if trial.space_version > space_version:
        yield "/space_version", f"{trial.space_version} is newer than the study's, {space_version}."
    elif trial.space_version == space_version:
        points = [trial.params, *(seen.params for seen in trial.observations)]
        yield from (("/params", said) for said in _points_outside(points, space))


def _attempt_faults(trial: ArchivedTrial) -> Iterator[tuple[str, str]]:
    for k, attempt in enumerate(trial.attempts):
        if attempt.number != k + 1:
            yield f"/attempts/{k}/number", f"{attempt.number} stands where {k + 1} belongs."
        if (attempt.ended_at is None) != (attempt.ended_by is None):
            yield f"/attempts/{k}/ended_by", f"{attempt.ended_by} contradicts ended_at = {attempt.ended_at}."


def _observation_faults(trial: ArchivedTrial, last_seq: int) -> Iterator[tuple[str, str]]:
    if (twice := _first_repeated([seen.attempt for seen in trial.observations])) is not None:
        yield "/observations", f"Attempt {twice} has two results."
    for k, seen in enumerate(trial.observations):
        if seen.attempt > len(trial.attempts):
            yield f"/observations/{k}/attempt", f"There is no attempt {seen.attempt}."
        if seen.seq > last_seq:
            yield f"/observations/{k}/seq", f"{seen.seq} comes after the last event, {last_seq}."
        if (seen.outcome == "completed") != (seen.value is not None):
            yield f"/observations/{k}/value", f"{seen.value} contradicts the outcome {seen.outcome}."


def _measurement_faults(archive: Archive) -> Iterator[FieldError]:
    attempts = {(trial.number, attempt.number) for trial in archive.trials for attempt in trial.attempts}
    for index, one in enumerate(archive.measurements):
        if (one.trial, one.attempt) not in attempts:
            yield _fault(f"/measurements/{index}", f"Trial {one.trial} has no attempt {one.attempt}.")
    places = [(one.trial, one.attempt, one.step) for one in archive.measurements]
    if (place := _first_repeated(places)) is not None:
        yield _fault("/measurements", "Trial {}, attempt {} has two of step {}.".format(*place))


def _points_outside(points: list[Params | None], space: SearchSpace) -> Iterator[str]:
    for point in points:
        if point is None:
            continue
        try:
            space.check(point)
        except InvalidRequest as error:
            yield error.fields[0].message


def _first_repeated(values: list[T]) -> T | None:
    seen: set[T] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _fault(pointer: str, message: str) -> FieldError:
    return FieldError(
        pointer=pointer, message=message, hint="Send the document as it was exported, or export it again."
    )
