"""Trials made by hand: `study.enqueue`, `study.record` and `headway enqueue`."""

import pytest
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import IllegalTransition, OutOfBounds, RowConflict, ValidationFailed


def test_a_queued_point_comes_to_the_next_worker_once(study, faulty):
    faulty.spoil("/trials", "lose the answer")
    view = study.enqueue({"x": 0.25}, note="a hunch")
    assert len(faulty.sent("/trials")) == 2
    assert (view.number, view.state, study.view().budget_left) == (1, "queued", 3)
    (trial,) = study.suggest()
    assert (trial.number, trial.params, trial.given.origin.policy) == (1, {"x": 0.25}, "manual")
    assert study.suggest()[0].params != {"x": 0.25}


def test_a_result_is_recorded_by_hand(study):
    view = study.record({"x": 0.5}, (2.0, 0.1), tags=["old"], client_id="a")
    assert (view.value, view.std_error, view.tags) == (2.0, 0.1, ("old",))
    assert study.record({"x": 0.5}, (2.0, 0.1), client_id="a").number == view.number
    assert study.record({"x": 0.6}, outcome="infeasible", message="no").state == "infeasible"
    assert study.best().value == 2.0
    with pytest.raises(RowConflict):
        study.record({"x": 0.7}, 2.0, client_id="a")


def test_what_can_not_be_queued_says_why(study):
    with pytest.raises(OutOfBounds):
        study.enqueue({"x": 7})
    with pytest.raises(ValidationFailed):
        study.enqueue({"x": [1]})
    study.close()
    with pytest.raises(IllegalTransition, match="is completed"):
        study.enqueue({"x": 0.5})


def test_the_command_line_queues_a_point(server_url, name, tmp_path):
    environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        study = client.create_study(name, {"x": headway.Float(0, 1), "c": ["1", "2"]}, minimize="loss")
        told = CliRunner().invoke(
            main, ["enqueue", name, "x=0.5", "c=2", "--note", "n", "--tag", "t"], env=environment
        )
        assert told.output == "trial 1 queued\n"
        view = study.trial(1)
    assert (view.params, view.note, view.tags) == ({"x": 0.5, "c": "2"}, "n", ("t",))
    assert "no NAME=VALUE" in CliRunner().invoke(main, ["enqueue", name, "x"], env=environment).output
