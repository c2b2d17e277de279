"""Deleting a study, what answers for it afterwards, and forgetting it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from headway.wire.access import ProjectCreate
from headway.wire.archive import Archive
from headway.wire.observations import ImportRequest
from headway.wire.study import StudyDefinition, StudyPatch
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.access import COMMAND_LINE
from headway_server.domain.errors import NotFound, PreconditionRequired, StaleEtag, StudyDeleted
from headway_server.services import audit, delete_study, projects, studies, trials
from headway_server.services.archives import import_study
from headway_server.services.change_study import change
from headway_server.services.exporting import export
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.importing import import_rows
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest
from headway_server.storage.load import load
from headway_server.storage.tables import metadata
from headway_server.storage.tables import studies as study_table


@pytest.fixture
def busy(define, database, engine):
    """A study with a result and a lease of worker w."""
    define()
    first, second = suggest(database, engine, "s", SuggestRequest(count=2, worker="w")).response.trials
    finish(database, "s", 1, FinishRequest(lease_token=first.lease.token, metrics={"value": 1.0}))
    return second.lease.token


def test_it_takes_the_etag_that_the_caller_has_seen(busy, database):
    with pytest.raises(PreconditionRequired, match="If-Match"):
        delete_study.delete(database, "s", None)
    seen = studies.read(database, "s").etag
    change(database, "s", StudyPatch(notes="kept"), "*")
    with pytest.raises(StaleEtag):
        delete_study.delete(database, "s", seen)
    assert studies.read(database, "s").trials.completed == 1
    delete_study.delete(database, "s", studies.read(database, "s").etag)
    with pytest.raises(StudyDeleted):
        studies.read(database, "s")


def test_whoever_asks_is_told_until_when(busy, database, engine, define):
    with export(database, "s", "json").file as file:
        archive = file.read()
    delete_study.delete(database, "s", "*")
    for asks in (
        lambda: suggest(database, engine, "s", SuggestRequest()),
        lambda: finish(database, "s", 2, FinishRequest(lease_token=busy, metrics={"value": 0.0})),
        lambda: heartbeat(database, "s", 2, HeartbeatRequest(lease_token=busy)),
        lambda: trials.page(database, "s", None, 10),
        lambda: import_rows(database, "s", ImportRequest.model_validate({"rows": [{"params": {"x": 0}}]})),
        lambda: change(database, "s", StudyPatch(state="running"), "*"),
        lambda: delete_study.delete(database, "s", "*"),
        define,
        lambda: import_study(database, Archive.model_validate_json(archive)),
    ):
        with pytest.raises(StudyDeleted, match="choose another one until then"):
            asks()
    assert studies.page(database, None, 10).studies == ()
    assert StudyDeleted.action == "stop"


def test_nothing_goes_on_behind_it(busy, database):
    assert database.read(lambda uow: load(uow.session)).leases == 1
    delete_study.delete(database, "s", "*")
    database.clock_offset += timedelta(hours=1)
    assert sweep(database) == 0
    assert database.read(lambda uow: load(uow.session)).leases == 0


def test_the_record_says_who_deleted_it_and_outlives_it(busy, database):
    delete_study.delete(database.acting(COMMAND_LINE), "s", "*")

    def recorded(**only):
        return audit.page(database, None, 50, **only, everything=True).entries

    newest = recorded(study="s")[0]
    assert (newest.type, newest.actor) == ("study.deleted", "command line")
    database.clock_offset += timedelta(days=31)
    assert delete_study.purge(database) == 1
    assert recorded(study="s") == ()
    (left,) = recorded()
    assert (left.type, left.actor) == ("study.purged", "server")
    assert (left.data["name"], left.data["deleted_by"]) == ("s", "command line")
    assert left.data["deleted_at"] == newest.at.isoformat()


def rows_of(database):
    def count(uow):
        return {
            table.name: uow.session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }

    return database.read(count)


def test_after_thirty_days_nothing_is_left_and_the_name_is_free(busy, database, define, monkeypatch):
    monkeypatch.setattr(delete_study, "AT_ONCE", 2)  # several transactions
    import_rows(
        database,
        "s",
        ImportRequest.model_validate(
            {"rows": [{"params": {"x": k / 9}, "metrics": {"value": k}} for k in range(7)]}
        ),
    )
    define("other")
    before = rows_of(database)
    delete_study.delete(database, "s", "*")
    database.clock_offset += timedelta(days=29, hours=23)
    assert delete_study.purge(database) == 0
    assert rows_of(database)["trials"] == before["trials"] == 9
    database.clock_offset += timedelta(hours=2)
    assert delete_study.purge(database) == 1
    assert delete_study.purge(database) == 0
    left = rows_of(database)
    assert left["studies"] == 1
    assert left["events"] == 1  # that the other one was created
    assert not any(left[name] for name in ("trials", "attempts", "observations", "gp_states"))
    assert studies.read(database, "other").name == "other"
    with pytest.raises(NotFound):
        studies.read(database, "s")
    define("s")
    assert studies.read(database, "s").trials.completed == 0


def test_a_key_of_the_study_sees_no_list_and_a_project_of_tombstones_can_go(database):
    everywhere = database.acting(COMMAND_LINE)
    projects.create_or_get(everywhere, ProjectCreate(name="lab"))
    lab = everywhere.read(lambda uow: uow.projects.find("lab").id)
    mine = database.acting(COMMAND_LINE.within(lab))
    definition = {"name": "s", "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}}
    studies.create_or_get(mine, StudyDefinition.model_validate(definition))
    delete_study.delete(mine, "s", "*")
    bound = database.acting(replace(COMMAND_LINE.within(lab), study="s"))
    assert studies.page(bound, None, 10).studies == ()
    projects.delete(everywhere, "lab")
    assert everywhere.read(lambda uow: uow.session.execute(select(study_table.c.id)).all()) == []
