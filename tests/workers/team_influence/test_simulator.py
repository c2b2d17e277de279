from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headway_workers.team_influence import checks
from headway_workers.team_influence.dynamics import project
from headway_workers.team_influence.simulator import Simulation, simulate, whole_percentages
from headway_workers.team_influence.teams import running_correctness
from headway_workers.team_influence.transcripts import SILENCE


def test_reports_are_whole_percentages_that_sum_to_one(teams):
    percent = 100.0 * teams.influence
    assert percent == pytest.approx(np.round(percent), abs=1e-9)
    assert teams.influence.sum(axis=-1) == pytest.approx(np.ones((10, 9, 4)))


@given(arrays(float, (3, 4), elements=st.floats(0.001, 1.0)).map(project))
def test_rounding_moves_no_entry_by_a_percent(M):
    rounded = whole_percentages(M)
    assert np.abs(rounded - M).max() < 0.01
    assert np.round(100 * rounded).sum(axis=-1).tolist() == [100, 100, 100]


def test_share_of_repeated_rows_is_the_stickiness():
    data = simulate(Simulation(), 400, np.random.default_rng(0), messages=False)
    repeated = np.all(data.influence[:, 1:] == data.influence[:, :-1], axis=-1)
    assert repeated.mean() == pytest.approx(0.445, abs=0.015)


def test_without_noise_or_stickiness_reports_are_the_dynamics():
    exact = replace(Simulation(), noise=0.0, sticky=0.0, percent=False)
    data = simulate(exact, 5, np.random.default_rng(1), messages=False).teams()
    p, M = running_correctness(data.correct), data.influence
    for issue in range(1, 9):
        expected = exact.dynamics.step(M[:, issue - 1], M[:, 0], p[:, issue], data.confidence)
        assert M[:, issue] == pytest.approx(expected, abs=1e-12)


def test_running_correctness_is_a_weighted_mean():
    correct = np.array([[0.2], [0.6], [1.0]])
    assert running_correctness(correct)[:, 0] == pytest.approx([0.2, 0.4, 0.6])
    assert running_correctness(correct, 0.5)[2, 0] == pytest.approx((1.0 + 0.3 + 0.05) / 1.75)


def test_confident_members_speak_more_and_sooner(teams):
    spoke = teams.timing[..., 1] < SILENCE
    often, soon = teams.timing[..., 0].mean(axis=1), np.where(spoke, teams.timing[..., 1], np.nan)
    assert np.corrcoef(teams.confidence.ravel(), often.ravel())[0, 1] > 0.5
    assert np.corrcoef(teams.confidence.ravel(), np.nanmean(soon, axis=1).ravel())[0, 1] < -0.5


def test_same_generator_gives_the_same_teams():
    one, other = (simulate(Simulation(), 3, np.random.default_rng(4)).teams() for _ in range(2))
    assert np.array_equal(one.influence, other.influence)
    assert np.array_equal(one.documents, other.documents)


@pytest.mark.slow
def test_errors_on_simulated_teams_are_ordered_as_on_the_papers():
    failed = [check for check in checks.errors() if not check.passed]
    assert not failed


def test_identical_predictions_would_fail_the_order(monkeypatch):
    monkeypatch.setattr(
        checks, "errors_of", lambda _: dict.fromkeys((*checks.ORDER, *checks.PROBE, "dynamics"), 0.01)
    )
    assert sum(not check.passed for check in checks.errors()) >= 6


def test_persistence_of_rows_is_reported_and_not_judged():
    repeated, kept = checks.persistence(range(101, 103))
    assert 0.3 < repeated.ours < kept.ours < 0.7
    assert repeated.tolerance is None
    assert kept.tolerance is None
