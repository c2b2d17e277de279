import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headway_workers.team_influence import baselines, checks, dynamics
from headway_workers.team_influence.appraisal import self_weights
from headway_workers.team_influence.dynamics import Dynamics, differentiation, perceived, project

unit = st.floats(0.0, 1.0)
matrices = arrays(float, (4, 4), elements=st.floats(0.001, 1.0)).map(project)
vectors = arrays(float, 4, elements=unit)


def test_rows_of_differentiation_sum_to_zero():
    assert checks.differentiation_keeps_row_sums().passed


def test_identical_performers_follow_the_closed_form():
    assert checks.closed_form().passed
    assert checks.contraction().passed


def test_another_reversion_would_miss_the_closed_form(monkeypatch):
    right = dynamics.Dynamics.unprojected
    monkeypatch.setattr(
        dynamics.Dynamics,
        "unprojected",
        lambda self, M, first, p, c: right(self, M, first * 0.999 + 0.00025, p, c),
    )
    assert not checks.closed_form().passed


def test_self_weights_agree_with_the_literature():
    found = list(checks.appraisal_fixed_point())
    assert len(found) == 3
    assert all(check.passed for check in found)


def test_star_never_settles_and_says_so():
    star = np.array([[0.0, 1 / 3, 1 / 3, 1 / 3], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], dtype=float)
    with pytest.raises(ArithmeticError, match="star"):
        self_weights(star)


@given(matrices, matrices, vectors, vectors, unit, unit, unit, st.floats(0, 4), st.floats(0, 3), unit)
def test_step_stays_on_the_simplex(M, first, p, c, a, r, g, eta, kappa, u):
    following = Dynamics(a, r, g, eta, kappa, u).step(M, first, p, c)
    assert following.min() >= 0.0
    assert following.sum(axis=-1) == pytest.approx(np.ones(4), abs=1e-12)


@given(matrices, vectors)
def test_differentiation_is_its_definition_entry_by_entry(M, p):
    D = differentiation(M, p)
    for i in range(4):
        lead = p[i] - sum(M[i, k] * p[k] for k in range(4))
        for j in range(4):
            assert D[i, j] == pytest.approx(lead * M[i, i] * ((i == j) - M[i, j]), abs=1e-14)


@given(vectors, vectors, st.floats(0.5, 4), st.floats(0, 3), unit)
def test_perception_is_its_definition_entry_by_entry(p, c, eta, kappa, u):
    E = perceived(p, c, eta, kappa, u)
    for i in range(4):
        row = [
            max(p[j] - u * max(p[j] - p[i], 0.0), dynamics.PERCEPTION_FLOOR) ** eta
            * np.exp(kappa * (c[j] - np.mean(c)))
            for j in range(4)
        ]
        assert E[i] == pytest.approx(np.array(row) / sum(row), rel=1e-9)


def test_batches_are_computed_as_one_by_one():
    rng = np.random.default_rng(2)
    M, first = (project(rng.random((6, 4, 4))) for _ in range(2))
    p, c = rng.random((2, 6, 4))
    model = Dynamics(0.3, 0.2, 0.4, 2.0, 1.0, 0.5)
    together = model.step(M, first, p, c)
    assert together == pytest.approx(np.stack([model.step(*one) for one in zip(M, first, p, c, strict=True)]))


@given(matrices)
def test_structural_balance_is_its_double_sum(M):
    ours = baselines.structural_balance(M)
    raw = np.diag(np.diag(M))
    for i in range(4):
        for j in range(4):
            if i != j:
                raw[i, j] = sum(M[i, k] * M[k, j] for k in range(4) if k not in (i, j))
    assert ours == pytest.approx(raw / raw.sum(axis=1, keepdims=True), abs=1e-12)


def test_reflected_appraisal_raises_the_best_performers_self_weight():
    M = np.full((4, 4), 0.25)
    moved = baselines.reflected_appraisal(M, np.array([0.9, 0.3, 0.3, 0.3]))
    assert moved[0, 0] == pytest.approx(0.25 + 0.45 / 1.8 * 0.25 * 0.75)
    assert np.all(np.diag(moved)[1:] < 0.25)


def test_reflected_appraisal_without_any_right_answer_is_the_last_report():
    M = np.full((4, 4), 0.25)
    assert np.array_equal(baselines.reflected_appraisal(M, np.zeros(4)), M)
