from dataclasses import replace

import numpy as np
import pytest

from headway_workers.signature_audit.campaign_null import Plan, campaign, search_null

PLAN = Plan(budget=8, workers=3)


def test_a_search_that_nothing_steers_is_its_replay(small):
    """Points of `random` don't depend on outcomes: both designs are one then, to the last bit."""
    found = search_null(small, replace(PLAN, strategy="random"), 3)
    assert np.array_equal(found.re_runs, found.replays)
    assert found.search == found.fixed_path


def test_a_search_that_learns_goes_elsewhere_on_other_outcomes(small):
    survival, longer = small.patients[0].survival, replace(PLAN, budget=13)  # the Sobol start ends at 10
    dealt = survival[np.random.default_rng(0).permutation(len(survival))]
    first, other = (campaign(small, longer, outcomes) for outcomes in (survival, dealt))
    assert [one.point for one in first] != [one.point for one in other]
    assert first == campaign(small, longer, survival)


def test_what_stands_out_gets_the_smallest_p_that_can_be(small):
    told = []
    found = search_null(small, PLAN, 4, told=lambda number, best: told.append((number, best)))
    assert found.search.p == found.search.attainable == pytest.approx(1 / 5)
    assert [best for _, best in told] == found.re_runs.tolist()
    assert [number for number, _ in told] == [1, 2, 3, 4]


def test_the_best_is_what_the_service_would_be_told(small):
    found = search_null(small, replace(PLAN, budget=4), 1)
    assert small.evaluate(found.at, fidelity=200).objectives["c_index"] == found.best


def test_without_re_runs_there_is_no_p(small):
    with pytest.raises(ValueError, match="re_runs = 0"):
        search_null(small, PLAN, 0)
