import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_workers.team_influence import checks
from headway_workers.team_influence.regrouping import movement, regrouped, revised, wrong_groups


def test_naive_p_is_tiny_and_the_wrong_groups_are_not_impressed():
    assert all(check.passed for check in checks.wrong_groups(deals=60))


def test_wrong_groups_find_influence_where_there_is_some():
    assert all(check.passed for check in checks.wrong_groups_find_influence(deals=60))


@given(st.integers(2, 4), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_nobody_meets_anybody_again(size, more, seed):
    group = np.repeat(np.arange(size + 1 + more), size)
    dealt = wrong_groups(group, np.random.default_rng(seed))
    assert sorted(np.bincount(dealt)) == sorted(np.bincount(group))
    for one in np.unique(dealt):
        sat_in = group[dealt == one]
        assert len(set(sat_in)) == len(sat_in)


def test_uneven_groups_keep_their_sizes():
    group = np.repeat(np.arange(8), [3, 4, 5, 3, 4, 5, 2, 4])
    dealt = wrong_groups(group, np.random.default_rng(0))
    assert np.bincount(dealt).tolist() == [3, 4, 5, 3, 4, 5, 2, 4]


def test_two_groups_of_three_can_not_be_dealt_anew():
    with pytest.raises(ValueError, match="2 groups of up to 3 can't be dealt"):
        wrong_groups(np.repeat([0, 1], 3), np.random.default_rng(0))


def test_movement_is_the_mean_of_what_the_others_came_nearer():
    people = revised(groups=1, size=3, questions=1, pull=0.0, heed=0.0, rng=np.random.default_rng(0))
    before, after = np.array([[0.0], [4.0], [10.0]]), np.array([[0.0], [1.0], [np.nan]])
    people = type(people)(people.group, before, after, people.truth, people.confidence)
    # Toward the first: the second came from 4 to 1; the third is silent. Toward the third: 0 and 6 to 9.
    assert movement(people, people.group)[:, 0] == pytest.approx([3.0, 0.0, (0.0 - 3.0) / 2])


def test_p_of_exchangeable_groups_is_no_smaller_than_its_level():
    """With nothing to find, the wrong-group p is uniform or so: not small in most data sets."""
    ps = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        people = revised(groups=8, size=3, questions=3, pull=0.0, heed=0.0, rng=rng)
        ps.append(regrouped(people, "expertise", deals=19, rng=rng).wrong_group_p)
    assert np.mean(np.array(ps) <= 0.05) <= 0.2
    assert 0.25 < np.mean(ps) < 0.8
