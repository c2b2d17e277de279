"""What an archive of a study must hold true, so that what is imported is a study as this server keeps it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TypeVar

from headway.wire.archive import Archive, ArchivedAudit, ArchivedContents, ArchivedTrial
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
    spaces = [check_definition(one.study.definition) for one in (archive, *archive.companions)]
    wrong: list[FieldError] = []
    for fault in _all_faults(archive, spaces):
        wrong.append(fault)
        if len(wrong) == MOST_NAMED:
            break
    if wrong:
        raise InvalidArchive.over(wrong)


def _all_faults(archive: Archive, spaces: list[SearchSpace]) -> Iterator[FieldError]:
    yield from _faults(archive, spaces[0])
    for index, (companion, space) in enumerate(zip(archive.companions, spaces[1:], strict=True)):
        for fault in _faults(companion, space):
            yield fault.model_copy(update={"pointer": f"/companions/{index}{fault.pointer}"})
    yield from _audit_faults(archive)
    yield from _companion_faults(archive)


def _audit_faults(archive: Archive) -> Iterator[FieldError]:
    for index, audit in enumerate(archive.audits):
        if audit.number != index + 1:
            yield _fault(f"/audits/{index}/number", f"{audit.number} stands where {index + 1} belongs.")
        if audit.completed_at is None and index + 1 < len(archive.audits):
            yield _fault(f"/audits/{index}/completed_at", "Only the last audit can be running.")
        if len(audit.searches) != audit.request.null_campaigns:
            yield _fault(
                f"/audits/{index}/searches",
                f"There are {len(audit.searches)} random searches; {audit.request.null_campaigns} were asked "
                "for.",
            )
        for place, point in enumerate(audit.points):
            if point.trial > len(archive.trials):
                yield _fault(f"/audits/{index}/points/{place}/trial", f"There is no trial {point.trial}.")
    if (digest := _first_repeated([audit.digest for audit in archive.audits])) is not None:
        yield _fault("/audits", f"Two audits have the digest {digest}.")


def _companion_faults(archive: Archive) -> Iterator[FieldError]:
    names = [one.study.definition.name for one in archive.companions]
    if (name := _first_repeated([archive.study.definition.name, *names])) is not None:
        yield _fault("/companions", f"Two studies are called {name!r}.")
    named = {name for audit in archive.audits for name in _companions(audit)}
    for index, name in enumerate(names):
        if name not in named:
            yield _fault(f"/companions/{index}", f"No audit names the study {name!r}.")


def _companions(audit: ArchivedAudit) -> Iterator[str | None]:
    yield audit.replicates
    for slot in audit.searches:
        yield slot.search
        yield slot.replicates


def _faults(archive: ArchivedContents, space: SearchSpace) -> Iterator[FieldError]:
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
    yield from _space_faults(archive)
    names = [trial.client_id for trial in archive.trials if trial.client_id is not None]
    if (name := _first_repeated(names)) is not None:
        yield _fault("/trials", f"Two trials have the client_id {name!r}.")
    seqs = [seen.seq for trial in archive.trials for seen in trial.observations]
    if (seq := _first_repeated(seqs)) is not None:
        yield _fault("/trials", f"Two observations have the seq {seq}.")
    yield from _measurement_faults(archive)
    for index, trial in enumerate(archive.trials):
        pointer = f"/trials/{index}"
        if trial.number != index + 1:
            yield _fault(f"{pointer}/number", f"{trial.number} stands where {index + 1} belongs.")
        for where, said in _trial_faults(trial, study.space_version, study.last_seq, space):
            yield _fault(f"{pointer}{where}", said)
    yield from _event_faults(archive)


def _space_faults(archive: ArchivedContents) -> Iterator[FieldError]:
    study = archive.study
    versions = [one.version for one in archive.spaces]
    if versions != ([] if study.space_version == 1 else list(range(1, study.space_version + 1))):
        yield _fault("/spaces", f"The versions are {versions}; the present one is {study.space_version}.")
    elif versions and archive.spaces[-1].space != study.definition.space:
        yield _fault(f"/spaces/{len(versions) - 1}", "The last version is not the study's space.")


def _event_faults(archive: ArchivedContents) -> Iterator[FieldError]:
    last = archive.study.last_seq
    for index, event in enumerate(archive.events):
        if event.seq > last or (index and event.seq <= archive.events[index - 1].seq):
            yield _fault(f"/events/{index}/seq", f"{event.seq} is not in order up to {last}.")


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
        points = [trial.params, *(seen.params for seen in trial.observations if not seen.outside)]
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


def _measurement_faults(archive: ArchivedContents) -> Iterator[FieldError]:
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
