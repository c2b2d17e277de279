"""Exports hold what there is, and a study imported from one is the same study."""

import csv
import io
import json

import pytest

from headway.wire.amendments import TrialPatch
from headway.wire.archive import Archive
from headway.wire.measurement import MeasurementsRequest
from headway.wire.observations import ImportRequest
from headway.wire.space import Boolean, Categorical, Float, Int, Space
from headway.wire.study import Objective, Policy
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import DefinitionConflict, InvalidArchive, NotFound
from headway_server.services import exporting, studies, trials
from headway_server.services.amending import amend_trial
from headway_server.services.archives import import_study
from headway_server.services.exporting import export
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.importing import import_rows
from headway_server.services.measurements import measure
from headway_server.services.suggest import suggest

SPACE = Space(
    parameters=(
        Float(0, 1, name="x"),
        Int(1, 9, name="n"),
        Categorical((1, "two", True), name="c"),
        Boolean(name="b"),
    )
)


def content(database, name, layout="json"):
    with export(database, name, layout).file as file:
        return file.read()


@pytest.fixture
def busy(define, database, engine):
    """A study with trials in every state but lost: late, superseded, released and failed ones among them."""
    define(
        space=SPACE,
        budget=9,
        objectives=(Objective(name="v"), Objective(name="w", goal="maximize")),
        policy=Policy(lease_s=100, on_failed="requeue", max_retries=1),
    )

    def ask(**fields):
        return suggest(database, engine, "s", SuggestRequest.model_validate(fields)).response.trials

    def report(trial, **fields):
        result = FinishRequest.model_validate({"lease_token": trial.lease.token} | fields)
        finish(database, "s", trial.number, result)

    given = ask(count=6, worker="w")
    for trial in given[:2]:
        rows = [{"step": step, "metrics": {"v": 0.1 * step, "w": -1e300}, "t": step / 3} for step in range(3)]
        request = MeasurementsRequest(lease_token=trial.lease.token, measurements=rows)
        measure(database, "s", trial.number, request)
    report(
        given[0], metrics={"v": {"value": 0.1 + 0.2, "std_error": 1e-17, "n": 3}, "w": -1e300, "z": 5e-324}
    )
    report(given[1], outcome="infeasible", reason="r", message="a “message”\nin lines, with \U0001f4a5")
    report(given[2], outcome="failed")
    report(given[3], outcome="abandoned", reason="preempted")
    report(given[4], outcome="stopped")
    (again,) = ask(worker="other")
    report(again, metrics={"v": 1, "w": 2}, params_as_run={"x": 0.5, "n": 3, "c": "two", "b": False})
    rows = [
        {
            "params": {"x": 1 / 3, "n": 2, "c": True, "b": True},
            "metrics": {"v": 7, "w": 7},
            "client_id": "=1+1",
        },
        {"params": {"x": 0, "n": 2, "c": 1, "b": True}, "outcome": "infeasible"},
    ]
    import_rows(database, "s", ImportRequest.model_validate({"rows": rows}))
    patch = {"metrics": {"v": 1 / 3, "new": -0.0}, "note": "“n”", "tags": ["a b", "c"], "reason": "r"}
    amend_trial(database, "s", 1, TrialPatch.model_validate(patch))
    amend_trial(database, "s", 7, TrialPatch(excluded=True, reason="the wrong bottle"))
    return "s"


def renamed(document, name):
    return document | {
        "study": document["study"] | {"definition": document["study"]["definition"] | {"name": name}}
    }


def test_an_imported_study_exports_the_same_again(busy, database):
    first = content(database, busy)
    document = json.loads(first)
    view, created = import_study(database, Archive.model_validate_json(first), "copy")
    assert created
    again = content(database, "copy")
    assert json.loads(again) == renamed(document, "copy")
    assert again.replace(b'"name":"copy"', b'"name":"s"', 1) == first
    assert view == studies.read(database, "s").model_copy(
        update={"name": "copy", "definition": view.definition}
    )
    there, here = (trials.page(database, name, None, 99).model_dump() for name in ("copy", "s"))
    for trial in here["trials"]:
        trial["history"] = tuple({**change, "actor": None} for change in trial["history"])
    assert there == here
    assert [change["reason"] for trial in here["trials"] for change in trial["history"]] == [
        "r",
        "the wrong bottle",
    ]
    assert events_after(database, "copy", 0) == events_after(database, "s", 0)
    assert {trial["state"] for trial in document["trials"]} >= {"leased", "completed", "infeasible", "queued"}
    assert [one["step"] for one in document["measurements"]] == [0, 1, 2, 0, 1, 2]
    assert b"token" not in first


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_an_archive_goes_from_one_kind_of_database_to_the_other_and_back(
    busy, database, sqlite_database, postgres_database
):
    target = postgres_database if database is sqlite_database else sqlite_database
    first = content(database, busy)
    import_study(target, Archive.model_validate_json(first))
    assert content(target, busy) == first


def test_a_second_import_finds_the_first_ones_study(busy, database):
    archive = Archive.model_validate_json(content(database, busy))
    assert not import_study(database, archive)[1]
    assert import_study(database, archive, "copy")[1]
    assert not import_study(database, archive, "copy")[1]
    other = archive.model_copy(
        update={"study": archive.study.model_copy(update={"definition_hash": "0" * 64})}
    )
    with pytest.raises(DefinitionConflict, match="another study 'copy'"):
        import_study(database, other, "copy")


