from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from headway_workers.contract import Check, Claim
from headway_workers.rewarded_soups.text import evaluation, fine_tunes
from headway_workers.rewarded_soups.text.comparison import MIXED, POLICIES, Comparison, findings
from headway_workers.rewarded_soups.text.reinforce import FineTune

pytestmark = pytest.mark.slow


def test_soup_takes_two_runs_and_morl_one_for_each_preference(plan, tmp_path, monkeypatch):
    steps, step = [], FineTune.step
    monkeypatch.setattr(FineTune, "step", lambda self: steps.append(1) or step(self))
    Comparison.of(replace(plan, texts=4), tmp_path)
    assert len(steps) == plan.runs((1.0, 0.0, *MIXED)) == 5
    assert plan.runs((1.0, 0.0)) == 2


def test_ends_of_the_soup_are_the_two_fine_tunes_and_morls_extremes(plan, comparison, tmp_path):
    pair = plan.rewards
    first, second = (
        fine_tunes.fine_tuned(pair.task(mu, plan.recipe, plan.seed), plan.steps, cache=tmp_path)
        for mu in (1.0, 0.0)
    )
    assert len(comparison.soups) == POLICIES
    for end, policy in ((comparison.soups[0], first), (comparison.soups[-1], second)):
        alone = evaluation.scores(policy, pair.names, texts=plan.texts, seed=plan.seed)
        np.testing.assert_allclose(end.values, alone.values, atol=1e-5)
    assert comparison.morl[0] is comparison.soups[-1]
    assert comparison.morl[-1] is comparison.soups[0]


def test_gains_are_those_of_paired_texts(plan, comparison):
    for reward, end in enumerate((comparison.soups[0], comparison.soups[-1])):
        gained = (end.values - comparison.start.values)[:, reward]
        assert comparison.gains()[reward] == pytest.approx(
            gained.mean() / (gained.std(ddof=1) / plan.texts**0.5)
        )


def test_findings_judge_what_is_known_and_claim_the_rest(comparison):
    said = list(findings(comparison))
    assert [type(one) for one in said] == [Check, Check, Check, Check, Claim, Claim, Claim]
    connected, apart, front = said[4:]
    margins = comparison.connectivity()
    worst = margins.mean.flat[margins.in_errors.argmin()]
    assert connected.low <= connected.effect == worst <= connected.high
    assert connected.verdict == ("supported" if margins.in_errors.min() >= -2.0 else "not supported")
    assert apart.low <= apart.effect <= apart.high
    assert front.low <= front.effect <= front.high


def test_soups_are_compared_with_mixtures_on_the_same_texts(comparison):
    apart = comparison.beside_mixtures()
    differences = [
        (soup.values - mixture.values)[:, reward]
        for soup, mixture in zip(comparison.soups[1:-1], comparison.mixtures, strict=True)
        for reward in (0, 1)
    ]
    tests = [ttest_1samp(one, 0.0) for one in differences]
    worst = max(range(6), key=lambda k: np.nan_to_num(abs(tests[k].statistic)))
    assert apart.value == pytest.approx(differences[worst].mean())
    interval = tests[worst].confidence_interval(1.0 - 0.05 / 6)  # Student's, so a little wider
    assert (apart.low, apart.high) == pytest.approx((interval.low, interval.high), rel=0.1, abs=1e-3)
