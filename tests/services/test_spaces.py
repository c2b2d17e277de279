"""A study's search space changes: results stay, and the model reads what it can."""

import json

import pytest
from pyarrow import parquet

from headway.wire.amendments import TrialPatch
from headway.wire.archive import Archive
from headway.wire.explanation import ExplainRequest
from headway.wire.observations import ImportRequest
from headway.wire.space import Categorical, Float, Int, Space
from headway.wire.space_versions import SpacePut
from headway.wire.study import Fidelity, Policy
from headway.wire.trial import FinishRequest, ReleaseRequest, SuggestRequest
from headway_server.domain.errors import (
    ConstraintsInfeasible,
    DefinitionConflict,
    IllegalTransition,
    InvalidFidelity,
    InvalidSpace,
    NotFound,
    OutOfBounds,
    PreconditionRequired,
    StaleEtag,
    UnknownParameter,
)
from headway_server.services import model, spaces, studies, trials
from headway_server.services.amending import amend_trial
from headway_server.services.archives import import_study
from headway_server.services.convergence import convergence
from headway_server.services.explain import explain
from headway_server.services.exporting import export
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.importing import import_rows
from headway_server.services.release import release
from headway_server.services.suggest import suggest
from tests.services.test_amending import same_but_for_its_age

X, WIDE, NARROW = Float(0, 1, name="x"), Float(-1, 2, name="x"), Float(0.5, 1, name="x")
T = Float(20, 80, name="t")
POINTS = [(k / 13, (k / 13 - 0.3) ** 2) for k in range(12)]


@pytest.fixture
def put(database):
    def call(*parameters, name="s", if_match="*", defaults=None, constraints=()):
        space = Space(parameters=parameters, constraints=constraints)
        return spaces.change_space(database, name, SpacePut(space=space, defaults=defaults or {}), if_match)

    return call


@pytest.fixture
def take(database):
    def call(name="s", points=POINTS, **fixed):
        rows = [{"params": {"x": x} | fixed, "metrics": {"value": value}} for x, value in points]
        assert import_rows(database, name, ImportRequest.model_validate({"rows": rows})).refused == 0

    return call


def ask(database, engine, **fields):
    return suggest(database, engine, "s", SuggestRequest.model_validate(fields)).response.trials


def test_versions_are_kept_and_read_by_number(define, take, put, database):
    define()
    take()
    first = spaces.read_space(database, "s")
    assert (first.version, len(first.versions), first.space.parameters) == (1, 1, (X,))
    second = put(WIDE, if_match=first.etag)
    assert (second.version, second.actor, second.data.usable) == (2, database.actor.name, 12)
    assert [one.space.parameters for one in second.versions] == [(X,), (WIDE,)]
    assert second.etag != first.etag
    assert spaces.read_space(database, "s", 1).space.parameters == (X,)
    assert spaces.read_space(database, "s").model_dump_json() == second.model_dump_json()
    assert studies.read(database, "s").definition.space.parameters == (WIDE,)
    assert trials.read(database, "s", 1).space_version == 1
    assert [event.type for event in events_after(database, "s", 0)].count("space.changed") == 1
    with pytest.raises(NotFound, match="no version 3"):
        spaces.read_space(database, "s", 3)


def test_a_change_says_what_it_has_seen_and_a_repeat_is_harmless(define, put, database):
    define()
    etag = spaces.read_space(database, "s").etag
    with pytest.raises(PreconditionRequired):
        put(WIDE, if_match=None)
    put(WIDE, if_match=etag)
    assert put(WIDE, if_match=etag).version == 2
    with pytest.raises(StaleEtag):
        put(NARROW, if_match=etag)
    assert spaces.read_space(database, "s").version == 2


def test_two_hosts_suggest_what_a_study_would_that_had_the_space_from_the_start(
    define, take, put, database, hosts
):
    define(seed=5)
    define("wide", seed=5, space=Space(parameters=(WIDE,)))
    take()
    take("wide")
    first, second = hosts(), hosts()
    for host in (first, second):
        assert 0 <= host.points("s", [50])[0].params["x"] <= 1
    first.start_fits()
    first.wait_for_fits()
    put(WIDE)
    expected = same_but_for_its_age(hosts().points("wide", [50])[0])
    for host in (first, second, hosts()):
        now = same_but_for_its_age(host.points("s", [50])[0])
        assert now.space_version == 2
        assert now.model_copy(update={"space_version": 1}) == expected


