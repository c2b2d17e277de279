"""Points as run that lie outside the space: kept, flagged, and used by the model where they lie."""

import json

import numpy as np
import pytest

from headway.wire.archive import Archive
from headway.wire.space import Categorical, Float, Int, Space
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import InactiveParameter, MissingParameter, OutOfBounds, UnknownParameter
from headway_server.services import model, spaces, trials
from headway_server.services.archives import import_study
from headway_server.services.engine_host import EngineHost
from headway_server.services.exporting import export
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest

SPACE = Space(
    parameters=(
        Float(1, 100, log=True, name="x"),
        Int(0, 8, step=2, name="n"),
        Categorical(("a", "b"), name="c"),
    ),
    constraints=("n <= 6",),
)


@pytest.fixture
def report(database, engine, define):
    define(space=SPACE, budget=50)

    def call(as_run, value=1.0, by=engine, **fields):
        (trial,) = suggest(database, by, "s", SuggestRequest()).response.trials
        fields.setdefault("metrics", {"value": value})
        result = {"lease_token": trial.lease.token, "params_as_run": as_run} | fields
        return finish(database, "s", trial.number, FinishRequest.model_validate(result))

    return call


def test_a_number_outside_is_kept_flagged_and_used(report, database):
    answer = report({"x": 250, "n": 3, "c": "a"}, -7.0)
    assert (answer.set_aside, answer.best_changed) == (None, True)
    assert [said.partition(" =")[0] for said in answer.outside] == ["x", "n"]
    (seen,) = trials.read(database, "s", 1).observations
    assert (seen.params_as_run, seen.outside) == ({"x": 250, "n": 3, "c": "a"}, answer.outside)
    use = spaces.read_space(database, "s").data
    assert (use.usable, use.outside, use.set_aside) == (1, 1, 0)


def test_a_broken_constraint_is_flagged_too(report):
    answer = report({"x": 50.0, "n": 8, "c": "a"})
    assert ["constraint 'n <= 6'" in said for said in answer.outside] == [True]
    assert answer.set_aside is None


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ({"x": 2.0, "n": 2, "c": "z"}, "c = 'z'"),
        ({"x": -1.0, "n": 2, "c": "a"}, "x = -1"),
        ({"x": 1e290, "n": 2, "c": "a"}, "x = 1e"),
    ],
)
def test_what_has_no_place_is_kept_and_set_aside(report, database, point, why):
    answer = report(point)
    assert why in answer.outside[0]
    assert why in answer.set_aside
    assert trials.read(database, "s", 1).value == 1.0
    use = spaces.read_space(database, "s").data
    assert (use.usable, use.set_aside, use.why[0].trial) == (0, 1, 1)
    host = EngineHost(database)
    assert host.summary("s").n_observed == 0
    best = model.best(database, host, "s").best
    assert (best.trial, best.posterior) == (1, None)
    assert why in best.posterior_reason
    host.close()


@pytest.mark.parametrize(
    ("point", "error"),
    [
        ({"x": 2.0, "n": 2}, MissingParameter),
        ({"x": 2.0, "n": 2, "c": "a", "q": 1}, UnknownParameter),
        ({"x": "2", "n": 2, "c": "a"}, OutOfBounds),
        ({"x": float("nan"), "n": 2, "c": "a"}, OutOfBounds),
        ({"x": True, "n": 2, "c": "a"}, OutOfBounds),
        ({"x": 10**400, "n": 2, "c": "a"}, OutOfBounds),
        ({"x": 2.0, "n": 2, "c": float("nan")}, OutOfBounds),
    ],
)
def test_what_is_no_point_at_all_is_refused(report, database, point, error):
    with pytest.raises(error):
        report(point)
    assert trials.read(database, "s", 1).state == "leased"


def test_an_inactive_parameter_has_no_value(define, database, engine):
    space = Space.model_validate(
        {
            "parameters": [
                {"name": "c", "type": "categorical", "choices": ["a", "b"]},
                {"name": "d", "type": "float", "low": 0, "high": 1, "when": {"parent": "c", "equals": ["b"]}},
            ]
        }
    )
    define(space=space)
    (trial,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    result = {"lease_token": trial.lease.token, "metrics": {"value": 1}, "params_as_run": {"c": "a", "d": 9}}
    with pytest.raises(InactiveParameter):
        finish(database, "s", 1, FinishRequest.model_validate(result))


def test_the_model_learns_where_the_point_was_and_suggests_inside(report, database):
    """The best values lie beyond the upper end: the posterior goes on there, and no suggestion does."""
    host = EngineHost(database)
    rng = np.random.default_rng(0)
    for k in range(14):
        x = float(10 ** rng.uniform(0, 2.6))
        report({"x": x, "n": 2 * (k % 4), "c": "ab"[k % 2]}, -np.log(x), by=host)
    host.start_fits()
    host.wait_for_fits()
    points = [{"x": x, "n": 2, "c": "a"} for x in (1.0, 100.0, 300.0)]
    means = [one.mean for one in host.predict("s", points).intervals]
    assert means == pytest.approx([-np.log(one["x"]) for one in points], abs=0.5)
    assert means[1] - means[2] > 0.5  # clipped, the two would be one point
    assert host.summary("s").n_observed == 14
    for _ in range(4):
        (trial,) = suggest(database, host, "s", SuggestRequest()).response.trials
        assert 1 <= trial.params["x"] <= 100
        assert trial.params["n"] in (0, 2, 4, 6)
    assert trial.origin.predicted.mean == pytest.approx(-np.log(trial.params["x"]), abs=0.5)
    host.close()


def test_an_archive_keeps_what_lies_outside(report, database):
    report({"x": 250.0, "n": 3, "c": "z"})
    with export(database, "s", "json").file as file:
        document = file.read()
    import_study(database, Archive.model_validate_json(document), "copy")
    with export(database, "copy", "json").file as file:
        again = file.read()
    assert json.loads(again)["trials"] == json.loads(document)["trials"]
    assert trials.read(database, "copy", 1).observations[0].outside
