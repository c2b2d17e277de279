import numpy as np
import pytest

from headway_workers.async_bo.problems import SYNTHETIC, problem
from headway_workers.async_bo.run import run
from headway_workers.async_bo.setting import Setting
from headway_workers.async_bo.simulator import durations, simulate
from headway_workers.async_bo.systems import OwnResultsOnly


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_problem_has_its_minimum_where_it_says(name):
    for seed in (0, 1):
        at = problem(name, seed)
        assert ((at.minimiser >= 0) & (at.minimiser <= 1)).all()
        assert at.evaluate(at.minimiser) == pytest.approx(at.minimum, abs=1e-6)
        rng = np.random.default_rng(seed)
        near = np.clip(at.minimiser + 1e-3 * rng.standard_normal((50, at.dimension)), 0, 1)
        assert min(at.evaluate(x) for x in near) >= at.minimum - 1e-6


@pytest.mark.parametrize("method", ["ucb", "thompson", "playbook", "aegis"])
def test_a_run_is_repeatable_and_its_columns_are_what_happened(method):
    setting = Setting("gp2", method, 4, 3, budget=25, known=True)
    first, second = run(setting), run(setting)
    np.testing.assert_array_equal(first.points, second.points)
    order = np.argsort(first.ended)
    assert (np.diff(first.regret()) <= 0).all()
    assert first.regret()[-1] == first.values.min() - first.at.minimum
    for k in range(25):
        flying = [j for j in range(k) if first.ended[j] > first.asked[k]]
        known = [j for j in order if first.ended[j] <= first.asked[k] and j < k]
        assert first.n_observed[k] == len(known)
        if flying:
            away = np.linalg.norm(first.points[flying] - first.points[k], axis=1)
            assert first.nearest_pending[k] == pytest.approx(away.min())


def test_noise_is_what_the_model_sees_and_regret_does_not():
    clear, noisy = (run(Setting(name, "ucb", 3, 1, budget=25, known=True)) for name in ("gp5", "noisy-gp5"))
    np.testing.assert_array_equal(clear.points[:7], noisy.points[:7])  # the Sobol start
    np.testing.assert_array_equal(clear.values[:7], noisy.values[:7])
    assert (clear.points[7:] != noisy.points[7:]).any()
    for trace in (clear, noisy):
        evaluated = [trace.at.evaluate(x) for x in trace.points]
        np.testing.assert_array_equal(trace.values, evaluated)
        assert trace.recommended in evaluated
        assert trace.recommended >= trace.values.min()
    assert clear.recommended == clear.values.min()


def test_more_budget_goes_on_from_the_same_start():
    short, long = (run(Setting("gp2", "rucb", 3, 0, budget=n, known=True)) for n in (12, 20))
    np.testing.assert_array_equal(short.points[:10], long.points[:10])


def test_without_intermediate_updates_a_worker_knows_only_what_it_had_and_its_own():
    """Against a bookkeeping of its own: when each worker asked before, and what had come in by then."""
    setting = Setting("gp2", "ucb", 4, 2, budget=30, updates="own", known=True)
    at = problem("gp2", 2)
    system = OwnResultsOnly(setting, at)
    completions = simulate(
        system, lambda _, x: at.evaluate(x), durations("exponential", 2, 30), setting.workers
    )
    asked = {one.number: one.asked for one in completions}
    worker = {one.number: one.worker for one in completions}
    for number in range(1, 31):
        mine = [k for k in range(1, number) if worker[k] == worker[number]]
        if not mine:
            continue
        before = asked[mine[-1]]
        known = {one.number for one in completions if one.time <= before and one.number != mine[-1]}
        assert system.asks[number - 1].n_observed == len(known | {mine[-1]})


def test_lost_evaluations_leave_no_value_and_the_run_goes_on():
    trace = run(Setting("gp2", "ucb", 4, 5, budget=40, known=True, failing=0.3, spread=0.5))
    lost = np.isnan(trace.values)
    assert 3 < lost.sum() < 25
    assert len(trace.regret()) == 40 - lost.sum()


def test_lost_evaluations_without_intermediate_updates():
    trace = run(Setting("gp2", "ucb", 4, 5, budget=30, known=True, failing=0.3, updates="own"))
    assert np.isnan(trace.values).any()


def test_hyperparameters_of_no_prior_are_not_known():
    with pytest.raises(ValueError, match="hartmann6 was not drawn from a prior"):
        run(Setting("hartmann6", "ucb", 2, 0, budget=12, known=True))
