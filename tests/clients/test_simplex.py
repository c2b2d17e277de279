"""A simplex from the caller's declaration to the exported table."""

import csv
import io
import json

import pytest
from click.testing import CliRunner
from pyarrow import parquet

import headway
from headway.cli.main import main
from headway.errors import ConstraintViolated, InvalidSpace, OutOfBounds


@pytest.fixture
def bread(server_url, name, tmp_path):
    space = {"dough": headway.Simplex(("flour", "water", "salt")), "hours": headway.Int(1, 9)}
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        yield client.create_study(name, space, maximize="taste", constraints=["salt <= 0.1"], budget=8)


def test_points_have_components_and_the_study_keeps_its_declaration(bread):
    declared = bread.view().definition.space.parameters[0]
    assert declared == headway.Simplex(("flour", "water", "salt"), name="dough")
    trial = bread.suggest(fixed={"water": 0.4})[0]
    assert list(trial.params) == ["flour", "water", "salt", "hours"]
    assert trial.params["water"] == 0.4
    assert abs(sum(trial.params[one] for one in declared.components) - 1.0) < 1e-9
    assert trial.params["salt"] <= 0.1 + 1e-9
    trial.finish(1.0)
    assert bread.best().params == trial.params
    with pytest.raises(ConstraintViolated, match="flour \\+ water \\+ salt == 1"):
        bread.enqueue({"flour": 0.5, "water": 0.4, "salt": 0.0, "hours": 2})
    with pytest.raises(OutOfBounds):
        bread.enqueue({"flour": 1.4, "water": -0.4, "salt": 0.0, "hours": 2})


def test_tables_have_a_column_a_component(bread, server_url, tmp_path):
    bread.import_results([{"flour": 0.6, "water": 0.35, "salt": 0.05, "hours": 3, "taste": 4.0}])

    def cli(*arguments):
        environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
        return CliRunner().invoke(main, list(arguments), env=environment).output

    shown = cli("show", bread.name)
    assert "simplex" in shown
    assert "flour + water + salt = 1" in shown
    (row,) = csv.DictReader(io.StringIO(cli("export", bread.name, "--format", "csv")))
    assert [row[f"params.{one}"] for one in ("flour", "water", "salt")] == ["0.6", "0.35", "0.05"]
    assert json.loads(cli("space", bread.name, "--format", "json"))["space"]["parameters"][0] == {
        "name": "dough",
        "type": "simplex",
        "components": ["flour", "water", "salt"],
    }
    assert "flour, water, salt, hours" in cli("space", bread.name)


def test_archives_and_parquet_keep_the_components(bread, tmp_path, server_url):
    bread.import_results([{"flour": 0.6, "water": 0.35, "salt": 0.05, "hours": 3, "taste": 4.0}])
    table = parquet.read_table(io.BytesIO(bread.export("parquet")))
    assert table.column("params.salt").to_pylist() == [0.05]
    archive = bread.export("json")
    assert b'"simplex"' in archive
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        copy = client.import_study(archive, name=f"{bread.name}-copy")
        assert copy.definition.space == bread.definition.space
        assert copy.best().params == bread.best().params


def test_floats_bound_by_an_equality_can_become_a_simplex(server_url, name, tmp_path):
    floats = {one: headway.Float(0, 1) for one in ("a", "b")}
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        study = client.create_study(name, floats, minimize="loss", constraints=["a + b == 1"])
        study.import_results([{"a": 0.25, "b": 0.75, "loss": 1.0}])
        view = study.change_space({"mix": headway.Simplex(("a", "b"))})
        assert (view.data.usable, view.data.outside, view.data.set_aside) == (1, 0, 0)


def test_function_takes_the_components():
    @headway.study("loaf", dough=headway.Simplex(("flour", "water")))
    def bake(flour, water):
        return flour * water

    assert bake.definition.space.scalars[0] == headway.Float(0, 1, name="flour")
    with pytest.raises(TypeError, match="flour, water"):

        @headway.study("crumb", dough=headway.Simplex(("flour", "water")))
        def taste(dough):
            return dough


def test_faulty_declaration_is_refused_by_name(bread):
    with pytest.raises(InvalidSpace, match="named 'hours'"):
        bread.change_space({"hours": headway.Int(1, 9), "dough": headway.Simplex(("hours", "water"))})
