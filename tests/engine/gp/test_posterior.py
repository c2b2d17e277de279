import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.model import Hyperparameters
from headway_server.engine.gp import posterior as posterior_module
from headway_server.engine.gp.acquisition import LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.gp.posterior import Posterior
from tests.engine.reference import labelled, mixed_gp, moments, single_task_gp


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


BLOCKS = (slice(2, 5), slice(5, 7))


def mixed_rows(rng, n):
    """Two numbers, three choices and two choices, one-hot."""
    rows = np.zeros((n, 7))
    rows[:, :2] = rng.random((n, 2))
    for block in BLOCKS:
        rows[np.arange(n), block.start + rng.integers(block.stop - block.start, size=n)] = 1.0
    return rows


def mixed_hyperparameters(noise=1e-3):
    return Hyperparameters(
        lengthscales=(0.4, 0.9, 0.7, 0.7, 0.7, 2.0, 2.0),
        categorical=(2, 3, 4, 5, 6),
        noise=noise,
        outputscale=1.2,
        mean=0.1,
        transform="t",
    )


def test_kernel_on_categories_equals_botorch():
    rng = np.random.default_rng(4)
    hyperparameters, rows, at = mixed_hyperparameters(), mixed_rows(rng, 80), mixed_rows(rng, 40)
    z = rng.standard_normal(80)
    ours = Posterior.build(hyperparameters, rows[:50], z[:50], np.zeros(50))
    for i in range(50, 80):
        ours.append(rows[i], z[i], 0.0)
    reference = mixed_gp(hyperparameters, rows, z, BLOCKS)
    assert_equal_moments(ours.moments(at), moments(reference, labelled(at, hyperparameters, BLOCKS)), 1.2)


class Walk:
    """A posterior and what it has been told, walked through random steps."""

    def __init__(self, rng, d, noise):
        self.rng, self.d = rng, d
        self.refit(noise)
        self.rows, self.z = rng.random((5, d)), rng.standard_normal(5)
        self.rebuild()

    def refit(self, noise):
        ell = tuple(self.rng.uniform(0.1, 2, self.d))
        self.hyperparameters = Hyperparameters(
            lengthscales=ell, noise=noise, outputscale=1.3, mean=0.2, transform="t"
        )

    def rebuild(self):
        self.ours = Posterior.build(self.hyperparameters, self.rows, self.z, np.zeros(len(self.z)))

    def append(self, row):
        z = float(self.rng.standard_normal())
        assert self.ours.append(row, z, 0.0) is not None
        self.rows, self.z = np.vstack([self.rows, row]), np.append(self.z, z)

    def step(self, kind):
        match kind:
            case "append":
                self.append(self.rng.random(self.d))
            case "repeat":
                self.append(self.rows[self.rng.integers(len(self.rows))].copy())
            case "remove":  # as an exclusion does it: from what is left
                keep = np.arange(len(self.z)) != self.rng.integers(len(self.z))
                self.rows, self.z = self.rows[keep], self.z[keep]
                self.rebuild()
            case "refit":
                self.refit(self.hyperparameters.noise)
                self.rebuild()
            case "hallucinate":
                at, extra = self.rng.random((20, self.d)), self.rng.random((3, self.d))
                before = self.ours.moments(at)
                values = self.ours.moments(extra)[0] + self.rng.choice([0.0, 1.0]) * self.rng.random(3)
                larger = single_task_gp(
                    self.hyperparameters, np.vstack([self.rows, extra]), np.append(self.z, values)
                )
                assert_equal_moments(
                    self.ours.moments(at, self.ours.given(extra, values)), moments(larger, at), 1.3
                )
                np.testing.assert_array_equal(self.ours.moments(at), before)

    def check(self):
        at = np.vstack([self.rng.random((20, self.d)), self.rows[:5]])
        assert_equal_moments(
            self.ours.moments(at), moments(single_task_gp(self.hyperparameters, self.rows, self.z), at), 1.3
        )


STEPS = ("append", "append", "append", "append", "repeat", "remove", "refit", "hallucinate")


