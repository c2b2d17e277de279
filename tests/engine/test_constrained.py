"""Linear constraints in the engine: every sampler and every path of the search holds them."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize
from scipy.stats import beta, chisquare, ks_2samp, kstest

from headway.wire.space import Categorical, Float, Int
from headway.wire.study import DEFAULT_STRATEGY
from headway_server.domain.errors import ConstraintsInfeasible
from headway_server.domain.space import SearchSpace
from headway_server.engine import STRATEGIES, Optimizer
from headway_server.engine import chooser as chooser_module
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.points.hit_and_run import FeasibleSampler
from headway_server.engine.points.lattice import eliminated, kernel
from headway_server.engine.search.maximize import maximise
from headway_server.engine.strategies.standard import ModelFree
from tests.engine.spaces import box, constrained_spaces

names = sorted(STRATEGIES)
seeds = st.integers(0, 2**32 - 1)


def seldom_but(*often):
    """All strategies, most of them for the long run."""
    return [pytest.param(name, marks=[] if name in often else [pytest.mark.long]) for name in names]


def recipe():
    """Real, log, whole and stepped numbers under an inequality and an equality, beside a choice."""
    return SearchSpace.checked(
        [
            Float(0, 10, name="a"),
            Float(1e-3, 10, log=True, name="b"),
            Int(1, 64, log=True, name="n"),
            Float(0, 1, step=0.05, name="s"),
            Categorical(("u", "v"), name="c"),
        ],
        constraints=["a + b <= 10", "n + 10 * s + a == 20", "b >= 0.1 * a"],
    )


def sampler(space):
    encoding = Encoding(space)
    return FeasibleSampler(space, {}, encoding.polytope), encoding.polytope


@settings(max_examples=60)
@given(constrained_spaces(), seeds)
def test_rows_are_valid_points_in_plain_floats(space, seed):
    encoding, rng = Encoding(space), np.random.default_rng(seed)
    rows = encoding.random(20, rng)
    moved = [encoding.snap(rng.random((3, encoding.width)))]
    moved += [encoding.neighbours(row, 10, rng) for row in rows[:3]]
    moved += [encoding.polytope.pull(rows, encoding.from_samples(rng.random((20, encoding.n_parameters))))]
    for row in np.concatenate([rows, *moved]):
        point = encoding.params(row)
        assert space.check(point) == point


@settings(max_examples=15)
@given(constrained_spaces(), st.sampled_from(names), seeds)
def test_every_suggestion_satisfies_the_constraints(space, name, seed):
    optimizer = Optimizer(space, strategy=name, seed=seed, n_initial=3)
    for _ in range(7):
        point = optimizer.ask().params
        assert space.check(point) == point
        optimizer.tell(point, float(sum(hash(v) % 97 for v in point.values())))


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom_but(DEFAULT_STRATEGY, "sobol", "local-penalisation"))
def test_never_violated_in_ten_thousand_draws(name, monkeypatch):
    """Model-free: suggestions, and the rows that they draw from. Model-based: what the search answers, a
    tenth as often where every answer is BoTorch's.
    """
    space, drawn = recipe(), []
    least = 1_000 if Optimizer(space, strategy=name).asks_botorch else 10_000
    if issubclass(STRATEGIES[name], ModelFree):
        strategy = Optimizer(space, strategy=name)
        drawn = [strategy.ask(number=k, given_out=[]).params for k in range(1, 201)]
        encoding = Encoding(space)
        drawn += [encoding.params(row) for row in encoding.random(10_000, np.random.default_rng(0))]
    else:
        real_search = chooser_module.search

        def spy(surface, posterior, encoding, *args, **settings):
            rows, values = real_search(surface, posterior, encoding, *args, **settings)
            drawn.extend(encoding.params(row) for row in rows)
            return rows, values

        monkeypatch.setattr(chooser_module, "search", spy)
        optimizer = Optimizer(space, strategy=name, n_initial=5)
        while len(drawn) < least:
            point = optimizer.ask().params
            optimizer.tell(point, (point["a"] - 3) ** 2 + np.log(point["b"]) ** 2 + point["n"] / 10)
    assert len(drawn) >= least
    for point in drawn:
        space.check(point)
        assert point["a"] + point["b"] <= 10 + 1e-7
        assert abs(point["n"] + 10 * point["s"] + point["a"] - 20) <= 1e-7


def test_chains_and_rejection_agree():
    """Real, log, whole and log whole numbers: each marginal, and the products of two."""
    space = SearchSpace.checked(
        [
            Float(0, 1, name="x"),
            Float(0, 2, name="y"),
            Float(1e-2, 1, log=True, name="z"),
            Int(0, 9, name="i"),
            Int(1, 50, log=True, name="j"),
        ],
        constraints=["x + y + z <= 1.5", "j + 2 * i <= 20", "x >= 0.02 * j"],
    )
    made, polytope = sampler(space)
    rng = np.random.default_rng(0)
    chains = made._mixed(made._pool[rng.integers(len(made._pool), size=3000)], 300, rng)
    chains = polytope.scale.values(chains).round(9)  # equal whole numbers must be ties
    rejected = polytope.scale.values(made._rejected(60_000, rng))[:3000].round(9)
    for j in range(5):
        assert ks_2samp(chains[:, j], rejected[:, j]).pvalue > 1e-3
    for i, j in itertools.combinations(range(5), 2):
        assert ks_2samp(chains[:, i] * chains[:, j], rejected[:, i] * rejected[:, j]).pvalue > 1e-3


def test_the_simplex_is_sampled_uniformly():
    made, _ = sampler(box(4, ["x0 + x1 + x2 + x3 == 1"]))
    drawn = made.draw(4000, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0, atol=1e-12)
    for j in range(4):
        assert kstest(drawn[:, j], beta(1, 3).cdf).pvalue > 1e-3


def test_whole_solutions_of_an_equality_are_equally_likely():
    space = SearchSpace.checked(
        [Int(0, 9, name="i"), Int(0, 9, name="j"), Int(0, 9, name="k")], constraints=["2*i + 3*j + 5*k == 23"]
    )
    made, polytope = sampler(space)
    everything = [p for p in itertools.product(range(10), repeat=3) if 2 * p[0] + 3 * p[1] + 5 * p[2] == 23]
    assert len(Encoding(space).everything()) == Encoding(space).size == len(everything)
    rng = np.random.default_rng(2)
    drawn = made._mixed(made._pool[rng.integers(len(made._pool), size=5000)], 100, rng)
    drawn = np.rint(polytope.scale.values(drawn)).astype(int)
    counts = [int((drawn == point).all(axis=1).sum()) for point in everything]
    assert sum(counts) == 5000
    assert chisquare(counts).pvalue > 1e-3


@given(st.lists(st.lists(st.integers(-4, 4), min_size=4, max_size=4), min_size=1, max_size=2))
def test_the_kernel_spans_every_whole_solution(equations):
    basis = np.array(kernel([[Fraction(a) for a in row] for row in equations], 4)).reshape(-1, 4)
    matrix = np.array(equations)
    assert not (basis @ matrix.T).any()
    assert len(basis) == 4 - np.linalg.matrix_rank(matrix)
    small = np.array([v for v in itertools.product(range(-2, 3), repeat=4) if not (matrix @ v).any()])
    if len(basis):
        weights = np.linalg.lstsq(basis.T.astype(float), small.T.astype(float))[0]
        np.testing.assert_allclose(weights, np.rint(weights), atol=1e-8)
        np.testing.assert_allclose(basis.T @ weights, small.T, atol=1e-8)


def test_real_unknowns_are_eliminated_exactly():
    real = [[Fraction(1), Fraction(2)], [Fraction(2), Fraction(4)], [Fraction(0), Fraction(0)]]
    whole = [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)], [Fraction(3), Fraction(5)]]
    left = eliminated(real, whole)
    assert sorted(map(tuple, left)) == sorted([(-2, 1), (3, 5)])


@pytest.mark.parametrize(
    "constraints",
    [
        ["x0 + x1 + x2 + x3 <= 1"],
        ["x0 + x1 + x2 + x3 == 1"],
        ["x0 + x1 <= 0.3", "x1 + x2 <= 0.5", "x0 - x3 == 0.1"],
        ["x0 + 2 * x1 == 1", "x2 - x3 >= 0.2", "x0 + x2 <= 0.8"],
    ],
)
def test_climbs_end_where_scipy_does(constraints):
    """An ill-conditioned concave function whose free maximum lies outside."""
    encoding = Encoding(box(4, constraints))
    polytope = encoding.polytope
    centre, weights = np.array([0.7, 0.9, 0.4, 1.2]), np.array([1.0, 30.0, 3.0, 10.0])

    def function(x):
        return -((x - centre) ** 2 @ weights), -2 * weights * (x - centre)

    starts = encoding.random(6, np.random.default_rng(0))
    found, values = maximise(function, starts, limits=polytope, max_evaluations=200, tolerance=1e-12)
    best = minimize(
        lambda x: -function(x[None])[0][0],
        starts[0],
        jac=lambda x: -function(x[None])[1][0],
        method="SLSQP",
        bounds=[(0, 1)] * 4,
        constraints=[
            LinearConstraint(polytope.A, -np.inf, polytope.b),
            LinearConstraint(polytope.E, polytope.e, polytope.e),
        ][: 2 if len(polytope.E) else 1][0 if len(polytope.A) else 1 :],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert encoding.polytope.contains(found).all()
    np.testing.assert_allclose(values, -best.fun, atol=2e-3)


def test_a_finite_space_is_given_out_whole_before_any_repeat():
    space = SearchSpace.checked(
        [Int(0, 5, name="i"), Int(0, 5, name="j")], constraints=["i + j <= 4", "i - j == 0"]
    )
    optimizer = Optimizer(space, n_initial=2)
    seen = []
    for _ in range(3):
        seen.append(optimizer.ask(seen).params)
    assert {tuple(p.values()) for p in seen} == {(0, 0), (1, 1), (2, 2)}
    assert space.check(optimizer.ask(seen).params)


def test_one_feasible_point_is_found():
    space = SearchSpace.checked(
        [Float(0, 1, name="x"), Float(0, 1, name="y"), Int(0, 1000, name="n")],
        constraints=["x + y <= 0", "7 * n == 6300"],
    )
    optimizer = Optimizer(space, n_initial=1)
    for _ in range(4):
        params = optimizer.ask().params
        assert params == {"x": 0.0, "y": 0.0, "n": 900}
        optimizer.tell(params, 1.0)


def test_equal_histories_give_bitwise_equal_answers_whatever_came_before():
    def told():
        optimizer = Optimizer(recipe(), seed=3, n_initial=3)
        for k in range(1, 9):
            point = optimizer.ask(number=k, given_out=[]).params
            optimizer.tell(point, point["a"])
        return optimizer

    quiet, busy = told(), told()
    for k in (20, 31):
        busy.ask(number=k)
    assert quiet.ask(number=60, given_out=[]).params == busy.ask(number=60, given_out=[]).params


def test_the_model_finds_a_constrained_optimum():
    """min Σ (x − 1)² on x0 + x1 + x2 ≤ 1: at (1, 1, 1)/3."""
    optimizer = Optimizer(box(3, ["x0 + x1 + x2 <= 1"]), seed=1)
    values = []
    for _ in range(25):
        params = optimizer.ask().params
        values.append(sum((v - 1) ** 2 for v in params.values()))
        optimizer.tell(params, values[-1])
    assert min(values) == pytest.approx(4 / 3, abs=2e-3)


def test_a_space_that_no_point_satisfies_is_refused():
    with pytest.raises(ConstraintsInfeasible, match="'x0 >= 2'"):
        Optimizer(box(2, ["x0 >= 2"]))
