"""Every migration, up and down, with data in place."""

import pytest
from sqlalchemy import text

from headway.wire.amendments import TrialPatch
from headway.wire.space import Float, Space
from headway.wire.space_versions import SpacePut
from headway.wire.study import StudyPatch
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.services import campaign_audit, spaces, studies, trials
from headway_server.services.amending import amend_trial
from headway_server.services.change_study import change
from headway_server.services.delete_study import delete
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest
from headway_server.storage.schema import migrate, migrate_down
from tests.services.audits import Laboratory, noise

WIDER = Space(parameters=(Float(0, 9, name="x"),))
TABLES = ("studies", "trials", "attempts", "observations", "events", "gp_states", "idempotency_keys")


@pytest.fixture
def filled(database, engine, define):
    """A database in which everything has happened that the first schema knows."""
    define(budget=5)
    for value in (2.0, 1.0):
        (trial,) = suggest(database, engine, "s", SuggestRequest()).response.trials
        finish(
            database,
            "s",
            trial.number,
            FinishRequest(lease_token=trial.lease.token, metrics={"value": value}),
        )
    suggest(database, engine, "s", SuggestRequest(worker="w"))
    return database


def test_what_the_older_schema_does_not_know_goes_and_the_rest_stays(filled):
    amend_trial(filled, "s", 1, TrialPatch(excluded=True, note="n", reason="r"))
    change = SpacePut(space=Space(parameters=(Float(0, 2, name="x"),)))
    spaces.change_space(filled, "s", change, "*")
    migrate_down(filled, "0007")
    migrate(filled)
    view = trials.read(filled, "s", 1)
    assert (view.value, view.excluded, view.note, view.history) == (2.0, False, "", ())
    assert studies.read(filled, "s").definition.space.parameters[0].high == 2
    assert spaces.change_space(filled, "s", SpacePut(space=WIDER), "*").version == 2


def test_fits_of_data_that_were_corrected_do_not_come_back(filled):
    fit = "INSERT INTO gp_states VALUES (1, {}, '{{}}', {}, 2, 0.1, '2026-01-01 00:00:00')"
    columns = "(study_id, version, fitted, data_revision, n_observed, fit_s, fitted_at)"
    fit = fit.replace("gp_states", f"gp_states {columns}")
    amend_trial(filled, "s", 1, TrialPatch(excluded=True, reason="r"))
    for version, revision in ((1, 0), (2, 1)):
        filled.write(lambda uow, v=version, r=revision: uow.session.execute(text(fit.format(v, r))))
    migrate_down(filled, "0007")
    with filled.connection() as connection:
        assert connection.execute(text("SELECT version FROM gp_states")).scalars().all() == [2]
    migrate(filled)


def counted(database):
    with database.connection() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in TABLES
        }


def test_down_to_the_first_schema_and_up_again_nothing_is_lost(filled):
    before, view, shown = counted(filled), studies.read(filled, "s"), trials.read(filled, "s", 3)
    migrate_down(filled, "0001")
    assert counted(filled) == before
    migrate(filled)
    assert counted(filled) == before
    assert studies.read(filled, "s") == view
    assert trials.read(filled, "s", 3) == shown
    assert before["observations"] == 2
    assert before["attempts"] == 3


def test_trials_are_counted_when_their_counts_are_not_there(filled):
    before = studies.read(filled, "s").trials
    assert (before.completed, before.leased) == (2, 1)
    migrate_down(filled, "0012")
    with filled.connection() as connection:
        connection.execute(text("UPDATE trials SET state = 'failed' WHERE number = 1"))
        connection.commit()
    migrate(filled)
    counts = studies.read(filled, "s").trials
    assert (counts.completed, counts.failed, counts.leased) == (1, 1, 1)


def test_foreign_keys_are_in_force_again_afterwards(filled):
    migrate_down(filled, "0001")
    migrate(filled)
    filled.write(lambda uow: uow.session.execute(text("DELETE FROM studies")))
    assert set(counted(filled).values()) == {0}


def test_without_audits_their_studies_stay(filled, engine):
    lab = Laboratory(filled, engine)
    lab.work("s", noise, most=2)
    change(filled, "s", StudyPatch(state="completed"), "*")
    for trial in suggest(filled, engine, "s", SuggestRequest(worker="w", resume=True)).response.trials:
        lab.report("s", trial, 3.0)
    lab.audit("s", noise, null_campaigns=1)
    names = [one.name for one in studies.page(filled, None, 10, audits=True).studies]
    migrate_down(filled, "0011")
    migrate(filled)
    assert [one.name for one in studies.page(filled, None, 10).studies] == names
    assert campaign_audit.newest(filled, "s") is None
    assert studies.read(filled, "s.audit-1.replicates").trials.completed == 40


def test_to_an_older_server_a_deleted_study_hands_nothing_out(filled):
    delete(filled, "s", "*")
    migrate_down(filled, "0006")
    with filled.connection() as connection:
        assert connection.execute(text("SELECT state FROM studies")).scalar_one() == "archived"
    migrate(filled)
    assert studies.read(filled, "s").trials.completed == 2
