"""The command that compares variants, end to end on the cheapest of them."""

import json

from benchmarks import tune
from benchmarks.problems import TUNING


def test_variants_are_run_compared_and_kept(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tune, "KEPT", tmp_path)
    command = ["tune", "--variants", "sobol", "random", "--seeds", "3", "--log", str(tmp_path / "log.jsonl")]
    command += ["--problems", "bukin", "func2c", "--keep", "floor"]
    monkeypatch.setattr("sys.argv", command)
    tune.main()
    said = capsys.readouterr().out
    assert "6 pairs of problem and seed, 8 workers, exponential times" in said
    assert "| sobol | " in said
    kept = json.loads((tmp_path / "floor.json").read_text())
    by = {row["system"]: row for row in kept["comparisons"]}
    assert by["headway/sobol"]["area_difference"]["mean"] == 0
    assert by["headway/sobol"]["final_rank"]["mean"] + by["random"]["final_rank"]["mean"] == 3
    assert {row["problem"] for row in kept["summaries"]} == {"bukin", "func2c"}
    # A second time nothing is run: every unit is in the log.
    tune.main()
    assert "6/6" not in capsys.readouterr().out


def test_the_tuning_suite_has_a_mixed_and_a_noisy_problem():
    assert {"func2c", "mixed-rosenbrock10", "noisy-cosine8"} <= set(TUNING)
    assert len(TUNING) >= 10
