"""A study goes through a file: from Python, and from the shell."""

import json

import pytest
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import DefinitionConflict, InvalidArchive


def test_an_export_makes_the_same_study_elsewhere(client, study, tmp_path):
    study.suggest()[0].finish(0.5)
    document = study.export()
    with headway.Client.local(tmp_path / "elsewhere.db") as elsewhere:
        copy = elsewhere.import_study(document)
        assert copy.export() == document
        assert copy.best().value == 0.5
        assert copy.suggest()[0].number == 2
    assert client.import_study(document).name == study.name


def test_a_name_that_is_taken_and_a_document_that_was_cut_are_errors(client, study, name):
    document = json.loads(study.export())
    client.create_study(f"{name}-b", {"x": headway.Float(0, 1)})
    with pytest.raises(DefinitionConflict):
        client.import_study(json.dumps(document), f"{name}-b")
    study.suggest()
    document = json.loads(study.export())
    del document["trials"][0]
    with pytest.raises(InvalidArchive):
        client.import_study(json.dumps(document), f"{name}-c")


def test_a_study_goes_through_a_file_from_the_shell(server_url, name, tmp_path):
    def cli(*arguments):
        return CliRunner().invoke(main, [str(one) for one in arguments], env={"HEADWAY_URL": server_url})

    with headway.Client(server_url, spool_directory=tmp_path) as client:
        client.create_study(name, {"x": headway.Float(0, 1)}).suggest(2)
        file = tmp_path / "study.json"
        assert cli("export", name, "-o", file).exit_code == 0
        assert cli("import", file, "--name", f"{name}-b").output == f"{name}-b: 2 trials\n"
        assert client.study(f"{name}-b").export() == client.study(name).export().replace(
            name.encode(), f"{name}-b".encode(), 1
        )
        assert cli("export", name, "--format", "csv").output.startswith("number,state,value")
        assert cli("export", name, "-o", tmp_path / "t.parquet").exit_code == 0
        assert (tmp_path / "t.parquet").read_bytes().startswith(b"PAR1")
        assert "Name a file" in cli("export", name, "--format", "parquet").output
