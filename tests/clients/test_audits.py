"""Audits from a client's side: on a real server, whose own sweeps move them on."""

import json
import random

import click
import pytest
from click.testing import CliRunner

import headway
from headway import audits
from headway.cli.main import main
from headway.errors import IllegalTransition, NotFound, ObjectiveKeepsFailing, ValidationFailed
from headway.wire.campaign_audit import AuditTask


@pytest.fixture
def campaign(server_url, tmp_path, name):
    """A study that is over: y = x and noise, of four trials."""
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        study = client.create_study(
            name, {"x": headway.Float(0, 1)}, maximize="y", budget=4, strategy="random"
        )
        for trial in study.trials():
            with trial:
                trial.finish(measure(trial.params["x"], trial))
        yield study


def measure(x, trial):
    return x + random.Random(trial.seed).gauss(0, 0.01)


@pytest.fixture
def cli(server_url, tmp_path):
    def invoke(*arguments):
        environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment)

    return invoke


@pytest.mark.slow
def test_an_audit_is_run_in_this_process_and_told_on_the_command_line(campaign, cli):
    audit = campaign.audit(null_campaigns=2, top=2)
    assert campaign.audit(null_campaigns=2, top=2).number == audit.number == 1
    with pytest.raises(IllegalTransition, match="optional stopping"):
        campaign.audit(null_campaigns=3)
    running = cli("audit", campaign.name)
    assert "nothing is tested before the end" in running.output
    report = audit.run(measure)
    assert report.state == "complete"
    assert [point.replicates.n for point in report.points] == [10, 10, 10]
    assert [one.replicates.n for one in report.null_campaigns] == [10, 10]
    incumbent = report.points[0]
    assert incumbent.replicates.mean == pytest.approx(incumbent.params["x"], abs=0.02)
    assert audit.wait() == audit.report() == campaign.last_audit().report() == report
    told = cli("audit", campaign.name, "--follow")
    assert told.exit_code == 0, told.output
    assert report.verdict.improvement.upper() in told.output
    assert "against random search: p = " in told.output
    assert json.loads(cli("audit", campaign.name, "--json").output) == json.loads(report.model_dump_json())
    assert campaign.name + ".audit-1.null-1" in cli("studies", "--audits").output
    assert campaign.name + ".audit-1.null-1" not in cli("studies").output


@pytest.mark.slow
def test_the_command_begins_an_audit_where_there_is_none(campaign, cli):
    with pytest.raises(NotFound, match="has not been audited"):
        campaign.last_audit()
    begun = cli("audit", campaign.name, "--null", 1, "--replicates", 12, "--json")
    assert begun.exit_code == 0, begun.output
    request = json.loads(begun.output)["request"]
    assert (request["null_campaigns"], request["replicates"], request["top"]) == (1, 12, 3)
    nowhere = cli("audit", "nowhere")
    assert nowhere.exit_code == 1
    assert "There is no study 'nowhere'" in nowhere.output


@pytest.mark.slow
def test_a_worker_that_always_fails_stops(campaign):
    audit = campaign.audit(null_campaigns=2)
    with pytest.raises(ObjectiveKeepsFailing):
        audit.run(lambda x: x / 0)


def test_what_makes_no_sense_is_refused_before_it_is_sent(campaign):
    with pytest.raises(ValidationFailed, match="replicates"):
        campaign.audit(replicates=3)
    with pytest.raises(TypeError, match="can't be called"):
        campaign.audit().run(lambda wrong: wrong)


def test_workers_begin_at_different_tasks_and_leave_out_what_has_nothing_to_hand_out():
    tasks = tuple(
        AuditTask(study=f"t{k}", role="random-search", state=state, left=left, leased=1)
        for k, (state, left) in enumerate([("running", 2)] * 5 + [("running", 1), ("paused", 9)])
    )
    orders = [[task.study for task in audits._in_turn(tasks, f"w{k}")] for k in range(40)]
    assert {order[0] for order in orders} == {"t0", "t1", "t2", "t3", "t4"}
    assert all(sorted(order) == ["t0", "t1", "t2", "t3", "t4"] for order in orders)
    assert audits._in_turn((), "w") == []


def test_the_record_of_changes_has_a_name_of_its_own():
    assert isinstance(main.commands["changes"], click.Command)
    assert "who changed what" in main.commands["changes"].help
