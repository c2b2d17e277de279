import pytest

from headway_workers.relu_jumps import checks, closed_forms, flow


def assert_passed(*found):
    assert found
    assert [check for check in found if not check.passed] == []


def test_minimal_norm_is_attained_by_two_neurons():
    assert_passed(*checks.minimal_norm_is_attained())


def test_minimal_norm_is_what_an_optimiser_finds():
    assert_passed(checks.minimal_norm_against_slsqp(starts=12))


def test_single_neuron_follows_its_closed_forms():
    assert_passed(
        checks.aligned_neuron_grows_logistically(), checks.unaligned_neuron_turns_by_the_hyperbolic_tangent()
    )


def test_wrong_flow_would_break_the_closed_forms(monkeypatch):
    right = flow.Flow._derivative
    monkeypatch.setattr(flow.Flow, "_derivative", lambda self, t, y: right(self, t, y) * (1.0 + 1e-5))
    assert not checks.aligned_neuron_grows_logistically().passed
    assert not checks.unaligned_neuron_turns_by_the_hyperbolic_tangent().passed


def test_networks_interpolate_as_often_as_they_should():
    assert_passed(*checks.probability_of_interpolation(), checks.union_bound_holds())


def test_wrong_probability_would_be_noticed(monkeypatch):
    right = closed_forms.interpolation_probability
    monkeypatch.setattr(checks, "interpolation_probability", lambda m, p, n: right(m + 2, p, n))
    assert not all(check.passed for check in checks.probability_of_interpolation())


@pytest.mark.slow
def test_width_grows_with_log_n():
    assert_passed(*checks.width_grows_with_log_n())


def test_norm_ratio_approaches_its_limit():
    ratios = [checks.scaling(n, networks=12).ratio for n in (64, 512, 4096)]
    assert ratios == sorted(ratios)
    assert ratios[-1] < closed_forms.LIMIT_RATIO


@pytest.mark.slow
def test_norm_grows_like_the_root_of_n():
    assert_passed(*checks.norm_grows_like_the_root_of_n(networks=12))


@pytest.mark.long
def test_flow_jumps_like_its_limit():
    assert_passed(*checks.one_neuron_a_saddle(networks=3))


@pytest.mark.slow
def test_descent_has_the_published_transition(monkeypatch):
    monkeypatch.setattr(checks, "PUBLISHED", {n: checks.PUBLISHED[n] for n in (250, 370)})
    monkeypatch.setattr(checks, "REPEATS", 8)
    assert_passed(*checks.published_transition())
