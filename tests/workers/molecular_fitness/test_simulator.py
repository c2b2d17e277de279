import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from headway_workers.molecular_fitness import checks
from headway_workers.molecular_fitness.evolution import SiteChain, evolve, generator, relative_rate
from headway_workers.molecular_fitness.landscapes import all_sequences, potts, ranks, site_independent
from headway_workers.molecular_fitness.trees import clade_mixture, kingman, star


@pytest.mark.parametrize(
    "check",
    [checks.pythagoras, checks.star_marginals, checks.gillespie_transitions, checks.trait_covariance],
)
def test_check_passes(check):
    result = check()
    assert result.passed, result


def test_detailed_balance_and_stationarity():
    assert all(check.passed for check in checks.detailed_balance())


@given(st.integers(2, 40), st.integers(0, 100))
def test_coalescent_is_a_full_binary_tree_in_time(leaves, seed):
    tree = kingman(leaves, 2.0, np.random.default_rng(seed))
    children = np.bincount(tree.parent[:-1], minlength=2 * leaves - 1)
    assert (children[:leaves] == 0).all()
    assert (children[leaves:] == 2).all()
    assert (tree.parent[:-1] > np.arange(2 * leaves - 2)).all()
    assert (tree.lengths >= 0.0).all()
    assert sum(len(nodes) for nodes in tree.generations()) == 2 * leaves - 2


def test_coalescent_is_as_deep_as_kingmans():
    """E[depth] = 2 (1 − 1/n); its variance is below 1.16."""
    depths = [kingman(10, 1.0, np.random.default_rng(seed)).time[-1] for seed in range(2_000)]
    assert np.mean(depths) == pytest.approx(1.8, abs=5 * 1.16**0.5 / 2_000**0.5)


@pytest.mark.parametrize(("leaves", "scale"), [(1, 1.0), (5, 0.0)])
def test_coalescent_refuses_what_is_none(leaves, scale):
    with pytest.raises(ValueError, match="2 or more"):
        kingman(leaves, scale, np.random.default_rng(0))


def test_path_lengths_are_those_walked_through_the_parents():
    tree = kingman(9, 1.0, np.random.default_rng(1))

    def line(node):
        above = [node]
        while tree.parent[above[-1]] >= 0:
            above.append(tree.parent[above[-1]])
        return above

    for i in range(9):
        for j in range(9):
            meeting = next(node for node in line(i) if node in line(j))
            assert tree.path_lengths()[i, j] == pytest.approx(2 * tree.time[meeting])


def test_founders_of_clades_are_as_far_as_told():
    tree = clade_mixture(30, 3, 2.0, 0.5, np.random.default_rng(0))
    assert set(np.unique(tree.lengths[:30])) == {0.5}
    assert set(np.unique(tree.lengths[30:33])) == {1.5}


@given(st.floats(-30, 30))
def test_rates_of_a_step_and_its_reverse_differ_by_its_weight(S):
    forth, back = relative_rate(np.array([S, -S]))
    assert forth == pytest.approx(back * np.exp(S), rel=1e-9)


def test_site_chains_are_the_whole_chains_exponential():
    landscape = site_independent(3, 3, 1.0, np.random.default_rng(2))
    x = all_sequences(3, 3)
    exact = expm(generator(landscape, 1.4, 0.8) * 0.6)
    rows = SiteChain.of(landscape, 1.4, 0.8).transition(x, np.full(len(x), 0.6))
    ours = np.array([[row[np.arange(3), y].prod() for y in x] for row in rows])
    np.testing.assert_allclose(ours, exact, atol=1e-12)


def test_potts_fitness_is_the_sum_over_pairs():
    landscape = potts(4, 3, np.random.default_rng(0), scale=1.0, coupling=1.0, density=0.7)
    for x, f in zip(all_sequences(4, 3), landscape.fitness(all_sequences(4, 3)), strict=True):
        own = sum(landscape.h[i, x[i]] for i in range(4))
        pairs = sum(landscape.J[i, j, x[i], x[j]] for i in range(4) for j in range(i + 1, 4))
        assert f == pytest.approx(own + pairs)


def test_without_time_leaves_are_their_root():
    landscape = potts(4, 3, np.random.default_rng(0), scale=1.0, coupling=1.0, density=0.7)
    assert len(np.unique(evolve(star(20, 0.0), landscape, 1.0, 1.0, np.random.default_rng(0)), axis=0)) == 1


def test_ranks_are_places_in_the_list():
    np.testing.assert_array_equal(ranks(all_sequences(5, 3), 3), np.arange(243))


def test_too_many_sequences_are_refused():
    with pytest.raises(ValueError, match="too many"):
        all_sequences(20, 20)
