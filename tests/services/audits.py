"""What the tests of audits share: campaigns of given values, and workers for whatever an audit needs."""

import random
from dataclasses import dataclass
from typing import Any

from headway.wire.campaign_audit import AuditRequest
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.services import campaign_audit
from headway_server.services.audit_progress import move_on
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest
from tests.conftest import SpreadEngine


@dataclass
class Laboratory:
    """Evaluates f(params, seed): a value, a dict of metrics, or None where it fails."""

    database: Any
    engine: Any

    def work(self, study, function, most=10**9):
        """Evaluate what a study has left, at most so many."""
        while most > 0:
            given = suggest(self.database, self.engine, study, SuggestRequest(count=min(most, 64))).response
            for trial in given.trials:
                self.report(study, trial, function(trial.params, trial.seed))
            most -= len(given.trials)
            if not given.trials:
                return given.status
        return "ok"

    def report(self, study, trial, value):
        token = trial.lease.token
        if value is None:
            result = FinishRequest(lease_token=token, outcome="failed", message="broken")
        else:
            metrics = value if isinstance(value, dict) else {"value": value}
            result = FinishRequest(lease_token=token, metrics=metrics)
        finish(self.database, study, trial.number, result)

    def audit(self, study, function, **request):
        """A whole audit, begun and served."""
        campaign_audit.Auditor(self.engine).begin(self.database, study, AuditRequest(**request))
        return self.serve(study, function)

    def serve(self, study, function):
        """Evaluate all that an audit needs until it is complete."""
        while True:
            moved = move_on(self.database)
            report = campaign_audit.read(self.database, study)
            if report.state == "complete":
                return report
            for task in report.tasks:
                self.work(task.study, function)
            assert moved or report.tasks


def noise(_params, seed):
    """No signal: N(0, 1), whatever the point."""
    return random.Random(seed).gauss(0, 1)


FEW = {"null_campaigns": 2}


def by_number(values):
    """The objective that gives trial k of a campaign (x = k/1000 there) the k-th of these values."""
    return lambda params, _: values[round(params["x"] * 1000) - 1]


def ten_trials(define, lab):
    """A campaign of ten trials, of which the seventh is best, then the second, then the ninth; its name."""
    define(budget=10)
    lab.work("s", by_number([5, 2, 6, 7, 8, 9, 1, 10, 3, 4]))
    return "s"


def begin(database, name="s", engine=None, **request):
    engine = engine or SpreadEngine(database)
    return campaign_audit.Auditor(engine).begin(database, name, AuditRequest(**(FEW | request)))
