"""What plots are drawn from."""

import pytest

from headway.wire.observations import ImportRequest
from headway.wire.study import Objective
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.errors import NotFound, ValidationFailed
from headway_server.services import model
from headway_server.services.convergence import convergence
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.importing import import_rows
from headway_server.services.plots import plot
from headway_server.services.suggest import suggest

TWO = (Objective(name="a"), Objective(name="b", goal="maximize"))


def bring(database, *results):
    rows = [
        {"params": {"x": k / 1000}, "outcome": "failed"}
        if result is None
        else {
            "params": {"x": k / 1000},
            "metrics": result if isinstance(result, dict) else {"value": result},
        }
        for k, result in enumerate(results)
    ]
    import_rows(database, "s", ImportRequest.model_validate({"rows": rows}))


def columns(database, kind, max_points=1000):
    return plot(database, "s", kind, max_points).plot.columns


def test_an_unknown_study_has_no_plot(database):
    with pytest.raises(NotFound):
        plot(database, "nope", "history", 10)


def test_history_and_parallel_are_drawn_from_columns(define, database):
    define()
    bring(database, 5.0, None, 3.0, 4.0, 1.0)
    history = columns(database, "history")
    assert (history["order"], history["trial"]) == ([1, 2, 3, 4], [1, 3, 4, 5])
    assert history["value"] == [5.0, 3.0, 4.0, 1.0]
    assert history["best"] == [5.0, 3.0, 3.0, 1.0]
    assert history["counts"] == [True] * 4
    at = [point.model_dump(mode="json")["at"] for point in convergence(database, "s").points]
    assert history["at"] == at
    assert columns(database, "parallel") == {
        "number": [1, 3, 4, 5],
        "value": [5.0, 3.0, 4.0, 1.0],
        "params.x": [0, 0.002, 0.003, 0.004],
    }
    with pytest.raises(ValidationFailed, match="one objective"):
        plot(database, "s", "front", 10)


@pytest.mark.parametrize("kind", ["history", "parallel"])
def test_a_plot_of_nothing_is_empty_and_one_of_much_keeps_its_limit_and_its_best(define, database, kind):
    define()
    assert all(column == [] for column in columns(database, kind).values())
    values = [float((k * 37) % 101) for k in range(500)]
    bring(database, *values)
    made = plot(database, "s", kind, 20).plot
    assert made.total == 500
    lengths = {len(column) for column in made.columns.values()}
    assert len(lengths) == 1
    assert 18 <= lengths.pop() <= 20
    assert values.index(0.0) + 1 in made.columns["number" if kind == "parallel" else "trial"]
    assert {0.0, 100.0} <= set(made.columns["value"])


def test_the_steps_of_an_incumbent_under_constraints_stay(define, database):
    define(objectives=(Objective(name="a"),), outcome_constraints=("b <= 0",))
    bring(
        database, *({"a": 1000.0 - k if k % 50 == 0 else -float(k), "b": float(k % 50)} for k in range(500))
    )
    history = columns(database, "history", 40)
    assert len(history["trial"]) <= 40
    steps = [point for point in convergence(database, "s").points if point.counts]
    assert len(steps) == 10
    assert {point.trial for point in steps} <= set(history["trial"])
    shown = dict(zip(history["trial"], history["best"], strict=True))
    assert all(shown[point.trial] == point.best == point.value for point in steps)


def test_the_front_stays_and_is_the_one_that_best_tells(define, database, engine):
    define(objectives=TWO)
    bring(
        database,
        *({"a": float(k % 23), "b": float((k * 7) % 31) - (k % 23 - 11) ** 2 / 40} for k in range(400)),
    )
    made = plot(database, "s", "front", 60).plot
    assert (made.total, made.objectives) == (400, TWO)
    front = [trial for trial, on in zip(made.columns["trial"], made.columns["on_front"], strict=True) if on]
    told = model.best(database, engine, "s").front
    assert sorted(front) == sorted(one.trial for one in told)
    assert 50 <= len(made.columns["trial"]) <= 60
    value_of = dict(zip(made.columns["trial"], made.columns["metrics.b"], strict=True))
    assert all(value_of[one.trial] == one.metrics["b"] for one in told)
    history = columns(database, "history", 60)
    volumes = [point.hypervolume for point in convergence(database, "s").points]
    grown = {k + 1 for k, volume in enumerate(volumes) if k == 0 or volume > volumes[k - 1]}
    assert grown <= set(history["order"])
    assert history["hypervolume"][-1] == pytest.approx(max(volumes))
    assert "best" not in history


def test_the_etag_changes_with_results_and_not_with_heartbeats(define, database, engine):
    define()
    first = plot(database, "s", "history", 10)
    trial = suggest(database, engine, "s", SuggestRequest()).response.trials[0]
    leased = plot(database, "s", "history", 10, first.etag)
    assert leased.etag != first.etag
    heartbeat(database, "s", 1, HeartbeatRequest(lease_token=trial.lease.token))
    assert plot(database, "s", "history", 10, f'W/"x", {leased.etag}').plot is None
    assert plot(database, "s", "history", 11, leased.etag).plot is not None
    assert plot(database, "s", "parallel", 10, leased.etag).plot is not None
    finish(database, "s", 1, FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0}))
    assert plot(database, "s", "history", 10, leased.etag).plot.columns["value"] == [1.0]
