"""Any interleaving keeps the promises, on either database.

Workers ask, resume, renew, report, give back and fall silent; somebody imports results, pauses, closes and
enlarges the study; the database's clock jumps, back too; and every request may be sent again at any time.

At every moment: completed + leased + waiting to be handed out again never exceeds the budget; numbers have
no gaps; every acknowledged result is there once; a trial has one live lease exactly while it is leased. At
every step: a token that was superseded changes no trial's state but by adding a result, and a repeat
under its key changes nothing.
"""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from headway.wire.observations import ImportRequest
from headway.wire.space import Float, Space
from headway.wire.study import Policy, StudyDefinition, StudyPatch
from headway.wire.trial import FinishRequest, HeartbeatRequest, ReleaseRequest, SuggestRequest
from headway_server.domain.errors import Conflict, ValidationFailed
from headway_server.domain.trial import FINAL
from headway_server.services import studies
from headway_server.services.change_study import change
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.idempotency import Once, RequestKey
from headway_server.services.importing import import_rows
from headway_server.services.leases import sweep
from headway_server.services.release import release
from headway_server.services.suggest import suggest
from headway_server.services.trials import page
from tests.conftest import SpreadEngine

BUDGET = 6
ADDED = ("completed", "infeasible")
"""What a result of an attempt that has ended may still make of a trial that has none."""

names = itertools.count()
workers = st.sampled_from([None, "v", "w"])


