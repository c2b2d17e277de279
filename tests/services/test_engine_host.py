"""The engine host in this process: its memory is a cache over rows."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from headway.wire.model import PredictRequest
from headway.wire.space import Categorical, Float, Space
from headway.wire.study import DEFAULT_STRATEGY, Fidelity, FidelityCost, Objective
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import DatabaseUnavailable, NotFound
from headway_server.engine import FitTask, Fitted, optimizer
from headway_server.services.engine_host import EngineHost, serve
from headway_server.services.engine_port import Answered, Asked, AskPoints, AskPredictions, AskSummary
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.model import best, predict
from headway_server.services.suggest import suggest
from tests.services.working import run


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


def test_a_study_goes_from_sobol_to_the_model_and_finds_the_optimum(database, host, define):
    define(budget=20)
    trials = run(database, host, 15)
    policies = [trial.origin.policy for trial in trials]
    assert policies[0] == "sobol"
    assert policies[-1] == DEFAULT_STRATEGY
    assert trials[-1].origin.n_observed == 14
    assert trials[-1].origin.predicted is not None
    assert trials[-1].origin.model_version >= 1
    assert min(abs(trial.params["x"] - 0.3) for trial in trials) < 0.02


def test_maximising_turns_the_sign(database, host, define):
    define("up", objectives=(Objective(goal="maximize"),), budget=20)
    trials = run(database, host, 15, name="up")
    assert max(abs(trial.params["x"] - 0.3) for trial in trials[8:]) > 0.6


def test_before_there_is_a_model_there_are_no_predictions(database, host, define):
    define()
    assert host.predict("s", [{"x": 0.5}]) is None
    assert host.summary("s").version == 0


def test_predictions_and_summary_come_from_the_model(database, host, define):
    define(budget=20)
    run(database, host, 12)
    predictions = host.predict("s", [{"x": 0.3}, {"x": 1.0}])
    low, high = predictions.intervals
    assert low.mean < high.mean
    assert low.low <= low.mean <= low.high
    assert predictions.n_observed == 12
    summary = host.summary("s")
    assert summary.n_observed == 12
    assert summary.version >= 1
    assert summary.importance == {"x": pytest.approx(1.0)}
    assert summary.fitted_at is not None
    assert summary.fit_s is not None


def test_fits_are_rows_and_are_told(database, host, define):
    define(budget=20)
    run(database, host, 12)
    fits = [event for event in events_after(database, "s", 0) if event.type == "model.fitted"]
    assert [fit.data["version"] for fit in fits] == list(range(1, len(fits) + 1))
    assert fits


def test_a_fresh_host_rebuilds_what_the_old_one_knew(database, host, define):
    define(budget=30)
    run(database, host, 12)
    probe = [{"x": k / 10} for k in range(11)]
    again = EngineHost(database)
    warm, cold = host.predict("s", probe), again.predict("s", probe)
    again.close()
    assert cold.model_version == warm.model_version
    assert [i.mean for i in cold.intervals] == pytest.approx([i.mean for i in warm.intervals], abs=1e-8)
    assert [i.sd for i in cold.intervals] == pytest.approx([i.sd for i in warm.intervals], abs=1e-6)


def test_two_replicas_at_one_posterior_give_different_points_to_ucb(database, host, define):
    define(budget=30, strategy="ucb")
    run(database, host, 8)
    other = EngineHost(database)
    first = suggest(database, host, "s", SuggestRequest()).response.trials[0]
    second = suggest(database, other, "s", SuggestRequest()).response.trials[0]
    other.close()
    assert first.origin.n_hallucinated == 0
    assert second.origin.n_hallucinated == 1
    assert second.origin.n_pending == 1
    assert second.params != first.params


def test_several_at_once_differ_from_each_other(database, host, define):
    define(budget=30, strategy="ucb")
    run(database, host, 8)
    trials = suggest(database, host, "s", SuggestRequest(count=4)).response.trials
    assert [trial.origin.n_hallucinated for trial in trials] == [0, 1, 2, 3]
    assert len({trial.params["x"] for trial in trials}) == 4


def test_a_point_without_a_value_reaches_the_model_as_such(database, host, define):
    define(budget=30, space=Space(parameters=(Categorical(("a", "b", "c"), name="x"),)), n_initial=1)
    for metrics in ({"value": 1.0}, None, {"value": 2.0}):
        (trial,) = suggest(database, host, "s", SuggestRequest()).response.trials
        result = FinishRequest(lease_token=trial.lease.token)
        if metrics is None:
            result.outcome, barred = "infeasible", trial.params
        else:
            result.metrics = metrics
        finish(database, "s", trial.number, result)
    seen = host.points("s", [10])[0]
    assert seen.origin.n_observed == 2
    assert database.read(lambda uow: uow.trials.count_after(uow.studies.get("s"), seen.seen_seq)) == 0
    later = [suggest(database, host, "s", SuggestRequest()).response.trials[0].params for _ in range(2)]
    assert barred not in later


def work_on_goals(database, host, trials, **fields):
    """Work on a study of two objectives and a constraint."""
    handed = []
    for _ in range(trials):
        (trial,) = suggest(database, host, "s", SuggestRequest()).response.trials
        host.start_fits()
        x, y = trial.params["x"], trial.params["y"]
        metrics = {"a": (x - 0.2) ** 2 + y, "b": (x - 0.8) ** 2 + y, "c": x + y} | fields
        result = FinishRequest(lease_token=trial.lease.token, metrics=metrics)
        finish(database, "s", trial.number, result)
        handed.append(trial)
    host.wait_for_fits()
    return handed


GOALS = {
    "space": Space(parameters=(Float(0, 1, name="x"), Float(0, 1, name="y"))),
    "objectives": (Objective(name="a"), Objective(name="b")),
    "outcome_constraints": ("c <= 1",),
    "budget": 40,
}


def test_every_metric_is_modelled_and_fitted_beside_the_requests(database, host, define):
    define(**GOALS)
    trials = work_on_goals(database, host, 14)
    assert trials[-1].origin.policy == DEFAULT_STRATEGY
    assert trials[-1].origin.predicted_metrics.keys() == {"a", "b", "c"}
    assert trials[-1].origin.p_feasible > 0.01
    stored = database.read(lambda uow: uow.models.latest(uow.studies.get("s")))
    assert Fitted.model_validate_json(stored.fitted).others.keys() == {"b", "c"}
    assert sum(event.type == "model.fitted" for event in events_after(database, "s", 0)) == stored.version
    answer = best(database, host, "s")
    assert answer.best is None
    assert answer.front
    for one in answer.front:
        assert one.posteriors.keys() == {"a", "b", "c"}
        assert one.posteriors["b"].mean == pytest.approx(one.metrics["b"], abs=0.05)
    points = ({"x": 0.5, "y": 0.5},)
    told = predict(database, host, "s", PredictRequest(points=points))
    assert told.metrics.keys() == {"a", "b", "c"}
    assert told.metrics["a"] == told.predictions


def test_a_fresh_host_takes_up_every_metric_from_rows(database, host, define):
    define(**GOALS)
    work_on_goals(database, host, 12)
    again = EngineHost(database)
    old, new = host.points("s", [100])[0], again.points("s", [100])[0]
    again.close()
    assert new.params == old.params
    assert new.origin.predicted_metrics == old.origin.predicted_metrics


def test_the_improvement_of_several_objectives_comes_over_the_same_rows(database, host, define):
    define(**GOALS | {"strategy": "logei"})
    work_on_goals(database, host, 9)
    first, second = host.points("s", [100, 101])
    assert first.origin.policy == "qlognehvi"
    assert not first.origin.degraded
    assert first.params != second.params


def test_a_fidelity_is_part_of_the_point_and_of_the_receipt(database, host, define):
    fidelity = Fidelity(parameter="y", cost=FidelityCost(fixed=0.1))
    define(**GOALS | {"objectives": (Objective(name="a"),), "fidelity": fidelity})
    trials = work_on_goals(database, host, 10)
    choice = trials[-1].origin.fidelity
    assert choice.parameter == "y"
    assert trials[-1].params["y"] == pytest.approx(choice.value)
    assert choice.cost == pytest.approx(0.1 + choice.value)


def test_an_unknown_study_is_not_found(host):
    with pytest.raises(NotFound):
        host.summary("nope")


def test_questions_come_and_answers_go_line_by_line(database, host, define):
    define()
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rwb") as lines, ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve, host, theirs)
        assert Answered.model_validate_json(lines.readline()).id == 0
        questions = [
            AskPoints(study="s", numbers=[1, 2]),
            AskPredictions(study="s", points=[{"x": 0.5}]),
            AskSummary(study="s"),
            AskSummary(study="nope"),
        ]
        answers = []
        for number, question in enumerate(questions, start=1):
            lines.write(Asked(id=number, question=question).model_dump_json().encode() + b"\n")
            lines.flush()
            answers.append(Answered.model_validate_json(lines.readline()))
        ours.shutdown(socket.SHUT_RDWR)
        serving.result()
    assert [answer.id for answer in answers] == [1, 2, 3, 4]
    assert [point.number for point in answers[0].answer] == [1, 2]
    assert answers[1].answer is None
    assert answers[2].answer.n_observed == 0
    assert "NotFound" in answers[3].failure


def test_a_fit_that_fails_is_not_stored_and_not_tried_again_at_the_same_data(
    database, host, define, monkeypatch
):
    define(budget=30)
    run(database, host, 12)
    versions = host.summary("s").version
    tries = []

    def fail(self):
        tries.append(len(self.utilities))
        return Fitted(status="failed", reason="bad luck", n_observed=len(self.utilities))

    monkeypatch.setattr(FitTask, "run", fail)
    run(database, host, 8)
    assert len(tries) == len(set(tries))
    assert host.summary("s").version == versions


def test_a_fit_that_could_not_be_stored_costs_nothing_but_itself(database, host, define, monkeypatch):
    define(budget=30)
    run(database, host, 6)
    write = database.write

    def away(work):
        raise DatabaseUnavailable("The database is away.")

    monkeypatch.setattr(database, "write", away)
    host.points("s", [100])
    host.start_fits()
    with pytest.raises(DatabaseUnavailable):
        host.wait_for_fits()
    monkeypatch.setattr(database, "write", write)
    host.start_fits()
    host.wait_for_fits()
    assert run(database, host, 3)[-1].origin.policy == DEFAULT_STRATEGY


def test_only_the_studies_used_last_are_kept_warm(database, host, define, monkeypatch):
    monkeypatch.setattr("headway_server.services.engine_host.WARM_STUDIES", 2)
    made = []
    original = optimizer.Optimizer.__init__

    def counted(self, *args, **kwargs):
        made.append(self)
        original(self, *args, **kwargs)

    monkeypatch.setattr(optimizer.Optimizer, "__init__", counted)
    for name in ("a", "b", "c"):
        define(name)
        host.summary(name)
    host.summary("c")
    assert len(made) == 3
    host.summary("a")
    assert len(made) == 4
