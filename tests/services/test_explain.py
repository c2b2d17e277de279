"""Why a trial: the engine host's models of then and of now."""

import pytest

from headway.wire.amendments import TrialPatch
from headway.wire.explanation import ExplainRequest
from headway.wire.study import Objective
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.access import DEFAULT_PROJECT_ID
from headway_server.domain.errors import (
    EngineUnavailable,
    IllegalTransition,
    NotFound,
    OutOfBounds,
    ValidationFailed,
)
from headway_server.services import engine_host
from headway_server.services.amending import amend_trial
from headway_server.services.engine_link import EngineLink
from headway_server.services.explain import explain
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest


def run(database, host, count, measure=lambda x: {"value": (x - 0.3) ** 2}):
    """Work a study one trial after the other; the last one stays open."""
    for _ in range(count):
        (trial,) = suggest(database, host, "s", SuggestRequest()).response.trials
        host.start_fits()
        host.wait_for_fits()
        if trial.number < count:
            result = FinishRequest(lease_token=trial.lease.token, metrics=measure(trial.params["x"]))
            finish(database, "s", trial.number, result)


def why(database, engine, **asked):
    return explain(database, engine, "s", ExplainRequest(**asked))


def test_a_trial_is_explained_by_the_model_that_made_it(database, host, define):
    define(budget=30, strategy="rucb")
    run(database, host, 16)
    for number in (9, 12, 15):
        told = why(database, host, trial=number, nearest=50)
        receipt = told.receipt
        assert told.as_made is True
        assert (told.model_version, told.n_observed) == (receipt.model_version, receipt.n_observed)
        assert told.predicted.mean == pytest.approx(receipt.predicted.mean, rel=1e-6, abs=1e-9)
        assert told.predicted.sd == pytest.approx(receipt.predicted.sd, rel=1e-5)
        assert told.score.total == pytest.approx(receipt.acquisition_value, rel=1e-5)
        assert told.score.beta == receipt.beta
        assert all(near.trial < number for near in told.nearest)
        assert all(one.score.total <= told.score.total + 1e-3 for one in told.alternatives)
        for near in told.nearest:
            assert near.value == pytest.approx((near.params["x"] - 0.3) ** 2, rel=1e-6, abs=1e-9)


def test_what_no_model_made_is_explained_by_the_present_one(database, host, define, monkeypatch):
    define(budget=30, strategy="rucb")
    run(database, host, 12)
    start = why(database, host, trial=1)
    assert (start.receipt.policy, start.as_made, start.n_observed) == ("sobol", False, 11)
    assert start.score.acquisition == "log-ei"
    assert start.nearest[0].trial == 1
    assert start.nearest[0].similarity == pytest.approx(1.0)
    point = why(database, host, params={"x": 0.31}, nearest=1, alternatives=0)
    assert (point.trial, point.receipt, len(point.nearest), point.alternatives) == (None, None, 1, ())
    monkeypatch.setattr(engine_host, "AS_MADE_UNTIL", 5)
    assert why(database, host, trial=10).as_made is False


def test_several_objectives_have_predictions_and_neighbours_but_no_one_score(database, host, define):
    define(budget=30, objectives=(Objective(name="a"), Objective(name="b", goal="maximize")))
    run(database, host, 9, lambda x: {"a": x, "b": x * (1 - x)})
    told = why(database, host, trial=8)
    assert set(told.metrics) == {"a", "b"}
    assert (told.score, told.alternatives) == (None, ())
    assert len(told.nearest) == 5


def test_a_question_that_makes_no_sense_is_refused(database, host, define):
    define()
    with pytest.raises(EngineUnavailable, match="too few"):
        why(database, host, params={"x": 0.5})
    for asked in ({}, {"trial": 1, "params": {"x": 0.5}}):
        with pytest.raises(ValidationFailed, match="one of the two"):
            why(database, host, **asked)
    with pytest.raises(NotFound, match="has no trial 7"):
        why(database, host, trial=7)
    with pytest.raises(OutOfBounds):
        why(database, host, params={"x": 7})


def test_a_reserved_trial_has_no_point_to_explain(database, define):
    define()

    class Killed(BaseException):
        pass

    class Dying:
        def points(self, study, numbers, held):
            raise Killed

    with pytest.raises(Killed):
        suggest(database, Dying(), "s", SuggestRequest())
    with pytest.raises(IllegalTransition, match="no point yet"):
        why(database, Dying(), trial=1)


@pytest.mark.slow
def test_the_same_is_answered_across_the_pipe(database, host, define):
    define(budget=30, strategy="rucb")
    run(database, host, 12)
    link = EngineLink(database.url)
    link.start()
    try:
        across = why(database, link.within(DEFAULT_PROJECT_ID), trial=11)
    finally:
        link.close()
    assert across == why(database, host, trial=11)
    assert across.as_made


def test_what_was_taken_out_of_the_study_speaks_for_nothing(database, host, define):
    define(budget=30, strategy="rucb")
    run(database, host, 13)
    before = why(database, host, trial=11, nearest=50)
    assert before.as_made
    amend_trial(database, "s", 3, TrialPatch(excluded=True, reason="spilt"))
    after = why(database, host, trial=11, nearest=50)
    assert (after.as_made, after.n_observed) == (False, 11)
    assert {near.trial for near in after.nearest} == {*range(1, 13)} - {3}
    for near in after.nearest:
        assert near.value == pytest.approx((near.params["x"] - 0.3) ** 2, rel=1e-6, abs=1e-9)
