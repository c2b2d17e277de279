"""The simulated clock, against a schedule worked out by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headway_workers.async_bo.simulator import LAWS, Crew, durations, simulate


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
        ("uniform", stats.uniform(0.0, 2.0)),
    ],
)
def test_the_laws_have_mean_one_and_their_names_distribution(law, distribution):
    assert distribution.mean() == pytest.approx(1.0)
    assert stats.kstest(durations(law, 0, 4000), distribution.cdf).pvalue > 1e-3


def test_the_schedule_depends_on_law_and_seed_alone():
    assert set(LAWS) == {"constant", "exponential", "half-normal", "pareto", "uniform"}
    assert np.array_equal(durations("pareto", 3, 50), durations("pareto", 3, 50))
    assert not np.array_equal(durations("pareto", 3, 50), durations("pareto", 4, 50))


@given(
    st.lists(st.floats(0.01, 10.0), min_size=1, max_size=40).map(np.array),
    st.lists(st.floats(0.2, 5.0), min_size=1, max_size=8).map(tuple),
)
def test_a_workers_speed_divides_its_times(times, speeds):
    completions = simulate(Recorder(), lambda number, _: float(number), times, Crew(len(speeds), speeds))
    assert len(completions) == len(times)
    for one in completions:
        assert one.time - one.asked == pytest.approx(times[one.number - 1] / speeds[one.worker])


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=40).map(np.array), st.integers(1, 8))
def test_synchronous_workers_wait_for_the_slowest(times, workers):
    completions = simulate(
        Recorder(), lambda number, _: float(number), times, Crew(workers, synchronous=True)
    )
    starts = {one.number: one.asked for one in completions}
    batches = np.array_split(times, range(workers, len(times), workers))
    began = np.concatenate([[0.0], np.cumsum([batch.max() for batch in batches])])
    for number, start in starts.items():
        assert start == pytest.approx(began[(number - 1) // workers])


class Mourner(Recorder):
    def __init__(self):
        super().__init__()
        self.lost = []

    def lose(self, number):
        self.lost.append(number)


def test_an_evaluation_that_is_lost_takes_its_time_and_brings_nothing():
    system = Mourner()
    crew = Crew(2, lost=frozenset({2, 3}))
    completions = simulate(system, lambda number, _: float(number), np.full(6, 1.0), crew)
    assert sorted(one.number for one in completions) == [1, 4, 5, 6]
    assert sorted(system.lost) == [2, 3]
    assert max(one.time for one in completions) == 3.0


@pytest.mark.parametrize(("workers", "speeds"), [(0, ()), (2, (1.0, 0.0)), (2, (1.0,))])
def test_a_crew_that_could_not_work_is_refused(workers, speeds):
    with pytest.raises(ValueError, match="workers"):
        Crew(workers, speeds)
