import numpy as np

from headway_server.engine.randomness import Purpose, sobol_block, sobol_point, stream


def test_a_stream_is_a_function_of_seed_number_and_purpose():
    def draw(*key):
        return stream(*key).random(4).tolist()

    first = draw(7, 3, Purpose.SEARCH)
    stream(7, 3, Purpose.STRATEGY).random(1000)
    assert draw(7, 3, Purpose.SEARCH) == first
    others = [draw(8, 3, Purpose.SEARCH), draw(7, 4, Purpose.SEARCH), draw(7, 3, Purpose.STRATEGY)]
    assert all(set(first).isdisjoint(other) for other in others)


def test_the_largest_seed_is_fine():
    stream(2**53 - 1, 1_000_000, Purpose.SEARCH).random()
    sobol_point(2**53 - 1, 5, 3)


def test_sobol_points_are_one_sequence_in_any_order():
    forward = [sobol_point(3, k, 5) for k in range(1, 17)]
    backward = [sobol_point(3, k, 5) for k in range(16, 0, -1)][::-1]
    np.testing.assert_array_equal(forward, backward)
    strata = np.sort((np.array(forward) * 16).astype(int), axis=0)
    np.testing.assert_array_equal(strata, np.tile(np.arange(16)[:, None], (1, 5)))


def test_the_shared_block_cannot_be_changed():
    assert not sobol_block(3, 4).flags.writeable
