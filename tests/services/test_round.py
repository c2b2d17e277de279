"""Those who ask for points of a study at once."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from headway.wire.trial import SuggestRequest
from headway_server.domain.trial import Trial
from headway_server.services.engine_host import EngineHost, serve
from headway_server.services.engine_port import Answered, Asked, AskPoints, AskSummary
from headway_server.services.suggest import suggest
from tests.services.working import run


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


def asked_together(host, *questions):
    """The answers to questions that wait on the pipe when the host comes to it."""
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rwb") as lines, ThreadPoolExecutor(1) as pool:
        for number, question in enumerate(questions, start=1):
            lines.write(Asked(id=number, question=question).model_dump_json().encode() + b"\n")
        lines.flush()
        serving = pool.submit(serve, host, theirs)
        answers = [Answered.model_validate_json(lines.readline()) for _ in range(len(questions) + 1)]
        ours.shutdown(socket.SHUT_RDWR)
        serving.result()
    assert answers[0].id == 0
    return {answer.id: answer for answer in answers[1:]}


def reads_of(database, monkeypatch):
    """How many transactions have read, in a list that grows."""
    read, reads = database.read, []

    def counted(work):
        reads.append(work)
        return read(work)

    monkeypatch.setattr(database, "read", counted)
    monkeypatch.setattr(database, "acting", lambda _: database)
    return reads


def test_who_waits_together_is_answered_from_one_reading_each_knowing_those_before(
    database, host, define, monkeypatch
):
    define("other")
    define(budget=30, strategy="hallucinated-ucb")
    run(database, host, 12)
    alone = EngineHost(database)
    expected = alone.points("s", [13, 14, 15])
    alone.close()
    host.points("other", [1])
    reads = reads_of(database, monkeypatch)
    answers = asked_together(
        host,
        AskPoints(study="s", numbers=[13]),
        AskPoints(study="other", numbers=[2]),
        AskPoints(study="s", numbers=[14, 15]),
        AskPoints(study="nope", numbers=[1]),
        AskSummary(study="s"),
    )
    assert len(reads) == 4
    points = answers[1].answer + answers[3].answer
    assert [point.params for point in points] == [point.params for point in expected]
    assert [point.origin.n_hallucinated for point in points] == [0, 1, 2]
    assert answers[2].answer[0].number == 2
    assert "NotFound" in answers[4].failure
    assert answers[5].answer.n_observed == 12


def test_a_point_is_in_flight_from_its_answer_on(database, host, define):
    define(budget=30)
    run(database, host, 12)
    handed = []

    class Unhurried:
        """Asks for a point while another's transaction that hands it out has not begun."""

        def points(self, study, numbers, held):
            points = host.points(study, numbers, held)
            if not handed:
                handed.append(points[0])
                suggest(database, self, study, SuggestRequest())
            else:
                handed.append(points[0])
            return points

    suggest(database, Unhurried(), "s", SuggestRequest())
    first, second = handed
    assert (first.number, second.number) == (13, 14)
    assert first.origin.n_pending == 0
    assert second.origin.n_pending == 1
    (again,) = host.points("s", [15])
    assert again.origin.n_pending == 2  # once each, now that their rows know them too


def test_a_point_that_is_asked_for_again_does_not_flee_from_itself(database, host, define):
    define(budget=30)
    run(database, host, 12)
    database.write(lambda uow: uow.trials.add(_reserved(uow)))
    first, again = host.points("s", [13]), host.points("s", [13])
    assert again[0].params == first[0].params
    assert again[0].origin.n_pending == 0


def _reserved(uow):
    study = uow.studies.lock("s")
    return Trial.reserve(study.id, study.next_number(), study.definition.seed, 1, uow.now)
