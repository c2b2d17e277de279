"""The posterior on a device against the one in NumPy."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_server.engine import optimizer as optimizer_module
from headway_server.engine import placement
from headway_server.engine.gp import posterior, torch_posterior
from headway_server.engine.gp.acquisition import LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.gp.paths import Path
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.gp.torch_posterior import TorchPosterior
from headway_server.engine.optimizer import Optimizer
from headway_server.engine.placement import Placement, posterior_on
from tests.engine.gp.test_posterior import mixed_hyperparameters, mixed_rows
from tests.engine.spaces import box, mixed

UCB, LOG_EI = UpperConfidenceBound(1.7), LogExpectedImprovement(0.9)


def pair(device, problem):
    return Posterior.build(*problem), TorchPosterior.build_on(device, *problem)


def assert_equal(found, expected, atol=1e-8):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=1e-8)


def assert_equal_posteriors(host, there, at):
    assert (there.n, there.m) == (host.n, host.m)
    assert_equal(there.moments(at), host.moments(at))
    assert_equal(there.leave_one_out(), host.leave_one_out())
    assert_equal([there.means_at_data(), there.site_z], [host.means_at_data(), host.site_z])
    points = at[:3]
    for values in (None, np.array([0.4, -0.3, 1.0])):
        ours, theirs = there.given(points, values), host.given(points, values)
        assert_equal([ours.values], [theirs.values])
        assert_equal(there.moments(at, ours), host.moments(at, theirs))
        for acquisition in (UCB, LOG_EI):
            assert_equal([there.acquire(at, acquisition, ours)], [host.acquire(at, acquisition, theirs)])
            assert_equal(
                there.acquire_with_gradient(at, acquisition, ours),
                host.acquire_with_gradient(at, acquisition, theirs),
                atol=1e-7,
            )
    assert_equal(there.acquire_with_gradient(at, UCB), host.acquire_with_gradient(at, UCB), atol=1e-7)
    assert_equal(there.mean_with_gradient(at), host.mean_with_gradient(at), atol=1e-7)
    weights = np.cos(np.arange(host.m))
    assert_equal([there.weighted(at, weights)], [host.weighted(at, weights)])
    assert_equal(
        there.weighted_with_gradient(at, weights), host.weighted_with_gradient(at, weights), atol=1e-7
    )


@pytest.mark.parametrize(("n", "d"), [(1, 1), (30, 1), (60, 4), (200, 20)])
def test_everything_asked_of_it_equals_the_posterior_on_the_host(problem, n, d, device):
    host, there = pair(device, problem(n, d, noise=1e-2, heteroscedastic=True))
    assert_equal_posteriors(host, there, np.random.default_rng(1).random((12, d)))


def test_categories_too(device):
    rng = np.random.default_rng(4)
    rows, z = mixed_rows(rng, 60), rng.standard_normal(60)
    host, there = pair(device, (mixed_hyperparameters(1e-2), rows, z, np.zeros(60)))
    at = mixed_rows(rng, 12)
    assert_equal_posteriors(host, there, at)
    assert not there.acquire_with_gradient(at, UCB)[1][:, 2:].any()


STEPS = ("append", "append", "append", "repeat", "rebuild")


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.lists(st.sampled_from(STEPS), min_size=5, max_size=40))
def test_any_sequence_of_updates_equals_the_posterior_on_the_host(device, seed, steps):
    rng = np.random.default_rng(seed)
    hyperparameters = mixed_hyperparameters(1e-2)
    rows, z, variances = mixed_rows(rng, 5), rng.standard_normal(5), rng.uniform(0, 0.1, 5)
    host, there = pair(device, (hyperparameters, rows, z, variances))
    for step in steps:
        if step == "rebuild":
            host, there = pair(device, (hyperparameters, rows, z, variances))
            continue
        row = mixed_rows(rng, 1)[0] if step == "append" else rows[rng.integers(len(rows))].copy()
        new = (float(rng.standard_normal()), float(rng.uniform(0, 0.1)))
        assert there.append(row, *new) == pytest.approx(host.append(row, *new), abs=1e-8)
        rows, z, variances = np.vstack([rows, row]), np.append(z, new[0]), np.append(variances, new[1])
    assert_equal_posteriors(host, there, mixed_rows(rng, 10))
    assert_equal([there.inverse], [host.inverse], atol=1e-6)


def test_a_strip_at_a_time_gives_the_same_matrix(problem, monkeypatch, device):
    made = problem(50, 3, noise=1e-2)
    whole = TorchPosterior.build_on(device, *made).inverse
    monkeypatch.setattr(torch_posterior, "STRIP", 16)
    there = TorchPosterior.build_on(device, *made)
    np.testing.assert_allclose(there.inverse, whole, atol=1e-9)
    assert there.drift() < 1e-10


def test_drift_is_noticed_and_repaired(problem, monkeypatch, device):
    monkeypatch.setattr(posterior, "DRIFT_EVERY", 1)
    hyperparameters, rows, z, variances = problem(60, 3)
    there = TorchPosterior.build_on(device, hyperparameters, rows[:50], z[:50], variances[:50])
    there._w[3, 4] += 1e-3
    there.append(rows[50], z[50], 0.0)
    assert there.rebuilds == 2
    assert there.drift() < 1e-10


def test_conditional_variance_below_its_noise_forces_a_rebuild(problem, device):
    hyperparameters, rows, z, variances = problem(60, 3)
    there = TorchPosterior.build_on(device, hyperparameters, rows[:50], z[:50], variances[:50])
    there._w.mul_(1.5)
    there.append(rows[50], z[50], 0.0)
    assert there.rebuilds == 2
    host = Posterior.build(hyperparameters, rows[:51], z[:51], variances[:51])
    assert_equal(there.moments(rows), host.moments(rows))


def test_no_factor_is_an_answer(problem, device):
    hyperparameters, rows, z, variances = problem(5, 2)
    z[2] = np.nan
    assert TorchPosterior.build_on(device, hyperparameters, rows, z, variances) is None


def test_it_travels_between_processes(problem, device):
    hyperparameters, rows, z, variances = problem(40, 3, noise=1e-2)
    here = TorchPosterior.build_on(device, hyperparameters, rows[:30], z[:30], variances[:30])
    there = pickle.loads(pickle.dumps(here, 5))
    for one in (here, there):
        one.append(rows[35], z[35], variances[35])
    np.testing.assert_array_equal(there.moments(rows), here.moments(rows))


def test_points_given_to_another_kind_are_refused(problem, device):
    host, there = pair(device, problem(10, 2))
    at = np.full((1, 2), 0.3)
    with pytest.raises(TypeError, match="Blocks was made by another kind"):
        there.moments(at, host.given(at))
    with pytest.raises(TypeError, match="DeviceBlocks was made by another kind"):
        host.moments(at, there.given(at))


def test_where_the_devices_memory_ends_the_host_takes_over(problem, monkeypatch, device):
    made = problem(10, 2)

    def full(*_):
        raise torch.OutOfMemoryError

    assert isinstance(posterior_on(device, *made), TorchPosterior)
    monkeypatch.setattr(TorchPosterior, "build_on", full)
    assert type(posterior_on(device, *made)) is Posterior


def test_paths_are_the_same_functions(problem, device):
    host, there = pair(device, problem(40, 3, noise=1e-2))
    at = np.random.default_rng(2).random((8, 3))
    ours, theirs = (Path(one, np.random.default_rng(7)) for one in (there, host))
    assert_equal([ours.values(at)], [theirs.values(at)])
    assert_equal(ours.values_and_gradients(at), theirs.values_and_gradients(at), atol=1e-7)


def campaign(space, strategy, n=14):
    optimizer = Optimizer(space, strategy=strategy, seed=5, maximize=True)
    points = []
    for number in range(1, n + 1):
        suggestion = optimizer.ask(number=number)
        points.append(suggestion)
        row = optimizer._encoding.rows([suggestion.params])[0]
        optimizer.tell(suggestion.params, float(np.sin(3 * row.sum())))
    return optimizer, points


def on_torch(monkeypatch, device):
    monkeypatch.setattr(optimizer_module, "placement", lambda _: Placement(device))


@pytest.mark.parametrize("space", [box(3), mixed()], ids=["numbers", "mixed"])
@pytest.mark.parametrize("strategy", ["rucb", "thompson", "logei", "local-penalisation"])
def test_a_study_on_the_device_gets_the_same_suggestions(space, strategy, monkeypatch, device):
    """One fit, adopted by both: what is compared is the posterior and the search over it."""
    told, points = campaign(space, strategy, 12)
    fitted = told.fit_task().run()
    on_torch(monkeypatch, device)
    moved = Optimizer(space, strategy=strategy, seed=5, maximize=True, refit="external")
    stayed = told
    stayed._refit = "external"
    for one in points:
        row = moved._encoding.rows([one.params])[0]
        moved.tell(one.params, float(np.sin(3 * row.sum())))
    for optimizer in (moved, stayed):
        optimizer.adopt(fitted, 1)
    for number in (21, 22, 23):
        ours, theirs = (one.ask(number=number, given_out=()) for one in (moved, stayed))
        assert isinstance(moved._model.posterior, TorchPosterior)
        assert not isinstance(stayed._model.posterior, TorchPosterior)
        rows = [told._encoding.rows([one.params])[0] for one in (ours, theirs)]
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
        assert ours.receipt.predicted.mean == pytest.approx(theirs.receipt.predicted.mean, abs=1e-6)


def test_equal_seeds_give_equal_bits_on_the_device(monkeypatch, device):
    on_torch(monkeypatch, device)
    first, second = (campaign(mixed(), "hallucinated-rucb")[1] for _ in range(2))
    assert [one.params for one in first] == [one.params for one in second]
    assert first[-1].receipt.predicted == second[-1].receipt.predicted


def test_a_study_moves_when_it_is_large_enough(monkeypatch, device):
    monkeypatch.setattr(placement, "usable", lambda: True)
    monkeypatch.setattr(optimizer_module, "placement", lambda _: Placement(device, 13))
    optimizer, _ = campaign(box(2), "rucb", 12)
    optimizer.ask()
    assert type(optimizer._model.posterior) is Posterior
    assert optimizer.fit_task().device is None
    optimizer.tell({"x0": 0.3, "x1": 0.6}, 0.2)
    optimizer.ask()
    assert isinstance(optimizer._model.posterior, TorchPosterior)
    assert optimizer.fit_task().device == device
