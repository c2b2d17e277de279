import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from headway.wire.base import Params
from headway.wire.model import ModelSummary
from headway.wire.space import Boolean, Categorical, Float, Int, Simplex
from headway.wire.study import Best, Interval, StudyView, TrialCounts
from headway.wire.study import Objective as Goal
from headway.wire.trial import AttemptView, MeasuredValue, ObservationView, TrialView
from headway_server.domain.space import SearchSpace
from headway_workers.demo import figure
from headway_workers.demo.conclusion import print_to
from headway_workers.demo.record import Outcome, Record, WorkingTime
from headway_workers.demo.slices import along, slices
from headway_workers.digits_svm.objective import DigitsSvm

START = datetime(2026, 1, 1, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def trial(number: int, value: float | None, leased_s: float, ended_s: float, worker: str) -> TrialView:
    leased, ended = (START + timedelta(seconds=s) for s in (leased_s, ended_s))
    outcome = "infeasible" if value is None else "completed"
    metrics = {} if value is None else {"error": MeasuredValue(value=value)}
    space = SearchSpace(DigitsSvm.parameters)
    observation = ObservationView(
        attempt=1,
        outcome=outcome,
        metrics=metrics,
        params_as_run=None,
        reason=None,
        message=None,
        late=False,
        superseded=False,
        received_at=ended,
    )
    attempt = AttemptView(
        number=1,
        worker=worker,
        leased_at=leased,
        heartbeat_at=None,
        expires_at=ended,
        ended_at=ended,
        ended_by="finished",
    )
    return TrialView(
        number=number,
        state=outcome,
        params=space.from_uniform(np.random.default_rng(number).random(5).tolist()),
        space_version=1,
        seed=number,
        value=value,
        std_error=None,
        metrics=metrics,
        origin=None,
        attempts=(attempt,),
        observations=(observation,),
        created_at=leased,
        updated_at=ended,
    )


@pytest.fixture
def record() -> Record:
    rng = np.random.default_rng(0)
    clocks = [0.0] * 4
    trials = []
    for n in range(1, 61):
        w = int(np.argmin(clocks))
        seconds = float(rng.lognormal(-0.2, 0.6))
        value = None if n % 17 == 0 else 0.008 + float(rng.lognormal(-3 - n / 20, 1.0))
        trials.append(trial(n, value, clocks[w], clocks[w] + seconds, f"worker-{w + 1}"))
        clocks[w] += seconds + 0.05
    view = StudyView(
        name="digits-svm",
        state="running",
        definition=DigitsSvm.definition(),
        definition_hash="",
        space_version=1,
        trials=TrialCounts(completed=57, infeasible=3),
        budget_left=0,
        budget=50,
        etag='"1"',
        created_at=START,
        updated_at=START,
    )
    return Record(view, tuple(trials))


@pytest.fixture
def outcome(record: Record) -> Outcome:
    best = min(record.observed, key=lambda seen: seen.value)
    params = record.trials[best.trial - 1].params
    assert params is not None

    def predict(points):
        means = [
            0.02 + 0.01 * abs(math.log(point["C"])) + 0.05 * (point["kernel"] == "poly") for point in points
        ]
        return [Interval(mean=m, sd=0.004, low=m - 0.008, high=m + 0.008) for m in means]

    importance = {"C": 0.6, "kernel": 0.3, "gamma": 0.1}
    model = ModelSummary(version=3, n_observed=57, importance=importance)
    pieces = slices(SearchSpace(DigitsSvm.parameters), params, importance, predict)
    return Outcome(record, Best(trial=best.trial, params=params, value=best.value), model, pieces)


def test_figure_is_written_as_a_png(outcome: Outcome, tmp_path: Path):
    path = figure.write(outcome, tmp_path / "new" / "figure.png")
    assert path.read_bytes().startswith(PNG)
    assert path.stat().st_size > 50_000


def test_parameter_that_some_trials_lack_is_drawn_from_the_others(outcome: Outcome, tmp_path: Path):
    best = outcome.best
    assert best is not None
    trials = tuple(
        one
        if one.number == best.trial or one.params is None or one.number % 2
        else one.model_copy(update={"params": {name: v for name, v in one.params.items() if name != "C"}})
        for one in outcome.record.trials
    )
    lacking = Outcome(Record(outcome.record.study, trials), best, outcome.model, outcome.slices)
    assert figure.write(lacking, tmp_path / "figure.png").read_bytes().startswith(PNG)


def test_figure_of_a_study_without_a_result_is_written_too(record: Record, tmp_path: Path):
    nothing = Outcome(Record(record.study, ()), None, ModelSummary(version=0, n_observed=0), ())
    assert figure.write(nothing, tmp_path / "figure.png").read_bytes().startswith(PNG)


def test_slices_run_along_the_two_most_important_parameters(outcome: Outcome):
    assert [piece.parameter.name for piece in outcome.slices] == ["C", "kernel"]


def test_slices_stay_on_the_simplex_and_within_the_constraints():
    space = SearchSpace.checked(
        [Simplex(("a", "b", "c"), name="mix"), Float(0, 1, name="x")], constraints=["b <= 0.5"]
    )
    asked: list[Params] = []

    def predict(points: Sequence[Params]) -> list[Interval]:
        asked.extend(points)
        return [Interval(mean=0.0, sd=1.0, low=-2.0, high=2.0) for _ in points]

    incumbent: Params = {"a": 0.6, "b": 0.3, "c": 0.1, "x": 0.5}
    first, second = slices(space, incumbent, {"a": 0.6, "b": 0.4}, predict)
    assert [space.check(point) for point in asked] == asked
    assert (first.values[-1], second.values[0]) == (1.0, 0.0)
    # With a at 0 the others would be 0.75 and 0.25: b is bound, so the slice begins where b is 0.5.
    assert first.values[0] == pytest.approx(1 / 3, abs=1 / 60)
    assert second.values[-1] == pytest.approx(0.5)


def test_incumbent_never_gets_worse(record: Record):
    best = [seen.best for seen in record.observed if seen.best is not None]
    assert len(best) == len(record.observed)
    assert all(later <= earlier for earlier, later in pairwise(best))


def test_trial_that_only_equals_the_incumbent_is_none(record: Record):
    trials = (trial(1, 0.1, 0, 1, "a"), trial(2, 0.1, 1, 2, "a"), trial(3, 0.05, 2, 3, "a"))
    assert [seen.improved for seen in Record(record.study, trials).observed] == [True, False, True]


def test_record_is_complete_when_nothing_is_left_and_nothing_is_out(record: Record):
    assert record.complete
    out = record.study.model_copy(update={"trials": TrialCounts(completed=56, leased=1)})
    assert not Record(out, ()).complete


def test_values_along_a_parameter_stay_inside_and_cover_it():
    assert along(Boolean(name="x")) == (False, True)
    assert along(Categorical(("a", "b"), name="x")) == ("a", "b")
    assert along(Int(2, 5, name="x")) == (2, 3, 4, 5)
    values = along(Float(1e-3, 1.0, log=True, name="x"))
    assert (min(values), max(values)) == (values[0], values[-1])
    assert 1e-3 <= float(values[0]) < 1.001e-3
    assert 0.999 < float(values[-1]) <= 1.0


def test_working_time_leaves_out_the_pause_between_two_runs(record: Record):
    trials = (trial(1, 0.1, 0, 1, "a"), trial(2, 0.1, 1_000, 1_002, "a"))
    clock = WorkingTime(Record(record.study, trials))
    assert clock.seconds(START + timedelta(seconds=1_002)) == 3.0
    assert clock.resumed == [1.0]


TWO = (Goal(name="error"), Goal(name="size"))


def several(record: Record, rows: list[tuple[float, float, float]]) -> Record:
    """The record of a study with two objectives and a constraint, from (error, size, p)."""
    definition = record.study.definition.model_copy(
        update={"objectives": TWO, "outcome_constraints": ("p >= 0.5",)}
    )
    trials = []
    for n, values in enumerate(rows, 1):
        metrics = {
            name: MeasuredValue(value=value)
            for name, value in zip(("error", "size", "p"), values, strict=True)
        }
        trials.append(trial(n, values[0], n, n + 1, "a").model_copy(update={"metrics": metrics}))
    return Record(record.study.model_copy(update={"definition": definition}), tuple(trials))


def test_a_front_is_what_nothing_dominates_among_what_keeps_the_constraints(record: Record):
    seen = several(record, [(3, 3, 1), (1, 1, 0), (2, 4, 1), (2, 2, 1), (1, 5, 1)]).observed
    assert [one.counts for one in seen] == [True, False, True, True, True]
    assert [one.improved for one in seen] == [True, False, True, True, True]
    assert [one.front for one in seen] == [(1,), (1,), (1, 3), (4,), (4, 5)]
    assert [one.best for one in seen] == [3, 3, 2, 2, 1]


def test_figure_of_several_objectives_is_written(record: Record, tmp_path: Path):
    rng = np.random.default_rng(3)
    told = several(record, [tuple(row) for row in rng.random((40, 3)).tolist()])
    front = [
        Best(trial=n, params=told.trials[n - 1].params or {}, value=0.1) for n in told.observed[-1].front
    ]
    outcome = Outcome(told, None, ModelSummary(version=1, n_observed=40), front=tuple(front))
    assert figure.write(outcome, tmp_path / "front.png").read_bytes().startswith(PNG)


def test_nothing_on_the_front_is_drawn_too(record: Record, tmp_path: Path):
    told = several(record, [(1, 1, 0), (2, 2, 0)])
    nothing = Outcome(told, None, ModelSummary(version=0, n_observed=0))
    assert figure.write(nothing, tmp_path / "none.png").read_bytes().startswith(PNG)


def test_points_of_a_front_that_differ_in_their_parameters_are_printed_with_their_names(record: Record):
    told = several(record, [(0.1234567, 5, 1), (0.5, 2, 1)])
    points: list[Params] = [{"family": "vae", "width": 116, "rate": 0.0123456}, {"family": "ridge", "lag": 5}]
    front = tuple(
        Best(trial=n, params=point, value=0.1, metrics={"error": told.observed[n - 1].value, "size": n})
        for n, point in enumerate(points, 1)
    )
    paper = Console(width=60, file=io.StringIO(), record=True)
    print_to(paper, Outcome(told, None, ModelSummary(version=1, n_observed=2), front=front), Path("a.png"))
    text = paper.export_text()
    assert "0.1235" in text
    for expected in ("family=vae", "width=116", "rate=0.01235", "family=ridge", "lag=5"):
        assert expected in text
