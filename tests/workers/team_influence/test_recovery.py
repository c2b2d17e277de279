from dataclasses import replace

import numpy as np
import pytest

from headway_workers.team_influence import checks
from headway_workers.team_influence.features import Transitions
from headway_workers.team_influence.recovery import one_step, recovered
from headway_workers.team_influence.simulator import Simulation, simulate

QUIET = replace(Simulation(), sticky=0.0, noise=0.0, percent=False)


def test_one_step_fit_is_exact_where_there_is_no_noise():
    rows = Transitions.of(simulate(QUIET, 30, np.random.default_rng(0), messages=False).teams())
    found = one_step(rows, QUIET.dynamics)
    assert (found.a, found.r, found.g) == pytest.approx((0.25, 0.09, 0.35), abs=1e-9)


def test_likelihood_recovers_the_constants_where_there_is_little_noise():
    little = replace(QUIET, noise=1e-4)
    data = simulate(little, 20, np.random.default_rng(0), messages=False).teams()
    found = recovered(data, QUIET.dynamics, rng=np.random.default_rng(1))
    assert found.constants == pytest.approx([0.25, 0.09, 0.35], abs=2e-3)
    assert np.all(found.standard_errors < 1e-3)


def test_one_step_fit_does_not_recover_them_from_noisy_reports():
    noisy = replace(Simulation(), sticky=0.0)
    rows = Transitions.of(simulate(noisy, 200, np.random.default_rng(0), messages=False).teams())
    assert one_step(rows, noisy.dynamics).g > 0.45


@pytest.mark.slow
def test_constants_are_recovered_within_two_standard_errors():
    """One data set of 100 teams; `headway verify` takes six of 300."""
    found = list(checks.recovery(sets=1, teams=100))
    assert len(found) == 4
    assert [check for check in found if not check.passed] == []
