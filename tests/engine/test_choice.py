import numpy as np

from headway.wire.space import Boolean, Float
from headway_server.domain.space import SearchSpace
from headway_server.engine.choice import Taken, another, first_free
from headway_server.engine.points.encoding import Encoding
from tests.engine.spaces import box

NOTHING = np.empty((0, 2))
ROWS = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]])


def test_first_row_that_is_not_in_flight():
    taken = Taken(ROWS[:1] + 1e-8, NOTHING)
    assert first_free(ROWS, Encoding(box(2)), taken, avoid_observed=False) == 1


def test_observed_rows_are_avoided_only_on_request():
    taken = Taken(ROWS[:1], ROWS[1:2])
    encoding = Encoding(box(2))
    assert first_free(ROWS, encoding, taken, avoid_observed=False) == 1
    assert first_free(ROWS, encoding, taken, avoid_observed=True) == 2
    assert first_free(ROWS[:2], encoding, taken, avoid_observed=True) == 1


def test_the_last_free_point_of_a_finite_space_is_found():
    encoding = Encoding(SearchSpace.checked([Boolean(name=f"b{i}") for i in range(10)]))
    everything = encoding.everything()
    taken = Taken(np.delete(everything, 77, axis=0), np.empty((0, 10)))
    found = another(encoding, taken, np.random.default_rng(0), avoid_observed=True)
    np.testing.assert_array_equal(found, everything[77])


def test_a_space_that_is_all_taken_repeats_itself():
    encoding = Encoding(SearchSpace.checked([Boolean(name="b")]))
    taken = Taken(encoding.everything(), np.empty((0, 1)))
    assert another(encoding, taken, np.random.default_rng(0), avoid_observed=True)[0] in (0.0, 1.0)


def test_an_interval_of_three_floats_gives_each_once():
    space = SearchSpace.checked([Float(1.0, 1.0 + 2 * np.finfo(float).eps, name="x")])
    encoding, given_out = Encoding(space), []
    rng = np.random.default_rng(0)
    for _ in range(3):
        row = another(encoding, Taken(encoding.rows(given_out), np.empty((0, 1))), rng, avoid_observed=True)
        given_out.append(encoding.params(row))
    assert len({point["x"] for point in given_out}) == 3
