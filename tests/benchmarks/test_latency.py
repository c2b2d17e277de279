"""What the latency table is made of; the figures themselves are nobody's assertion."""

import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.latency import ours
from benchmarks.latency.__main__ import DIMENSIONS, ENVIRONMENTS, LIMITS_MS, SIZES, lead, measure, table
from benchmarks.latency.workload import Row, Timings, objective, points, timed

ROW = Row("headway/rucb", True, 6, 100, 3, 0.002, 0.001, 0.003, 0.002, 0.02, 0.0015, 100.0, {"headway": "0"})


@pytest.mark.parametrize("strategy", ["rucb", "thompson", "ucb", "logei"])
def test_headways_row_counts_every_result_once(monkeypatch, strategy):
    monkeypatch.setattr(ours, "FITTED_ON", 10)
    made = []

    class Watched(ours.Optimizer):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            made.append(self)

    monkeypatch.setattr(ours, "Optimizer", Watched)
    row = ours.measure(f"headway/{strategy}", 12, 2, 3, fit=True)
    asked = max(made, key=lambda optimizer: optimizer.n_observed)
    assert asked.n_observed == 15
    assert asked.model_version == 2  # given its fits: nothing was fitted while the clock ran
    assert (row.n, row.d, row.repeats, row.system) == (12, 2, 3, f"headway/{strategy}")
    assert 0 < row.lower_s <= row.median_s <= row.upper_s
    assert row.fit_s > 0
    assert row.acquisition_s > 0
    assert row.peak_mib > 10


def test_a_row_comes_back_from_a_process_of_its_own():
    row = measure("headway/rucb", 10, 2, 2, fit=False)
    assert (row.n, row.d, row.repeats, row.fit_s) == (10, 2, 2, None)
    assert set(row.versions) == {"headway", "numpy", "scipy"}


def test_timings_are_those_of_the_block(monkeypatch):
    clock = iter([1.0, 3.5, 10.0, 10.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    timings = Timings()
    for _ in range(2):
        with timings.repeat():
            pass
    assert timings.wall == [2.5, 0.5]
    row = timings.row("x", exact_gp=False, n=1, d=1, versions={})
    assert (row.median_s, row.fit_s, row.acquisition_s) == (1.5, None, None)


def test_a_part_is_timed_and_put_back():
    class Library:
        @staticmethod
        def double(x):
            return 2 * x

    plain, calls = Library.double, []
    with timed(Library, "double", calls):
        assert Library.double(4) == 8
        assert Library.double(x=5) == 10
    assert len(calls) == 2
    assert Library.double is plain


def test_tables():
    rows = [
        ROW,
        replace(ROW, system="optuna-gp", median_s=0.2),
        replace(ROW, system="ax", median_s=0.9, fit_s=None),
        replace(ROW, system="optuna-tpe", exact_gp=False, median_s=0.004),
        replace(ROW, n=5000),
    ]
    assert "| 100 | 6 | optuna-gp | 200.0 (1.0 to 3.0) | 100.0 |" in table(rows)
    assert "| 100 | 6 | optuna-gp | 100 | 2.0 |" in lead(rows)
    assert "5000" not in lead(rows)


def test_every_size_has_a_limit_and_every_peer_an_environment():
    for system, sizes in SIZES.items():
        assert system.startswith("headway/") != (system in ENVIRONMENTS)
        if system.startswith("headway/"):
            assert all(set(DIMENSIONS) <= set(LIMITS_MS[n]) for n in sizes)


def test_the_data_are_the_same_for_every_system():
    assert np.array_equal(points(20, 3), points(20, 3))
    assert objective(np.full(4, 0.3)) < objective(np.full(4, 1.0))
