"""Any interleaving of suggest, finish, heartbeat, release, expiry and repeats keeps the promises.

A trial's number is handed out to at most one live worker; completed + leased + waiting never exceeds
the budget; numbers have no gaps; no acknowledged result is lost; a token that was superseded never
changes a trial's state; repeating a request with its key changes nothing.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from headway.wire.space import Float, Space
from headway.wire.study import Policy, StudyDefinition
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.errors import Conflict
from headway_server.domain.trial import FINAL
from headway_server.services import studies
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.idempotency import RequestKey
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest
from headway_server.services.trials import page
from headway_server.settings import sqlite_url
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate
from tests.conftest import SpreadEngine

BUDGET = 6
TEMPLATE = Path(tempfile.mkdtemp(prefix="headway-machine-"))


def _template():
    path = TEMPLATE / "template.db"
    if not path.exists():
        database = Database(sqlite_url(path))
        migrate(database)
        studies.create_or_get(
            database,
            StudyDefinition(
                name="s",
                space=Space(parameters=(Float(0, 1, name="x"),)),
                budget=BUDGET,
                policy=Policy(lease_s=30, first_heartbeat_grace_s=0, max_retries=1),
            ),
        )
        database.dispose()
    return path


class Leases(RuleBasedStateMachine):
    given = Bundle("given")

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=TEMPLATE))
        path = shutil.copy(_template(), self.folder / "headway.db")
        self.database = Database(sqlite_url(path))
        self.engine = SpreadEngine(self.database)
        self.acknowledged = {}
        self.superseded = set()

    def teardown(self):
        self.database.dispose()
        shutil.rmtree(self.folder)

    def trials(self):
        return page(self.database, "s", None, 1000, None).trials

    @rule(target=given, count=st.integers(1, 3), key=st.sampled_from([None, "a", "b"]))
    def suggest(self, count, key):
        request = SuggestRequest(count=count)
        request_key = RequestKey.of("suggest", f"{key}{count}", request) if key else None
        response = suggest(self.database, self.engine, "s", request, request_key).response
        if request_key and response.status == "ok":
            again = suggest(self.database, self.engine, "s", request, request_key)
            assert again.replayed
            assert again.response == response
        return response.trials

    @rule(trials=given, value=st.sampled_from([1.0, 2.0]), data=st.data())
    def finish(self, trials, value, data):
        if not trials:
            return
        trial = data.draw(st.sampled_from(trials))
        outcome = data.draw(st.sampled_from(["completed", "completed", "failed", "infeasible"]))
        self.report(trial, outcome, {"value": value} if outcome == "completed" else {})

    @rule(trials=given)
    def release(self, trials):
        for trial in trials[:1]:
            self.report(trial, "abandoned", {}, reason="preempted")

    def report(self, trial, outcome, metrics, reason=None):
        request = FinishRequest(
            lease_token=trial.lease.token, outcome=outcome, metrics=metrics, reason=reason
        )
        before = self.trials()[trial.number - 1]
        try:
            answer = finish(self.database, "s", trial.number, request)
        except Conflict:
            assert self.trials()[trial.number - 1] == before
            return
        again = finish(self.database, "s", trial.number, request)
        assert again.duplicate or answer.late
        after = self.trials()[trial.number - 1]
        if before.state in FINAL:
            assert after.state == before.state
        if answer.duplicate:
            assert after == before
        elif reason is None:
            self.acknowledged[trial.lease.token] = (trial.number, trial.attempt, metrics.get("value"))

    @rule(trials=given)
    def heartbeat(self, trials):
        for trial in trials[:1]:
            before = self.trials()[trial.number - 1]
            try:
                heartbeat(self.database, "s", trial.number, HeartbeatRequest(lease_token=trial.lease.token))
            except Conflict:
                self.superseded.add(trial.lease.token)
                assert self.trials()[trial.number - 1] == before
            else:
                assert trial.lease.token not in self.superseded
                assert self.trials()[trial.number - 1].state == "leased"

    @rule(seconds=st.sampled_from([1, 15, 45]), swept=st.booleans())
    def time_passes(self, seconds, swept):
        self.database.clock_offset += timedelta(seconds=seconds)
        if swept:
            sweep(self.database)

    @invariant()
    def the_budget_is_never_exceeded(self):
        view = studies.read(self.database, "s")
        assert sum(view.trials.model_dump().values()) + view.budget_left == BUDGET

    @invariant()
    def numbers_have_no_gaps(self):
        numbers = [trial.number for trial in self.trials()]
        assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def no_acknowledged_result_is_lost_or_there_twice(self):
        seen = [
            (
                trial.number,
                observation.attempt,
                observation.metrics["value"].value if observation.metrics else None,
            )
            for trial in self.trials()
            for observation in trial.observations
        ]
        assert sorted(seen, key=str) == sorted(self.acknowledged.values(), key=str)

    @invariant()
    def one_worker_a_trial(self):
        for trial in self.trials():
            live = [attempt for attempt in trial.attempts if attempt.ended_at is None]
            assert len(live) == (trial.state == "leased")


@pytest.mark.slow
def test_any_interleaving_keeps_the_promises():
    from hypothesis.stateful import run_state_machine_as_test

    try:
        run_state_machine_as_test(
            Leases, settings=settings(max_examples=60, stateful_step_count=25, deadline=None)
        )
    finally:
        shutil.rmtree(TEMPLATE, ignore_errors=True)
