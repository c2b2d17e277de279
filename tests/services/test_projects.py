"""Projects: made once, renamed, deleted when empty; and what is recorded of it."""

import pytest

from headway.wire.access import KeyCreate, ProjectCreate, ProjectPatch
from headway.wire.space import Float, Space
from headway.wire.study import StudyDefinition
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.access import COMMAND_LINE, Actor
from headway_server.domain.errors import InvalidCursor, NotFound, OutOfScope, ProjectConflict
from headway_server.services import audit, keys, projects, studies
from headway_server.services.finish import finish
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest


@pytest.fixture
def root(database):
    return database.acting(COMMAND_LINE)


def create(database, name="p", **fields):
    return projects.create_or_get(database, ProjectCreate(name=name, **fields))


def define(database, name="s"):
    space = Space(parameters=(Float(0, 1, name="x"),))
    studies.create_or_get(database, StudyDefinition(name=name, space=space, budget=5))


def inside(database, name, **fields):
    project_id = database.read(lambda uow: uow.projects.named(name).id)
    return database.acting(Actor("somebody", project_id=project_id, **fields))


def test_a_project_is_made_once(root):
    first, created = create(root, notes="a")
    assert created
    assert create(root, notes="a") == (first, False)
    with pytest.raises(ProjectConflict, match="another project 'p'"):
        create(root, notes="b")
    assert [one.name for one in projects.page(root, None, 10).projects] == ["default", "p"]
    page = projects.page(root, None, 1)
    assert [one.name for one in projects.page(root, page.next_cursor, 1).projects] == ["p"]


def test_a_renamed_project_keeps_its_studies(root):
    create(root)
    define(inside(root, "p"))
    assert projects.change(root, "p", ProjectPatch(name="q", notes="n")).studies == 1
    assert projects.read(root, "q").notes == "n"
    with pytest.raises(NotFound):
        projects.read(root, "p")
    create(root)
    with pytest.raises(ProjectConflict, match="another project"):
        projects.change(root, "q", ProjectPatch(name="p"))
    with pytest.raises(ProjectConflict, match="keeps its name"):
        projects.change(root, "default", ProjectPatch(name="x"))


def test_only_an_empty_project_is_deleted(root):
    create(root)
    keys.create(root, "p", KeyCreate(role="viewer"))
    define(inside(root, "p"))
    with pytest.raises(ProjectConflict, match="1 studies"):
        projects.delete(root, "p")
    with pytest.raises(ProjectConflict, match="every installation"):
        projects.delete(root, "default")
    create(root, "q")
    keys.create(root, "q", KeyCreate(role="viewer"))
    projects.delete(root, "q")
    assert [key.project for key in keys.page(root, None, None, 10).keys] == ["p"]


def test_nothing_of_a_deleted_project_passes_to_the_next(root):
    create(root, "p")
    own = inside(root, "p")
    projects.delete(root, "p")
    create(root, "q")
    assert inside(root, "q").actor.project_id > own.actor.project_id
    assert "p" not in [
        entry.data.get("name") for entry in audit.page(inside(root, "q"), None, 9, everything=False).entries
    ]
    with pytest.raises(NotFound, match="has been deleted"):
        define(own)


def test_a_key_of_a_project_makes_and_deletes_none(root):
    create(root)
    own = inside(root, "p")
    with pytest.raises(OutOfScope):
        create(own, "q")
    with pytest.raises(OutOfScope):
        projects.delete(own, "p")
    assert [one.name for one in projects.page(own, None, 10).projects] == ["p"]
    with pytest.raises(NotFound, match="no project 'default'"):
        projects.read(own, "default")


def test_every_change_is_recorded_with_who_made_it(root, engine, database):
    define(root)
    key = keys.create(root, "default", KeyCreate(role="worker", name="bob"))
    bob = database.acting(Actor(key.id, "worker", request_id="r-1"))
    (trial,) = suggest(bob, engine, "s", SuggestRequest()).response.trials
    finish(bob, "s", 1, FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0}))
    create(root)
    entries = audit.page(root, None, 100, everything=True).entries
    assert [(entry.type, entry.actor, entry.study, entry.trial) for entry in reversed(entries)] == [
        ("study.created", "command line", "s", None),
        ("key.created", "command line", None, None),
        ("trial.leased", key.id, "s", 1),
        ("trial.completed", key.id, "s", 1),
        ("best.improved", key.id, "s", 1),
        ("project.created", "command line", None, None),
    ]
    finished = entries[2]
    assert (finished.key_name, finished.request_id, finished.project) == ("bob", "r-1", "default")
    assert finished.data["value"] == 1.0


def test_what_fails_is_not_recorded(root):
    with pytest.raises(NotFound):
        keys.revoke(root, "default", "x")
    with pytest.raises(ProjectConflict):
        create(root, "default", notes="other")
    assert audit.page(root, None, 10, everything=True).entries == ()


def test_what_the_server_does_by_itself_is_its_own(root, engine, database):
    from datetime import timedelta

    define(root)
    create(root)
    define(inside(root, "p"))
    suggest(root, engine, "s", SuggestRequest(lease_s=30))
    suggest(inside(root, "p"), engine, "s", SuggestRequest(lease_s=30))
    database.clock_offset = timedelta(hours=1)
    assert sweep(database) == 2
    newest = audit.page(database, None, 2, everything=True).entries
    assert [(entry.type, entry.actor) for entry in newest] == [("lease.expired", "server")] * 2
    assert {entry.project for entry in newest} == {"default", "p"}


def test_the_record_is_read_page_by_page_and_by_project_and_study(root):
    create(root)
    own = inside(root, "p")
    for name in ("a", "b", "c"):
        define(own, name)
        define(root, name)
    seen, cursor = [], None
    while True:
        page = audit.page(root, cursor, 2, everything=True)
        seen += [(entry.project, entry.study, entry.type) for entry in page.entries]
        if (cursor := page.next_cursor) is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen[-1] == ("p", None, "project.created")
    assert [entry.study for entry in audit.page(own, None, 10, everything=True).entries] == [
        "c",
        "b",
        "a",
        None,
    ]
    assert [entry.project for entry in audit.page(root, None, 10, "b", everything=True).entries] == [
        "default",
        "p",
    ]
    assert [entry.study for entry in audit.page(own, None, 10, "b", everything=False).entries] == ["b"]


@pytest.mark.parametrize(
    "cursor", ["x", "1~2~3", "2026-01-01T00:00:00~1~1", f"2026-01-01T00:00:00Z~1~{2**70}"]
)
def test_a_cursor_that_no_page_gave_is_refused(root, cursor):
    with pytest.raises(InvalidCursor):
        audit.page(root, cursor, 10, everything=True)
