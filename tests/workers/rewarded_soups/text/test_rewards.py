import numpy as np
import pytest

from headway_workers.rewarded_soups.text.evaluation import hypervolume_error, scores
from headway_workers.rewarded_soups.text.pairs import PAIRS
from headway_workers.rewarded_soups.text.rewards import rewards


def test_rewards_are_named_columns(reaction_model, device):
    texts = ["VADER is smart, handsome, and funny!", "this is so sad, rest in peace", ""]
    found = rewards(texts, ("sentiment", "sad", "love"), device)
    # 0.8439 is what VADER's own documentation prints for the first sentence.
    assert found[0, 0] == pytest.approx((0.8439 + 1.0) / 2.0)
    assert found[2, 0] == 0.5
    shares = reaction_model(texts).cpu().numpy()
    assert found[:, 1:] == pytest.approx(shares[:, [3, 0]])


def test_unknown_reward_is_named():
    with pytest.raises(ValueError, match="no reward 'joy'"):
        rewards(["x"], ("love", "joy"))


@pytest.mark.slow
def test_start_of_each_pair_is_the_pretrained_policy(start):
    names = sorted({name for pair in PAIRS.values() for name in pair.names})
    found = scores(start[0], names, texts=1_000, seed=5)
    means = dict(zip(names, found.values.mean(axis=0), strict=True))
    for pair in PAIRS.values():
        assert [means[name] for name in pair.names] == pytest.approx(pair.start, abs=0.03)


def test_same_seed_writes_with_the_same_numbers(start):
    one, same, other = (scores(start[0], ("love",), texts=12, seed=seed) for seed in (1, 1, 2))
    assert one.texts == same.texts != other.texts
    assert (one.distinct, one.divergence) == (1.0, 0.0)


def test_error_of_a_box_is_that_of_its_side():
    # One policy, second reward constant: the hypervolume is the first mean times 1.
    rng = np.random.default_rng(0)
    values = np.stack([rng.uniform(0, 1, 500), np.ones(500)], axis=1)[None]
    found = hypervolume_error(values, np.zeros(2), rng, resamples=2_000)
    assert found == pytest.approx(values[0, :, 0].std() / 500**0.5, rel=0.1)
