import numpy as np
import pytest

from headway_workers.contract import Check, Claim
from headway_workers.rewarded_soups.text import evaluation, fine_tunes
from headway_workers.rewarded_soups.text.comparison import MIXED, POLICIES, Comparison, Plan, findings
from headway_workers.rewarded_soups.text.reinforce import FineTune, Recipe

PLAN = Plan("haha-sentiment", Recipe(batch=3, trainable="head"), steps=1, texts=120, seed=0)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("start")]


@pytest.fixture(scope="module")
def found(start, tmp_path_factory):
    return Comparison.of(PLAN, tmp_path_factory.mktemp("cache"))


def test_soup_takes_two_runs_and_morl_one_for_each_preference(tmp_path, monkeypatch):
    steps, step = [], FineTune.step
    monkeypatch.setattr(FineTune, "step", lambda self: steps.append(1) or step(self))
    Comparison.of(PLAN, tmp_path)
    assert len(steps) == PLAN.runs((1.0, 0.0, *MIXED)) == 5
    assert PLAN.runs((1.0, 0.0)) == 2


def test_ends_of_the_soup_are_the_two_fine_tunes_and_morls_extremes(found, tmp_path):
    pair = PLAN.rewards
    first, second = (
        fine_tunes.fine_tuned(pair.task(mu, PLAN.recipe, PLAN.seed), PLAN.steps, cache=tmp_path)
        for mu in (1.0, 0.0)
    )
    assert len(found.soups) == POLICIES
    for end, policy in ((found.soups[0], first), (found.soups[-1], second)):
        alone = evaluation.scores(policy, pair.names, texts=PLAN.texts, seed=PLAN.seed)
        np.testing.assert_allclose(end.values, alone.values, atol=1e-5)
    assert found.morl[0] is found.soups[-1]
    assert found.morl[-1] is found.soups[0]


def test_gains_are_those_of_paired_texts(found):
    for reward, end in enumerate((found.soups[0], found.soups[-1])):
        gained = (end.values - found.start.values)[:, reward]
        assert found.gains()[reward] == pytest.approx(gained.mean() / (gained.std(ddof=1) / PLAN.texts**0.5))


def test_findings_judge_what_is_known_and_claim_the_rest(found):
    said = list(findings(found))
    assert [type(one) for one in said] == [Check, Check, Check, Check, Claim, Claim]
    connected, front = said[4:]
    assert connected.effect == pytest.approx(found.connectivity().mean.min(), abs=0.05)
    assert connected.verdict == (
        "supported" if found.connectivity().smallest_in_errors >= -2.0 else "not supported"
    )
    assert front.low <= front.effect <= front.high
