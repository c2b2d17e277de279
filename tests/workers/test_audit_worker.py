"""headway worker --audit, against the real application in this process."""

import random

import pytest
from click.testing import CliRunner

import headway
from headway.errors import NotFound
from headway.wire.space import Float
from headway.wire.study import Objective as Goal
from headway_workers import agent, registry
from headway_workers.agent import StudyMismatch, work
from headway_workers.commands import worker
from headway_workers.contract import Evaluation, Objective, silent


class Noisy(Objective):
    """x and noise that depends on the seed alone."""

    name = "noisy"
    summary = "for tests"
    parameters = (Float(0, 1, name="x"),)
    goals = (Goal(name="loss"),)

    def __init__(self):
        self.seeds = []

    def evaluate(self, params, *, seed=0, fidelity=None, device="cpu", deadline=None, report=silent):
        self.seeds.append(seed)
        return Evaluation({"loss": float(params["x"]) + random.Random(seed).gauss(0, 0.1)})


@pytest.fixture
def noisy(monkeypatch, tmp_path):
    """The objective, registered, and a server for the worker's client."""
    objective = Noisy()
    monkeypatch.setattr(registry, "objective", lambda _: objective)
    monkeypatch.setattr(agent, "Client", lambda _: headway.Client.local(tmp_path / "audit.db"))
    return objective


def define(tmp_path, **space):
    with headway.Client.local(tmp_path / "audit.db") as client:
        client.create_study("s", space, minimize="loss", budget=4, strategy="random")


@pytest.mark.long
def test_a_worker_serves_all_studies_of_an_audit_till_it_is_complete(noisy, tmp_path):
    define(tmp_path, x=Float(0, 1))
    assert work("noisy", study="s", url="") == 4
    with pytest.raises(NotFound, match="has not been audited"):
        work("noisy", audit="s", url="")
    with headway.Client.local(tmp_path / "audit.db") as client:
        client.study("s").audit(null_campaigns=2, top=1)
    assert work("noisy", audit="s", url="") == 2 * 10 + 2 * (4 + 10)
    assert len(set(noisy.seeds)) == len(noisy.seeds) == 4 + 48
    with headway.Client.local(tmp_path / "audit.db") as client:
        report = client.study("s").last_audit().report()
    assert report.state == "complete"
    assert [point.replicates.n for point in report.points] == [10, 10]
    assert [one.replicates.n for one in report.null_campaigns] == [10, 10]


@pytest.mark.slow
def test_an_audit_of_something_else_is_refused(noisy, tmp_path):
    define(tmp_path, x=Float(0, 2))
    with pytest.raises(StudyMismatch, match="another space"):
        work("noisy", audit="s", url="")


def test_a_worker_is_for_a_study_or_for_an_audit():
    result = CliRunner().invoke(worker, ["--objective", "digits-svm", "--study", "a", "--audit", "b"])
    assert result.exit_code == 2
    assert "can't go with --study" in result.output
