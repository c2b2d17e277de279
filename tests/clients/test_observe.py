"""Results handed in by table: `study.import_results` and `headway observe`."""

import csv
import io

import numpy as np
import pytest
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import ValidationFailed

SPACE = {"temp": headway.Float(20, 120), "solvent": ["MeCN", "THF"], "wet": bool}


@pytest.fixture
def reactor(client, name):
    return client.create_study(name, SPACE, maximize="yield", budget=4)


def records(*yields):
    return [{"temp": 20 + k, "solvent": "THF", "wet": True, "yield": y} for k, y in enumerate(yields)]


def columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


class Frame:
    """What a data frame shows of itself: columns by name, numpy's scalars, NaN where nothing is."""

    def __init__(self, columns):
        self._columns = {name: np.array(cells) for name, cells in columns.items()}

    def keys(self):
        return self._columns.keys()

    def __getitem__(self, name):
        return self._columns[name]


@pytest.mark.parametrize("shape", [lambda rows: rows, columns, lambda rows: Frame(columns(rows)), iter])
def test_records_columns_and_frames_are_the_same_rows(reactor, shape):
    answer = reactor.import_results(shape(records(1.0, 2.0)))
    assert (answer.imported, answer.best_changed) == (2, True)
    assert reactor.best().params == {"temp": 21, "solvent": "THF", "wet": True}
    assert reactor.import_results(records(1.0, 2.0)).duplicates == 2


def test_rows_without_names_are_refused_before_anything_is_sent(reactor):
    with pytest.raises(TypeError, match=r"rows\[1\].*mapping"):
        reactor.import_results([*records(1.0), (20, "THF", True, 2.0)])
    assert reactor.best() is None


def test_equal_rows_of_one_call_are_replicates_and_stay_so(reactor):
    rows = records(1.0) * 3
    assert reactor.import_results(rows).imported == 3
    assert reactor.import_results(rows).duplicates == 3
    assert reactor.import_results(rows + records(1.0)).imported == 1


def test_errors_outcomes_and_empty_cells_are_read(reactor):
    rows = [
        {"temp": 20, "solvent": "THF", "wet": False, "yield": 1.0, "yield.std_error": 0.5, "outcome": ""},
        {"temp": 20, "solvent": "THF", "wet": False, "yield": np.nan, "outcome": "infeasible"},
    ]
    assert reactor.import_results(rows).refused == 0
    assert reactor.trial(1).std_error == 0.5
    assert reactor.trial(2).state == "infeasible"


def test_a_row_that_cannot_be_read_is_refused_before_anything_is_sent(reactor):
    with pytest.raises(ValidationFailed):
        reactor.import_results([*records(1.0), {"yield": "much"}])
    assert list(reactor.history()) == []


def test_long_tables_go_in_parts(reactor, faulty):
    rows = [{"temp": 20 + k / 100, "solvent": "THF", "wet": True, "yield": k} for k in range(5001)]
    answer = reactor.import_results(rows)
    assert (answer.imported, len(answer.rows), answer.rows[-1].index) == (5001, 5001, 5000)
    assert len(faulty.sent("observations:batch")) == 2


@pytest.fixture
def cli(server_url, tmp_path):
    def invoke(*arguments):
        environment = {"HEADWAY_URL": server_url, "HEADWAY_SPOOL_DIR": str(tmp_path)}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment)

    return invoke


@pytest.fixture
def plated(server_url, name, tmp_path):
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        yield client.create_study(name, SPACE, maximize="yield", budget=4)


def plate(rows, path):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_filled_plate_goes_to_its_trials_and_the_rest_is_imported(cli, plated, tmp_path):
    taken = cli("suggest", plated.name, "-n", 3, "--format", "csv").output
    rows = list(csv.DictReader(io.StringIO(taken)))
    rows[0] |= {"yield": "7.5", "yield.std_error": "0.1"}
    rows[1] |= {"outcome": "infeasible", "message": "it boiled"}
    rows.append({"temp": "30", "solvent": "THF", "wet": "true", "yield": "9"})
    path = plate(rows, tmp_path / "plate.csv")
    dry = cli("observe", plated.name, path, "--dry-run")
    assert "would be" in dry.output
    assert plated.view().trials.leased == 3
    done = cli("observe", plated.name, path)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "2 trials reported, 0 refused",
        "1 rows imported, 0 here already, 0 refused",
        "1 rows say nothing yet",
    ]
    assert (plated.trial(1).value, plated.trial(1).std_error) == (7.5, 0.1)
    assert plated.trial(2).observations[0].message == "it boiled"
    assert plated.trial(3).state == "leased"
    assert plated.best().trial == 4
    assert plated.view().budget_left == 1
    before = list(plated.history())
    assert "0 rows imported, 1 here already" in cli("observe", plated.name, path).output
    assert list(plated.history()) == before


def test_refused_rows_are_named_by_their_line(cli, plated, tmp_path):
    rows = [
        {"number": 1, "token": "1.nonsense", "temp": 30, "solvent": "THF", "wet": "true", "yield": 1},
        {"temp": 3, "solvent": "THF", "wet": "true", "yield": 1},
        {"temp": 30, "solvent": "THF", "wet": "true", "yield": 1},
    ]
    done = cli("observe", plated.name, plate(rows, tmp_path / "plate.csv"))
    assert done.exit_code == 1
    assert "line 2: Study" in done.output
    assert "line 3: temp = 3 is not allowed" in done.output
    assert plated.view().trials.completed == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("number,yield\nx,1\n", "is no trial's number"), ("temp,yield\n1\n", "not as long as the header")],
)
def test_a_table_that_is_none_is_a_usage_error(cli, plated, tmp_path, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    done = cli("observe", plated.name, path)
    assert done.exit_code == 2
    assert said in done.output
