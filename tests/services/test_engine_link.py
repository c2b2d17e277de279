"""The link to the engine's process: killed with −9, it costs one retry and nothing else."""

import os
import signal

import pytest

from headway.wire.study import DEFAULT_STRATEGY
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.access import DEFAULT_PROJECT_ID
from headway_server.domain.errors import EngineUnavailable
from headway_server.services.engine_link import EngineLink
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest

pytestmark = pytest.mark.slow


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


@pytest.fixture
def link(database):
    link = EngineLink(database.url)
    link.start()
    yield link
    link.close()


def work(database, link, trials):
    handed = []
    for _ in range(trials):
        (trial,) = suggest(database, link.within(DEFAULT_PROJECT_ID), "s", SuggestRequest()).response.trials
        result = FinishRequest(lease_token=trial.lease.token, metrics={"value": trial.params["x"] ** 2})
        finish(database, "s", trial.number, result)
        handed.append(trial)
    return handed


def test_it_answers_the_same_questions(database, link, define):
    define(budget=30)
    assert work(database, link, 7)[-1].origin.policy == DEFAULT_STRATEGY
    assert link.ready
    assert link.within(DEFAULT_PROJECT_ID).summary("s").n_observed == 7
    assert link.within(DEFAULT_PROJECT_ID).predict("s", [{"x": 0.5}]).n_observed == 7


def test_a_killed_host_is_started_again_within_the_question(database, link, define):
    define(budget=30)
    work(database, link, 7)
    first = link.process_id
    os.kill(first, signal.SIGKILL)
    (trial,) = work(database, link, 1)
    assert trial.origin.policy == DEFAULT_STRATEGY
    assert not trial.origin.degraded
    assert trial.origin.n_observed == 7
    assert link.restarts == 1
    assert link.process_id != first


def test_a_failure_in_the_host_is_an_answer_and_leaves_it_alive(database, link):
    with pytest.raises(EngineUnavailable, match="NotFound"):
        link.within(DEFAULT_PROJECT_ID).summary("nope")
    assert link.restarts == 0


def test_an_answer_that_does_not_come_in_time_is_unavailable(database, define):
    define()
    link = EngineLink(database.url, timeout_s=0.001)
    try:
        with pytest.raises(EngineUnavailable, match="within"):
            link.within(DEFAULT_PROJECT_ID).summary("s")
    finally:
        link.close()


def test_a_closed_link_answers_no_more(database, define):
    define()
    link = EngineLink(database.url)
    link.start()
    pid = link.process_id
    link.close()
    with pytest.raises(EngineUnavailable, match="shutting down"):
        link.within(DEFAULT_PROJECT_ID).summary("s")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
