import numpy as np
import pytest
import torch

from headway_workers.rewarded_soups.text.policy import WINDOW, policy_of
from headway_workers.rewarded_soups.text.reading import Alone, Mixed

TEMPERATURE = 0.8


@pytest.fixture(scope="module")
def policies(start):
    """The pretrained one, and one that is off it."""
    parameters, _ = start
    random = torch.Generator().manual_seed(1)
    moved = {name: one + 0.02 * torch.randn(one.shape, generator=random) for name, one in parameters.items()}
    return policy_of(parameters), policy_of(moved)


@pytest.fixture(scope="module")
def text(start):
    """Five prefixes of seven symbols, (7, 5)."""
    _, alphabet = start
    drawn = torch.from_numpy(np.random.default_rng(3).integers(1, 465, (7, 5)))
    drawn[0] = alphabet.boundary
    return drawn


@torch.no_grad()
def test_mixture_is_the_normalised_product_of_powers(policies, text):
    weights = (0.3, 0.7)
    windows = torch.zeros(text.shape[1], WINDOW, dtype=torch.long)
    windows[:, -len(text) :] = text.T
    product = 1.0
    for policy, weight in zip(policies, weights, strict=True):
        logits = policy(windows)[:, 1:].double().numpy() / TEMPERATURE
        product = product * (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)) ** weight
    expected = product / product.sum(1, keepdims=True)
    found, apart = Mixed(policies, weights, temperature=TEMPERATURE).read(text)
    np.testing.assert_allclose(found.exp().numpy(), expected, rtol=1e-4, atol=1e-30)
    assert apart is None


@torch.no_grad()
def test_mixture_with_all_of_the_weight_on_one_policy_is_that_policy(policies, text):
    for k, weights in enumerate(((1.0, 0.0), (0.0, 1.0))):
        mixture, _ = Mixed(policies, weights, temperature=TEMPERATURE).read(text)
        alone, _ = Alone(policies[k], temperature=TEMPERATURE).read(text)
        np.testing.assert_allclose(mixture.numpy(), alone.numpy(), atol=1e-5)


@torch.no_grad()
def test_soup_of_heads_is_the_mixture_where_nothing_else_differs(start, text):
    """Logits are linear in the output layer, so averaging its weights is averaging log-probabilities."""
    parameters, _ = start
    random = torch.Generator().manual_seed(2)
    bias = {"output.bias": parameters["output.bias"] + torch.randn(465, generator=random)}
    ends = policy_of(parameters), policy_of(parameters | bias)
    halfway = policy_of(parameters | {"output.bias": (parameters["output.bias"] + bias["output.bias"]) / 2})
    mixture, _ = Mixed(ends, (0.5, 0.5), temperature=TEMPERATURE).read(text)
    soup, _ = Alone(halfway, temperature=TEMPERATURE).read(text)
    np.testing.assert_allclose(mixture.numpy(), soup.numpy(), atol=1e-4)
