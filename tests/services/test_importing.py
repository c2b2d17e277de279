"""Results that were measured elsewhere: each row its own answer, once, at no cost to the budget."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.wire.observations import ImportRequest
from headway.wire.study import Objective, Policy
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import NotFound
from headway_server.services import model, studies, trials
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.importing import import_rows
from headway_server.services.suggest import suggest


def row(x=0.5, value=1.0, **fields):
    return {"params": {"x": x}, "metrics": {"value": value}} | fields


@pytest.fixture
def take(database):
    def call(*rows, name="s", **fields):
        return import_rows(database, name, ImportRequest.model_validate({"rows": rows} | fields))

    return call


def statuses(answer):
    return [one.status for one in answer.rows]


def test_a_row_becomes_a_trial_that_costs_no_budget(define, take, database, engine):
    define(budget=2)
    suggest(database, engine, "s", SuggestRequest())
    answer = take(row(0.25, {"value": 3.0, "std_error": 0.5}, client_id="a", message="by hand"))
    assert (answer.imported, answer.best_changed, answer.rows[0].number) == (1, True, 2)
    view = trials.read(database, "s", 2)
    assert (view.state, view.value, view.std_error, view.params) == ("completed", 3.0, 0.5, {"x": 0.25})
    assert (view.origin.policy, view.attempts, view.observations[0].attempt) == ("import", (), 0)
    assert studies.read(database, "s").budget_left == 1
    assert suggest(database, engine, "s", SuggestRequest()).response.trials[0].number == 3
    assert suggest(database, engine, "s", SuggestRequest()).response.status != "ok"
    assert model.best(database, engine, "s").best.trial == 2


def test_a_row_under_a_known_name_changes_nothing(define, take, database):
    define()
    first = take(row(client_id="a"), row(0.1, client_id="a"), row(client_id="a"))
    assert statuses(first) == ["imported", "refused", "duplicate"]
    assert first.rows[1].problem.code == "row-conflict"
    seq = studies.read(database, "s").updated_at, events_after(database, "s", 0)
    again = take(row(client_id="a"), row(value=2.0, client_id="a"))
    assert statuses(again) == ["duplicate", "refused"]
    assert again.rows[0].number == 1
    assert "trial 1" in again.rows[1].problem.detail
    assert (studies.read(database, "s").updated_at, events_after(database, "s", 0)) == seq


def test_rows_without_a_name_are_replicates(define, take, database):
    define()
    take(row(), row())
    take(row())
    assert studies.read(database, "s").trials.completed == 3


def test_each_bad_row_is_refused_by_its_own_field_and_the_others_are_taken(define, take, database):
    define()
    answer = take(
        row(2.0),
        row(),
        {"params": {"x": 0.5}, "metrics": {"other": 1.0}},
        row(value=float("nan")),
        {"params": {"x": 0.5, "y": 1}, "metrics": {"value": 1}},
        {"params": {}, "outcome": "infeasible"},
        {"params": {"x": 0.1}, "outcome": "infeasible", "reason": "boiled"},
    )
    assert statuses(answer) == ["refused", "imported", *["refused"] * 4, "imported"]
    problems = [(one.problem.code, one.problem.errors[0].pointer) for one in answer.rows if one.problem]
    assert problems == [
        ("out-of-bounds", "/rows/0/params/x"),
        ("validation", "/rows/2/metrics/value"),
        ("not-finite", "/rows/3/metrics/value"),
        ("unknown-parameter", "/rows/4/params/y"),
        ("missing-parameter", "/rows/5/params/x"),
    ]
    assert [one.number for one in answer.rows if one.number] == [1, 2]
    assert trials.read(database, "s", 2).state == "infeasible"


def test_a_dry_run_says_the_same_and_changes_nothing(define, take, database):
    define()
    rows = (row(client_id="a"), row(3.0), row(client_id="a"), row(0.2, client_id="a"))
    before = studies.read(database, "s")
    dry = take(*rows, dry_run=True)
    assert studies.read(database, "s") == before
    wet = take(*rows)
    assert statuses(dry) == statuses(wet) == ["imported", "refused", "duplicate", "refused"]
    assert dry.rows[0].number is None


@pytest.mark.parametrize("state", ["paused", "completed", "archived"])
def test_a_measured_value_is_taken_in_any_state(define, take, database, state):
    define()

    def enter(uow):
        uow.studies.lock("s").state = state

    database.write(enter)
    assert take(row()).imported == 1
    assert studies.read(database, "s").state == state


def test_the_engine_learns_from_imports_and_from_failures_where_the_policy_says_so(define, take, database):
    define(policy=Policy(on_failed="treat_as_infeasible"))
    take(row(), {"params": {"x": 0.1}, "outcome": "failed"})
    data = database.read(lambda uow: uow.trials.data_after(uow.studies.get("s"), 0))
    assert [(one.outcome, one.params["x"]) for one in data] == [("completed", 0.5), ("failed", 0.1)]
    assert trials.read(database, "s", 2).state == "infeasible"


def test_it_says_when_the_front_of_several_objectives_grows(define, take):
    define(objectives=(Objective(name="a"), Objective(name="b")))
    assert take({"params": {"x": 0}, "metrics": {"a": 1, "b": 1}}).best_changed
    assert not take({"params": {"x": 0}, "metrics": {"a": 2, "b": 1}}).best_changed
    assert take({"params": {"x": 0}, "metrics": {"a": 0, "b": 9}}).best_changed


def test_an_imported_trial_has_no_lease_to_finish(define, take, database):
    define()
    take(row())
    result = FinishRequest(lease_token="1.x", metrics={"value": 1.0})
    with pytest.raises(Exception, match="has no lease"):
        finish(database, "s", 1, result)


def test_an_unknown_study_is_not_found(take):
    with pytest.raises(NotFound):
        take(row())


@pytest.mark.long
def test_the_largest_batch_is_taken_at_once(define, take, database):
    define()
    rows = [row(k / 5000, float(k), client_id=f"row {k}") for k in range(5000)]
    assert take(*rows).imported == 5000
    again = take(*reversed(rows))
    assert again.duplicates == 5000
    assert [one.number for one in again.rows] == list(range(5000, 0, -1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([0.25, 0.5])), min_size=1, max_size=6),
        max_size=5,
    ),
)
def test_however_rows_are_cut_into_batches_each_name_has_its_first_content(sqlite_database, batches):
    """Against a dictionary: the first content of a name stays, and numbers have no gaps."""
    from headway.wire.space import Float, Space
    from headway.wire.study import StudyDefinition

    name = f"s{events_count(sqlite_database)}"
    studies.create_or_get(
        sqlite_database, StudyDefinition(name=name, space=Space(parameters=(Float(0, 1, name="x"),)))
    )
    first = {}
    for batch in batches:
        rows = [row(x, client_id=key) for key, x in batch]
        answer = import_rows(sqlite_database, name, ImportRequest.model_validate({"rows": rows}))
        for (key, x), result in zip(batch, answer.rows, strict=True):
            if key not in first:
                assert result.status == "imported"
                first[key] = x
            else:
                assert result.status == ("duplicate" if first[key] == x else "refused")
    page = trials.page(sqlite_database, name, None, 100).trials
    assert [trial.number for trial in page] == list(range(1, len(first) + 1))
    assert [trial.params["x"] for trial in page] == list(first.values())


def events_count(database):
    return len(studies.page(database, None, 1000).studies)
