import pytest

from benchmarks.campaigns.outcome import Outcome, compared, table


def outcome(strategy, front, seed=0, objective="o", again=None):
    return Outcome(objective, strategy, seed, 60, 60, 10.0, front, again)


def test_one_objective_is_compared_by_its_best():
    found = compared(outcome("rucb", ((-0.1,),)), outcome("random", ((-0.2,),)))
    assert (found.ours, found.random, found.won) == (-0.1, -0.2, True)


def test_what_was_measured_again_decides_over_a_lucky_best():
    lucky, good = outcome("random", ((0.9,),), again=0.2), outcome("rucb", ((0.8,),), again=0.7)
    found = compared(good, lucky)
    assert (found.ours, found.random, found.won) == (0.7, 0.2, True)
    lines = table([good, lucky], {"o": ("best score", 1.0)}).splitlines()
    assert lines[-1] == "| o | 60 | best score, measured again | 0.7 | 0.2 | 1 of 1 | 10 |"


def test_a_best_that_only_one_of_two_measured_again_is_compared_as_it_was_found():
    found = compared(outcome("rucb", ((0.8,),), again=0.7), outcome("random", ((0.9,),)))
    assert (found.ours, found.random) == (0.8, 0.9)


def test_a_line_has_one_measure_where_only_some_pairs_were_measured_again():
    again = [outcome("rucb", ((0.8,),), again=0.7), outcome("random", ((0.9,),), again=0.2)]
    found = [outcome("rucb", ((0.4,),), seed=1), outcome("random", ((0.5,),), seed=1)]
    line = table([*again, *found], {"o": ("best score", 1.0)}).splitlines()[-1]
    assert line == "| o | 60 | best score | 0.6 | 0.7 | 0 of 2 | 10 |"


def test_several_are_compared_by_what_they_dominate():
    """Boxes above the reference (−0.2, −0.2), a tenth of the common front's range below its worst corner."""
    ours, theirs = outcome("rucb", ((0.0, 2.0), (2.0, 0.0))), outcome("random", ((1.0, -1.0),))
    found = compared(ours, theirs)
    assert found.ours == pytest.approx(2 * 2.2 * 0.2 - 0.2 * 0.2)
    assert (found.random, found.won) == (0.0, True)


def test_something_beats_nothing_and_nothing_does_not_beat_nothing():
    nothing = outcome("random", ())
    assert compared(outcome("rucb", ((1.0,),)), nothing).won
    assert not compared(outcome("rucb", ()), nothing).won


def test_table_counts_the_seeds_and_shows_values_in_their_own_sign():
    outcomes = [
        outcome(strategy, ((-value,),), seed)
        for seed, ours, theirs in ((0, 0.1, 0.2), (1, 0.3, 0.2), (2, 0.1, 0.4))
        for strategy, value in (("rucb", ours), ("random", theirs))
    ]
    line = table(outcomes, {"o": ("best loss", -1.0)}).splitlines()[-1]
    assert line == "| o | 60 | best loss | 0.1 | 0.2 | 2 of 3 | 10 |"
