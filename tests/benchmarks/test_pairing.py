"""Systems hold each value for the point that it was measured at, and the audit would notice otherwise."""

import pytest

from benchmarks.pairing import Mispaired, audit
from benchmarks.problems import problem
from benchmarks.runner import run
from benchmarks.systems import create
from benchmarks.units import Unit
from headway_workers.async_bo.simulator import durations, simulate


class OutOfStep:
    """Gives each result to the oldest point that has none, as a queue of configurations does."""

    def __init__(self):
        self.values = []

    def ask(self, number, pending):
        del pending
        return {"x": float(number)}

    def tell(self, number, point, value):
        del number, point
        self.values.append(value)

    def records(self):
        return {k: ({"x": float(k)}, value) for k, value in enumerate(self.values, start=1)}


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
