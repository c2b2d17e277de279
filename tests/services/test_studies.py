"""Create-or-get: the same definition is the same study, whoever sends it how often."""

import threading

import pytest

from headway.wire.space import Float, Space
from headway.wire.study import StudyDefinition
from headway_server.domain.errors import DefinitionConflict, InvalidSpace
from headway_server.services import studies


def definition(name="s", **fields):
    space = fields.pop("space", Space(parameters=(Float(0, 1, name="x"),)))
    return StudyDefinition(name=name, space=space, **fields)


def test_created_once_and_got_afterwards(database):
    first, created = studies.create_or_get(database, definition())
    again, created_again = studies.create_or_get(database, definition(notes="another note"))
    assert created
    assert not created_again
    assert again == first


def test_fifty_workers_that_start_at_once_create_one_study(database):
    outcomes, failures = [], []

    def create():
        try:
            outcomes.append(studies.create_or_get(database, definition())[1])
        except Exception as error:  # noqa: BLE001 (collected and asserted on below)
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(outcomes) == [False] * 49 + [True]


def test_another_definition_is_a_conflict_that_names_what_differs(database):
    studies.create_or_get(database, definition(budget=3))
    with pytest.raises(DefinitionConflict, match=r"another budget.* 3.* 4") as refused:
        studies.create_or_get(database, definition(budget=4))
    assert refused.value.fields[0].pointer == "/budget"


def test_a_very_long_difference_is_cut(database):
    studies.create_or_get(database, definition())
    wide = Space(parameters=tuple(Float(0, 1, name=f"x{i}") for i in range(100)))
    with pytest.raises(DefinitionConflict) as refused:
        studies.create_or_get(database, definition(space=wide))
    assert len(refused.value.detail) < 1000


def test_a_bad_definition_is_refused_before_the_database_is_touched():
    with pytest.raises(InvalidSpace):
        studies.create_or_get(None, definition(space=Space(parameters=())))


def test_pages_follow_the_names(database):
    for name in ("b", "a", "c"):
        studies.create_or_get(database, definition(name))
    page = studies.page(database, None, 2)
    assert [study.name for study in page.studies] == ["a", "b"]
    assert page.next_cursor == "b"
    rest = studies.page(database, "b", 2)
    assert [study.name for study in rest.studies] == ["c"]
    assert rest.next_cursor is None
