"""`python -m headway_workers.signature_audit`: the search-aware p from the shell."""

import json
import sys

import pytest

from headway_workers.signature_audit import __main__ as command


def test_search_aware_p_is_printed_and_kept(small, tmp_path, monkeypatch, capsys):
    path = tmp_path / "null.json"
    arguments = ["--re-runs", "2", "--budget", "4", "--workers", "2", "--output", str(path)]
    monkeypatch.setattr(sys, "argv", ["signature_audit", *arguments])
    monkeypatch.setattr(command, "from_environment", lambda: small)
    command.main()
    said, kept = capsys.readouterr().out, json.loads(path.read_text())
    assert [line.partition(":")[0] for line in said.splitlines()[:2]] == ["re-run 1", "re-run 2"]
    assert f"best C {kept['best']:.4f} of 4 trials" in said
    assert f"p_search {kept['p_search']['p']:.4g}" in said
    above = sum(one >= kept["best"] for one in kept["re_runs"])
    assert kept["p_search"]["p"] == pytest.approx((1 + above) / 3)
    assert (kept["budget"], kept["workers"], kept["seed"]) == (4, 2, 0)
