"""Ranks and areas against brute force; runs survive the log and the Parquet file."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import curves
from benchmarks.campaign import outstanding, run_all
from benchmarks.statistics import FLOOR, area, final, mean_ranks, paired, summaries
from benchmarks.systems import version
from benchmarks.units import Log, Run, Unit


def made(system, problem, seed, regret, version="1", incumbent=None):
    return Run(Unit(system, problem, 8, "exponential", seed), version, regret, incumbent, 0.5)


CURVES = st.lists(st.floats(1e-9, 1e3), min_size=2, max_size=12).map(lambda c: sorted(c, reverse=True))


@given(CURVES)
def test_area_and_final_are_the_log_curves(curve):
    run = made("a", "p", 0, curve)
    logs = [np.log10(FLOOR) if r < FLOOR else np.log10(r) for r in curve]
    assert area(run) == pytest.approx(sum(logs) / len(logs))
    assert final(run) == pytest.approx(logs[-1])


def test_ranks_by_hand():
    # On p: a 0.1, b 1, c 10 (medians); on q: b 0.1, a and c 1. Ranks a 1, 2.5; b 2, 1; c 3, 2.5.
    runs = [made("a", "p", k, [9, 0.1]) for k in range(3)] + [made("b", "p", 0, [9, 1])]
    runs += [made("c", "p", k, [9, v]) for k, v in enumerate([10, 0.001, 10])]
    runs += [made("b", "q", 0, [9, 0.1]), made("a", "q", 0, [9, 1]), made("c", "q", 5, [9, 1])]
    runs += [made("a", "only-a", 0, [9, 1e-5])]
    ranks = {rank.system: rank for rank in mean_ranks(runs, ["a", "b", "c"])}
    assert {name: rank.final.mean for name, rank in ranks.items()} == {"a": 1.75, "b": 1.5, "c": 2.75}
    assert all(rank.problems == 2 for rank in ranks.values())
    assert ranks["b"].final.low <= 1.5 <= ranks["b"].final.high
    assert ranks["c"].final.low < 2.75  # some resamples hold the lucky seed twice


def test_ranks_without_a_common_problem_are_none():
    assert mean_ranks([made("a", "p", 0, [1]), made("b", "q", 0, [1])], ["a", "b"]) == []


def test_paired_ranks_and_differences_by_brute_force():
    rng = np.random.default_rng(0)
    table = {key: 10 ** rng.normal(size=2) for key in itertools.product("abc", "pq", range(6))}
    runs = [made(s, p, k, sorted(v, reverse=True)) for (s, p, k), v in table.items()]
    runs.append(made("a", "p", 99, [1.0]))  # no partner: left out
    rows = {row.system: row for row in paired(runs, ["a", "b", "c"])}
    scores = {key: area(made(*key, sorted(v, reverse=True))) for key, v in table.items()}
    for name in "abc":
        ranks = [
            1 + sum(scores[other, p, k] < scores[name, p, k] for other in "abc")
            for p, k in itertools.product("pq", range(6))
        ]
        assert rows[name].area_rank.mean == pytest.approx(np.mean(ranks))
        differences = [scores[name, p, k] - scores["a", p, k] for p, k in itertools.product("pq", range(6))]
        assert rows[name].area_difference.mean == pytest.approx(np.mean(differences))
        assert rows[name].blocks == 12
        assert rows[name].area_rank.low <= rows[name].area_rank.mean <= rows[name].area_rank.high
    assert rows["a"].area_difference.low == rows["a"].area_difference.high == 0


def test_the_bootstrap_interval_is_that_of_a_mean():
    # Against the normal approximation: a variant that is one decade worse on average.
    shifts = np.random.default_rng(1).normal(1.0, 0.5, 400)
    runs = [made("a", "p", k, [1.0]) for k in range(400)]
    runs += [made("b", "p", k, [10**s]) for k, s in enumerate(shifts)]
    (row,) = (row for row in paired(runs, ["a", "b"]) if row.system == "b")
    half = 1.96 * shifts.std() / 20
    assert row.area_difference.high - row.area_difference.low == pytest.approx(2 * half, rel=0.1)


def test_paired_refuses_what_has_no_pairs():
    with pytest.raises(ValueError, match="run by all of a, b"):
        paired([made("a", "p", 0, [1])], ["a", "b"])


def test_summaries_are_quartiles_of_the_last_regret():
    runs = [made("a", "p", k, [9, v], incumbent=[9, 2 * v]) for k, v in enumerate([1, 2, 3, 4, 5])]
    (row,) = summaries(runs)
    assert (row.lower, row.median, row.upper, row.incumbent, row.seeds) == (2, 3, 4, 6, 5)


def test_a_log_gives_back_its_runs_and_goes_on_after_a_torn_line(tmp_path, capsys):
    log = Log(tmp_path / "deep" / "runs.jsonl")
    assert log.read() == []
    first = made("a", "p", 0, [2.0, 1.0])
    second = made("b", "noisy", 1, [2.0, 1.0], incumbent=[3.0, 3.0])
    log.append(first)
    with log.path.open("a") as file:
        file.write(second.to_json()[:40])  # killed while writing
    assert log.read() == [first]
    assert "torn" in capsys.readouterr().out
    log.append(second)
    assert log.read() == [first, second]


def test_outstanding_leaves_out_what_the_present_version_has_run():
    units = [Unit("random", "branin", 8, "exponential", k) for k in range(3)]
    done = Run(units[0], version("random"), [1.0], None, 0.0)
    stale = Run(units[1], "another", [1.0], None, 0.0)
    assert outstanding([*units, units[2]], [done, stale]) == units[1:]


def test_parquet_gives_back_its_runs(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "runs.parquet"
    assert curves.read(path) == []
    runs = [made("a", "p", 0, [2.0, 0.5]), made("a", "noisy", 1, [2.0, 1.0], incumbent=[3.0, 3.0])]
    curves.write(path, runs)
    assert sorted(curves.read(path), key=lambda r: r.unit.seed) == runs


def test_the_newest_run_of_a_unit_counts():
    old, new = made("a", "p", 0, [1.0], "old"), made("a", "p", 0, [2.0], "new")
    assert curves.newest([old, new]) == [new]


def test_a_campaign_keeps_runs_and_names_failures(tmp_path):
    log = Log(tmp_path / "runs.jsonl")
    good = Unit("random", "branin", 4, "pareto", 1)
    bad = Unit("random", "no-such-problem", 4, "pareto", 1)
    failures = run_all([bad, good], log, jobs=1)
    assert [unit for unit, _ in failures] == [bad]
    assert "no-such-problem" in failures[0][1]
    (kept,) = log.read()
    assert kept.unit == good
    assert len(kept.regret) == 100
