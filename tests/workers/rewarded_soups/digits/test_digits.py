import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from headway_workers.rewarded_soups.digits import checks
from headway_workers.rewarded_soups.digits.classifier import (
    fine_tuned,
    images,
    network,
    pretrained,
    rewards,
)


@pytest.fixture(scope="module", params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request):
    return request.param


def test_halves_share_no_image():
    train, test = (images(held_out=held_out) for held_out in (False, True))
    pixels, digits = load_digits(return_X_y=True)
    assert len(train.digits) + len(test.digits) == len(digits) == 1797
    assert torch.equal(test.pixels[0] * 16, torch.from_numpy(pixels[1]).float())


def test_reward_is_the_probability_of_a_right_answer(device):
    state = pretrained(0, device)
    found = rewards(state, device)
    model, test = network(), images(held_out=True)
    model.load_state_dict({name: one.cpu() for name, one in state.items()})
    p = torch.softmax(model(test.pixels), 1).detach().numpy()[np.arange(len(test.digits)), test.digits]
    low = test.digits.numpy() <= 4
    assert found[low] == pytest.approx(np.stack([p, np.zeros_like(p)], 1)[low], abs=1e-5)
    assert found[~low] == pytest.approx(np.stack([np.zeros_like(p), p], 1)[~low], abs=1e-5)


def test_networks_are_the_same_twice_and_differ_by_seed():
    one, same, other = (pretrained(seed) for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["0.weight"], other["0.weight"])
    tuned = [fine_tuned(one, (1.0, 0.0), 0) for _ in range(2)]
    assert all(torch.equal(tuned[0][name], tuned[1][name]) for name in one)


@pytest.mark.slow
def test_soup_of_one_start_is_connected_and_one_of_strangers_is_not():
    found = list(checks.digits(range(1)))
    assert [check for check in found if not check.passed] == []
    assert len(found) == 5
    assert any("strangers" in check.name and check.ours < -5 for check in found)
