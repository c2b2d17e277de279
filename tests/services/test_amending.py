"""Trials that are corrected and excluded: the history keeps what was, and the engine forgets it."""

import math
import uuid
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.wire.amendments import TrialPatch
from headway.wire.observations import ImportRequest
from headway.wire.space import Float, Space
from headway.wire.study import Objective, Policy, StudyDefinition
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import IllegalTransition, NotFinite, NotFound, ValidationFailed
from headway_server.services import fits, model, studies, trials
from headway_server.services.amending import amend_trial
from headway_server.services.convergence import convergence
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.importing import import_rows
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest


@pytest.fixture
def take(database):
    def call(values, name="s"):
        rows = [{"params": {"x": x}, "metrics": {"value": value}} for x, value in values]
        import_rows(database, name, ImportRequest.model_validate({"rows": rows}))

    return call


@pytest.fixture
def change(database):
    def call(number, name="s", **fields):
        return amend_trial(database, name, number, TrialPatch.model_validate(fields))

    return call


POINTS = [(k / 13, (k / 13 - 0.3) ** 2) for k in range(12)]


def same_but_for_its_age(point):
    """A point and its receipt, without how long it took and how many fits there have been."""
    return point.model_copy(
        update={
            "seen_seq": 0,
            "origin": point.origin.model_copy(update={"compute_ms": 0.0, "model_version": 0}),
        }
    )


def test_a_corrected_value_is_the_trials_and_the_history_keeps_the_old_one(define, take, change, database):
    define(objectives=(Objective(name="value", goal="maximize"),))
    take([(0.1, 1.0), (0.2, 99.0)])
    seq = events_after(database, "s", 0)[-1].seq
    view = change(2, metrics={"value": {"value": 0.5, "std_error": 0.1}}, reason="misread the scale")
    assert (view.value, view.std_error) == (0.5, 0.1)
    (entry,) = view.history
    assert (entry.was.metrics["value"].value, entry.became.metrics["value"].value) == (99.0, 0.5)
    assert (entry.reason, entry.actor, entry.attempt) == ("misread the scale", database.actor.name, 0)
    assert trials.read(database, "s", 2).model_dump_json() == view.model_dump_json()
    assert model.best(database, NoModel(), "s").best.trial == 1
    assert [point.best for point in convergence(database, "s").points] == [1.0, 1.0]
    (event,) = events_after(database, "s", seq)
    assert (event.seq, event.type, event.trial) == (entry.seq, "trial.changed", 2)
    assert event.data["was"] == {"metrics": {"value": {"value": 99.0}}}
    assert event.data["reason"] == "misread the scale"


class NoModel:
    """An engine that has no model."""

    def predict(self, study, points):
        return None


def test_a_repeat_of_a_change_changes_nothing(define, take, change, database):
    define()
    take([(0.1, 1.0)])
    fields = {
        "metrics": {"value": 2.0},
        "reason": "r",
        "note": "n",
        "tags": ["a", "b", "a"],
        "excluded": True,
    }
    once = change(1, **fields)
    revision = database.read(lambda uow: uow.studies.get("s").data_revision)
    assert (once.tags, once.note, once.excluded, len(once.history)) == (("a", "b"), "n", True, 1)
    assert change(1, **fields).model_dump_json() == once.model_dump_json()
    assert database.read(lambda uow: uow.studies.get("s").data_revision) == revision == 1


def test_notes_and_tags_leave_the_data_alone(define, take, change, database):
    define()
    take([(0.1, 1.0)])
    view = change(1, note="a spill", tags=["batch 7"])
    assert (view.history[0].was.note, view.history[0].was.tags) == ("", ())
    assert view.history[0].was.excluded is None
    assert database.read(lambda uow: uow.studies.get("s").data_revision) == 0
    assert change(1, note="", tags=[]).history[1].became.note == ""


