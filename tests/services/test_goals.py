"""Outcome constraints, several objectives and fidelities: what counts, what is best, what is missing."""

from random import Random

import pytest
from pydantic import TypeAdapter

from headway.wire.space import Float, Int, Space
from headway.wire.study import Fidelity, FidelityCost, Objective
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import ValidationFailed
from headway_server.domain.pareto import Front, hypervolume
from headway_server.services import model, trials
from headway_server.services.convergence import convergence
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.suggest import suggest

TWO = (Objective(name="loss"), Objective(name="gain", goal="maximize"))


@pytest.fixture
def work(database, engine):
    """Finish one trial after another: `work([{metric: value}, …])`; the answers."""

    def call(results, name="s", **fields):
        answers = []
        for metrics in results:
            (trial,) = suggest(database, engine, name, SuggestRequest()).response.trials
            body = {"lease_token": trial.lease.token, "metrics": metrics} | fields
            answers.append(finish(database, name, trial.number, FinishRequest.model_validate(body)))
        return answers

    return call


def test_a_completed_trial_needs_every_objective_and_every_constrained_metric(define, work):
    define(objectives=TWO, outcome_constraints=("latency <= 50", "gain >= 0"))
    with pytest.raises(ValidationFailed) as refused:
        work([{"gain": 1.0, "cost": 3.0}])
    assert [field.pointer for field in refused.value.fields] == ["/metrics/loss", "/metrics/latency"]
    assert "'loss'" in refused.value.detail
    assert "the constrained metric 'latency'" in refused.value.fields[1].message
    assert work([{"loss": 1.0, "gain": 2.0, "latency": 3.0}])[0].trial_state == "completed"


@pytest.mark.parametrize(("goal", "best"), [("minimize", 3), ("maximize", 4)])
def test_the_best_keeps_the_constraints(database, engine, define, work, goal, best):
    define(objectives=(Objective(name="f", goal=goal),), outcome_constraints=("c <= 1",))
    assert model.best(database, engine, "s").best is None
    answers = work([{"f": -9.0, "c": 2.0}, {"f": 9.0, "c": 1.1}, {"f": 1.0, "c": 1.0}, {"f": 2.0, "c": 0.0}])
    assert [answer.best_changed for answer in answers] == [False, False, True, best == 4]
    found = model.best(database, engine, "s").best
    assert (found.trial, found.metrics) == (best, {3: {"f": 1.0, "c": 1.0}, 4: {"f": 2.0, "c": 0.0}}[best])
    points = convergence(database, "s").points
    assert [point.counts for point in points] == [False, False, True, True]
    assert [point.best for point in points] == [None, None, 1.0, {3: 1.0, 4: 2.0}[best]]
    improved = [event.trial for event in events_after(database, "s", 0) if event.type == "best.improved"]
    assert improved[-1] == best


def test_with_no_feasible_trial_there_is_no_best(database, engine, define, work, monkeypatch):
    monkeypatch.setattr("headway_server.storage.trials.RANKED_AT_ONCE", 4)
    define(outcome_constraints=("value >= 5",), budget=20)
    work([{"value": float(k % 5)} for k in range(9)])  # more than are fetched at once
    assert model.best(database, engine, "s").best is None
    work([{"value": 6.0}])
    assert model.best(database, engine, "s").best.trial == 10


def test_the_front_is_what_no_other_dominates(database, engine, define, work):
    define(objectives=TWO, outcome_constraints=("size <= 10",))
    results = [
        {"loss": 3.0, "gain": 3.0, "size": 1.0},
        {"loss": 1.0, "gain": 1.0, "size": 1.0},
        {"loss": 3.5, "gain": 2.0, "size": 1.0},  # dominated
        {"loss": 0.1, "gain": 9.0, "size": 11.0},  # too large
        {"loss": 1.0, "gain": 1.0, "size": 2.0},  # the same again
        {"loss": 0.5, "gain": 2.0, "size": 2.0},  # dominates trial 2
    ]
    answers = work(results)
    assert [answer.best_changed for answer in answers] == [True, True, False, False, False, True]
    answer = model.best(database, engine, "s")
    assert answer.best is None
    assert [one.trial for one in answer.front] == [6, 1]
    assert answer.front[0].metrics == results[5]
    assert answer.front[0].posterior is not None


