"""A study's audits go with its archive: the report of the copy is that of the original."""

import json
import shutil

import pytest

from headway.wire.archive import Archive
from headway_server.domain.errors import InvalidArchive
from headway_server.services import campaign_audit, studies
from headway_server.services.archives import import_study
from headway_server.services.audit_progress import move_on
from headway_server.services.delete_study import delete
from headway_server.services.exporting import export
from headway_server.settings import sqlite_url
from headway_server.storage.database import Database
from tests.services.audits import FEW, Laboratory, begin, noise, ten_trials


@pytest.fixture
def lab(database, engine):
    return Laboratory(database, engine)


@pytest.fixture
def second_database(tmp_path, migrated_sqlite):
    """Another server's."""
    found = Database(sqlite_url(shutil.copy(migrated_sqlite, tmp_path / "second.db")))
    yield found
    found.dispose()


def content(database, name="s"):
    with export(database, name, "json").file as file:
        return file.read()


def report(database, name="s"):
    """An audit's report, and what of it names studies. Without seconds, which SQLite rounds its own way."""
    found = campaign_audit.read(database, name).model_dump()
    for one in found["null_campaigns"]:
        assert one["search"].pop("worker_s") >= 0
    names = [found.pop("study"), *(one.pop("study") for one in (*found["tasks"], *found["null_campaigns"]))]
    return found, names


def test_an_audit_goes_to_another_server_as_it_is(define, lab, database, second_database):
    ten_trials(define, lab)
    lab.audit("s", noise, **FEW)
    first = content(database)
    import_study(second_database, Archive.model_validate_json(first))
    assert content(second_database) == first
    assert report(second_database) == report(database)
    assert [one.name for one in studies.page(second_database, None, 99).studies] == ["s"]


def test_a_copy_beside_the_original_has_an_audit_of_its_own(define, lab, database):
    ten_trials(define, lab)
    lab.audit("s", noise, **FEW)
    document = Archive.model_validate_json(content(database))
    import_study(database, document, "copy")
    copied, names = report(database, "copy")
    original, taken = report(database)
    assert copied == original
    assert not set(names) & set(taken)
    assert not import_study(database, document, "copy")[1]
    # Deleting the copy deletes what came with it, and leaves the original's.
    delete(database, "copy", "*")
    assert report(database) == (original, taken)


def test_a_running_audit_goes_on_where_it_is_imported(define, lab, database, second_database, engine):
    ten_trials(define, lab)
    begin(database)
    move_on(database)
    import_study(second_database, Archive.model_validate_json(content(database)))
    assert report(second_database) == report(database)
    there = Laboratory(second_database, engine).serve("s", noise)
    here = lab.serve("s", noise)
    assert there.verdict is not None
    assert there.points == here.points  # seeds of trials are functions of what came along
    assert there.null == here.null


def test_a_random_search_that_was_there_before_is_found_again(define, lab, database):
    ten_trials(define, lab)
    define("before", budget=10, strategy="random", seed=5)
    lab.work("before", noise)
    lab.audit("s", noise, **FEW, reuse=("before",))
    document = json.loads(content(database))
    (before,) = [one for one in document["companions"] if not one["made_for_audit"]]
    assert before["study"]["definition"]["name"] == "before"
    import_study(database, Archive.model_validate(document), "copy")
    copied = campaign_audit.read(database, "copy")
    assert "before" in {one.study for one in copied.null_campaigns}
    assert report(database, "copy")[0] == report(database)[0]


def test_a_companion_that_was_deleted_stays_so(define, lab, database, second_database):
    ten_trials(define, lab)
    lab.audit("s", noise, **FEW)
    gone = campaign_audit.read(database, "s").null_campaigns[0].study
    delete(database, gone, "*")
    first = content(database)
    assert gone not in {one["study"]["definition"]["name"] for one in json.loads(first)["companions"]}
    import_study(second_database, Archive.model_validate_json(first))
    assert campaign_audit.read(second_database, "s").verdict == campaign_audit.read(database, "s").verdict
    assert content(second_database) == first


def test_the_etag_tells_of_an_audits_progress(define, lab, database):
    ten_trials(define, lab)
    begin(database)
    move_on(database)
    first = export(database, "s", "json")
    first.file.close()
    assert export(database, "s", "json", first.etag).file is None
    (task, *_) = campaign_audit.read(database, "s").tasks
    lab.work(task.study, noise, most=1)
    again = export(database, "s", "json", first.etag)
    assert again.file is not None
    again.file.close()


@pytest.mark.parametrize(
    ("spoil", "pointer"),
    [
        (lambda d: d["audits"][0].update(number=2), "/audits/0/number"),
        (lambda d: d["audits"][0]["searches"].pop(), "/audits/0/searches"),
        (lambda d: d["audits"][0]["points"][0].update(trial=11), "/audits/0/points/0/trial"),
        (lambda d: d["audits"][0].update(replicates=None), "/companions/0"),
        (lambda d: d["companions"].append(d["companions"][0]), "/companions"),
        (lambda d: d["companions"][1]["trials"].pop(), "/companions/1/trials"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(define, lab, database, spoil, pointer):
    ten_trials(define, lab)
    lab.audit("s", noise, **FEW)
    document = json.loads(content(database))
    spoil(document)
    with pytest.raises(InvalidArchive) as refused:
        import_study(database, Archive.model_validate(document), "copy")
    assert pointer in {one.pointer for one in refused.value.fields}
