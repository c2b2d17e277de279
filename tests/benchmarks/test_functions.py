"""The functions' minima are what is claimed, and stay so in every shifted box."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from benchmarks import mixed
from benchmarks.parameters import Choice, Flag, Real, Whole
from benchmarks.problems import REPORTED, TUNING, problem
from headway_workers.async_bo.functions import FUNCTIONS
from headway_workers.async_bo.shifts import LARGEST_SHIFT, MARGIN

ROUGH = {"bukin"}
"""Not differentiable at the minimum."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_minimiser_has_the_minimum_and_nothing_near_is_lower(name):
    function = FUNCTIONS[name]
    best = np.array(function.minimiser)
    assert function.evaluate(best) == pytest.approx(function.minimum, abs=1e-6)
    widths = np.diff(np.array(function.box)).ravel()
    for seed in range(5):
        start = best + 0.01 * widths * np.random.default_rng(seed).standard_normal(len(best))
        found = minimize(function.evaluate, start, method="Nelder-Mead" if name in ROUGH else "L-BFGS-B")
        assert found.fun >= function.minimum - 1e-8


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_local_search_in_the_widened_box_finds_less_than_the_minimum(name):
    # Shifts reach a quarter of the width past the box: the minimum must hold out there as well.
    function = FUNCTIONS[name]
    low, high = np.array(function.box, dtype=float).T
    reach = LARGEST_SHIFT * (high - low)
    bounds = list(zip(low - reach, high + reach, strict=True))
    rng = np.random.default_rng(7)
    for _ in range(15):
        start = rng.uniform(low - reach, high + reach)
        found = minimize(function.evaluate, start, method="L-BFGS-B", bounds=bounds)
        assert found.fun >= function.minimum - 1e-8


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(REPORTED + TUNING), st.integers(0, 1000))
def test_a_problem_attains_its_minimum_inside_its_box_and_off_the_centre(name, seed):
    setting = problem(name, seed)
    assert setting.true_value(setting.minimiser) == pytest.approx(setting.minimum, abs=1e-6)
    assert set(setting.minimiser) == {p.name for p in setting.parameters}
    for p in setting.parameters:
        value = setting.minimiser[p.name]
        if isinstance(p, Real):
            place = (value - p.low) / (p.high - p.low)
            assert MARGIN - 1e-9 <= place <= 1 - MARGIN + 1e-9
        elif isinstance(p, Whole):
            assert p.low <= value <= p.high
        elif isinstance(p, Choice):
            assert value in p.choices
        else:
            assert isinstance(p, Flag)
            assert value in (True, False)


@pytest.mark.parametrize("name", ["ackley5", "levy10", "cosine8"])
def test_the_optimum_is_not_at_the_centre(name):
    places = []
    for seed in range(20):
        setting = problem(name, seed)
        places += [(setting.minimiser[p.name] - p.low) / (p.high - p.low) for p in setting.parameters]
    assert np.std(places) > 0.1
    assert problem(name, 3).minimiser == problem(name, 3).minimiser


def test_the_suites_are_disjoint_up_to_noise():
    assert not {n.removeprefix("noisy-") for n in REPORTED} & {n.removeprefix("noisy-") for n in TUNING}


def test_noise_depends_on_seed_and_number_alone():
    setting, other = problem("noisy-hartmann6", 4), problem("noisy-hartmann6", 4)
    point = setting.minimiser
    noise = [setting.observed_value(k, point) - setting.true_value(point) for k in range(1, 2001)]
    again = [other.observed_value(k, point) - other.true_value(point) for k in range(2000, 0, -1)]
    assert noise == again[::-1]
    assert np.std(noise) == pytest.approx(setting.noise_sd, rel=0.1)
    assert abs(np.mean(noise)) < 0.1 * setting.noise_sd


def test_func3c_by_all_categories():
    # Every combination's local minima lie above the claimed minimum.
    for first, second, third in itertools.product(range(3), range(5), range(4)):
        for seed in range(2):
            start = np.random.default_rng(seed).uniform(-1, 1, 2)
            found = minimize(lambda x, k=(first, second, third): mixed.func3c(x, *k), start)
            assert found.fun >= mixed.FUNC3C_MINIMUM - 1e-9


def test_the_vessels_minimum_by_every_pair_of_thicknesses():
    # With thicknesses fixed, the best radius is as large as they allow, and the length fills up the volume.
    best = np.inf
    for shell, head in itertools.product(range(1, 60), repeat=2):
        radius = min(200.0, shell / 16 / 0.0193, head / 16 / 0.00954)
        for r in np.linspace(max(10, radius - 1), radius, 3) if radius > 10 else []:
            length = max(10.0, (1_296_000 - 4 / 3 * np.pi * r**3) / (np.pi * r**2))
            if length <= 200:
                best = min(best, mixed.vessel_cost(shell / 16, head / 16, r, length))
    assert np.log10(best) == pytest.approx(mixed.VESSEL_MINIMUM, abs=1e-6)


def test_no_penalised_vessel_is_cheaper():
    rng = np.random.default_rng(0)
    for shell, head in itertools.product(range(9, 18), range(3, 12)):
        start = [rng.uniform(20, 100), rng.uniform(20, 200)]
        found = minimize(
            lambda x, k=(shell, head): mixed.pressure_vessel(*k, *x),
            start,
            method="Nelder-Mead",
            bounds=[(10, 200), (10, 200)],
        )
        assert found.fun >= mixed.VESSEL_MINIMUM - 1e-9
