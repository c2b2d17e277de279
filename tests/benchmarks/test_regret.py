"""The plan of the comparison, and the tables and files that it writes."""

import json
from dataclasses import replace

import pytest

from benchmarks import document, regret
from benchmarks.campaign import outstanding
from benchmarks.problems import MIXED, REPORTED
from benchmarks.statistics import summaries
from benchmarks.tables import regret_table
from benchmarks.units import Run, Unit


def made(system, problem, seed, last, workers=8):
    noisy = [3.0, 2 * last] if problem.startswith("noisy") else None
    return Run(Unit(system, problem, workers, "exponential", seed), "1", [3.0, last], noisy, 0.5)


def test_the_plan_has_every_seed_of_headways_in_the_main_configuration():
    units = regret.plan(regret.systems(), REPORTED, 20)
    assert len(set(units)) == len(units)
    for name in regret.systems():
        for problem in REPORTED:
            seeds = {
                u.seed
                for u in units
                if (u.system, u.problem, u.workers, u.law) == (name, problem, *regret.MAIN)
            }
            assert seeds == set(range(int(min(20, regret.seeds_of(name, problem)))))
    slow = [u for u in units if u.system in regret.FEWER_SEEDS]
    assert {(u.workers, u.law) for u in slow} == {regret.MAIN}
    ours = {(u.workers, u.law) for u in units if u.system == regret.DEFAULT}
    assert ours == set(regret.CONFIGURATIONS)
    assert {w for w, _ in ours} == {1, 4, 8, 16}
    assert {law for _, law in ours} == {"exponential", "half-normal", "pareto"}


def test_the_plan_goes_round_the_problems_before_a_second_seed():
    units = [u for u in regret.plan(regret.systems(), REPORTED, 3) if u.system == regret.DEFAULT]
    assert [u.problem for u in units[: len(REPORTED)]] == list(REPORTED)
    assert {u.seed for u in units[: len(REPORTED)]} == {0}
    assert all(regret.seeds_of("ax", p) == 1 for p in MIXED)


def test_what_has_run_is_not_planned_again():
    units = regret.plan(["random"], ["branin"], 3)
    runs = [replace(made("random", "branin", 0, 1.0), unit=units[0])]
    assert outstanding(units, runs) == units[1:]


def test_the_table_marks_the_best_and_tells_the_seeds():
    runs = [made("random", "branin", k, v) for k, v in enumerate([2.0, 1.0, 3.0])]
    runs += [made("ax", "branin", 0, 1e-9)]
    runs += [made("ax", "noisy-hartmann6", 0, 0.5)]
    table = regret_table(summaries(runs), ["headway/rucb", "ax", "random"], REPORTED)
    assert table.splitlines()[0] == "| | ax | random |"
    assert "| branin | **< 1e-06** | 2 (1.5 to 2.5) |" in table
    assert "| noisy-hartmann6 | **0.5** |  |" in table
    assert "| noisy-hartmann6, best observed | 1 |  |" in table
    assert "| seeds | 1 | 3 |" in table


def test_a_report_fills_the_document_and_the_files(monkeypatch, tmp_path):
    pytest.importorskip("pyarrow")
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- regret -->\nold\n<!-- end of regret -->\nafter\n")
    monkeypatch.setattr(regret, "RESULTS", tmp_path)
    monkeypatch.setattr(regret, "PICTURE", tmp_path / "regret.png")
    monkeypatch.setattr(regret, "insert", lambda section, text: document.insert(section, text, page))
    runs = [
        made(system, problem, seed, last * (1 + seed), workers)
        for system, last in ((regret.DEFAULT, 0.1), ("optuna-tpe", 0.2), ("random", 0.5))
        for problem in REPORTED
        for seed in range(6)
        for workers in (8, 16)
    ]
    regret.report(runs)
    text = page.read_text()
    assert text.startswith("before\n<!-- regret -->\n\n### 8 workers, exponential times")
    assert text.endswith("<!-- end of regret -->\nafter\n")
    assert "old" not in text
    assert f"| {regret.DEFAULT} | 1.00 (1.00 to 1." in text
    written = json.loads((tmp_path / "regret.json").read_text())
    assert len(written["summaries"]) == 3 * 2 * len(REPORTED)
    best = next(rank for rank in written["ranks"] if rank["workers"] == 16)
    assert best["system"] == regret.DEFAULT
    assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "regret.parquet").stat().st_size > 0


def test_a_slow_peer_is_ranked_where_it_has_run():
    runs = [
        made(system, problem, seed, last)
        for system, last in ((regret.DEFAULT, 0.1), ("headway/ucb", 0.3), ("random", 0.5))
        for problem in ("branin", "hartmann3")
        for seed in range(3)
    ]
    assert set(regret.contests(runs)) == {"The default against the peers", "headway's strategies"}
    fields = regret.contests([*runs, made("ax", "branin", 0, 0.05)])
    whole, common, ours = fields.values()
    assert [(r.system, r.problems) for r in whole] == [(regret.DEFAULT, 2), ("random", 2)]
    assert [(r.system, r.problems) for r in common] == [("ax", 1), (regret.DEFAULT, 1), ("random", 1)]
    assert [(r.system, r.problems) for r in ours] == [(regret.DEFAULT, 2), ("headway/ucb", 2)]


def test_a_document_without_the_section_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no section 'regret'"):
        document.insert("regret", "text", page)


def test_the_page_has_the_sections_that_commands_fill():
    text = document.DOCUMENT.read_text()
    for section in ("latency", "regret", "tuning"):
        assert text.index(f"<!-- {section} -->") < text.index(f"<!-- end of {section} -->")
