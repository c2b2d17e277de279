"""Each row is one object, and what has become of it is in the database afterwards, on either one."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, event, select

from headway.wire.observations import ImportRequest
from headway.wire.study import Policy
from headway.wire.trial import FinishRequest, SuggestRequest
from headway.wire.trial_filter import EVERY_TRIAL
from headway_server.domain.brought import enqueued
from headway_server.services.finish import finish
from headway_server.services.importing import import_rows
from headway_server.services.suggest import suggest
from headway_server.storage.identity_map import (
    ATTEMPTS,
    EVENTS,
    KEPT_RESPONSES,
    OBSERVATIONS,
    STUDIES,
    TRIALS,
)
from headway_server.storage.tables import attempts, observations, trials


@pytest.fixture
def three_trials(database, engine, define):
    """One finished twice, by an attempt that had expired and by the next one; one leased; one imported."""
    define(policy={"lease_s": 30, "first_heartbeat_grace_s": 0})
    (first,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    database.clock_offset = timedelta(minutes=5)
    (again,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    for trial in (again, first):
        finish(
            database, "s", trial.number, FinishRequest(lease_token=trial.lease.token, metrics={"value": 1})
        )
    suggest(database, engine, "s", SuggestRequest())
    import_rows(
        database,
        "s",
        ImportRequest.model_validate({"rows": [{"params": {"x": 0.5}, "metrics": {"value": 2}}]}),
    )
    return database


@pytest.mark.parametrize("rows", [STUDIES, TRIALS, ATTEMPTS, OBSERVATIONS, EVENTS, KEPT_RESPONSES])
def test_every_column_is_an_attribute(rows):
    assert set(rows.names) == {column.name for column in rows.table.columns}
    key = {rows.names[at] for at in rows._key_at}
    unique = [
        one for one in rows.table.constraints if isinstance(one, UniqueConstraint | PrimaryKeyConstraint)
    ]
    assert key in [{column.name for column in one.columns} for one in unique]


def test_one_row_is_one_object_however_it_is_found(three_trials):
    def work(uow):
        study = uow.studies.lock("s")
        assert uow.studies.get("s") is study
        assert uow.studies.by_id(study.id) is study
        trial = uow.trials.get(study, 1)
        assert uow.trials.get(study, 1) is trial
        assert uow.table.page(study, 0, 10, EVERY_TRIAL)[0] is trial
        (live,) = uow.trials.live_attempts(study)
        assert live[1] is uow.trials.get(study, live[0]).attempts[-1]

    three_trials.write(work)


@pytest.mark.parametrize("by", ["join", "page"])
def test_a_trial_comes_with_all_its_parts(three_trials, by):
    """Against the rows themselves: two attempts and two results in one join are four rows."""

    def work(uow):
        study = uow.studies.get("s")
        found = (
            [uow.trials.get(study, number) for number in (1, 2, 3)]
            if by == "join"
            else uow.table.page(study, 0, 10, EVERY_TRIAL)
        )
        for trial in found:
            for table, parts, order in (
                (attempts, trial.attempts, "number"),
                (observations, trial.observations, "seq"),
            ):
                query = select(table.c.id).where(table.c.trial_id == trial.id).order_by(table.c[order])
                assert [part.id for part in parts] == uow.session.scalars(query).all()
        assert [len(one.attempts) for one in found] == [2, 1, 0]
        assert [len(one.observations) for one in found] == [2, 0, 1]

    three_trials.read(work)


def test_only_what_has_changed_is_written(three_trials):
    said = []
    event.listen(
        three_trials._engine, "before_cursor_execute", lambda _c, _u, statement, *_: said.append(statement)
    )

    def work(uow):
        study = uow.studies.lock("s")
        uow.trials.get(study, 1).note = "seen"
        uow.trials.get(study, 2)

    three_trials.write(work)
    (written,) = (one for one in said if one.startswith(("UPDATE", "INSERT", "DELETE")))
    assert written.startswith("UPDATE trials SET note=")
    assert "," not in written


def test_many_trials_are_stored_at_once_and_changed_after(database, define):
    """Those of another study between them, as where several are imported at a time."""
    for name in ("s", "t"):
        define(name)

    def work(uow):
        known = [uow.studies.lock(name) for name in ("s", "t")]
        made = [enqueued(study, {"x": k / 8}, None, uow.now) for k in range(4) for study in known]
        for trial in made:
            uow.trials.add(trial)
        uow.flush()
        for trial in made:
            trial.lease(f"worker {trial.number}", None, Policy(), uow.now)
        uow.flush()
        for trial in made:
            trial.attempts[0].stop_reason = f"{trial.id}"
        return [trial.id for trial in made]

    ids = database.write(work)
    query = (
        select(trials.c.id, trials.c.state, attempts.c.worker, attempts.c.stop_reason)
        .join(attempts, attempts.c.trial_id == trials.c.id)
        .order_by(trials.c.number, trials.c.study_id)
    )
    rows = database.read(lambda uow: uow.session.execute(query).all())
    assert [tuple(row) for row in rows] == [
        (id_, "leased", f"worker {k // 2 + 1}", f"{id_}") for k, id_ in enumerate(ids)
    ]


def test_a_page_sees_what_was_changed_before_it(three_trials):
    def work(uow):
        study = uow.studies.lock("s")
        trial = uow.trials.get(study, 2)
        trial.lapse(study.policy, uow.now)
        assert [one.number for one in uow.trials.all_queued(study)] == (
            [2] if trial.state == "queued" else []
        )

    three_trials.write(work)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.sampled_from(["note", "tags", "excluded"]), st.integers(1, 3)), max_size=6)
)
def test_what_is_in_the_objects_is_in_the_rows(three_trials, changes):
    """Any changes to several trials, in any order, in one transaction."""
    new = {"note": "n", "tags": ("a", "b"), "excluded": True}
    expected = {}

    def work(uow):
        study = uow.studies.lock("s")
        for name, number in changes:
            setattr(uow.trials.get(study, number), name, new[name])
        expected.update(
            {
                one.number: (one.note, one.tags, one.excluded)
                for one in [uow.trials.get(study, number) for number in (1, 2, 3)]
            }
        )

    three_trials.write(work)
    query = select(trials.c.number, trials.c.note, trials.c.tags, trials.c.excluded)
    rows = three_trials.read(lambda uow: uow.session.execute(query).all())
    assert {row[0]: tuple(row[1:]) for row in rows} == expected
