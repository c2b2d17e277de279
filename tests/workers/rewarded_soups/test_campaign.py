import pytest

from headway_workers.rewarded_soups import campaign, objective
from headway_workers.rewarded_soups.campaign import DEFAULT, SOUGHT, Plan

SMALL = Plan(steps=1, batch=3, soups=3, trials=2, texts=12, seeds=2)

pytestmark = pytest.mark.usefixtures("networks")


@pytest.fixture(autouse=True)
def _few_texts(monkeypatch):
    monkeypatch.setattr(objective, "DIVERGENCE_TEXTS", 10)
    monkeypatch.setattr(objective, "RUNG_TEXTS", 10)


@pytest.mark.slow
def test_best_recipe_is_compared_with_the_default_at_seeds_of_their_own(tmp_path, monkeypatch):
    seen = []
    evaluate = campaign.RewardedSoups.evaluate

    def noted(self, params, *, seed=0, **rest):
        seen.append((params, seed))
        return evaluate(self, params, seed=seed, **rest)

    monkeypatch.setattr(campaign.RewardedSoups, "evaluate", noted)
    gain = campaign.run(SMALL, tmp_path)
    assert set(gain.best) == set(SOUGHT)
    search, again, default = seen[:2], seen[2:4], seen[4:]
    assert {seed for _, seed in search} & {seed for _, seed in again} == set()
    assert [seed for _, seed in again] == [seed for _, seed in default]
    assert [params for params, _ in again] == [SMALL.held | gain.best] * 2
    assert [params for params, _ in default] == [SMALL.held | DEFAULT] * 2
    differences = [best - usual for best, usual in zip(gain.of_best, gain.of_default, strict=True)]
    assert gain.gain == pytest.approx(sum(differences) / 2)
    assert gain.standard_error == pytest.approx(abs(differences[0] - differences[1]) / 2)
    assert len(gain.margins) == 2


def test_connectivity_is_demanded_where_it_is_asked_for():
    assert SMALL.demanded == ["kl <= 0.5"]
    assert Plan(connected=True).demanded == ["margin_in_errors >= -2", "kl <= 0.5"]


@pytest.mark.slow
def test_nothing_that_keeps_to_the_bounds_is_an_error_that_names_them(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign.RewardedSoups, "outcome_constraints", ("kl <= -1",))
    with pytest.raises(RuntimeError, match="none of 2 recipes kept kl <= -1"):
        campaign.run(SMALL, tmp_path)
