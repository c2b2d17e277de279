"""A study from a worker's side: trials, one after another or by the handful, and what comes of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from headway import calls
from headway.audits import Audit
from headway.errors import ApiError, ConnectionFailed, ObjectiveKeepsFailing, ValidationFailed
from headway.preemption import Preempted, Preemption
from headway.results import ONE_TRY, Link
from headway.study_editing import StudyEditor
from headway.trials import Trial, Workplace
from headway.wire.base import ParamValue
from headway.wire.campaign_audit import AuditRequest
from headway.wire.study import StudyView
from headway.wire.trial import (
    FinishRequest,
    FinishResponse,
    ReleaseResponse,
    SuggestRequest,
    SuggestResponse,
)
from headway.worker_names import this_worker

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


class Study(StudyEditor):
    """A handle on one study; made by `Client.study()` and `Client.create_study()`."""

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        view: StudyView | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(link, name, view=view)
        self._sleep = sleep

    def trials(
        self,
        worker: str | None = None,
        lease_s: float | None = None,
        *,
        fixed: Mapping[str, ParamValue] | None = None,
        context: Mapping[str, ParamValue] | None = None,
        patient: bool = True,
    ) -> Generator[Trial]:
        """Trials for this worker, one by one, until there is nothing more to do.

        Ends by itself when the study is done, and sleeps while it is told to wait. In the main thread
        SIGTERM gives the present trial back and ends the process in order (see `Preemption`).

        Args:
            worker: who asks, as others will see it; host, process and a random part by default.
            lease_s: how long the server waits for a sign of life, seconds; the study's policy by default.
            fixed: values that every trial of this worker has, e.g. what its machine can do.
            context: likewise, for what it finds rather than chooses.
            patient: False: end where others have all that is left, instead of waiting for it.

        Raises:
            ConnectionFailed, ApiError: no suggestion within the client's patience.
            ObjectiveKeepsFailing: the first trials of this worker all failed.
        """
        objectives = self.objectives
        request = _request(
            worker=worker or this_worker(),
            lease_s=lease_s,
            wait_ms=HELD_MS if patient else 0,
            fixed=fixed,
            context=context,
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
                if answer.status == "wait" and not patient:
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

    def audit(
        self,
        *,
        top: int = 3,
        replicates: int = 10,
        null_campaigns: int = 19,
        alpha: float = 0.05,
        reuse: Sequence[str] = (),
        seed: int = 0,
    ) -> Audit:
        """Have the campaign audited, now that it is over: its best trials are measured again, with fresh
        seeds, and compared with what random searches of equal budget find. The same call finds the audit that
        it began before.

        Args:
            top: how many of the best trials are measured again (1 to 10).
            replicates: of each, and of what each random search found (10 to 100).
            null_campaigns: random searches (1 to 199); with K of them no p is below 1/(K + 1).
            alpha: level of the tests.
            reuse: names of studies that are such random searches already.
            seed: of the replicates, the random searches and the choice of the control.

        Raises:
            IllegalTransition: the study is not over, too few of its trials count, or another audit runs.
            UnsupportedObjectives: it has several objectives.
            ValidationFailed: a number is out of range, or a study to be reused is no such random search.
        """
        named = {"top": top, "replicates": replicates, "null_campaigns": null_campaigns}
        try:
            request = AuditRequest.model_validate(
                {**named, "alpha": alpha, "reuse": tuple(reuse), "seed": seed}
            )
        except ValidationError as error:
            raise ValidationFailed.before_sending("The request for an audit", error) from error
        return self._audit(self._link.ask(calls.begin_audit(self.name, request)).number)

    def last_audit(self, number: int | None = None) -> Audit:
        """The newest audit that somebody has begun, or the one of this number.

        Raises:
            NotFound: there is none.
        """
        return self._audit(self._link.ask(calls.read_audit(self.name, number)).number)

    def _audit(self, number: int) -> Audit:
        def trials_of(name: str, worker: str, lease_s: float | None) -> Generator[Trial]:
            return Study(self._link, name, sleep=self._sleep).trials(worker, lease_s, patient=False)

        return Audit(self._link, self, number, trials_of=trials_of, sleep=self._sleep)

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
