"""A study from a worker's and a reader's side."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import uuid4

from pydantic import ValidationError

from headway import calls
from headway.batches import Rows, requests_of, sum_of
from headway.best import BestTrial, Front
from headway.errors import ApiError, ConnectionFailed, ObjectiveKeepsFailing, StudyDeleted, ValidationFailed
from headway.preemption import Preempted, Preemption
from headway.results import ONE_TRY, Link
from headway.trials import Trial, Workplace
from headway.values import Number, Value, metrics_of
from headway.wire.amendments import TrialPatch
from headway.wire.base import ParamValue
from headway.wire.events import EventView
from headway.wire.explanation import ExplainRequest, Explanation
from headway.wire.measurement import MeasurementView
from headway.wire.model import ModelSummary
from headway.wire.observations import ImportResponse
from headway.wire.plot import Plot, PlotKind
from headway.wire.study import Convergence, Interval, StudyDefinition, StudyPatch, StudyState, StudyView
from headway.wire.trial import (
    FinishRequest,
    FinishResponse,
    ReleaseResponse,
    SuggestRequest,
    SuggestResponse,
    TrialState,
    TrialView,
)

log = logging.getLogger(__name__)

HELD_MS = 20_000
"""How long a waiting worker lets the server hold its question, milliseconds."""

HOPELESS_AFTER = 10
"""A worker whose first trials all failed gives up after so many, before it has spent the budget."""


@dataclass(frozen=True)
class Suggestions:
    """The trials that one question brought, and why there are fewer than asked for, if so."""

    trials: tuple[Trial, ...]
    status: Literal["ok", "wait", "done"]
    """`wait`: ask again after `retry_after_s`. `done`: there is nothing more to do."""
    reason: str | None
    retry_after_s: float | None

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    def __len__(self) -> int:
        return len(self.trials)

    def __getitem__(self, index: int) -> Trial:
        return self.trials[index]


class Study:
    """A handle on one study; made by `Client.study()` and `Client.create_study()`."""

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        view: StudyView | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._link = link
        self._first_view = view
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<Study {self.name} on {self._link.connection.base_url}>"

    @cached_property
    def definition(self) -> StudyDefinition:
        """What the study was created with. Read once: it never changes."""
        return (self._first_view or self.view()).definition

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return tuple(objective.name for objective in self.definition.objectives)

    def view(self) -> StudyView:
        """The study as the server has it now."""
        return self._link.ask(calls.read_study(self.name))

    def pause(self) -> StudyView:
        """Hand nothing out until `resume()`: workers wait, and what is under way goes on."""
        return self.change(state="paused")

    def resume(self) -> StudyView:
        """Hand out trials again.

        Raises:
            IllegalTransition: the budget is spent; raise it with `change(budget=…)`.
        """
        return self.change(state="running")

    def close(self) -> StudyView:
        """Hand nothing out any more: workers are told that the study is done. Results are still taken."""
        return self.change(state="completed")

    def delete(self, *, etag: str | None = None) -> None:
        """Delete the study with all its data. For 30 days its name stays taken, its workers are told to stop,
        and whatever asks for it gets `StudyDeleted`. One that is deleted already is none to complain about.

        Args:
            etag: delete it only if `view().etag` is still this; None: whatever it is.

        Raises:
            StaleEtag: it has another ETag: somebody has changed it since.
        """
        with suppress(StudyDeleted):  # an answer may be lost on its way, and the call repeated
            self._link.ask(calls.delete_study(self.name, etag))

    def change(
        self,
        *,
        state: StudyState | None = None,
        budget: int | None = None,
        notes: str | None = None,
        etag: str | None = None,
    ) -> StudyView:
        """Set the study's state, budget or notes; None: as it is.

        Args:
            state: `running`, `paused`, `completed` or `archived`.
            budget: how many trials may be handed out in all; not fewer than have been.
            notes: replace the ones that it has.
            etag: change it only if `view().etag` is still this; None: whatever it is.

        Raises:
            StaleEtag: it has another ETag: somebody has changed it since.
            ValidationFailed: the budget is less than what has been handed out.
        """
        try:
            patch = StudyPatch.model_validate({"state": state, "budget": budget, "notes": notes})
        except ValidationError as error:
            raise ValidationFailed.before_sending("The change to the study", error) from error
        return self._link.ask(calls.change_study(self.name, patch, etag))

    def trials(
        self,
        worker: str | None = None,
        lease_s: float | None = None,
        *,
        fixed: Mapping[str, ParamValue] | None = None,
        context: Mapping[str, ParamValue] | None = None,
    ) -> Iterator[Trial]:
        """Trials for this worker, one by one, until there is nothing more to do.

        Ends by itself when the study is done, and sleeps while it is told to wait. In the main thread
        SIGTERM gives the present trial back and ends the process in order (see `Preemption`).

        Args:
            worker: who asks, as others will see it; host, process and a random part by default.
            lease_s: how long the server waits for a sign of life, seconds; the study's policy by default.
            fixed: values that every trial of this worker has, e.g. what its machine can do.
            context: likewise, for what it finds rather than chooses.

        Raises:
            ConnectionFailed, ApiError: no suggestion within the client's patience.
            ObjectiveKeepsFailing: the first trials of this worker all failed.
        """
        objectives = self.objectives
        request = _request(
            worker=worker or this_worker(), lease_s=lease_s, wait_ms=HELD_MS, fixed=fixed, context=context
        )
        ever_worked, failures = False, 0
        with Preemption() as preemption:
            workplace = Workplace(self._link, self.name, objectives, preemption, carry_on=True)
            while True:
                preemption.check()
                call = calls.suggest(self.name, request)
                try:
                    answer = self._link.ask(call)
                    trials = [Trial(given, workplace) for given in answer.trials]
                except (Preempted, KeyboardInterrupt):
                    self._give_back(call, workplace)
                    raise
                if answer.status == "done":
                    log.info("study %s is done: %s", self.name, answer.reason)
                    return
                if answer.status == "wait":
                    log.debug("study %s: wait: %s", self.name, answer.reason)
                    self._sleep(answer.retry_after_s or 1.0)
                for trial in trials:
                    try:
                        yield trial
                    except GeneratorExit:  # the loop was left, maybe before the trial was begun
                        if preemption.requested and not trial.begun:
                            trial.release()
                        raise
                    ever_worked = ever_worked or trial.outcome != "failed"
                    failures += 1
                    if not ever_worked and failures >= HOPELESS_AFTER:
                        raise ObjectiveKeepsFailing(
                            f"The first {failures} trials of this worker all failed, so it stops before it "
                            f"has spent the budget of {self.name}. The last failure: {trial.error!r}."
                        ) from trial.error

    def suggest(
        self,
        count: int = 1,
        *,
        worker: str | None = None,
        lease_s: float | None = None,
        wait_s: float = 0.0,
        fixed: Mapping[str, ParamValue] | None = None,
        context: Mapping[str, ParamValue] | None = None,
        resume: bool = False,
    ) -> Suggestions:
        """Ask once for trials. Fewer than `count`, or none, is a normal answer.

        Args:
            count: 1 to 64.
            worker: who asks.
            lease_s: how long the lease lasts without a heartbeat, seconds: days, for a laboratory.
            wait_s: let the server hold a `wait` back for up to this long, seconds, at most 30.
            fixed: values that these trials must have; the others are optimised given them.
            context: likewise, for what the caller finds rather than chooses: the batch, the weather.
            resume: get the live leases of `worker` back, all of them, before anything new.
        """
        workplace = Workplace(self._link, self.name, self.objectives)
        request = _request(
            count=count,
            resume=resume,
            worker=worker,
            lease_s=lease_s,
            wait_ms=round(wait_s * 1000),
            fixed=fixed,
            context=context,
        )
        answer = self._link.ask(calls.suggest(self.name, request))
        trials = tuple(Trial(given, workplace) for given in answer.trials)
        return Suggestions(trials, answer.status, answer.reason, answer.retry_after_s)

    def _give_back(self, call: calls.Call[SuggestResponse], workplace: Workplace) -> None:
        """Give back what an interrupted request for trials has brought: its key finds that again."""
        try:
            answer = self._link.connection.send(calls.unheld(call), patience=ONE_TRY)
            for given in answer.trials:
                Trial(given, workplace).release()
        except (ApiError, ConnectionFailed) as error:
            log.warning("nothing was given back: %s; a lease that nobody renews ends by itself", error)

    def best(self) -> BestTrial | Front | None:
        """The best completed trial and the model's belief there; the front, where there are several
        objectives. None until a trial has completed that keeps the outcome constraints, at the target
        fidelity.
        """
        answer, objective = self._link.ask(calls.read_best(self.name)), self.objectives[0]
        if answer.front:
            trials = tuple(BestTrial(objective=objective, **dict(one)) for one in answer.front)
            return Front(trials, self.objectives)
        return None if answer.best is None else BestTrial(objective=objective, **dict(answer.best))

    def convergence(self) -> Convergence:
        """The incumbent's value, or the volume that the front dominates, after every completed trial."""
        return self._link.ask(calls.read_convergence(self.name))

    def model(self) -> ModelSummary:
        """What the model has learnt."""
        return self._link.ask(calls.read_model(self.name))

    def predict(self, points: Sequence[Mapping[str, ParamValue]]) -> tuple[Interval, ...]:
        """The posterior of the objective at each point, in order; up to 5,000 points."""
        plain = tuple(dict(point) for point in points)
        return self._link.ask(calls.predict(self.name, plain)).predictions

    def explain(
        self,
        trial: int | None = None,
        *,
        params: Mapping[str, ParamValue] | None = None,
        nearest: int = 5,
        alternatives: int = 3,
    ) -> Explanation:
        """Why a trial is where it is, or what the model thinks of any point: its score taken apart, the
        measured points that speak for it, and what else could have been chosen.

        Args:
            trial: its number.
            params: a point, in place of a trial.
            nearest: how many measured points to name, at most 50.
            alternatives: how many other points to name, at most 10.

        Raises:
            ValidationFailed: neither a trial nor a point is named, or both.
            EngineUnavailable: there are too few results for a model.
        """
        try:
            request = ExplainRequest(
                trial=trial,
                params=None if params is None else dict(params),
                nearest=nearest,
                alternatives=alternatives,
            )
        except ValidationError as error:
            raise ValidationFailed.before_sending("The question", error) from error
        return self._link.ask(calls.explain(self.name, request))

    def finish(self, number: int, result: FinishRequest) -> FinishResponse:
        """Report a trial whose number and token are all that is left of it, e.g. on paper.

        Raises:
            ConnectionFailed, ApiError: the result did not arrive; it is not in the spool.
        """
        return self._link.ask(calls.finish(self.name, number, result))

    def release(self, number: int, token: str) -> ReleaseResponse:
        """Give a trial back by its token: the next worker gets the same point.

        Raises:
            UnknownLease: the trial never had this token.
        """
        return self._link.ask(calls.release(self.name, number, token))

    def import_results(self, rows: Rows, *, dry_run: bool = False) -> ImportResponse:
        """Hand in results that were measured elsewhere, up to 5,000 a request. They cost no budget.

        Args:
            rows: records (mappings) or columns (a mapping of lists, a data frame), with a value for each
                parameter and each objective; `metric.std_error`, `outcome` (infeasible, failed), `reason`,
                `message` and `client_id` where there is something to say. Other columns are metrics, too.
                A row without a `client_id` gets one made of its content, so that a second import of it
                changes nothing; equal rows of one call count as replicates.
            dry_run: say what would become of each row, and change nothing.

        Raises:
            ValidationFailed, TypeError: a row can't be read, or is no mapping; nothing was sent.
            ConnectionFailed, ApiError: the requests before the failing one are imported; repeat the call.
        """
        definition = self.view().definition
        requests = requests_of(rows, definition, dry_run=dry_run)
        return sum_of([self._link.ask(calls.import_rows(self.name, one)) for one in requests])

    def export(self, layout: calls.ExportFormat = "json") -> bytes:
        """The study's data as a file: `csv` and `parquet` have a row a trial, `ndjson` a line a trial with
        its history; `json` is all of it, and `Client.import_study` makes a study of it again.

        Raises:
            NotAcceptable: the server can't write Parquet.
        """
        return self._link.ask(calls.export(self.name, layout)).content

    def trial(self, number: int) -> TrialView:
        """One trial with its attempts and results."""
        return self._link.ask(calls.read_trial(self.name, number))

    def change_trial(
        self,
        number: int,
        *,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        excluded: bool | None = None,
        value: Value | None = None,
        std_error: Number | None = None,
        attempt: int | None = None,
        reason: str | None = None,
    ) -> TrialView:
        """Note, tag, exclude or correct a trial; None: as it is. Its history keeps what was there.

        Args:
            number: the trial's.
            note: for people.
            tags: in place of those that it has.
            excluded: True: its results count no more, neither as data nor as the best; it keeps its number
                and its place in the budget.
            value: what should have been reported, as `Trial.finish` takes it.
            std_error: of the value.
            attempt: whose result is corrected; None: the one that stands for the trial.
            reason: why; needed for a correction and for an exclusion.

        Raises:
            ValidationFailed: there is no reason.
            IllegalTransition: there is no value to correct.
            TypeError, ValueError: the value is none.
        """
        named = {"note": note, "tags": tags, "excluded": excluded, "attempt": attempt, "reason": reason}
        metrics = None if value is None else metrics_of(value, self.objectives, std_error)
        try:
            patch = TrialPatch.model_validate({**named, "metrics": metrics})
        except ValidationError as error:
            raise ValidationFailed.before_sending("The change to the trial", error) from error
        return self._link.ask(calls.change_trial(self.name, number, patch))

    def measurements(self, number: int) -> Iterator[MeasurementView]:
        """What a trial reported while it ran, by attempt and step."""
        cursor: str | None = None
        while True:
            page = self._link.ask(calls.list_measurements(self.name, number, cursor))
            yield from page.measurements
            cursor = page.next_cursor
            if cursor is None:
                return

    def history(
        self,
        state: TrialState | None = None,
        *,
        worker: str | None = None,
        policy: str | None = None,
        updated_after: datetime | None = None,
        tag: str | None = None,
        excluded: bool | None = None,
    ) -> Iterator[TrialView]:
        """Every trial by number, with its receipt, attempts and results; or those that the filters let
        through, as `calls.TrialFilter` says.
        """
        chosen = calls.TrialFilter(state, worker, policy, updated_after, tag, excluded)
        cursor: str | None = None
        while True:
            page = self._link.ask(calls.list_trials(self.name, cursor, chosen))
            yield from page.trials
            cursor = page.next_cursor
            if cursor is None:
                return

    def events(self, after: int = 0) -> Iterator[EventView]:
        """What happened to the study, in order, after the event of this number, up to now."""
        cursor: str | None = str(after)
        while cursor is not None:
            page = self._link.ask(calls.list_events(self.name, cursor))
            yield from page.events
            cursor = page.next_cursor

    def plot(self, kind: PlotKind, max_points: int = 2000) -> Plot:
        """The columns that a plot is drawn from.

        Args:
            kind: `history`, `front` (of several objectives) or `parallel`.
            max_points: the most entries of a column (2 to 20,000); the best results are among them.
        """
        return self._link.ask(calls.read_plot(self.name, kind, max_points))

    def columns(
        self,
        state: TrialState | None = None,
        *,
        worker: str | None = None,
        policy: str | None = None,
        updated_after: datetime | None = None,
        tag: str | None = None,
        excluded: bool | None = None,
        fields: Sequence[str] = (),
        max_points: int | None = None,
    ) -> dict[str, list[object]]:
        """Every trial as columns of one length, as a data frame takes them; None where not known.

        Args:
            state: of this state only.
            worker: to which this worker made an attempt.
            policy: whose receipt names this one: `sobol`, `ucb`, `import` …
            updated_after: changed since.
            tag: with this tag.
            excluded: True: whose results count no more; False: the others.
            fields: columns beside `number`, such as `value`, `params.NAME`, `metrics.NAME`, `policy`; the
                state, the values and the parameters where none is named.
            max_points: an overview in one request, of at most so many entries (2 to 20,000): every incumbent
                is among them, and the lowest and highest of the rest.

        Raises:
            ValidationFailed: there is no column of this name.
        """
        chosen = calls.TrialFilter(state, worker, policy, updated_after, tag, excluded)
        columns: dict[str, list[object]] = {}
        cursor: str | None = None
        while True:
            call = calls.list_columns(self.name, cursor, chosen, fields=fields, max_points=max_points)
            page = self._link.ask(call)
            for name, values in page.columns.items():
                columns.setdefault(name, []).extend(values)
            cursor = page.next_cursor
            if cursor is None:
                return columns


def this_worker() -> str:
    """A name for this worker that no other has."""
    return f"{socket.gethostname()[:80]}-{os.getpid()}-{uuid4().hex[:6]}"


def _request(
    *,
    worker: str | None,
    lease_s: float | None,
    wait_ms: int,
    fixed: Mapping[str, ParamValue] | None,
    context: Mapping[str, ParamValue] | None,
    count: int = 1,
    resume: bool = False,
) -> SuggestRequest:
    held = {"fixed": fixed, "context": context}
    try:
        return SuggestRequest.model_validate(
            {"count": count, "worker": worker, "lease_s": lease_s, "wait_ms": wait_ms}
            | {name: dict(values) for name, values in held.items() if values}
            | ({"resume": True} if resume else {})
        )
    except ValidationError as error:
        raise ValidationFailed.before_sending("The request for trials", error) from error
