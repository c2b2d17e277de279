"""Trials made by hand: points that the next worker gets, and results."""

import json

import pytest

from headway.wire.archive import Archive
from headway.wire.manual import TrialCreate
from headway.wire.observations import ImportRequest
from headway.wire.study import StudyPatch
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import (
    IllegalTransition,
    MissingParameter,
    NotFinite,
    NotFound,
    OutOfBounds,
    RowConflict,
    ValidationFailed,
)
from headway_server.services import change_study, model, studies, trials
from headway_server.services.archives import import_study
from headway_server.services.engine_host import EngineHost
from headway_server.services.exporting import export
from headway_server.services.finish import finish
from headway_server.services.importing import import_rows
from headway_server.services.manual import create_trial
from headway_server.services.suggest import suggest


@pytest.fixture
def create(database):
    def call(x=0.5, name="s", **fields):
        return create_trial(database, name, TrialCreate.model_validate({"params": {"x": x}} | fields))

    return call


@pytest.fixture
def ask(database, engine):
    def call(by=engine, **fields):
        return suggest(database, by, "s", SuggestRequest.model_validate(fields)).response

    return call


class Unasked:
    """An engine that must not be asked."""

    def points(self, study, numbers, held=None):
        raise AssertionError(f"asked for {numbers}")


def test_a_queued_point_is_handed_out_before_the_engine_is_asked(define, create, ask, database):
    define(budget=3)
    view, created = create(0.75, note="a hunch", tags=["mine", "mine"])
    assert created
    assert (view.number, view.state, view.note, view.tags) == (1, "queued", "a hunch", ("mine",))
    assert studies.read(database, "s").budget_left == 2
    (trial,) = ask(Unasked()).trials
    assert (trial.number, trial.params, trial.attempt) == (1, {"x": 0.75}, 1)
    assert (trial.origin.policy, trial.origin.strategy) == ("manual", view.origin.strategy)
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0})
    assert finish(database, "s", 1, result).trial_state == "completed"
    (other,) = ask().trials
    assert (other.number, other.origin.policy) == (2, "spread")


def test_points_go_out_in_order_and_to_those_whom_they_suit(define, create, ask):
    define()
    for x in (0.1, 0.2, 0.3):
        create(x)
    assert [trial.params["x"] for trial in ask(fixed={"x": 0.2}).trials] == [0.2]
    assert [trial.params["x"] for trial in ask(count=5).trials] == [0.1, 0.3]


def test_a_queued_point_counts_against_the_budget_and_never_beyond(define, create, ask, database):
    define(budget=2)
    create(0.1)
    ask(count=2)
    create(0.2)
    assert studies.read(database, "s").budget_left == 0
    with pytest.raises(IllegalTransition, match="budget of 2"):
        create(0.3)
    assert create(0.3, metrics={"value": 1.0})[0].number == 3
    assert [trial.number for trial in ask().trials] == [2]
    assert ask().status == "wait"


def test_a_closed_study_takes_results_and_no_points(define, create, ask, database):
    define()
    change_study.change(database, "s", StudyPatch(state="paused"), "*")
    create(0.1)
    assert ask().reason == "paused"
    change_study.change(database, "s", StudyPatch(state="completed"), "*")
    with pytest.raises(IllegalTransition, match="completed"):
        create(0.2)
    assert create(0.2, metrics={"value": 1.0})[0].state == "completed"


def test_a_result_by_hand_is_a_result_that_costs_no_budget(define, create, database, engine):
    define(budget=1)
    view, _ = create(0.5, metrics={"value": {"value": 2.0, "std_error": 0.5}}, tags=["old"])
    assert (view.state, view.value, view.std_error, view.tags) == ("completed", 2.0, 0.5, ("old",))
    assert (view.origin.policy, view.attempts) == ("manual", ())
    assert studies.read(database, "s").budget_left == 1
    assert model.best(database, engine, "s").best.trial == 1
    barred, _ = create(0.6, outcome="infeasible", message="it boiled")
    assert (barred.state, barred.observations[0].message) == ("infeasible", "it boiled")
    assert len(database.read(lambda uow: uow.trials.data_after(uow.studies.get("s"), 0))) == 2


@pytest.mark.parametrize("fields", [{}, {"metrics": {"value": 1.0}}])
def test_a_second_one_under_the_same_name_is_the_first(define, create, ask, database, fields):
    define()
    first, created = create(client_id="a", **fields)
    again, twice = create(client_id="a", **fields)
    assert (created, twice, again.number) == (True, False, first.number)
    ask()
    assert create(client_id="a", **fields)[0].number == first.number
    assert studies.read(database, "s").budget_left == 9
    for other in ({"x": 0.6, **fields}, {"metrics": {"value": 2.0}}, {"outcome": "infeasible"}):
        with pytest.raises(RowConflict):
            create(client_id="a", **other)
    row = {"params": {"x": 0.5}, "metrics": {"value": 3.0}, "client_id": "a"}
    (refused,) = import_rows(database, "s", ImportRequest.model_validate({"rows": [row]})).rows
    assert refused.problem.code == "row-conflict"


@pytest.mark.parametrize(
    ("fields", "error", "pointer"),
    [
        ({"x": 2.0}, OutOfBounds, "/params/x"),
        ({"params": {}}, MissingParameter, "/params/x"),
        ({"metrics": {"value": float("nan")}}, NotFinite, "/metrics/value"),
        ({"metrics": {"other": 1.0}}, ValidationFailed, "/metrics/value"),
        ({"outcome": "completed"}, ValidationFailed, "/metrics/value"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(define, create, database, fields, error, pointer):
    define()
    with pytest.raises(error) as refused:
        create(**fields)
    assert refused.value.fields[0].pointer == pointer
    assert studies.read(database, "s").budget_left == 10
    with pytest.raises(NotFound):
        create(name="nope")


def test_the_engine_knows_of_queued_points(define, create, database):
    define(strategy="hallucinated-ucb")
    for k in range(6):
        create(k / 6, metrics={"value": (k / 6 - 0.3) ** 2})
    create(0.9)
    host = EngineHost(database)
    assert host.points("s", [20])[0].origin.n_pending == 1
    host.close()


def test_an_archive_keeps_a_queued_point(define, create, ask, database):
    define()
    create(0.25, client_id="a", note="n")
    with export(database, "s", "json").file as file:
        document = file.read()
    import_study(database, Archive.model_validate_json(document), "copy")
    assert trials.read(database, "copy", 1) == trials.read(database, "s", 1)
    with export(database, "copy", "json").file as file:
        assert json.loads(file.read())["trials"] == json.loads(document)["trials"]
