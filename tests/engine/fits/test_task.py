import numpy as np

from headway_server.engine.fits.estimation import maximise
from headway_server.engine.fits.hyperparameters import Data, LogPosterior, cold_start, to_theta
from headway_server.engine.fits.task import COLD_ON, FitTask, Fitted


def task(rows, utilities, previous=None, std_errors=None):
    n, d = rows.shape
    errors = np.zeros(n) if std_errors is None else std_errors
    return FitTask(rows, utilities, errors, np.arange(d), np.zeros(d, dtype=bool), previous)


def test_fit_survives_json_bit_for_bit():
    rng = np.random.default_rng(0)
    rows = rng.random((30, 2))
    fitted = task(rows, -np.exp(5 * rows[:, 0])).run()
    assert fitted.status == "ok"
    assert Fitted.model_validate_json(fitted.model_dump_json()) == fitted


def test_skewed_bad_half_is_compressed_and_symmetric_data_are_not():
    rng = np.random.default_rng(1)
    rows = rng.random((60, 2))
    deep = -np.exp(9 * np.abs(rows - 0.4).sum(axis=1))
    assert task(rows, deep).run().transform.kind == "compress-bad"
    assert task(rows, np.sin(5 * rows).sum(axis=1)).run().transform.kind == "standardize"


def test_both_transforms_keep_a_warm_start():
    rng = np.random.default_rng(2)
    rows = rng.random((40, 2))
    first = task(rows, np.sin(5 * rows).sum(axis=1)).run()
    assert {first.hyperparameters.transform, first.other.transform} == {"standardize", "compress-bad"}
    again = task(rows, np.sin(5 * rows).sum(axis=1), first).run()
    assert again.log_density >= first.log_density - 0.1


def test_trouble_is_a_value():
    fitted = task(np.array([[np.nan], [0.1], [0.2]]), np.zeros(3)).run()
    assert fitted.status == "failed"
    assert fitted.reason
    assert fitted.hyperparameters is None


def test_large_standard_errors_flatten_the_fit():
    rng = np.random.default_rng(3)
    rows = rng.random((30, 1))
    utilities = np.sin(20 * rows[:, 0])
    precise = task(rows, utilities).run()
    vague = task(rows, utilities, std_errors=np.full(30, 3.0)).run()
    assert vague.hyperparameters.lengthscales[0] > precise.hyperparameters.lengthscales[0]


def test_cold_fit_that_climbs_on_a_part_first_ends_where_one_on_all_does():
    rng = np.random.default_rng(4)
    rows = rng.random((COLD_ON + 200, 3))
    utilities = np.sin(6 * rows).sum(axis=1) + 0.1 * rng.standard_normal(len(rows))
    fitted = task(rows, utilities).run()
    parameter_of = np.arange(3)
    data = Data(
        rows, fitted.transform.forward(utilities), np.zeros(len(rows)), parameter_of, np.zeros(3, dtype=bool)
    )
    on_all = maximise(data, cold_start(3), 200)
    found = LogPosterior(data)(to_theta(fitted.hyperparameters, parameter_of))
    assert found.value >= on_all.log_posterior - 0.5
