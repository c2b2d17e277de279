"""The simulated clock, against a schedule worked out by brute force, and the audit of pairings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.problems import problem
from benchmarks.runner import run
from benchmarks.simulator import LAWS, Mispaired, audit, durations, simulate
from benchmarks.systems import create
from benchmarks.units import Unit


class Recorder:
    """Answers with the evaluation's number; keeps what it sees."""

    def __init__(self):
        self.pending, self.told, self.events = {}, [], []

    def ask(self, number, pending):
        self.pending[number] = set(pending)
        assert all(point == {"x": float(k)} for k, point in pending.items())
        self.events.append(("ask", number))
        return {"x": float(number)}

    def tell(self, number, point, value):
        assert point == {"x": float(number)}
        self.told.append((number, value))
        self.events.append(("tell", number))


@given(
    st.lists(st.floats(0.01, 10.0), min_size=1, max_size=40).map(np.array),
    st.integers(1, 12),
)
def test_the_schedule_is_that_of_workers_who_never_wait(times, workers):
    system = Recorder()
    completions = simulate(system, lambda number, _: 10.0 * number, times, workers)
    # Brute force: each evaluation goes to the worker that is free first.
    free, start, end = [0.0] * workers, {}, {}
    for number, duration in enumerate(times.tolist(), start=1):
        worker = min(range(workers), key=free.__getitem__)
        start[number], free[worker] = free[worker], free[worker] + duration
        end[number] = free[worker]
    assert {c.number: c.time for c in completions} == pytest.approx(end)
    assert [c.time for c in completions] == sorted(c.time for c in completions)
    assert system.told == [(c.number, 10.0 * c.number) for c in completions]
    for number, pending in system.pending.items():
        assert len(pending) == min(number - 1, workers - 1)
        assert number not in pending
        assert all(k < number for k in pending)
    # A point is asked for only once the result that freed its worker has been told.
    for place, (what, number) in enumerate(system.events):
        if what == "ask" and number > workers:
            assert system.events[place - 1][0] == "tell"


def test_one_worker_is_sequential():
    system = Recorder()
    simulate(system, lambda number, _: float(number), np.ones(5), 1)
    assert system.events == [(what, k) for k in range(1, 6) for what in ("ask", "tell")]


@pytest.mark.parametrize(
    ("law", "distribution"),
    [
        ("exponential", stats.expon()),
        ("half-normal", stats.halfnorm(scale=np.sqrt(np.pi / 2))),
        ("pareto", stats.pareto(3.0, scale=2 / 3)),
    ],
)
def test_the_laws_have_mean_one_and_their_names_distribution(law, distribution):
    assert distribution.mean() == pytest.approx(1.0)
    assert stats.kstest(durations(law, 0, 4000), distribution.cdf).pvalue > 1e-3


def test_the_schedule_depends_on_law_and_seed_alone():
    assert set(LAWS) == {"exponential", "half-normal", "pareto"}
    assert np.array_equal(durations("pareto", 3, 50), durations("pareto", 3, 50))
    assert not np.array_equal(durations("pareto", 3, 50), durations("pareto", 4, 50))


class OutOfStep(Recorder):
    """Gives each result to the oldest point that has none, as a queue of configurations does."""

    def records(self):
        values = [value for _, value in self.told]
        return {k: ({"x": float(k)}, value) for k, value in enumerate(values, start=1)}


def test_the_audit_finds_a_system_that_pairs_results_by_their_order():
    times = durations("exponential", 0, 30)
    alone = OutOfStep()
    audit(alone, simulate(alone, lambda number, _: float(number), times, 1))
    together = OutOfStep()
    completions = simulate(together, lambda number, _: float(number), times, 4)
    with pytest.raises(Mispaired, match="is recorded, not"):
        audit(together, completions)


@pytest.mark.parametrize("name", ["branin", "func3c", "mixed-rosenbrock10"])
def test_headway_pairs_results_that_come_out_of_order(name):
    setting = problem(name, 0)
    with create("headway/rucb", setting, 0) as system:
        completions = simulate(system, setting.observed_value, durations("pareto", 0, 25), 8)
        optimizer = system._optimizer
        seen = optimizer._observations
        held = [optimizer._encoding.params(row) for row in seen.rows]
    assert [c.number for c in completions] != sorted(c.number for c in completions)
    assert len(held) == len(completions)
    for params, utility, completion in zip(held, seen.utilities, completions, strict=True):
        assert -utility == completion.value
        for key, value in completion.point.items():
            assert params[key] == (pytest.approx(value) if isinstance(value, float) else value)


def test_a_unit_is_repeatable_and_its_regret_falls():
    unit = Unit("headway/rucb", "noisy-hartmann6", 4, "exponential", 2)
    first, second = run(unit, 20), run(unit, 20)
    assert first.regret == second.regret
    assert first.incumbent_regret == second.incumbent_regret
    assert len(first.regret) == 20
    assert first.regret == sorted(first.regret, reverse=True)
    # The best observed point is a point that was evaluated, so that it can't beat the best of those.
    assert all(a >= b for a, b in zip(first.incumbent_regret, first.regret, strict=True))