def test_an_excluded_trial_is_neither_data_nor_best_and_keeps_its_place(define, change, database, engine):
    define(budget=3)
    for value in (1.0, 0.0):
        (trial,) = suggest(database, engine, "s", SuggestRequest()).response.trials
        result = FinishRequest(lease_token=trial.lease.token, metrics={"value": value})
        finish(database, "s", trial.number, result)
    assert model.best(database, engine, "s").best.trial == 2
    before = studies.read(database, "s")
    view = change(2, excluded=True, reason="the sensor was off")
    assert (view.state, view.value, view.excluded) == ("completed", 0.0, True)
    after = studies.read(database, "s")
    assert (after.budget_left, after.trials) == (before.budget_left, before.trials)
    assert model.best(database, engine, "s").best.trial == 1
    assert [point.trial for point in convergence(database, "s").points] == [1]
    assert database.read(lambda uow: uow.trials.count_after(uow.studies.get("s"), 0)) == 1
    assert [datum.value for datum in database.read(data)] == [1.0]
    assert change(2, excluded=False, reason="it was not").history[1].was.excluded is True
    assert model.best(database, engine, "s").best.trial == 2


def data(uow):
    return uow.trials.data_after(uow.studies.get("s"), 0)


def test_a_late_result_of_an_excluded_trial_is_kept_and_counts_no_more_than_the_others(
    define, change, database, engine
):
    define(budget=2, policy=Policy(lease_s=10, first_heartbeat_grace_s=0, max_retries=0))
    (trial,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    change(trial.number, excluded=True, reason="the wrong bottle")
    database.clock_offset = timedelta(seconds=100)
    sweep(database)
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": -5.0})
    answer = finish(database, "s", trial.number, result)
    assert (answer.late, answer.best_changed, answer.trial_state) == (True, False, "completed")
    assert model.best(database, engine, "s").best is None
    assert database.read(data) == []


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"metrics": {"value": 1.0}}, ValidationFailed, "/reason"),
        ({"excluded": True}, ValidationFailed, "/reason"),
        ({"metrics": {"value": math.nan}, "reason": "r"}, NotFinite, "/metrics/value"),
        ({"metrics": {"value": 1.0}, "attempt": 3, "reason": "r"}, ValidationFailed, "/attempt"),
    ],
)
def test_a_change_that_can_not_be_is_refused_by_name(define, take, change, database, fields, error, words):
    define()
    take([(0.1, 2.0)])
    with pytest.raises(error) as refused:
        change(1, **fields)
    assert refused.value.fields[0].pointer == words
    assert trials.read(database, "s", 1).history == ()
    assert trials.read(database, "s", 1).value == 2.0


def test_what_has_no_value_is_not_corrected(define, change, database, engine):
    define()
    (trial,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    with pytest.raises(IllegalTransition, match="Trial 1 is leased"):
        change(1, metrics={"value": 1.0}, reason="r")
    finish(database, "s", 1, FinishRequest(lease_token=trial.lease.token, outcome="infeasible"))
    with pytest.raises(IllegalTransition, match="infeasible"):
        change(1, metrics={"value": 1.0}, attempt=1, reason="r")
    with pytest.raises(NotFound):
        change(7, note="n")


def test_a_repeated_report_is_still_recognised_after_a_correction(define, change, database, engine):
    define()
    (trial,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0})
    finish(database, "s", 1, result)
    change(1, metrics={"value": 2.0}, reason="r")
    assert finish(database, "s", 1, result).duplicate
    assert trials.read(database, "s", 1).value == 2.0


