import numpy as np
import pytest

from headway_server.engine.gp.products import AT_A_TIME, FEW, STRIP, WORTHWHILE, add_outer, quadratic, times

ORDERS = (1, WORTHWHILE - 1, WORTHWHILE, STRIP, STRIP + 1, 2 * STRIP + 37)
ROWS = (0, 1, 2, 3, AT_A_TIME, AT_A_TIME + 1, 7, FEW, FEW + 1, 150)


@pytest.fixture(params=ORDERS)
def matrix(request):
    half = np.random.default_rng(request.param).standard_normal((request.param, request.param))
    return half + half.T


@pytest.mark.parametrize("r", ROWS)
def test_every_shape_gives_the_plain_product(matrix, r):
    k = np.random.default_rng(r).standard_normal((r, len(matrix)))
    expected = np.einsum("ri,ij->rj", k, matrix)
    scale = 1e-13 * len(matrix)
    np.testing.assert_allclose(times(k, matrix), expected, rtol=1e-12, atol=scale)
    np.testing.assert_allclose(
        quadratic(k, matrix), np.einsum("rj,rj->r", expected, k), rtol=1e-11, atol=scale * len(matrix)
    )


def test_a_view_of_a_larger_buffer_will_do():
    buffer = np.random.default_rng(0).standard_normal((300, 300))
    buffer += buffer.T
    k = np.random.default_rng(1).standard_normal((6, 250))
    np.testing.assert_allclose(times(k, buffer[:250, :250]), k @ buffer[:250, :250], atol=1e-11)


@pytest.mark.parametrize("m", [0, 1, 200, 256])
def test_an_outer_product_is_added_in_place_and_to_the_first_rows_only(m):
    rng = np.random.default_rng(m)
    buffer, a, b = rng.standard_normal((256, 256)), rng.standard_normal(m), rng.standard_normal(m)
    expected = buffer.copy()
    expected[:m, :m] += np.outer(a, b)
    add_outer(buffer, a, b)
    np.testing.assert_allclose(buffer, expected, rtol=1e-14, atol=1e-14)
