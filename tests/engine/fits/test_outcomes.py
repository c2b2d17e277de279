import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from headway_server.engine.fits.outcomes import Z_LIMIT, CompressBad, Standardize, Transform

SKEWED = -np.exp(np.random.default_rng(0).standard_normal(60) * 2)
finite = st.floats(-1e300, 1e300)


def fits(u):
    return [t for t in (Standardize.fit(u), CompressBad.fit(u)) if t is not None]


@pytest.mark.parametrize("transform", fits(SKEWED), ids=lambda t: t.kind)
class TestOrdinaryData:
    def test_result_is_standardised(self, transform):
        z = transform.forward(SKEWED)
        assert z.mean() == pytest.approx(0.0, abs=1e-12)
        assert z.std() == pytest.approx(1.0)

    def test_order_is_kept(self, transform):
        assert (np.diff(transform.forward(np.sort(SKEWED))) > 0).all()

    def test_backward_inverts_forward(self, transform):
        np.testing.assert_allclose(transform.backward(transform.forward(SKEWED)), SKEWED, rtol=1e-9)

    def test_slope_is_the_derivative(self, transform):
        u, e = np.linspace(-20, -0.01, 50), 1e-6
        numerical = (transform.forward(u + e) - transform.forward(u - e)) / (2 * e)
        np.testing.assert_allclose(transform.slope(u), numerical, rtol=1e-3)
        assert transform.log_slope_sum(u) == pytest.approx(np.log(transform.slope(u)).sum())

    def test_moments_equal_sampling(self, transform):
        mean, sd = np.array([0.5, -1.0]), np.array([0.3, 0.6])
        z = mean + sd * np.random.default_rng(1).standard_normal((400_000, 2))
        u = transform.backward(z)
        expected_mean, expected_sd = transform.moments(mean, sd)
        np.testing.assert_allclose(expected_mean, u.mean(axis=0), rtol=0.02)
        np.testing.assert_allclose(expected_sd, u.std(axis=0), rtol=0.03)

    def test_survives_json(self, transform):
        adapter = TypeAdapter(Transform)
        assert adapter.validate_json(adapter.dump_json(transform)) == transform


def test_compression_brings_outliers_close():
    u = np.concatenate([np.linspace(0, 1, 20), [-1e6]])
    assert np.ptp(Standardize.fit(u).forward(u)[:-1]) < 1e-4
    assert np.ptp(CompressBad.fit(u).forward(u)[:-1]) > 0.5


def test_no_compression_without_a_spread_among_the_good():
    assert CompressBad.fit(np.array([-3.0, 1.0, 1.0, 1.0])) is None


@given(st.lists(finite, min_size=1, max_size=12), finite)
def test_any_finite_values_stay_finite(values, new):
    u = np.array(values)
    for transform in fits(u):
        for z in (transform.forward(u), transform.forward(np.array([new]))):
            assert np.isfinite(z).all()
            assert (np.abs(z) <= Z_LIMIT).all()
            assert np.isfinite(transform.backward(z)).all()
            assert np.isfinite(transform.moments(z, np.ones_like(z))).all()
        assert np.isfinite(transform.log_slope_sum(u))


@pytest.mark.parametrize("value", [0.0, 1.0, -1e300, 5e-324])
def test_equal_values_become_zero(value):
    u = np.full(5, value)
    np.testing.assert_array_equal(Standardize.fit(u).forward(u), np.zeros(5))