@pytest.mark.parametrize("strategy", ["hallucinated-rucb", "thompson"])
def test_after_a_correction_two_hosts_suggest_what_a_study_would_that_had_the_value_from_the_start(
    define, take, change, database, hosts, strategy
):
    for name in ("s", "right"):
        define(name, strategy=strategy, seed=5)
    take(POINTS, "right")
    take([(x, 7.0 if k == 4 else value) for k, (x, value) in enumerate(POINTS)])
    first, second = hosts(), hosts()
    wrong = [same_but_for_its_age(host.points("s", [50])[0]) for host in (first, second)]
    first.start_fits()
    first.wait_for_fits()  # a fit to the wrong value is among the rows
    change(5, metrics={"value": POINTS[4][1]}, reason="misread")
    expected = same_but_for_its_age(hosts().points("right", [50])[0])
    for host, before in zip((first, second, hosts()), (*wrong, wrong[0]), strict=True):
        now = same_but_for_its_age(host.points("s", [50])[0])
        assert now == expected
        assert now.params != before.params


def test_after_an_exclusion_two_hosts_suggest_what_a_study_would_that_never_had_the_trial(
    define, take, change, database, hosts
):
    for name in ("s", "without"):
        define(name, seed=5)
    take(POINTS, "without")
    take([*POINTS, (0.9, -5.0)])
    first, second = hosts(), hosts()
    for host in (first, second):
        assert host.points("s", [50])[0].origin.n_observed == 13
    change(13, excluded=True, reason="a bubble")
    expected = same_but_for_its_age(hosts().points("without", [50])[0])
    for host in (first, second):
        assert same_but_for_its_age(host.points("s", [50])[0]) == expected


def test_a_fit_to_what_has_been_corrected_since_is_not_stored(define, take, change, database, hosts):
    define()
    take(POINTS)
    host = hosts()
    old = host.points("s", [50])[0].origin.model_version
    host.start_fits()
    host.wait_for_fits()
    stored = database.read(lambda uow: uow.models.latest(uow.studies.get("s")))
    assert (stored.version, stored.data_revision) == (old, 0)
    late = fits.Fits(database)
    change(1, metrics={"value": 3.0}, reason="r")
    (warm,) = host._warm.values()
    late.store(warm.study_id, warm.data_revision, warm.optimizer.fitted).result()
    late.close()
    assert database.read(lambda uow: uow.models.latest(uow.studies.get("s"))).version == old
    assert host.points("s", [50])[0].origin.model_version == old + 1
    host.start_fits()
    host.wait_for_fits()
    newest = database.read(lambda uow: uow.models.latest(uow.studies.get("s")))
    assert (newest.version, newest.data_revision) == (old + 1, 1)
    assert hosts().points("s", [50])[0].origin.model_version == old + 1


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    edits=st.lists(
        st.tuples(
            st.integers(1, 4),
            st.one_of(
                st.floats(-10, 10).map(lambda value: {"metrics": {"value": value}}),
                st.booleans().map(lambda excluded: {"excluded": excluded}),
                st.text("ab", max_size=2).map(lambda note: {"note": note}),
            ),
        ),
        max_size=12,
    )
)
def test_the_history_leads_back_to_what_was_reported(sqlite_database, edits):
    name = f"h{uuid.uuid4().hex}"
    space = Space(parameters=(Float(0, 1, name="x"),))
    studies.create_or_get(sqlite_database, StudyDefinition(name=name, space=space))
    rows = [{"params": {"x": k / 5}, "metrics": {"value": float(k)}} for k in range(1, 5)]
    import_rows(sqlite_database, name, ImportRequest.model_validate({"rows": rows}))
    for number, fields in edits:
        amend_trial(sqlite_database, name, number, TrialPatch.model_validate(fields | {"reason": "r"}))
    for number in range(1, 5):
        view = trials.read(sqlite_database, name, number)
        value, excluded, note = view.value, view.excluded, view.note
        for change in reversed(view.history):
            if change.became.metrics is not None:
                assert change.became.metrics["value"].value == value
                value = change.was.metrics["value"].value
            if change.became.excluded is not None:
                assert change.became.excluded is excluded
                excluded = change.was.excluded
            if change.became.note is not None:
                assert change.became.note == note
                note = change.was.note
        assert (value, excluded, note) == (float(number), False, "")
