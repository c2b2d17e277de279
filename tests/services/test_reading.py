"""What a study has found, who is at work, and where the model can't be asked."""

import pytest

from headway.wire.model import PredictRequest
from headway.wire.trial import FinishRequest, SuggestRequest
from headway.wire.trial_filter import TrialFilter
from headway_server.domain.errors import EngineUnavailable, InvalidCursor, NotFound, OutOfBounds
from headway_server.services import model, studies, trials
from headway_server.services.at_work import at_work
from headway_server.services.convergence import convergence
from headway_server.services.finish import finish
from headway_server.services.history import last_seq
from headway_server.services.suggest import suggest


@pytest.fixture
def worked(database, engine, define):
    """A study with results 3, 1, 2 and a fourth trial at work."""
    define()
    handed = suggest(database, engine, "s", SuggestRequest(count=4, worker="w")).response.trials
    for trial, value in zip(handed, (3.0, 1.0, 2.0), strict=False):
        result = FinishRequest(lease_token=trial.lease.token, metrics={"value": value})
        finish(database, "s", trial.number, result)
    return handed


def test_the_best_is_the_lowest_with_its_posterior(database, engine, worked):
    best = model.best(database, engine, "s").best
    assert (best.trial, best.value, best.params) == (2, 1.0, worked[1].params)
    assert best.posterior.mean == 1.0
    assert best.posterior_reason is None


def test_without_results_there_is_no_best(database, engine, define):
    define()
    assert model.best(database, engine, "s").best is None
    assert convergence(database, "s").points == ()


def test_without_a_model_the_best_says_why(database, worked):
    class Away:
        def predict(self, study, points):
            raise EngineUnavailable("gone fishing")

    class Young:
        def predict(self, study, points):
            return None

    assert model.best(database, Away(), "s").best.posterior_reason == "gone fishing"
    best = model.best(database, Young(), "s").best
    assert best.posterior is None
    assert "too few" in best.posterior_reason
    with pytest.raises(EngineUnavailable, match="too few"):
        model.predict(database, Young(), "s", PredictRequest(points=({"x": 0.5},)))


def test_convergence_follows_the_order_of_arrival(database, worked):
    points = convergence(database, "s").points
    assert [(p.trial, p.value, p.best) for p in points] == [(1, 3.0, 3.0), (2, 1.0, 1.0), (3, 2.0, 1.0)]


def test_predictions_are_checked_first(database, engine, worked):
    answer = model.predict(database, engine, "s", PredictRequest(points=({"x": 0.5}, {"x": 1})))
    assert len(answer.predictions) == 2
    with pytest.raises(OutOfBounds):
        model.predict(database, engine, "s", PredictRequest(points=({"x": 0.5}, {"x": 2})))


@pytest.mark.parametrize(
    "read",
    [
        lambda database, engine: model.best(database, engine, "nope"),
        lambda database, engine: model.summary(database, engine, "nope"),
        lambda database, _: convergence(database, "nope"),
        lambda database, engine: model.predict(database, engine, "nope", PredictRequest(points=({"x": 1},))),
        lambda database, _: studies.read(database, "nope"),
        lambda database, _: trials.page(database, "nope", None, 1),
        lambda database, _: at_work(database, "nope"),
        lambda database, _: last_seq(database, "nope"),
    ],
)
def test_an_unknown_study_is_not_found(database, engine, read):
    with pytest.raises(NotFound):
        read(database, engine)


def test_the_model_is_summarised(database, engine, worked):
    assert model.summary(database, engine, "s").version == 1


def test_who_is_at_work(database, worked):
    (it,) = at_work(database, "s")
    assert (it.worker, it.trial, it.attempt) == ("w", 4, 1)
    assert it.for_s >= 0
    assert it.expires_in_s == pytest.approx(600, abs=5)


def test_trials_are_filtered_by_state(database, worked):
    assert [t.number for t in trials.page(database, "s", None, 10, TrialFilter(state="leased")).trials] == [4]
    table = trials.columns(database, "s", "1", 2)
    assert table.columns["number"] == [2, 3]
    assert table.columns["value"] == [1.0, 2.0]
    assert table.columns["params.x"] == [worked[1].params["x"], worked[2].params["x"]]
    assert table.next_cursor == "3"


def test_a_reserved_trial_has_no_parameters_yet(database, define):
    define()

    class Killed(BaseException):
        pass

    class Dying:
        def points(self, study, numbers, held):
            raise Killed

    with pytest.raises(Killed):
        suggest(database, Dying(), "s", SuggestRequest())
    assert trials.columns(database, "s", None, 10).columns["params.x"] == [None]
    assert trials.read(database, "s", 1).params is None


@pytest.mark.parametrize("cursor", ["", "x", "-3"])
def test_a_made_up_cursor_is_refused(database, define, cursor):
    define()
    with pytest.raises(InvalidCursor):
        trials.page(database, "s", cursor, 10)
