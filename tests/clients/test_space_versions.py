"""The search space of a study changes: `study.change_space` and `headway space`."""

import json

import pytest
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import InvalidSpace, StaleEtag, ValidationFailed


def test_a_space_changes_under_its_etag_and_old_results_stay(study, faulty):
    study.import_results([{"x": 0.1, "loss": 3.0}, {"x": 0.9, "loss": 1.0}])
    etag = study.space().etag
    assert study.definition.space.parameters[0].high == 1
    faulty.spoil("/space", "lose the answer")
    view = study.change_space(
        {"x": headway.Float(0, 0.5), "wet": bool},
        constraints=["x >= 0.01"],
        defaults={"wet": False},
        etag=etag,
    )
    assert (view.version, view.data.usable, view.data.outside) == (2, 2, 1)
    assert study.definition.space.parameters[0].high == 0.5
    assert study.space(1).space.parameters[0].high == 1
    assert study.suggest()[0].params.keys() == {"x", "wet"}
    with pytest.raises(StaleEtag):
        study.change_space({"x": headway.Float(0, 3)}, etag=etag)
    with pytest.raises(InvalidSpace):
        study.change_space({"x": headway.Float(3, 0)})
    with pytest.raises(ValidationFailed):
        study.change_space({"x": headway.Float(0, 1)}, constraints=[7])


def test_the_command_line_shows_and_sets_it(server_url, name, tmp_path):
    environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}

    def cli(*arguments):
        return CliRunner().invoke(main, ["space", name, *map(str, arguments)], env=environment)

    with headway.Client(server_url, spool_directory=tmp_path) as client:
        study = client.create_study(name, {"x": headway.Float(0, 1)}, minimize="loss")
        study.import_results([{"x": 0.1, "loss": 3.0}])
    file = tmp_path / "space.json"
    space = json.loads(cli("--format", "json").output)["space"]
    space["parameters"].append({"name": "c", "type": "categorical", "choices": ["a", "b"]})
    file.write_text(json.dumps(space))
    told = cli("--set", file).output
    assert "version 2" in told
    assert "1 set aside" in told
    assert "trial 1: 'c' has no value" in told
    told = cli("--set", file, "--default", "c=b").output
    assert "version 3" in told
    assert "1 result usable" in told
    assert "--default needs --set" in cli("--default", "c=b").output
    file.write_text("{")
    assert "no search space" in cli("--set", file).output
