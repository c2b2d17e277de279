"""A trial in a worker's hands: its parameters, its lease, and the way to report what came of it."""

from __future__ import annotations

import logging
import traceback
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from headway import calls
from headway.errors import HeadwayError, Infeasible, Stop
from headway.heartbeats import Heartbeat
from headway.patience import Patience
from headway.preemption import Preempted, Preemption
from headway.reports import Reports
from headway.results import ONE_TRY, Link
from headway.values import Number, Value, metrics_of
from headway.wire.base import Params
from headway.wire.measured import MeasuredValue
from headway.wire.measurement import Measurement, MeasurementsResponse
from headway.wire.trial import FinishRequest, FinishResponse, HeartbeatResponse, Outcome, SuggestedTrial

log = logging.getLogger(__name__)

LONGEST_BEAT_S = 10.0
MESSAGE_LENGTH = 10_000
REASON_LENGTH = 64


@dataclass(frozen=True)
class Workplace:
    """What the trials of one study share in one worker."""

    link: Link
    study: str
    objectives: tuple[str, ...]
    preemption: Preemption = field(default_factory=Preemption)
    carry_on: bool = False
    """An exception in the work is reported, logged and goes no further."""


class Trial:
    """One point to evaluate, under a lease.

    As a context manager it sends heartbeats while the work runs, and reports what ends the block:

    * `finish()` or `infeasible()`: the result;
    * `Infeasible`: infeasible; `Stop`: stopped; any other `Exception`: failed, with its traceback;
    * Ctrl-C, SIGTERM, `SystemExit`: the trial is given back at once, and the exception goes on;
    * `finish(…, final=False)` alone: nothing, the trial stays leased;
    * nothing: failed, because a trial without a result would block its place until the lease ends.

    From `Study.trials()`, an `Exception` goes no further than the block, so that the loop continues;
    from `Study.suggest()` it is raised again. A lost lease is never an exception: `lost` says it, and a
    result is reported all the same, because the server keeps late results.
    """

    def __init__(self, given: SuggestedTrial, workplace: Workplace) -> None:
        self.given = given
        self._workplace = workplace
        self._started_at: datetime | None = None
        self._heartbeat = Heartbeat(
            self._beat, given.lease.heartbeat_every_s, f"headway-heartbeat-{given.number}"
        )
        self._reports = Reports(self._measure)
        self.outcome: Outcome | None = None
        """What was reported; None: nothing yet."""
        self.response: FinishResponse | None = None
        """The server's answer to the report; None: nothing was reported, or it is in the spool."""
        self.error: BaseException | None = None
        """What ended the block, where something did."""
        self._parts: dict[str, float | MeasuredValue] = {}
        self.reported: dict[str, float] = {}
        """The metrics of the latest `report()`."""

    @property
    def number(self) -> int:
        """The trial's number in its study."""
        return self.given.number

    @property
    def params(self) -> Params:
        """The point to evaluate."""
        return dict(self.given.params)

    @property
    def seed(self) -> int:
        """For the objective's own random numbers: the same for every attempt at this trial."""
        return self.given.seed

    @property
    def attempt(self) -> int:
        """1 for the first time this trial is handed out."""
        return self.given.attempt

    @property
    def token(self) -> str:
        """The lease's fencing token."""
        return self.given.lease.token

    @property
    def lost(self) -> bool:
        """Whether the lease has passed on; known from the latest heartbeat."""
        return self._heartbeat.lost

    @property
    def should_stop(self) -> bool:
        """Whether the server wants the trial given up; known from the latest heartbeat or report."""
        return self._stop_reason is not None

    @property
    def _stop_reason(self) -> str | None:
        return self._heartbeat.stop_reason or self._reports.stop_reason

    def report(self, step: int, **metrics: float) -> None:
        """Report intermediate values, and learn whether to go on: at most one call a second is made for it.
        Under the first objective's name they are what early stopping goes by.

        Args:
            step: how far the work is, from 0 on: an epoch, an iteration. A step is written once.
            metrics: numbers by name.

        Raises:
            Stop: the server wants the trial given up.
            Preempted: SIGTERM came, and what it raised was swallowed.
            ValueError: the step is no whole number from 0 on.
        """
        self.reported = {"step": float(step), **metrics}
        self._workplace.preemption.check()
        with self._workplace.preemption.held_back():
            self._reports.add(step, metrics)
        if self._stop_reason is not None:
            raise Stop(self._stop_reason)

    def finish(
        self,
        value: Value,
        std_error: Number | None = None,
        *,
        params_as_run: Params | None = None,
        final: bool = True,
    ) -> FinishResponse | None:
        """Report what was measured: a value, (value, std_error), or every metric by name.

        Where the server is away the result goes to the spool and the answer is None: it is not lost.

        Args:
            value: of the objective, or every metric by name; not those of parts that were reported before.
            std_error: of the value.
            params_as_run: the point that was really evaluated, where it differs.
            final: False: some of the metrics, while others take longer. The trial stays leased.

        Raises:
            TypeError, ValueError: not a result.
            ApiError: the server refuses it, e.g. NotFinite. Another can be reported.
        """
        metrics = metrics_of(value, self._workplace.objectives, std_error)
        result = self._result("completed")
        if not final:
            result.metrics, result.final = metrics, False
            return self._send_part(result)
        result.metrics = self._parts | metrics
        if params_as_run is not None:
            result.params_as_run = params_as_run
        return self._send(result)

    def infeasible(self, message: str = "", reason: str | None = None) -> FinishResponse | None:
        """Report that the experiment can't be done at this point; `reason` is a short code, e.g. diverged."""
        return self._send(self._result("infeasible", message=message, reason=reason))

    def fail(self, message: str, reason: str | None = None) -> FinishResponse | None:
        """Report that the work broke; says nothing about the point."""
        return self._send(self._result("failed", message=message, reason=reason))

    def release(self) -> FinishResponse | None:
        """Give the trial back: another worker gets the same point, at no cost."""
        return self._send(self._result("abandoned", reason="preempted"))

    def held_back(self) -> AbstractContextManager[None]:
        """Hold SIGTERM back while something must not be cut off half-way."""
        return self._workplace.preemption.held_back()

    @property
    def begun(self) -> bool:
        """Whether work on it has begun, or it has been reported already."""
        return self._started_at is not None or self.outcome is not None

    def __enter__(self) -> Self:
        try:
            with self._workplace.preemption.held_back():  # half begun, nobody would end it
                self._started_at = datetime.now(UTC)
                self._heartbeat.start()
        except Preempted as preempted:
            self.__exit__(type(preempted), preempted, preempted.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        try:
            if self.outcome is None:
                self._report_end(error)
            elif isinstance(error, Exception):
                log.error("trial %d: after it was reported:", self.number, exc_info=error)
        except HeadwayError as refused:
            log.error("trial %d: the end could not be reported: %s", self.number, refused)  # noqa: TRY400
        finally:
            self._heartbeat.end()
            if error is not None and not isinstance(error, Exception):
                # The loop is over, but its generator may live on in a kept traceback.
                self._workplace.preemption.restore()
        return self._workplace.carry_on and isinstance(error, Exception)

    def __repr__(self) -> str:
        point = ", ".join(f"{name}={value!r}" for name, value in self.given.params.items())
        return f"<Trial {self.number} of {self._workplace.study}: {point}>"

    def _report_end(self, error: BaseException | None) -> None:
        match error:
            case None if self._parts:
                log.info("trial %d stays leased: the rest of its result is still to come", self.number)
            case None:
                log.warning("trial %d ended without a result: call trial.finish(value)", self.number)
                self.fail("The trial's block ended without a result.", "no-result")
            case Infeasible():
                self.infeasible(str(error))
            case Stop():
                log.info("trial %d: stopped: %s", self.number, error)
                if not self.lost:
                    self._send(self._result("stopped", message=str(error)))
            case Exception():
                log.error("trial %d failed:", self.number, exc_info=error)
                self.fail(_account(error), type(error).__name__)
            case _:
                self.release()

    def _result(self, outcome: Outcome, *, message: str = "", reason: str | None = None) -> FinishRequest:
        result = FinishRequest(lease_token=self.token, outcome=outcome)
        if message:
            result.message = message[:MESSAGE_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}")
        if reason:
            result.reason = reason[:REASON_LENGTH]
        if self._started_at is not None:
            result.started_at = self._started_at
            result.finished_at = datetime.now(UTC)
        return result

    def _send(self, result: FinishRequest) -> FinishResponse | None:
        place = self._workplace
        with place.preemption.held_back():
            if not place.preemption.requested:
                self._reports.flush()
            self.response = place.link.finish(
                place.study, self.number, result, hurry=lambda: place.preemption.requested
            )
            self.outcome = result.outcome
            self._heartbeat.end()
        return self.response

    def _send_part(self, result: FinishRequest) -> FinishResponse | None:
        place = self._workplace
        with place.preemption.held_back():
            answer = place.link.finish(place.study, self.number, result)
            self._parts |= result.metrics
        return answer

    def _beat(self) -> HeartbeatResponse:
        patience = Patience(total_s=min(LONGEST_BEAT_S, self.given.lease.heartbeat_every_s / 2))
        call = calls.heartbeat(self._workplace.study, self.number, self.token)
        return self._workplace.link.connection.send(call, patience=patience)

    def _measure(self, measured: tuple[Measurement, ...]) -> MeasurementsResponse:
        call = calls.measure(self._workplace.study, self.number, self.token, measured)
        return self._workplace.link.connection.send(call, patience=ONE_TRY)


def _account(error: Exception) -> str:
    """The exception in a line, then its traceback; the end of it where it is long."""
    line = "".join(traceback.format_exception_only(error)).strip()
    trace = "".join(traceback.format_exception(error))
    room = MESSAGE_LENGTH - len(line) - 2
    return f"{line[: MESSAGE_LENGTH // 2]}\n\n{trace[-room:] if room > 0 else ''}"
