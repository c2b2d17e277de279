import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headway_workers.rewarded_soups.interpolation import interpolated, segment, soup


def network(seed):
    """Weights with a negative zero, which sums lose."""
    rng = torch.Generator().manual_seed(seed)
    layer = torch.randn(5, 3, generator=rng)
    layer[0, 0] = -0.0
    return {"layer": layer, "bias": torch.randn(5, generator=rng), "batches": torch.tensor(7)}


def bits(state):
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


@pytest.mark.parametrize("corner", range(3))
def test_corner_is_that_network_bit_for_bit(corner):
    networks = [network(seed) for seed in range(3)]
    assert bits(soup(networks, np.eye(3)[corner].tolist())) == bits(networks[corner])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any))
def test_soup_of_one_network_with_itself_is_itself_bit_for_bit(shares):
    weights = [share / sum(shares) for share in shares]
    assert bits(soup([network(4)] * len(weights), weights)) == bits(network(4))


def test_uniform_soup_is_the_mean():
    networks = [network(seed) for seed in range(3)]
    mean = torch.stack([one["layer"].double() for one in networks]).mean(0)
    assert torch.allclose(soup(networks, [1 / 3] * 3)["layer"].double(), mean, rtol=0, atol=1e-6)


def test_soup_shares_no_memory_with_its_networks():
    networks = [network(0), network(1)]
    soup(networks, [1.0, 0.0])["layer"].fill_(9.0)
    assert bits(networks[0]) == bits(network(0))


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5), st.integers(0, 2**31))
def test_interpolation_is_the_weighted_sum(shares, seed):
    weights = np.array(shares) / np.sum(shares)
    points = np.random.default_rng(seed).standard_normal((len(weights), 4))
    assert np.abs(interpolated(list(points), weights.tolist()) - weights @ points).max() < 1e-14


@pytest.mark.parametrize("weights", [[0.5], [0.5, 0.6], [-0.1, 1.1], [float("nan"), 1.0], [0.4, 0.3, 0.3]])
def test_weights_off_the_simplex_are_refused(weights):
    with pytest.raises(ValueError, match="weights = "):
        soup([network(0), network(1)], weights)


def test_networks_of_two_architectures_are_refused():
    with pytest.raises(ValueError, match=r"differ in .'bias'"):
        soup([network(0), {k: v for k, v in network(1).items() if k != "bias"}], [0.5, 0.5])
    with pytest.raises(ValueError, match="layer: Arrays of shapes"):
        soup([network(0), network(1) | {"layer": torch.zeros(2)}], [0.5, 0.5])
    with pytest.raises(ValueError, match="batches: whole numbers"):
        soup([network(0), network(1) | {"batches": torch.tensor(8)}], [0.5, 0.5])


def test_segment_has_its_ends():
    assert segment(5) == [(1.0, 0.0), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.0, 1.0)]
    with pytest.raises(ValueError, match="count = 1"):
        segment(1)
