import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.model import Hyperparameters
from headway_server.engine import posterior as posterior_module
from headway_server.engine.acquisition import LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.posterior import Posterior
from tests.engine.reference import moments, single_task_gp


def assert_equal_moments(found, expected, outputscale):
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
    np.testing.assert_allclose(found[1] ** 2, expected[1] ** 2, atol=1e-6 * outputscale)


@pytest.mark.parametrize(
    ("n", "d", "noise"), [(1, 1, 1e-2), (20, 2, 1e-4), (100, 6, 1e-3), (300, 20, 1e-2), (300, 3, 1e-4)]
)
def test_moments_equal_botorch(problem, n, d, noise):
    hyperparameters, rows, z, variances = problem(n, d, seed=n + d, noise=noise)
    ours = Posterior.build(hyperparameters, rows, z, variances)
    at = np.random.default_rng(1).random((50, d))
    reference = single_task_gp(hyperparameters, rows, z)
    assert_equal_moments(ours.moments(at), moments(reference, at), hyperparameters.outputscale)
    assert_equal_moments(ours.moments(rows), moments(reference, rows), hyperparameters.outputscale)


@settings(max_examples=8)
@given(
    st.integers(0, 10_000), st.lists(st.sampled_from(["append", "append", "rebuild", "given"]), max_size=40)
)
def test_any_sequence_of_updates_equals_botorch(seed, steps):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 150)), int(rng.integers(1, 8))
    rows, z = rng.random((n + 40, d)), rng.standard_normal(n + 40)
    hyperparameters = Hyperparameters(
        lengthscales=tuple(rng.uniform(0.1, 2, d)), noise=1e-4, outputscale=1.3, mean=0.2, transform="t"
    )
    ours = Posterior.build(hyperparameters, rows[:n], z[:n], np.zeros(n))
    at = rng.random((20, d))
    for step in steps:
        if step == "append":
            assert ours.append(rows[ours.n], float(z[ours.n]), 0.0) is not None
        elif step == "rebuild":
            assert ours._rebuild()
        else:
            before = ours.moments(at)
            extra = rng.random((3, d))
            believed = ours.moments(extra)[0]
            conditioned = ours.moments(at, ours.given(extra))
            larger = single_task_gp(
                hyperparameters, np.vstack([rows[: ours.n], extra]), np.append(z[: ours.n], believed)
            )
            assert_equal_moments(conditioned, moments(larger, at), 1.3)
            np.testing.assert_array_equal(ours.moments(at), before)
    reference = single_task_gp(hyperparameters, rows[: ours.n], z[: ours.n])
    assert_equal_moments(ours.moments(at), moments(reference, at), 1.3)


def test_measurement_variances_add_to_the_noise(problem):
    hyperparameters, rows, z, variances = problem(30, 3, heteroscedastic=True)
    ours = Posterior.build(hyperparameters, rows[:20], z[:20], variances[:20])
    for i in range(20, 30):
        ours.append(rows[i], z[i], variances[i])
    r = np.linalg.norm((rows[:, None] - rows[None]) / ours.lengthscales, axis=2) * np.sqrt(5)
    k = hyperparameters.outputscale * (1 + r + r * r / 3) * np.exp(-r)
    full = k + np.diag(hyperparameters.noise + variances)
    expected = hyperparameters.mean + k @ np.linalg.solve(full, z - hyperparameters.mean)
    np.testing.assert_allclose(ours.moments(rows)[0], expected, atol=1e-9)
    np.testing.assert_allclose(ours.means_at_data(), expected, atol=1e-9)


def test_replicates_are_fine(problem):
    hyperparameters, rows, z, _ = problem(5, 2, noise=1e-6)
    ours = Posterior.build(hyperparameters, np.repeat(rows, 20, axis=0), np.repeat(z, 20), np.zeros(100))
    for _ in range(100):
        assert ours.append(rows[0], float(z[0]), 0.0) is not None
    mean, sd = ours.moments(rows)
    np.testing.assert_allclose(mean, z, atol=1e-3)
    assert (sd < 1e-2).all()


def test_drift_is_noticed_and_repaired(problem, monkeypatch):
    monkeypatch.setattr(posterior_module, "DRIFT_EVERY", 1)
    hyperparameters, rows, z, _ = problem(60, 3)
    ours = Posterior.build(hyperparameters, rows[:50], z[:50], np.zeros(50))
    ours.inverse[3, 4] += 1e-3
    ours.append(rows[50], z[50], 0.0)
    assert ours.rebuilds == 2
    assert ours.drift() < 1e-10


def test_conditional_variance_below_its_noise_forces_a_rebuild(problem):
    hyperparameters, rows, z, _ = problem(60, 3)
    ours = Posterior.build(hyperparameters, rows[:50], z[:50], np.zeros(50))
    ours.inverse[...] *= 1.5
    ours.append(rows[50], z[50], 0.0)
    assert ours.rebuilds == 2
    expected = moments(single_task_gp(hyperparameters, rows[:51], z[:51]), rows)
    assert_equal_moments(ours.moments(rows), expected, hyperparameters.outputscale)


def test_no_factor_is_an_answer(problem):
    hyperparameters, rows, z, variances = problem(5, 2)
    z[2] = np.nan
    assert Posterior.build(hyperparameters, rows, z, variances) is None


def test_leave_one_out_equals_brute_force(problem):
    hyperparameters, rows, z, variances = problem(25, 3, heteroscedastic=True)
    mean, sd = Posterior.build(hyperparameters, rows, z, variances).leave_one_out()
    for i in range(25):
        rest = np.arange(25) != i
        without = Posterior.build(hyperparameters, rows[rest], z[rest], variances[rest])
        m, s = without.moments(rows[i : i + 1])
        assert mean[i] == pytest.approx(m[0], abs=1e-9)
        assert sd[i] ** 2 == pytest.approx(s[0] ** 2 + hyperparameters.noise + variances[i], abs=1e-9)


@pytest.mark.parametrize("acquisition", [UpperConfidenceBound(1.7), LogExpectedImprovement(0.9)])
@pytest.mark.parametrize("conditioned", [False, True])
def test_gradient_equals_finite_differences(problem, acquisition, conditioned):
    hyperparameters, rows, z, variances = problem(40, 4, heteroscedastic=True)
    ours = Posterior.build(hyperparameters, rows, z, variances)
    rng = np.random.default_rng(3)
    extra = ours.given(rng.random((3, 4))) if conditioned else None
    at, step = rng.random((10, 4)), 1e-5
    value, gradient = ours.acquire_with_gradient(at, acquisition, extra)
    np.testing.assert_allclose(value, ours.acquire(at, acquisition, extra))
    for j in range(4):
        e = np.eye(4)[j] * step
        up, down = (ours.acquire(at + s * e, acquisition, extra) for s in (1, -1))
        np.testing.assert_allclose(gradient[:, j], (up - down) / (2 * step), rtol=1e-5, atol=1e-6)
