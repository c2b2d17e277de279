import httpx
import pytest

from headway import calls
from headway.connection import Connection
from headway.errors import ConnectionFailed, DatabaseUnavailable, LeaseSuperseded, NotFound, UnreadableAnswer
from headway.patience import Patience
from headway.wire.trial import SuggestRequest

DONE = {"status": "done", "requested": 1, "reason": "budget"}
CALL = calls.suggest("s", SuggestRequest())


def problem(status, code, **headers):
    body = {"type": "x", "title": "t", "status": status, "detail": "d", "code": code}
    return httpx.Response(
        status, json=body, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


class Script:
    """A server that answers from a list, and a clock that moves only by sleeping."""

    def __init__(self, *answers, **options):
        self.answers = list(answers)
        self.requests = []
        self.slept = []
        self.now = 0.0
        self.connection = Connection(
            "http://h/",
            transport=httpx.MockTransport(self),
            clock=lambda: self.now,
            sleep=self.sleep,
            **options,
        )

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def ok():
    return httpx.Response(200, json=DONE)


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("garbled"),
        *(httpx.Response(status) for status in (429, 502, 503, 504)),
    ],
    ids=repr,
)
def test_passing_fault_is_retried_with_the_same_key(fault):
    script = Script(fault, fault, ok())
    assert script.connection.send(CALL).status == "done"
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 1
    assert len({request.content for request in script.requests}) == 1
    assert len(script.slept) == 2


def test_two_calls_have_two_keys():
    assert calls.suggest("s", SuggestRequest()).key != calls.suggest("s", SuggestRequest()).key


def test_reading_carries_no_key():
    assert "Idempotency-Key" not in calls.read_study("s").headers()


def test_retry_after_is_honoured():
    script = Script(problem(503, "database-unavailable", Retry_After="4"), ok())
    script.connection.send(CALL)
    assert 4.0 <= script.slept[0] <= 4.2


def test_unreachable_server_is_named_with_the_remedy_after_the_patience():
    script = Script(httpx.ConnectError("refused"), patience=Patience(total_s=20))
    with pytest.raises(ConnectionFailed, match=r"http://h could not be reached .* refused.*headway serve"):
        script.connection.send(CALL)
    assert len(script.requests) > 3
    assert script.now <= 20


def test_problem_that_lasts_is_raised_as_itself():
    script = Script(problem(503, "database-unavailable"), patience=Patience(total_s=2))
    with pytest.raises(DatabaseUnavailable):
        script.connection.send(CALL)


def test_refusal_is_not_retried():
    script = Script(problem(404, "not-found"))
    with pytest.raises(NotFound):
        script.connection.send(CALL)
    assert len(script.requests) == 1


def test_a_conflict_is_repeated_where_the_server_says_when():
    script = Script(problem(409, "idempotency-in-progress", Retry_After="1"), ok())
    assert script.connection.send(CALL).status == "done"
    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 1
    with pytest.raises(LeaseSuperseded):
        Script(problem(409, "lease-superseded")).connection.send(CALL)


def test_hurry_ends_the_retries():
    script = Script(httpx.ConnectError("refused"))
    with pytest.raises(ConnectionFailed):
        script.connection.send(CALL, hurry=lambda: script.now > 0.1)
    assert script.now < 1


def test_key_and_version_are_sent():
    script = Script(ok(), api_key="hw_1")
    script.connection.send(CALL)
    headers = script.requests[0].headers
    assert headers["Authorization"] == "Bearer hw_1"
    assert headers["User-Agent"].startswith("headway/0.")


def test_another_service_at_the_url_is_recognised():
    script = Script(httpx.Response(200, text="<html>hello"))
    with pytest.raises(UnreadableAnswer, match="HEADWAY_URL"):
        script.connection.send(CALL)


def test_closed_connection_says_so():
    script = Script(ok())
    script.connection.close()
    with pytest.raises(ConnectionFailed, match="closed"):
        script.connection.send(CALL)


def test_names_are_quoted_in_the_path():
    assert calls.read_study("a/b c").path == "/v1/studies/a%2Fb%20c"


def test_unknown_fields_of_an_answer_are_ignored():
    script = Script(httpx.Response(200, json={**DONE, "new": 1}))
    assert script.connection.send(CALL).reason == "budget"