def test_work_goes_on_in_an_imported_study(busy, database, engine):
    archive = Archive.model_validate_json(content(database, busy))
    import_study(database, archive, "copy")
    left = studies.read(database, "copy").budget_left
    answer = suggest(database, engine, "copy", SuggestRequest(count=9)).response
    assert len({trial.number for trial in answer.trials}) == len(answer.trials) > 0
    answer = suggest(database, engine, "copy", SuggestRequest(count=9)).response
    assert [trial.number for trial in answer.trials] == list(range(9, 9 + left))
    assert studies.read(database, "copy").budget_left == 0


BROKEN = [
    (lambda d: d["trials"].pop(), "/trials"),
    (lambda d: d["trials"].reverse(), "/trials/0/number"),
    (lambda d: d["trials"][0].update(state="leased"), "/trials/0/state"),
    (lambda d: d["trials"][0].update(state="reserved"), "/trials/0/state"),
    (lambda d: d["trials"][0].update(params=None), "/trials/0/params"),
    (lambda d: d["trials"][0].update(params={"x": 2, "n": 1, "c": 1, "b": True}), "/trials/0/params"),
    (lambda d: d["trials"][0].update(live_attempt=1), "/trials/0/live_attempt"),
    (lambda d: d["trials"][0].update(space_version=2), "/trials/0/space_version"),
    (lambda d: d["trials"][0]["attempts"][0].update(number=2), "/trials/0/attempts/0/number"),
    (lambda d: d["trials"][0]["attempts"][0].update(ended_by=None), "/trials/0/attempts/0/ended_by"),
    (lambda d: d["trials"][0]["observations"][0].update(attempt=7), "/trials/0/observations/0/attempt"),
    (lambda d: d["trials"][0]["observations"][0].update(value=None), "/trials/0/observations/0/value"),
    (lambda d: d["trials"][0]["observations"][0].update(seq=9999), "/trials/0/observations/0/seq"),
    (lambda d: d["trials"][0]["observations"].append(d["trials"][0]["observations"][0]), "/trials"),
    (lambda d: d["trials"][6].update(client_id="a") or d["trials"][7].update(client_id="a"), "/trials"),
    (lambda d: d["events"].reverse(), "/events/1/seq"),
    (lambda d: d["measurements"][0].update(attempt=9), "/measurements/0"),
    (lambda d: d["measurements"].append(d["measurements"][0]), "/measurements"),
    (lambda d: d["study"].update(last_seq=1), "/trials/0/observations/0/seq"),
    (lambda d: d["study"].update(budget=1), "/study/trials_created"),
]


@pytest.mark.parametrize(("spoil", "pointer"), BROKEN)
def test_an_archive_that_contradicts_itself_is_refused_and_nothing_is_made(busy, database, spoil, pointer):
    document = renamed(json.loads(content(database, busy)), "spoilt")
    spoil(document)
    with pytest.raises(InvalidArchive) as refused:
        import_study(database, Archive.model_validate_json(json.dumps(document)))
    assert pointer in [field.pointer for field in refused.value.fields]
    with pytest.raises(NotFound):
        studies.read(database, "spoilt")


def test_csv_has_a_row_a_trial(busy, database):
    rows = list(csv.DictReader(io.StringIO(content(database, busy, "csv").decode())))
    views = trials.page(database, busy, None, 99).trials
    assert [int(row["number"]) for row in rows] == [view.number for view in views]
    for row, view in zip(rows, views, strict=True):
        assert row["state"] == view.state
        assert (float(row["value"]) if row["value"] else None) == view.value
        assert row["metrics.w"] == (str(view.metrics["w"].value) if view.value is not None else "")
        assert float(row["params.x"]) == view.params["x"]
        assert row["params.b"] == str(view.params["b"]).lower()
        assert row["policy"] == view.origin.policy
        assert row["worker"] == (view.attempts[-1].worker if view.attempts else "")
    assert rows[6]["client_id"] == "=1+1"


def test_ndjson_has_a_trial_a_line_as_the_api_shows_it(busy, database):
    lines = content(database, busy, "ndjson").splitlines()
    views = trials.page(database, busy, None, 99).trials
    assert [json.loads(line) for line in lines] == [view.model_dump(mode="json") for view in views]


def test_parquet_has_the_same_columns_in_their_own_types(busy, database):
    from pyarrow import parquet, types

    table = parquet.read_table(io.BytesIO(content(database, busy, "parquet")))
    views = trials.page(database, busy, None, 99).trials
    assert table["number"].to_pylist() == [view.number for view in views]
    assert table["value"].to_pylist() == [view.value for view in views]
    assert table["params.n"].to_pylist() == [view.params["n"] for view in views]
    assert types.is_int64(table.schema.field("params.n").type)
    assert types.is_boolean(table.schema.field("params.b").type)
    assert set(table["params.c"].to_pylist()) <= {"1", "two", "true"}
    assert [one.replace(microsecond=0) for one in table["created_at"].to_pylist()] == [
        view.created_at.replace(microsecond=0) for view in views
    ]


@pytest.mark.parametrize("layout", ["csv", "ndjson", "json", "parquet"])
def test_small_pages_give_the_same_file(busy, database, monkeypatch, layout):
    whole = content(database, busy, layout)
    monkeypatch.setattr(exporting, "AT_ONCE", 3)
    if layout == "parquet":
        from pyarrow import parquet

        parts = parquet.read_table(io.BytesIO(content(database, busy, layout)))
        assert parts.equals(parquet.read_table(io.BytesIO(whole)))
    else:
        assert content(database, busy, layout) == whole


def test_what_the_caller_has_already_is_not_written_again(busy, database, engine):
    def changed(layout):
        made = export(database, busy, layout, first.etag)
        if made.file is not None:
            made.file.close()
        return made.file is not None

    first = export(database, busy, "csv")
    first.file.close()
    assert not changed("csv")
    assert changed("json")
    suggest(database, engine, busy, SuggestRequest())
    assert changed("csv")
