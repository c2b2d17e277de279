"""Requests that fix values or name a context."""

from datetime import timedelta

import pytest

from headway.wire.space import Boolean, Categorical, Float, Int, Space, When
from headway.wire.study import Policy
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import (
    ConstraintsInfeasible,
    EngineUnavailable,
    IdempotencyKeyReused,
    InactiveParameter,
    OutOfBounds,
    UnknownParameter,
    ValidationFailed,
)
from headway_server.domain.space import SearchSpace
from headway_server.services import studies, trials
from headway_server.services.finish import finish
from headway_server.services.idempotency import RequestKey
from headway_server.services.suggest import suggest

SPACE = Space(
    parameters=(
        Categorical(("MeCN", "THF"), name="solvent"),
        Float(0, 1, name="x"),
        Float(0, 1, name="y"),
        Boolean(name="dry", when=When("solvent", ("THF",))),
        Int(0, 10, name="n"),
    ),
    constraints=("x + y <= 1", "n + 10 * x <= 12"),
)


@pytest.fixture
def ask(database, host, define):
    define(space=SPACE, policy=Policy(lease_s=5, first_heartbeat_grace_s=0))

    def call(key=None, engine=host, **fields):
        request = SuggestRequest.model_validate(fields)
        return suggest(database, engine, "s", request, key and RequestKey.of("suggest s", key, request))

    return call


def test_trials_have_the_values_and_their_receipts_say_so(ask, database):
    given = ask(count=3, fixed={"solvent": "THF", "x": 0.75}, context={"n": 4}).response.trials
    for trial in given:
        assert (trial.params["solvent"], trial.params["x"], trial.params["n"]) == ("THF", 0.75, 4)
        assert trial.params["y"] <= 0.25 + 1e-9
        assert "dry" in trial.params
        stored = trials.read(database, "s", trial.number)
        assert stored.origin.fixed == {"solvent": "THF", "x": 0.75}
        assert stored.origin.context == {"n": 4}
    assert len({(t.params["y"], t.params["dry"]) for t in given}) == 3


def test_after_a_model_too(ask, database, host):
    for _ in range(6):
        (trial,) = ask().response.trials
        finish(
            database,
            "s",
            trial.number,
            FinishRequest(lease_token=trial.lease.token, metrics={"value": trial.params["y"]}),
        )
    (trial,) = ask(fixed={"solvent": "MeCN"}, context={"x": 0.5}).response.trials
    assert (trial.params["solvent"], trial.params["x"]) == ("MeCN", 0.5)
    assert "dry" not in trial.params
    assert SearchSpace.from_wire(SPACE).check(trial.params) == trial.params


@pytest.mark.parametrize(
    ("fields", "error", "pointer"),
    [
        ({"fixed": {"z": 1}}, UnknownParameter, "/fixed/z"),
        ({"context": {"x": 3}}, OutOfBounds, "/context/x"),
        ({"fixed": {"x": 0.5}, "context": {"x": 0.5}}, ValidationFailed, "/context/x"),
        ({"fixed": {"dry": True}}, InactiveParameter, "/fixed/dry"),
        ({"fixed": {"x": 1}, "context": {"n": 3}}, ConstraintsInfeasible, "/fixed"),
    ],
)
def test_values_that_can_not_be_are_refused_and_nothing_is_taken(ask, database, fields, error, pointer):
    with pytest.raises(error) as refused:
        ask(**fields)
    assert refused.value.fields[0].pointer == pointer
    assert studies.read(database, "s").trials.reserved == 0
    assert studies.read(database, "s").budget_left == 10


def test_a_queued_point_goes_only_to_who_it_suits(ask, database):
    (first,) = ask(fixed={"solvent": "THF"}).response.trials
    (second,) = ask(fixed={"solvent": "MeCN", "n": 2}).response.trials
    database.clock_offset += timedelta(seconds=60)  # both leases lapse, both points are queued
    (other,) = ask(fixed={"solvent": "MeCN", "n": 5}).response.trials
    assert other.number == 3
    (again,) = ask(fixed={"solvent": "MeCN"}).response.trials
    assert (again.number, again.attempt, again.params) == (second.number, 2, second.params)
    (anyone,) = ask().response.trials
    assert (anyone.number, anyone.params) == (first.number, first.params)


def test_a_reservation_that_passes_on_gets_a_point_for_its_new_owner(ask, database):
    class Killed(BaseException):
        pass

    class Dying:
        def points(self, study, numbers, held):
            raise Killed

    with pytest.raises(Killed):
        ask(engine=Dying(), fixed={"solvent": "THF"})
    database.clock_offset += timedelta(seconds=61)
    (trial,) = ask(fixed={"solvent": "MeCN"}).response.trials
    assert (trial.number, trial.params["solvent"]) == (1, "MeCN")


def test_repeats_under_a_key_are_the_same_and_other_values_are_another_body(ask):
    first = ask(key="k", fixed={"solvent": "THF"})
    again = ask(key="k", fixed={"solvent": "THF"})
    assert again.replayed
    (mine,), (repeated,) = first.response.trials, again.response.trials
    assert (repeated.number, repeated.params, repeated.origin) == (mine.number, mine.params, mine.origin)
    assert repeated.lease.token == mine.lease.token
    with pytest.raises(IdempotencyKeyReused):
        ask(key="k", fixed={"solvent": "MeCN"})


@pytest.mark.parametrize("constraints", [(), ("x + y <= 1",), ("x + y == 1", "n + 10 * x == 4")])
def test_without_an_engine_points_are_valid_and_have_the_values(database, define, constraints):
    class Away:
        def points(self, study, numbers, held):
            raise EngineUnavailable("away")

    space = Space(parameters=SPACE.parameters, constraints=constraints)
    define("t", space=space)
    request = SuggestRequest(count=5, fixed={"solvent": "MeCN"}, context={"n": 3})
    for trial in suggest(database, Away(), "t", request).response.trials:
        assert SearchSpace.from_wire(space).check(trial.params) == trial.params
        assert (trial.params["solvent"], trial.params["n"]) == ("MeCN", 3)
        assert (trial.origin.policy, trial.origin.fixed) == ("fallback", {"solvent": "MeCN"})