@settings(max_examples=8)
@given(st.integers(0, 10_000), st.lists(st.sampled_from(STEPS), max_size=60))
def test_any_sequence_of_updates_equals_botorch(seed, steps):
    rng = np.random.default_rng(seed)
    walk = Walk(rng, int(rng.integers(1, 8)), 1e-4)
    for step in steps:
        walk.step(step)
    walk.check()


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "d", "noise"), [(0, 6, 1e-2), (1, 20, 1e-4)])
def test_five_hundred_random_steps_equal_botorch(seed, d, noise):
    """From 5 observations to about 400, every kind of step among them; compared every 25 steps."""
    rng = np.random.default_rng(seed)
    walk = Walk(rng, d, noise)
    odds = np.array([20, 0, 0, 0, 2, 0.5, 0.5, 1.0])
    for i, step in enumerate(rng.choice(STEPS, 500, p=odds / odds.sum())):
        walk.step(step)
        if i % 25 == 24:
            walk.check()


@pytest.mark.parametrize("heteroscedastic", [False, True])
def test_replicates_equal_the_model_with_a_row_for_each(problem, heteroscedastic):
    """Moments, one-step-ahead errors and leave-one-out against the full n × n algebra."""
    hyperparameters, base, _, _ = problem(12, 2, noise=1e-2)
    rng = np.random.default_rng(6)
    rows = base[rng.integers(12, size=40)]
    z = rng.standard_normal(40)
    v = rng.uniform(0, 0.3, 40) if heteroscedastic else np.zeros(40)
    ours = Posterior.build(hyperparameters, rows[:15], z[:15], v[:15])
    r = np.linalg.norm((rows[:, None] - rows[None]) / ours.lengthscales, axis=2) * np.sqrt(5)
    k = hyperparameters.outputscale * (1 + r + r * r / 3) * np.exp(-r)
    full = k + np.diag(hyperparameters.noise + v)
    mean = hyperparameters.mean
    for i in range(15, 40):
        solved = np.linalg.solve(full[:i, :i], k[:i, i])
        sd = np.sqrt(full[i, i] - k[i, :i] @ solved)
        expected = (z[i] - mean - solved @ (z[:i] - mean)) / sd
        assert ours.append(rows[i], z[i], v[i]) == pytest.approx(expected, abs=1e-8)
    assert (ours.n, ours.m) == (40, len(np.unique(rows, axis=0)))
    inverse = np.linalg.inv(full)
    alpha = inverse @ (z - mean)
    np.testing.assert_allclose(ours.moments(rows)[0], mean + k @ alpha, atol=1e-9)
    variance = np.diag(k - k @ inverse @ k)
    np.testing.assert_allclose(ours.moments(rows)[1] ** 2, variance, atol=1e-9)
    loo_mean, loo_sd = ours.leave_one_out()
    np.testing.assert_allclose(loo_mean, z - alpha / np.diag(inverse), atol=1e-8)
    np.testing.assert_allclose(loo_sd**2, 1 / np.diag(inverse), atol=1e-9)


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
@pytest.mark.parametrize("conditioned", ["nothing", "points", "values"])
def test_gradient_equals_finite_differences(problem, acquisition, conditioned):
    hyperparameters, rows, z, variances = problem(40, 4, heteroscedastic=True)
    ours = Posterior.build(hyperparameters, rows, z, variances)
    rng = np.random.default_rng(3)
    points, values = rng.random((3, 4)), np.array([1.0, -2.0, 0.3]) if conditioned == "values" else None
    extra = None if conditioned == "nothing" else ours.given(points, values)
    at, step = rng.random((10, 4)), 1e-5
    value, gradient = ours.acquire_with_gradient(at, acquisition, extra)
    np.testing.assert_allclose(value, ours.acquire(at, acquisition, extra))
    for j in range(4):
        e = np.eye(4)[j] * step
        up, down = (ours.acquire(at + s * e, acquisition, extra) for s in (1, -1))
        np.testing.assert_allclose(gradient[:, j], (up - down) / (2 * step), rtol=1e-5, atol=1e-6)


def test_nothing_yet_is_a_posterior_that_grows(problem, capfd):
    hyperparameters, rows, z, variances = problem(5, 2)
    empty = Posterior.build(hyperparameters, rows[:0], z[:0], variances[:0])
    for row, value, variance in zip(rows, z, variances, strict=True):
        empty.append(row, value, variance)
    whole = Posterior.build(hyperparameters, rows, z, variances)
    np.testing.assert_allclose(empty.moments(rows), whole.moments(rows), atol=1e-9)
    assert capfd.readouterr().err == ""
