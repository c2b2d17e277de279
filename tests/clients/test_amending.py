"""Trials changed after the fact: `study.change_trial` and `headway edit`."""

import pytest
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import IllegalTransition, ValidationFailed


@pytest.fixture
def measured(study):
    """A study with the losses 3 and 1."""
    study.import_results([{"x": 0.1, "loss": 3.0}, {"x": 0.2, "loss": 1.0}])
    return study


def test_a_value_is_corrected_and_its_history_is_read(measured):
    view = measured.change_trial(2, value=(5.0, 0.25), reason="misread")
    assert (view.value, view.std_error) == (5.0, 0.25)
    assert measured.trial(2).history == view.history
    assert view.history[0].was.metrics["loss"].value == 1.0
    assert measured.best().trial == 1


def test_a_trial_is_excluded_tagged_and_taken_back(measured, faulty):
    faulty.spoil("/trials/2", "lose the answer")
    measured.change_trial(2, excluded=True, tags=["bad"], note="n", reason="r")
    assert len(faulty.sent("/trials/2")) == 2
    assert len(measured.trial(2).history) == 1
    assert measured.best().trial == 1
    view = measured.change_trial(2, excluded=False, tags=[], reason="it was good")
    assert (view.tags, view.note) == ((), "n")
    assert measured.best().trial == 2
    assert measured.columns()["excluded"] == [False, False]


def test_what_can_not_be_changed_says_why(measured, study):
    with pytest.raises(ValidationFailed, match="Say why"):
        measured.change_trial(1, excluded=True)
    with pytest.raises(ValidationFailed):
        measured.change_trial(1, note=7)
    study.suggest()
    with pytest.raises(IllegalTransition, match="no value to correct"):
        measured.change_trial(3, value=1.0, reason="r")


def test_the_command_line_corrects_and_excludes(server_url, name, tmp_path):
    environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}

    def edit(*arguments):
        return CliRunner().invoke(main, ["edit", name, *arguments], env=environment)

    with headway.Client(server_url, spool_directory=tmp_path) as client:
        study = client.create_study(name, {"x": headway.Float(0, 1)}, minimize="loss")
        study.import_results([{"x": 0.1, "loss": 3.0}])
        told = edit("1", "--metric", "loss=2", "--reason", "a typo", "--tag", "t")
        assert told.output == "trial 1 completed, value 2; changed 1 times so far\n"
        assert "excluded" in edit("1", "--exclude", "--reason", "the wrong bottle").output
        assert "excluded" not in edit("1", "--include", "--note", "it was not", "--reason", "r").output
        view = study.trial(1)
    assert (view.value, view.tags, view.note, view.excluded) == (2.0, ("t",), "it was not", False)
    assert "Say why" in edit("1", "--value", "4").output
    assert "Say what to change" in edit("1").output
    assert "not both" in edit("1", "--value", "1", "--metric", "loss=2").output
    assert "--std-error needs --value" in edit("1", "--std-error", "1").output