@pytest.mark.parametrize("goals", [("minimize", "maximize"), ("maximize", "maximize")])
def test_a_result_joins_the_front_exactly_where_nothing_before_it_dominates(define, work, goals):
    objectives = tuple(Objective(name=n, goal=g) for n, g in zip("ab", goals, strict=True))
    define(objectives=objectives, outcome_constraints=("c <= 0",), budget=40)
    draw = Random(7)
    results = [
        {name: float(draw.randint(0, 6)) for name in "abc"} | {"c": draw.choice([0.0, 0.0, 1.0])}
        for _ in range(35)
    ]
    signs = [1.0 if goal == "maximize" else -1.0 for goal in goals]
    front, expected = Front(), []
    for result in results:
        point = (signs[0] * result["a"], signs[1] * result["b"])
        expected.append(result["c"] <= 0 and front.add(point, None))
    assert [answer.best_changed for answer in work(results)] == expected


def test_convergence_of_several_objectives_is_the_volume(database, define, work):
    define(objectives=TWO)
    work(
        [
            {"loss": 3.0, "gain": 3.0},
            {"loss": 1.0, "gain": 1.0},
            {"loss": 4.0, "gain": 1.0},
            {"loss": 2.0, "gain": 2.5},
        ]
    )
    seen = convergence(database, "s")
    assert [one.name for one in seen.objectives] == ["loss", "gain"]
    assert seen.reference == {"loss": pytest.approx(3.2), "gain": pytest.approx(0.8)}
    points = [(-3.0, 3.0), (-1.0, 1.0), (-4.0, 1.0), (-2.0, 2.5)]
    expected = [hypervolume(points[: k + 1], (-3.2, 0.8)) for k in range(4)]
    assert [point.hypervolume for point in seen.points] == pytest.approx(expected)
    assert [point.best for point in seen.points] == [None] * 4
    assert seen.points[0].metrics == {"loss": 3.0, "gain": 3.0}


def test_beyond_three_objectives_there_is_a_front_and_no_volume(database, engine, define, work):
    define(objectives=tuple(Objective(name=name) for name in "abcd"))
    work([{"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, {"a": 2.0, "b": 1.0, "c": 3.0, "d": 4.0}])
    assert len(model.best(database, engine, "s").front) == 2
    assert {point.hypervolume for point in convergence(database, "s").points} == {None}


def test_only_the_target_fidelity_counts(database, engine, define, work):
    space = Space(parameters=(Float(0, 1, name="x"), Int(1, 10, name="epochs")))
    cost = FidelityCost(fixed=1.0)
    define(space=space, fidelity=Fidelity(parameter="epochs", cost=cost))
    answers = work([{"value": 1.0}], params_as_run={"x": 0.5, "epochs": 5})
    answers += work([{"value": 3.0}, {"value": 2.0}], params_as_run={"x": 0.5, "epochs": 10})
    assert [answer.best_changed for answer in answers] == [False, True, True]
    assert model.best(database, engine, "s").best.trial == 3
    assert [point.best for point in convergence(database, "s").points] == [None, 3.0, 2.0]


def test_columns_and_rows_carry_every_metric_of_the_goals(database, define, work):
    define(objectives=TWO)
    work([{"loss": 1.0, "gain": {"value": 2.0, "std_error": 0.1}, "note": 7.0}])
    work([{"gain": 9.0}], outcome="infeasible")
    columns = trials.columns(database, "s", None, 10).columns
    assert columns["metrics.loss"] == [1.0, None]
    assert columns["metrics.gain"] == [2.0, None]
    assert columns["value"] == [1.0, None]
    view = trials.read(database, "s", 1)
    assert (view.metrics["gain"].std_error, view.metrics["note"].value) == (0.1, 7.0)
    assert trials.read(database, "s", 2).metrics == {}


def test_the_answers_survive_the_wire(database, engine, define, work):
    define(objectives=TWO)
    work([{"loss": 1.0, "gain": 2.0}])
    for answer in (model.best(database, engine, "s"), convergence(database, "s")):
        kind = TypeAdapter(type(answer))
        assert kind.validate_json(kind.dump_json(answer)) == answer
