"""Deleting a study over HTTP."""

import asyncio

from starlette.concurrency import run_in_threadpool

from headway_server.api.events import _stream
from tests.api.test_bad_input import expect

STUDY = "/v1/studies/s"


def test_a_deleted_study_says_so_on_every_route(http, leased):
    document = http.get("/openapi.json").json()
    expect(http.delete(STUDY), 428, "precondition-required")
    expect(http.delete(STUDY, headers={"If-Match": '"old"'}), 412, "stale-etag")
    etag = http.get(STUDY).headers["etag"]
    gone = http.delete(STUDY, headers={"If-Match": etag})
    assert (gone.status_code, gone.content) == (204, b"")
    token = leased["lease"]["token"]
    bodies = {
        "finish": {"lease_token": token, "metrics": {"yield": 1.0}},
        "heartbeat": {"lease_token": token},
        "release": {"lease_token": token},
        "measurements": {"lease_token": token, "measurements": [{"step": 1, "metrics": {"yield": 1.0}}]},
        "observations:batch": {"rows": [{"params": {"x": 0, "solvent": "THF"}, "metrics": {"yield": 1}}]},
        "explain": {"trial": 1},
        "/trials": {"params": {"x": 0, "solvent": "THF"}},
        "/space": {"space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}},
        "predict": {"points": [{"x": 0, "solvent": "THF"}]},
    }
    asked = 0
    for path, verbs in document["paths"].items():
        if "{study}" not in path:
            continue
        for verb, operation in verbs.items():
            body = next((one for name, one in bodies.items() if path.endswith(name)), {})
            more = {} if verb in ("get", "delete") else {"json": body}
            filled = path.format(study="s", number=1, kind="history", version=1)
            answer = http.request(verb, filled, headers={"If-Match": "*"}, **more)
            problem = expect(answer, 410, "study-deleted")
            assert problem["action"] == "stop"
            assert "410" in operation["responses"], path
            asked += 1
    assert asked >= 14


def test_its_name_is_taken_for_a_while(http, study):
    http.delete(STUDY, headers={"If-Match": "*"})
    problem = expect(http.post("/v1/studies", json=study), 410, "study-deleted")
    assert "The name is free again on" in problem["detail"]
    assert http.get("/v1/studies").json()["studies"] == []
    assert "study-deleted" in http.get("/problems").text


def test_a_stream_of_events_ends_with_its_study(app, http, study):
    async def follow():
        stream = _stream(app.state.context, "s", 0)
        first = [await anext(stream) for _ in range(2)]
        await run_in_threadpool(http.delete, STUDY, headers={"If-Match": "*"})
        return first, [line async for line in stream]

    first, rest = asyncio.run(follow())
    assert "study.created" in first[1]
    assert rest == []