def test_a_narrower_space_learns_from_outside_and_suggests_inside(define, take, put, database, hosts):
    define(budget=20)
    take()
    view = put(NARROW)
    assert (view.data.usable, view.data.outside, view.data.set_aside) == (12, 7, 0)
    host = hosts()
    for _ in range(3):
        (trial,) = ask(database, host)
        assert 0.5 <= trial.params["x"] <= 1
        assert (trial.space_version, trial.origin.n_observed) == (2, 12)
    low, high = (host.predict("s", [{"x": x}]).intervals[0].mean for x in (0.3, 1.0))
    assert low == pytest.approx(0.0, abs=0.05)
    assert high == pytest.approx(0.49, abs=0.1)
    best = model.best(database, host, "s").best
    assert best.params == {"x": 4 / 13}
    assert best.posterior.mean == pytest.approx(best.value, abs=0.05)
    assert len(convergence(database, "s").points) == 12


def test_a_new_parameter_takes_its_default_and_one_without_sets_results_aside(
    define, take, put, database, hosts
):
    define()
    take()
    aside = put(X, T)
    assert (aside.data.usable, aside.data.set_aside, len(aside.data.why)) == (0, 12, 12)
    assert "'t' has no value" in aside.data.why[0].why
    host = hosts()
    assert host.summary("s").n_observed == 0
    take(points=[(0.5, 1.0)], t=30.0)
    assert host.summary("s").n_observed == 1
    found = put(X, T, defaults={"t": 25})
    assert (found.version, found.data.usable, found.data.set_aside) == (3, 13, 0)
    assert host.summary("s").n_observed == 13
    assert host.points("s", [30])[0].params.keys() == {"x", "t"}
    gone = put(X)
    assert gone.data.usable == 13
    assert host.points("s", [30])[0].params.keys() == {"x"}
    assert put(X, T, defaults={"t": 99}).data.usable == 13


def test_a_category_that_goes_takes_its_results_along_and_brings_them_back(
    define, put, take, database, hosts
):
    both, one = Categorical(("a", "b"), name="c"), Categorical(("b",), name="c")
    define(space=Space(parameters=(X, both)))
    take(points=POINTS[:4], c="a")
    take(points=POINTS[4:], c="b")
    view = put(X, one)
    assert (view.data.usable, view.data.set_aside) == (8, 4)
    assert hosts().summary("s").n_observed == 8
    assert model.best(database, hosts(), "s").best.params["c"] == "b"
    assert put(X, Categorical(("b", "z", "a"), name="c")).data.usable == 12


def test_a_leased_trial_of_the_old_version_finishes_under_it(define, put, database, engine):
    define()
    (trial,) = ask(database, engine)
    put(X, T, defaults={"t": 30})
    assert trials.read(database, "s", 1).state == "leased"
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0}, params_as_run={"x": 0.5})
    answer = finish(database, "s", 1, result)
    assert (answer.trial_state, answer.outside, answer.set_aside) == ("completed", (), None)
    view = trials.read(database, "s", 1)
    assert (view.space_version, view.params) == (1, trial.params)
    assert spaces.read_space(database, "s").data.usable == 1


def test_a_result_that_the_new_space_has_no_place_for_says_so(define, put, database, engine):
    define()
    (trial,) = ask(database, engine)
    put(X, T)
    answer = finish(database, "s", 1, FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0}))
    assert answer.best_changed
    assert "'t' has no value" in answer.set_aside


def test_queued_points_move_with_the_space_or_are_withdrawn(define, put, database, engine):
    define(budget=3, policy=Policy(max_retries=5))
    given = ask(database, engine, count=3)  # x = 0.001, 0.002, 0.003
    for trial in given[:2]:
        release(database, "s", trial.number, release_of(trial))
    view = put(Float(0.002, 1, name="x"), T, defaults={"t": 30})
    assert view.withdrawn == (1,)
    assert trials.read(database, "s", 1).state == "lost"
    (again,) = ask(database, engine)
    assert (again.number, again.params, again.space_version) == (2, {"x": 0.002, "t": 30.0}, 2)
    late = finish(database, "s", 1, FinishRequest(lease_token=given[0].lease.token, metrics={"value": 1.0}))
    assert late.trial_state == "completed"
    assert not ask(database, engine)
    counts = studies.read(database, "s").trials
    assert (counts.leased, counts.completed, studies.read(database, "s").budget_left) == (2, 1, 0)


def release_of(trial):
    return ReleaseRequest(lease_token=trial.lease.token)


def test_a_point_computed_in_the_old_space_is_computed_again(define, put, database, engine):
    define()

    class Overtaken:
        """An engine during whose work the space is changed, once."""

        changed = False

        def points(self, study, numbers, held=None):
            points = engine.points(study, numbers)
            if not self.changed:
                self.changed = True
                put(WIDE, T)
            return points

    (trial,) = ask(database, Overtaken())
    assert (trial.number, trial.params.keys(), trial.space_version) == (1, {"x", "t"}, 2)
    assert trials.read(database, "s", 1).space_version == 2


