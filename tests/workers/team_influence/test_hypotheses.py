import numpy as np
import pytest
from scipy import stats

from headway_workers.team_influence import checks, hypotheses
from headway_workers.team_influence.hypotheses import findings, jackknifed
from headway_workers.team_influence.simulator import Simulation, simulate


@pytest.mark.slow
def test_planted_hypotheses_are_found_and_absent_ones_rejected():
    """A hundred data sets; `headway verify` takes 400."""
    found = list(checks.hypotheses(sets=100))
    assert len(found) == 6
    assert [check for check in found if not check.passed] == []


def test_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).standard_normal(12)
    mean, error = jackknifed(np.ones((12, 1, 1)), values[:, None])
    assert mean[0] == pytest.approx(values.mean())
    assert error[0] == pytest.approx(stats.sem(values))


def test_coefficients_are_those_of_least_squares_with_dummies():
    """Against one regression with a dummy for every row, by lstsq."""
    teams = simulate(Simulation(), 6, np.random.default_rng(3), messages=False).teams()
    rows = hypotheses.Transitions.of(teams)
    X, y, cell = [], [], 0
    dummies = []
    for k in range(len(rows)):
        t = k % 8 - 3.5
        for i in range(4):
            for j in range(4):
                if i == j:
                    continue
                D = (rows.p[k, i] - rows.prev[k, i] @ rows.p[k]) * rows.prev[k, i, i] * -rows.prev[k, i, j]
                lead, shortfall = rows.p[k, j], max(rows.p[k, j] - rows.p[k, i], 0.0)
                X.append(
                    [
                        rows.prev[k, i, j],
                        rows.first[k, i, j],
                        D,
                        lead,
                        rows.confidence[k, j],
                        shortfall,
                        t * lead,
                    ]
                )
                y.append(rows.target[k, i, j])
                dummies.append(cell)
            cell += 1
    design = np.hstack([X, np.eye(cell)[dummies]])
    expected = np.linalg.lstsq(design, np.array(y))[0]
    found = findings(teams, 1)
    assert found["H1"].coefficient[0] == pytest.approx(expected[3], rel=1e-6)
    assert found["H2"].coefficient[0] == pytest.approx(expected[4], rel=1e-6)


def test_data_sets_are_tested_as_one_by_one():
    teams = simulate(Simulation(), 20, np.random.default_rng(5), messages=False).teams()
    together = findings(teams, 2)
    for name in hypotheses.HYPOTHESES:
        alone = [findings(part, 1)[name].p[0] for part in (teams[:10], teams[10:])]
        assert together[name].p == pytest.approx(alone)


def test_teams_that_are_no_multiple_of_the_sets_are_refused():
    teams = simulate(Simulation(), 7, np.random.default_rng(5), messages=False).teams()
    with pytest.raises(ValueError, match="7 teams are no 2 data sets"):
        findings(teams, 2)