class Leases(RuleBasedStateMachine):
    """One study in a database that others, of earlier runs, are in too."""

    given = Bundle("given")
    """Trials as they were handed out."""
    sent = Bundle("sent")
    """Requests that were answered: functions that send them again and check the answer."""

    database = None

    @initialize(retries=st.integers(0, 1), on_failed=st.sampled_from(["drop", "requeue"]))
    def begin(self, retries, on_failed):
        self.database.clock_offset = timedelta()
        self.name = f"s{next(names)}"
        self.engine = SpreadEngine(self.database)
        self.acknowledged = []
        self.budget = BUDGET
        self.keys = itertools.count()
        policy = Policy(lease_s=30, first_heartbeat_grace_s=0, max_retries=retries, on_failed=on_failed)
        space = Space(parameters=(Float(0, 1, name="x"),))
        studies.create_or_get(
            self.database, StudyDefinition(name=self.name, space=space, budget=BUDGET, policy=policy)
        )

    def trials(self):
        return page(self.database, self.name, None, 1000).trials

    def trial(self, number):
        return page(self.database, self.name, str(number - 1), 1).trials[0]

    def everything(self):
        last = self.database.read(lambda uow: uow.studies.get(self.name).last_seq)
        return studies.read(self.database, self.name), self.trials(), last

    def once(self, command, *request):
        """Send a request under a key of its own; what was answered, and the request again."""
        key = Once(command.__name__, f"{self.name} {next(self.keys)}")
        answer, repeated = key(self.database, command, self.name, *request)
        assert not repeated
        return answer, lambda: self.repeat(lambda: key(self.database, command, self.name, *request), answer)

    def repeat(self, send, answer):
        before = self.everything()
        assert send() == (answer, True)
        assert self.everything() == before

    @rule(target=sent, again=sent)
    def send_again(self, again):
        again()
        return multiple()

    @rule(target=given, count=st.integers(1, 3), worker=workers)
    def ask(self, count, worker):
        request = SuggestRequest(count=count, worker=worker)
        answer = suggest(self.database, self.engine, self.name, request).response
        return multiple(*answer.trials)

    @rule(target=given, count=st.integers(1, 3), slot=st.sampled_from("ab"))
    def ask_under_a_key(self, count, slot):
        request = SuggestRequest(count=count)
        key = RequestKey.of(f"suggest {self.name}", f"{slot}{count}", request)
        before = self.everything()
        answer = suggest(self.database, self.engine, self.name, request, key)
        if answer.replayed:
            assert self.everything() == before
        if answer.response.status == "ok":
            before = self.everything()
            again = suggest(self.database, self.engine, self.name, request, key)
            assert again.replayed
            assert again.response == answer.response
            assert self.everything() == before
        return multiple(*answer.response.trials)

    @rule(target=given, worker=workers.filter(bool))
    def resume(self, worker):
        request = SuggestRequest(worker=worker, resume=True)
        live = {
            trial.number: attempt.number
            for trial in self.trials()
            for attempt in trial.attempts
            if attempt.ended_at is None and attempt.worker == worker
        }
        answer = suggest(self.database, self.engine, self.name, request)
        if answer.resumed:
            assert {one.number: one.attempt for one in answer.response.trials}.items() <= live.items()
        return multiple(*answer.response.trials)

    @rule(
        target=sent,
        trial=given,
        value=st.sampled_from([1.0, 2.0]),
        outcome=st.sampled_from(["completed", "completed", "failed", "infeasible", "stopped"]),
        overdue=st.booleans(),
    )
    def report(self, trial, value, outcome, overdue):
        if overdue:
            self.the_clock_jumps(60, swept=True)
        metrics = {"value": value} if outcome == "completed" else {}
        request = FinishRequest(lease_token=trial.lease.token, outcome=outcome, metrics=metrics)
        before, old = self.trial(trial.number), self.has_ended(trial)
        everything = self.everything()
        try:
            answer = finish(self.database, self.name, trial.number, request)
        except Conflict:
            assert self.everything() == everything
            return multiple()
        after = self.trial(trial.number)
        if answer.duplicate:
            assert self.everything() == everything
        else:
            assert answer.superseded == (before.state in FINAL)
            self.acknowledged.append((trial.number, trial.attempt, metrics.get("value")))
        if before.state in FINAL:
            assert after.state == before.state
        elif old:
            assert after.state == (outcome if outcome in ADDED else before.state)
        if after.state == before.state == "leased":
            assert after.attempts[-1].ended_at is None

        def again():
            before = self.everything()
            assert finish(self.database, self.name, trial.number, request).duplicate
            assert self.everything() == before

        return again

    @rule(target=sent, trial=given, by_verb=st.booleans())
    def give_back(self, trial, by_verb):
        before, old = self.trial(trial.number), self.has_ended(trial)
        if by_verb:
            body = ReleaseRequest(lease_token=trial.lease.token)
            answer, again = self.once(release, trial.number, body)
            assert answer.released or old
        else:
            again = multiple()
            request = FinishRequest(lease_token=trial.lease.token, outcome="abandoned", reason="preempted")
            try:
                finish(self.database, self.name, trial.number, request)
            except Conflict:
                assert old
        after = self.trial(trial.number)
        if old:
            assert after == before
        else:
            assert after.state == "queued"
        return again

    @rule(trial=given)
    def renew(self, trial):
        request = HeartbeatRequest(lease_token=trial.lease.token)
        before = self.trial(trial.number)
        try:
            heartbeat(self.database, self.name, trial.number, request)
        except Conflict:
            assert self.has_ended(trial)
            assert self.trial(trial.number) == before
        else:
            after = self.trial(trial.number)
            assert after.state == "leased"
            assert after.attempts[-1].number == trial.attempt

    def has_ended(self, trial):
        """Whether the lease that this trial was handed out under is over."""
        return self.trial(trial.number).attempts[trial.attempt - 1].ended_at is not None

    @rule(
        target=sent,
        values=st.lists(st.sampled_from([0.5, 1.5]), min_size=1, max_size=2),
        client_id=st.sampled_from([None, "p", "q"]),
        dry_run=st.booleans(),
    )
    def bring_in(self, values, client_id, dry_run):
        rows = [{"params": {"x": 0.5}, "metrics": {"value": value}} for value in values]
        if client_id:
            rows[0]["client_id"] = client_id
        request = ImportRequest.model_validate({"rows": rows, "dry_run": dry_run})
        before = self.everything()
        if dry_run:
            import_rows(self.database, self.name, request)
            assert self.everything() == before
            return multiple()
        answer, again = self.once(import_rows, request)
        self.acknowledged += [
            (row.number, 0, value)
            for row, value in zip(answer.rows, values, strict=True)
            if row.status == "imported"
        ]
        return again

    @rule(
        target=sent,
        state=st.sampled_from([None, "running", "paused", "archived"]),
        more=st.sampled_from([None, 0, 2]),
    )
    def change(self, state, more):
        budget = None if more is None else self.budget + more
        try:
            _, again = self.once(change, StudyPatch(state=state, budget=budget), "*")
        except Conflict:
            return multiple()
        self.budget = self.budget if budget is None else budget
        return again

    @rule(fewer=st.integers(1, BUDGET))
    def cut(self, fewer):
        try:
            change(self.database, self.name, StudyPatch(budget=fewer), "*")
        except ValidationFailed:
            return
        self.budget = fewer

    @rule(seconds=st.sampled_from([-20, 15, 60]), swept=st.booleans())
    def the_clock_jumps(self, seconds, swept):
        self.database.clock_offset += timedelta(seconds=seconds)
        if swept:
            sweep(self.database)

    @invariant()
    def promises_are_kept(self):
        view, trials, _ = self.everything()
        assert [trial.number for trial in trials] == list(range(1, len(trials) + 1))
        handed = [trial for trial in trials if trial.origin is None or trial.origin.policy != "import"]
        assert view.budget == self.budget
        assert len(handed) + view.budget_left == self.budget
        assert view.budget_left >= 0
        assert Counter(view.trials.model_dump()) == Counter(trial.state for trial in trials)
        for trial in trials:
            live = [attempt for attempt in trial.attempts if attempt.ended_at is None]
            assert len(live) == (trial.state == "leased")
            standing = [seen for seen in trial.observations if not seen.superseded]
            assert (trial.value is not None) == any(seen.outcome == "completed" for seen in standing)
        kept = [
            (trial.number, seen.attempt, seen.metrics["value"].value if seen.metrics else None)
            for trial in trials
            for seen in trial.observations
        ]
        assert sorted(kept, key=str) == sorted(self.acknowledged, key=str)


@pytest.mark.slow
def test_any_interleaving_keeps_the_promises(database):
    machine = type("OnThisDatabase", (Leases,), {"database": database})
    # A step on PostgreSQL takes twice as long; what the two do differently is seen in fewer.
    examples = settings().max_examples // (7 if database.is_sqlite else 14)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None)
    )
