import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Int
from headway_server.domain.space import SearchSpace
from headway_server.engine.points.encoding import Encoding
from tests.engine.spaces import mixed, spaces

seeds = st.integers(0, 2**32 - 1)


@given(spaces(), seeds)
def test_snap_agrees_with_the_domain(space, seed):
    encoding = Encoding(space)
    rows = np.random.default_rng(seed).random((20, encoding.width))
    expected = encoding.rows([space.from_unit(row.tolist()) for row in rows])
    np.testing.assert_allclose(encoding.snap(rows), expected, atol=1e-6)  # 1e6 + 1e-3 has few digits left


@given(spaces(), seeds)
def test_samples_agree_with_the_domain(space, seed):
    encoding = Encoding(space)
    samples = np.random.default_rng(seed).random((20, encoding.n_parameters))
    expected = encoding.rows([space.from_uniform(sample.tolist()) for sample in samples])
    rows = encoding.from_samples(samples)
    np.testing.assert_allclose(rows, expected, atol=1e-6)  # 1e6 + 1e-3 has few digits left
    np.testing.assert_allclose(encoding.from_samples(encoding.to_samples(rows)), rows, atol=1e-6)


@given(spaces(), seeds)
def test_snapped_rows_are_fixed_points(space, seed):
    encoding = Encoding(space)
    rows = encoding.snap(np.random.default_rng(seed).uniform(-0.5, 1.5, (10, encoding.width)))
    np.testing.assert_allclose(encoding.snap(rows), rows, atol=1e-9)


def test_neighbours_differ_in_one_discrete_parameter():
    space, rng = mixed(), np.random.default_rng(0)
    encoding = Encoding(space)
    point = {"rate": 0.01, "shift": 0.0, "depth": 1, "kind": "b", "flag": True}
    found = [space.from_unit(r.tolist()) for r in encoding.neighbours(encoding.rows([point])[0], 64, rng)]
    changes = [
        {k: v for k, v in near.items() if k not in ("rate", "shift") and v != point[k]} for near in found
    ]
    assert sorted(map(str, changes)) == sorted(
        map(str, [{"depth": 2}, {"kind": "a"}, {"kind": "c"}, {"kind": "d"}, {"flag": False}])
    )


def test_neighbours_keep_to_their_limit():
    encoding = Encoding(SearchSpace.checked([Categorical(tuple(range(50)), name="c")]))
    row = encoding.rows([{"c": 7}])[0]
    assert encoding.neighbours(row, 10, np.random.default_rng(0)).shape == (10, 50)


def test_everything_lists_each_point_once():
    space = SearchSpace.checked(
        [Int(3, 9, log=True, name="i"), Boolean(name="b"), Categorical(("x", "y", "z"), name="c")]
    )
    encoding = Encoding(space)
    points = {tuple(space.from_unit(row.tolist()).values()) for row in encoding.everything()}
    assert len(encoding.everything()) == encoding.size == len(points) == 42


def test_no_points_make_an_empty_array():
    encoding = Encoding(mixed())
    assert encoding.rows([]).shape == (0, encoding.width)


@pytest.mark.parametrize("kind", ["continuous", "parameter_of"])
def test_coordinates_know_their_parameter(kind):
    expected = {"continuous": [1, 1, 0, 0, 0, 0, 0, 0], "parameter_of": [0, 1, 2, 3, 3, 3, 3, 4]}[kind]
    np.testing.assert_array_equal(getattr(Encoding(mixed()), kind), expected)
