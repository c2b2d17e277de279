"""The audit of a campaign from a client's side: its report, and its trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from zlib import crc32

from headway import calls
from headway.errors import ObjectiveKeepsFailing, StudyDeleted
from headway.evaluator import evaluator
from headway.results import Link
from headway.study_reading import StudyReader
from headway.trials import Trial
from headway.values import Value
from headway.wire.campaign_audit import AuditReport, AuditTask
from headway.worker_names import this_worker

POLL_S = 2.0
"""Pause before an audit that has nothing to do is looked at again, seconds: the server moves audits on as
often.
"""


class Audit:
    """A handle on one audit; made by `Study.audit()`."""

    def __init__(
        self,
        link: Link,
        study: StudyReader,
        number: int,
        *,
        trials_of: Callable[[str, str, float | None], Generator[Trial]],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.study = study
        self.number = number
        self._link = link
        self._trials_of = trials_of
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<Audit {self.number} of {self.study!r}>"

    def report(self) -> AuditReport:
        """Where it stands: what was selected beside what was measured again; once it is complete, the tests
        and the verdict.
        """
        return self._link.ask(calls.read_audit(self.study.name, self.number))

    def wait(self, poll_s: float = POLL_S) -> AuditReport:
        """The report once the audit is complete: others do the work.

        Args:
            poll_s: pause between two looks, seconds.
        """
        while (report := self.report()).state != "complete":
            self._sleep(poll_s)
        return report

    def trials(self, worker: str | None = None, lease_s: float | None = None) -> Iterator[Trial]:
        """Trials of whatever study of the audit has some left, one by one, until the audit is complete.

        Args:
            worker: who asks, as others will see it; host, process and a random part by default.
            lease_s: how long the server waits for a sign of life, seconds; the study's policy by default.

        Raises:
            ConnectionFailed, ApiError: no answer within the client's patience.
            ObjectiveKeepsFailing: all trials of this worker failed.
        """
        worker, worked = worker or this_worker(), False
        while (report := self.report()).state != "complete":
            idle = True
            for task in _in_turn(report.tasks, worker):
                # Others may have taken, or deleted, what was left: the next report will say so.
                try:
                    trials = self._trials_of(task.study, worker, lease_s)
                    with closing(trials):
                        for trial in trials:
                            idle = False
                            yield trial
                            worked = worked or trial.outcome != "failed"
                except StudyDeleted:
                    continue
                except ObjectiveKeepsFailing:
                    if not worked:  # elsewhere: a point that always fails is a finding of the audit
                        raise
            if idle:
                self._sleep(POLL_S)

    def run(self, objective: Callable[..., Value], worker: str | None = None) -> AuditReport:
        """Evaluate in this process all that the audit is in want of, until it is complete; the report.

        Args:
            objective: takes the study's parameters, and `trial` if it likes, as with `headway.study`. Where
                it is random, its random numbers must be those of `trial.seed`, or fresh.
            worker: who works, as others will see it.

        Raises:
            TypeError: the function does not take the study's parameters.
            what `trials` raises.
        """
        evaluate = evaluator(objective, self.study.definition)
        for trial in self.trials(worker):
            with trial:
                trial.finish(evaluate(trial))
        return self.report()


def _in_turn(tasks: tuple[AuditTask, ...], worker: str) -> list[AuditTask]:
    """The tasks that have something to hand out; every worker begins at another."""
    ready = [task for task in tasks if task.state == "running" and task.left > task.leased]
    start = crc32(worker.encode()) % len(ready) if ready else 0
    return ready[start:] + ready[:start]