def test_points_in_flight_are_read_in_the_new_space(define, take, put, database, hosts):
    define(strategy="hallucinated-ucb")
    take()
    host = hosts()
    ask(database, host, count=2)
    put(WIDE)
    assert host.points("s", [40])[0].origin.n_pending == 2
    put(WIDE, T)
    assert host.points("s", [40])[0].origin.n_pending == 0


@pytest.mark.parametrize(
    ("parameters", "more", "error", "pointer"),
    [
        ((Float(2, 1, name="x"),), {}, InvalidSpace, "/space/parameters/0/low"),
        ((X,), {"constraints": ("x >= 2",)}, ConstraintsInfeasible, None),
        ((X,), {"defaults": {"q": 1}}, UnknownParameter, "/defaults/q"),
        ((X, Int(1, 3, name="k")), {"defaults": {"k": "two"}}, OutOfBounds, "/defaults/k"),
    ],
)
def test_an_illegal_space_gets_the_errors_that_create_gives(
    define, put, database, parameters, more, error, pointer
):
    define()
    with pytest.raises(error) as refused:
        put(*parameters, **more)
    assert pointer in (None, refused.value.fields[0].pointer)
    assert spaces.read_space(database, "s").version == 1


def test_the_fidelity_stays_a_parameter(define, put, database):
    define(space=Space(parameters=(X, T)), fidelity=Fidelity(parameter="t"))
    with pytest.raises(InvalidFidelity):
        put(X)


def test_who_comes_with_the_old_definition_is_told_of_the_new_space(define, put, database):
    define()
    put(WIDE)
    with pytest.raises(DefinitionConflict) as refused:
        define()
    assert refused.value.fields[0].pointer == "/space"
    assert define(space=Space(parameters=(WIDE,))) == "s"


def test_exports_hold_the_columns_of_all_versions_and_an_archive_the_spaces(define, put, take, database):
    define(space=Space(parameters=(X, Categorical(("a", "b"), name="c"))))
    take(points=POINTS[:2], c="a")
    put(X, Int(1, 5, name="c"), defaults={"c": 2})
    take(points=POINTS[2:4], c=3)
    put(X, T, defaults={"t": 25})
    take(points=POINTS[4:6], t=30.0)
    with export(database, "s", "csv").file as file:
        lines = file.read().decode().splitlines()
    names = lines[0].split(",")
    cells = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
    assert [row["params.c"] for row in cells] == ["a", "a", "3", "3", "", ""]
    assert [row["params.t"] for row in cells] == ["", "", "", "", "30.0", "30.0"]
    with export(database, "s", "parquet").file as file:
        assert parquet.read_table(file)["params.c"].to_pylist() == ["a", "a", "3", "3", None, None]
    with export(database, "s", "json").file as file:
        document = file.read()
    import_study(database, Archive.model_validate_json(document), "copy")
    with export(database, "copy", "json").file as file:
        again = file.read()
    assert json.loads(again)["spaces"] == json.loads(document)["spaces"]
    assert json.loads(again)["trials"] == json.loads(document)["trials"]
    there, here = (spaces.read_space(database, name) for name in ("copy", "s"))
    assert there.data == here.data
    assert here.data.set_aside == 0
    assert [one.space for one in there.versions] == [one.space for one in here.versions]


def test_an_explanation_names_the_trials_of_the_data_that_the_space_can_read(
    define, put, take, database, hosts
):
    both = Categorical(("a", "b"), name="c")
    define(space=Space(parameters=(X, both)))
    take(points=POINTS[:4], c="a")
    take(points=POINTS[4:], c="b")
    put(X, Categorical(("b",), name="c"))
    host = hosts()
    told = explain(database, host, "s", ExplainRequest(params={"x": 10 / 13, "c": "b"}))
    assert told.nearest[0].trial == 11
    assert {near.trial for near in told.nearest} <= set(range(5, 13))
    assert explain(database, host, "s", ExplainRequest(trial=7)).params == {"x": 6 / 13, "c": "b"}
    with pytest.raises(IllegalTransition, match="no place in the present"):
        explain(database, host, "s", ExplainRequest(trial=1))


def test_a_trial_from_before_a_correction_is_explained_by_the_present_model(define, take, database, hosts):
    define()
    take()
    host = hosts()
    (trial,) = ask(database, host)
    host.start_fits()
    host.wait_for_fits()
    asked = ExplainRequest(trial=trial.number)
    assert explain(database, host, "s", asked).as_made
    amend_trial(database, "s", 1, TrialPatch(excluded=True, reason="r"))
    now = explain(database, host, "s", asked)
    assert (now.as_made, now.n_observed) == (False, 11)
