"""The fit on a device against the one in NumPy."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from headway_server.engine.fits import task as task_module
from headway_server.engine.fits.estimation import maximise
from headway_server.engine.fits.hyperparameters import LogPosterior, cold_start
from headway_server.engine.fits.task import FitTask
from headway_server.engine.fits.torch_fitting import TorchLogPosterior
from tests.engine.fits.test_hyperparameters import data_of
from tests.engine.gp.test_posterior import mixed_rows


def assert_equal_functions(device, data, seed=0):
    ours, theirs = TorchLogPosterior(data, device), LogPosterior(data)
    rng = np.random.default_rng(seed)
    p = data.n_parameters
    for _ in range(5):
        theta = np.concatenate([rng.uniform(-2, 1, p), rng.uniform([-6, -1, -1], [0, 1, 1])])
        found, expected = ours(theta), theirs(theta)
        assert found.value == pytest.approx(expected.value, abs=1e-6)
        assert found.held_out == pytest.approx(expected.held_out, abs=1e-6)
        np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (30, 1), (40, 3), (120, 12)])
def test_value_and_gradient_equal_the_closed_form(problem, n, d, device):
    _, rows, z, variances = problem(n, d, heteroscedastic=True)
    assert_equal_functions(device, data_of(rows, z, variances), seed=n)


def test_replicates_shared_lengthscales_and_categories_too(device):
    rng = np.random.default_rng(5)
    rows = mixed_rows(rng, 15)[rng.integers(15, size=40)]
    z, variances = rng.standard_normal(40), rng.uniform(0, 0.2, 40)
    parameter_of = np.array([0, 1, 2, 2, 2, 3, 3])
    assert_equal_functions(device, data_of(rows, z, variances, parameter_of, np.arange(7) >= 2))


def test_choices_alone(device):
    rng = np.random.default_rng(6)
    rows = mixed_rows(rng, 30)[:, 2:]
    data = data_of(rows, rng.standard_normal(30), None, np.array([0, 0, 0, 1, 1]), np.ones(5, dtype=bool))
    assert_equal_functions(device, data)


def test_both_climb_to_the_same_maximum(problem, device):
    _, rows, z, _ = problem(60, 3)
    data = data_of(rows, z)
    theirs = maximise(data, cold_start(3), 60)
    ours = maximise(data, cold_start(3), 60, TorchLogPosterior(data, device))
    assert ours.log_posterior == pytest.approx(theirs.log_posterior, abs=1e-3)
    again = maximise(data, cold_start(3), 60, TorchLogPosterior(data, device))
    np.testing.assert_array_equal(ours.theta, again.theta)


def test_hopeless_data_has_no_maximum(device):
    data = data_of(np.full((3, 1), 0.5), np.full(3, np.nan))
    assert maximise(data, cold_start(1), 20, TorchLogPosterior(data, device)) is None


def test_a_task_says_its_device_and_travels(problem, device):
    _, rows, z, variances = problem(40, 2)
    here = FitTask(rows, z, variances, np.arange(2), np.zeros(2, dtype=bool))
    there = pickle.loads(pickle.dumps(replace(here, device=device)))
    ours, theirs = there.run(), here.run()
    assert ours.status == "ok"
    assert ours.transform == theirs.transform
    assert ours.log_density == pytest.approx(theirs.log_density, abs=1e-2)


def test_where_the_devices_memory_ends_the_host_fits(problem, monkeypatch, device):
    _, rows, z, variances = problem(30, 2)
    here = FitTask(rows, z, variances, np.arange(2), np.zeros(2, dtype=bool))

    def full(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(TorchLogPosterior, "__call__", full)
    found, expected = replace(here, device=device).run(), here.run()
    assert found.model_copy(update={"fit_s": 0.0}) == expected.model_copy(update={"fit_s": 0.0})


def test_a_device_fits_to_all_results_for_longer(problem, monkeypatch, device):
    monkeypatch.setattr(task_module, "FIT_TO_ALL_UNTIL", 20)
    monkeypatch.setattr(task_module, "SUBSET", 12)
    _, rows, z, variances = problem(30, 2)
    here = FitTask(rows, z, variances, np.arange(2), np.zeros(2, dtype=bool))
    assert replace(here, device=device).run().n_fitted == 30
    assert here.run().n_fitted == 12
