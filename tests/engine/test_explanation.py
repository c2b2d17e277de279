"""Why a point, against formulas and brute force."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from headway.wire.space import Categorical, Float
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_server.engine.explanation import SIMILAR, similarity

SPACE = SearchSpace.checked([Float(0, 1, name="x"), Float(0, 1, name="y"), Categorical(("a", "b"), name="c")])


def objective(params):
    return (params["x"] - 0.3) ** 2 + (params["y"] - 0.6) ** 2 + (params["c"] == "b") * 0.1


@pytest.fixture
def told():
    """An optimizer with 20 results, one point measured twice, and points that had none."""
    optimizer = Optimizer(SPACE, seed=3)
    for k in range(20):
        point = optimizer.ask().params
        optimizer.tell(point, objective(point))
        if k == 5:
            optimizer.tell(point, objective(point) + 0.01)
    optimizer.predict([point])  # the last result is taken up
    return optimizer


def some(count, seed=0):
    draw = np.random.default_rng(seed)
    return [{"x": draw.random(), "y": draw.random(), "c": "ab"[k % 2]} for k in range(count)]


@pytest.mark.parametrize("beta", [0.0, 2.25])
def test_the_score_is_the_sum_of_its_parts(told, beta):
    for point in some(5):
        score = told.explain(point, beta=beta).score
        assert score.acquisition == "ucb"
        assert score.exploration == pytest.approx(math.sqrt(beta) * score.sd)
        assert score.total == pytest.approx(score.mean + score.exploration)
        assert score.p_improvement == pytest.approx(norm.cdf((score.mean - score.best) / score.sd))
        assert score.p_feasible is None


def test_without_beta_it_is_the_expected_improvement(told):
    for point in some(5):
        score = told.explain(point, beta=None).score
        u = (score.mean - score.best) / score.sd
        expected = math.log(score.sd * (norm.pdf(u) + u * norm.cdf(u)))
        assert (score.acquisition, score.exploration) == ("log-ei", None)
        assert score.total == pytest.approx(expected, rel=1e-6)


def test_where_points_had_no_value_the_score_is_weighed(told):
    for k in range(4):
        told.tell_infeasible({"x": 0.9, "y": 0.1 * k, "c": "a"})
    near = told.explain({"x": 0.9, "y": 0.15, "c": "a"}, beta=1.0).score
    far = told.explain({"x": 0.3, "y": 0.6, "c": "a"}, beta=1.0).score
    assert 0 <= near.p_feasible < far.p_feasible <= 1
    floor = float(told._model.posterior.means_at_data().min())
    assert far.total == pytest.approx((far.mean + far.exploration - floor) * far.p_feasible)


def test_the_weights_of_all_data_make_the_mean(told):
    model = told._model
    posterior = model.posterior
    for point in some(5):
        everything = told.explain(point, beta=1.0, near=100)
        assert len(everything.nearest) == posterior.m == 20
        alike = [near.similarity for near in everything.nearest]
        assert alike == sorted(alike, reverse=True)
        values = np.array([near.value for near in everything.nearest])
        weights = np.array([near.weight for near in everything.nearest])
        z = model.transform.forward(-values)
        mean = posterior.mean + weights @ (z - posterior.mean)
        assert everything.score.mean == pytest.approx(mean, rel=1e-6, abs=1e-8)


def test_the_nearest_are_named_by_their_first_observation(told):
    rows = told._observations.rows
    for near in told.explain({"x": 0.3, "y": 0.6, "c": "a"}, beta=1.0, near=100).nearest:
        row = told._encoding.rows([near.params])[0]
        same = np.flatnonzero((rows == row).all(axis=1))
        assert near.observation == same[0]
        measured = [-told._observations.utilities[i] for i in same]
        assert min(measured) - 1e-9 <= near.value <= max(measured) + 1e-9


def test_a_measured_point_is_most_like_itself(told):
    best = min(
        told.explain({"x": 0.3, "y": 0.6, "c": "a"}, beta=1.0, near=100).nearest, key=lambda n: n.value
    )
    (itself,) = told.explain(best.params, beta=1.0, near=1).nearest
    assert itself.similarity == pytest.approx(1.0)
    assert itself.observation == best.observation


def test_alternatives_are_as_good_as_brute_force_finds_and_resemble_nothing(told):
    point = some(1)[0]
    told_of = told.explain(point, beta=4.0, alternatives=4)
    totals = [one.score.total for one in told_of.alternatives]
    assert len(totals) >= 2
    assert totals == sorted(totals, reverse=True)
    posterior, encoding = told._model.posterior, told._encoding
    rows = encoding.rows([point, *(one.params for one in told_of.alternatives)])
    alike = similarity(posterior, rows, rows) - np.eye(len(rows))
    assert alike.max() <= SIMILAR
    tried = some(3000, seed=1)
    away = [
        one
        for one, row in zip(tried, encoding.rows(tried), strict=True)
        if similarity(posterior, row[None], rows[:1])[0, 0] <= SIMILAR
    ]
    mean, sd = posterior.moments(encoding.rows(away))
    assert totals[0] >= (mean + 2.0 * sd).max() - 1e-3
    for one in told_of.alternatives:
        (predicted,) = told.predict([one.params])
        assert one.predicted == predicted


def test_equal_questions_get_equal_answers(told):
    point = some(1)[0]
    first, again = (told.explain(point, beta=1.0, number=7) for _ in range(2))
    assert first == again


def test_too_few_results_explain_nothing():
    assert Optimizer(SPACE).explain({"x": 0, "y": 0, "c": "a"}, beta=None) is None
