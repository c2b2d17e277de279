import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_workers.matrix_completion import algorithms, checks
from headway_workers.matrix_completion.algorithms import ALGORITHMS, SingularFactor
from headway_workers.matrix_completion.curvature import extreme_eigenvalues, gauge, hessian
from headway_workers.matrix_completion.descent import Start, descend, spectral_start
from headway_workers.matrix_completion.images import camera
from headway_workers.matrix_completion.observed import Observed
from headway_workers.matrix_completion.residuals import DenseResiduals, SparseResiduals, residuals
from headway_workers.matrix_completion.synthetic import Ensemble


@pytest.mark.parametrize(
    "check",
    [
        checks.balance_identity,
        checks.gradient_is_the_derivative,
        checks.spectral_start_is_the_truncated_svd,
        checks.alternating_solves_the_rows,
    ],
)
def test_identity_holds(check):
    assert check(checks.small()).passed


def test_kernels_agree_on_every_device(device):
    assert checks.kernels_agree(checks.small(), device).passed


def test_wrong_gradient_would_break_the_balance_identity(monkeypatch):
    right = algorithms.gradient
    monkeypatch.setattr(checks, "gradient", lambda R, X, Y, p: right(R, X, Y, p * 1.0001))
    assert not checks.balance_identity(checks.small()).passed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_operations_are_those_that_torch_counts(algorithm):
    assert checks.operations_as_torch_counts_them(algorithm).passed


def test_balancing_costs_what_the_formula_says():
    assert all(check.passed for check in checks.cost_of_balancing())


def test_other_solvers_find_the_same_matrix():
    assert [check for check in checks.independent_solvers() if not check.passed] == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=8, deadline=None)
@given(unit=st.floats(1e-3, 1e3), lam=st.floats(1e-3, 1.0))
def test_units_of_the_matrix_change_nothing_but_the_scale(algorithm, unit, lam):
    observed = checks.small()
    ends = []
    for factor in (1.0, unit):
        values = factor * observed.values
        scaled = Observed(observed.shape, observed.rows, observed.columns, values)
        path = descend(residuals(scaled), spectral_start(scaled, 3), 0.5, 5, algorithm=algorithm, lam=lam)
        *_, last = path
        ends.append(last.X @ last.Y.T / factor)
    assert np.allclose(ends[0], ends[1], rtol=1e-6, atol=1e-8 * np.abs(ends[0]).max())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_solution_is_where_every_algorithm_stays(algorithm):
    drawn = Ensemble(60, 50, 2, 0.6).draw(3)
    bounds = (1e9, 1e9)  # no row is too long
    start = Start(drawn.X, drawn.Y, 1.0, bounds)
    path = descend(residuals(drawn.observed), start, 0.5, 5, algorithm=algorithm, lam=0.0)
    *_, last = path
    assert drawn.error(last.X, last.Y) < 1e-9


def test_rows_beyond_their_bound_are_shortened_to_it_by_projection_and_drawn_back_by_the_penalty():
    drawn = Ensemble(60, 50, 2, 0.6).draw(3)
    start = spectral_start(drawn.observed, 2)
    tight = Start(start.X, start.Y, start.sigma1, (0.01, 0.01))
    seen = residuals(drawn.observed)
    *_, free = descend(seen, tight, 0.5, 1)
    *_, projected = descend(seen, tight, 0.5, 1, algorithm="PGD")
    *_, penalised = descend(seen, tight, 0.5, 1, algorithm="RGD_row", lam=0.1)
    longest = [np.square(at.X).sum(1).max() for at in (projected, penalised, free)]
    assert longest[0] == pytest.approx(0.01)
    assert longest[0] < longest[1] < longest[2]


def test_balanced_descent_balances_factors_that_are_not():
    drawn = Ensemble(60, 50, 2, 0.6).draw(3)
    start = spectral_start(drawn.observed, 2)
    tilted = Start(2.0 * start.X, start.Y / 2.0, start.sigma1, start.row_bounds)

    def final_imbalance(algorithm):
        *_, last = descend(residuals(drawn.observed), tilted, 0.1, 200, algorithm=algorithm, lam=0.5)
        return np.linalg.norm(last.X.T @ last.X - last.Y.T @ last.Y)

    assert final_imbalance("BGD") < 1e-3 * final_imbalance("VGD")


def test_density_chooses_the_kernel():
    assert isinstance(residuals(checks.small(p=0.5)), DenseResiduals)
    assert isinstance(residuals(checks.small(p=0.03)), SparseResiduals)


def test_error_by_factors_is_the_error_by_entries():
    drawn = Ensemble(60, 50, 2, 0.6).draw(3)
    X, Y = np.random.default_rng(0).standard_normal((60, 4)), np.ones((50, 4))
    by_entries = np.linalg.norm(X @ Y.T - drawn.truth) / np.linalg.norm(drawn.truth)
    assert drawn.error(X, Y) == pytest.approx(by_entries, rel=1e-12)


def test_noise_has_its_deviation():
    drawn = Ensemble(200, 150, 2, 0.5, sigma=0.3).draw(0)
    errors = drawn.observed.values - drawn.truth[drawn.known]
    rms = np.sqrt(np.mean(drawn.truth**2))
    assert np.std(errors) == pytest.approx(0.3 * rms, rel=0.03)


def test_eigenvalues_off_the_gauge_are_those_of_the_whole_hessian():
    drawn = Ensemble(14, 12, 2, 0.8).draw(0)
    H = hessian(drawn.observed, drawn.X, drawn.Y)
    whole = np.linalg.eigvalsh(H @ np.eye(H.shape[0]))
    low, high = extreme_eigenvalues(drawn.observed, drawn.X, drawn.Y)
    assert np.allclose(whole[:4], 0.0, atol=1e-12)  # r² gauge directions
    assert low == pytest.approx(whole[4], rel=1e-3)
    assert high == pytest.approx(whole[-1], rel=1e-3)
    Q = gauge(drawn.X, drawn.Y)
    assert np.allclose(H @ Q, 0.0, atol=1e-12)


def test_singular_factor_is_an_error_of_its_own():
    drawn = Ensemble(60, 50, 2, 0.6).draw(3)
    nothing = Start(np.zeros((60, 2)), np.zeros((50, 2)), 1.0, (1.0, 1.0))
    with pytest.raises(SingularFactor):
        list(descend(residuals(drawn.observed), nothing, 0.5, 3, algorithm="ScaledGD"))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_of_the_matrix_is_kept(algorithm, dtype, device):
    observed = Ensemble(60, 50, 2, 0.6).draw(3, dtype).observed
    path = descend(
        residuals(observed, device), spectral_start(observed, 2), 0.5, 3, algorithm=algorithm, lam=0.1
    )
    *_, last = path
    assert {str(last.X.dtype).rpartition(".")[2], str(last.Y.dtype).rpartition(".")[2]} == {dtype.__name__}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_is_an_outcome_with_its_iteration_and_no_warning(dtype):
    photograph = camera(0.5, seed=0, dtype=dtype)
    start = spectral_start(photograph.observed, 20)
    *_, last = descend(residuals(photograph.observed), start, 3.0, 400)
    assert last.diverged
    assert 0 < last.iteration < 400


def test_entries_out_of_order_and_none_at_all_are_refused():
    with pytest.raises(ValueError, match="row-major order"):
        Observed((2, 2), np.array([1, 0]), np.array([0, 0]), np.ones(2))
    with pytest.raises(ValueError, match="No entry"):
        Observed((2, 2), np.array([], int), np.array([], int), np.array([]))
