"""Reports by number of workers, from made-up runs whose answers are known."""

from itertools import product

import numpy as np
import pytest

from headway.wire.study import DEFAULT_STRATEGY
from headway_workers.async_bo.__main__ import main
from headway_workers.async_bo.by_workers import COMPARED, REGRET, complete, regret_table, trends
from headway_workers.async_bo.grid_figure import draw_grid
from headway_workers.async_bo.methods import PURPOSE_BUILT
from headway_workers.async_bo.records import Record, logged
from headway_workers.async_bo.setting import Setting
from headway_workers.style import sheet

WORKERS = (2, 8, 32)
SEEDS = 6


def record(seed, problem, method, workers, regret):
    return Record(Setting(problem, method, workers, seed), "an engine", (1.0,), {REGRET: regret}, 0.1)


@pytest.fixture
def records():
    """The purpose-built methods lose 0.3 with each doubling, and seeds differ."""
    noise = np.random.default_rng(0)
    return [
        record(
            seed,
            problem,
            method,
            workers,
            seed + 0.01 * noise.normal() + (0.3 * np.log2(workers) if method in PURPOSE_BUILT else 0.0),
        )
        for seed, problem, method, workers in product(range(SEEDS), ("gp2", "gp5"), COMPARED, WORKERS)
    ]


def test_trend_is_the_least_squares_slope(records):
    seen = complete(records)
    for claim, method in zip(trends(seen, WORKERS), COMPARED, strict=False):
        ahead = [(seen.of(REGRET, method, q) - seen.among(REGRET, PURPOSE_BUILT, q)).mean() for q in WORKERS]
        assert claim.effect == pytest.approx(np.polyfit(np.log2(WORKERS), ahead, 1)[0])
        assert claim.effect == pytest.approx(-0.3, abs=0.01)
        assert claim.verdict == "supported"


def test_what_does_not_change_with_the_workers_is_not_called_a_gain(records):
    even = [
        record(one.setting.seed, one.setting.problem, one.setting.method, one.setting.workers, float(k % 7))
        for k, one in enumerate(records)
    ]
    assert "supported" not in {claim.verdict for claim in trends(complete(even), WORKERS)}


def test_seed_that_was_cut_off_is_left_out(records):
    seen = complete(records[:-1])
    assert {one.setting.seed for one in seen.records} == set(range(SEEDS - 1))
    assert seen.of(REGRET, "ucb", 2).shape == (SEEDS - 1, 2)


def test_table_has_every_method_with_its_rank_and_difference(records):
    header, _, *rows = regret_table(complete(records), WORKERS).splitlines()
    assert header.startswith(f"2 problems, {SEEDS} seeds.")
    assert rows[0] == "| method | q = 2 | q = 8 | q = 32 |"
    assert {row.split("|")[1].strip(" `") for row in rows[2:]} == set(COMPARED)
    (ucb,) = (row for row in rows if row.startswith("| `ucb` |"))
    assert [float(cell.split(";")[1].split()[0]) for cell in ucb.split("|")[2:-1]] == pytest.approx(
        [-0.3, -0.9, -1.5], abs=0.02
    )


def test_log_gives_back_only_this_engines_runs_that_are_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr("headway_workers.async_bo.records.engine", lambda: "an engine")
    kept = record(0, "gp2", "ucb", 2, 0.5)
    other = Record(kept.setting, "another", (2.0,), {REGRET: 0.1}, 0.1)
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{one.to_json()}\n" for one in (kept, other, record(1, "gp2", "ucb", 2, 0.7))))
    assert logged([kept.setting], log) == [kept]


def test_grids_picture_has_every_problem_and_the_trend(records):
    figure = sheet()
    draw_grid(figure, complete(records), WORKERS)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:3] == ["gp2", "gp5", "all problems, by workers"]


@pytest.mark.slow
def test_command_runs_a_grid_once_and_reports_it(tmp_path, monkeypatch, capsys):
    paths = {name: str(tmp_path / name) for name in ("log", "output", "figure")}
    grid = ["--seeds", "1", "--problems", "gp2", "--workers", "2", "4", "--budget", "8", "--jobs", "2"]
    files = ["--log", paths["log"], "--output", paths["output"], "--figure", paths["figure"] + ".png"]
    monkeypatch.setattr("sys.argv", ["async_bo", *grid, *files])
    main()
    first = capsys.readouterr().out
    assert f"{2 * (len(COMPARED) + 1)}/{2 * (len(COMPARED) + 1)} " in first
    monkeypatch.setattr("sys.argv", ["async_bo", *grid, *files, "--report"])
    main()
    again = capsys.readouterr().out
    assert "ucb gains on purpose-built methods" in again
    assert f"| `{DEFAULT_STRATEGY}` |" in again
    assert first.endswith(again)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_report_of_an_empty_log_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["async_bo", "--report", "--log", str(tmp_path / "none.jsonl")])
    with pytest.raises(SystemExit):
        main()
    assert "has none of these runs" in capsys.readouterr().err


@pytest.mark.slow
def test_runs_without_intermediate_updates_are_kept_without_a_report(tmp_path, monkeypatch, capsys):
    grid = ["--own", "--seeds", "1", "--problems", "gp2", "--workers", "2", "--budget", "8"]
    files = ["--log", str(tmp_path / "log"), "--output", str(tmp_path / "runs.parquet")]
    monkeypatch.setattr("sys.argv", ["async_bo", *grid, *files])
    main()
    assert capsys.readouterr().out.endswith("runs.parquet\n")
    assert (tmp_path / "runs.parquet").exists()
