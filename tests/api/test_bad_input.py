"""Bad input: its own problem, with the pointer, the value and the remedy; nothing changes; no 500."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def parameter(**fields):
    return {"name": "x", "type": "float", "low": 0, "high": 1} | fields


BAD_STUDIES = [
    ({"space": {"parameters": [parameter(low=3)]}}, "invalid-space", "/space/parameters/0/low", "low = 3.0"),
    (
        {"space": {"parameters": [parameter(log=True)]}},
        "invalid-space",
        "/space/parameters/0/low",
        "Make low positive",
    ),
    (
        {"space": {"parameters": [{"name": "c", "type": "categorical", "choices": []}]}},
        "invalid-space",
        "/space/parameters/0/choices",
        "0 choices",
    ),
    (
        {"space": {"parameters": [parameter(), parameter()]}},
        "invalid-space",
        "/space/parameters/1/name",
        "Rename one",
    ),
    ({"space": {"parameters": []}}, "invalid-space", "/space/parameters", "0 parameters"),
    ({"space": {"parameters": [parameter(low="a")]}}, "validation", "/space/parameters/0/low", "'a'"),
    ({"space": {"parameters": [parameter(type="cube")]}}, "validation", "/space/parameters/0", "'cube'"),
    ({"space": {"parameters": [parameter(stride=2)]}}, "validation", "/space/parameters/0/stride", "2"),
    ({"space": {"parameters": [parameter(step=2)]}}, "invalid-space", "/space/parameters/0/step", "2"),
    (
        {"space": {"parameters": [parameter(when={"parent": "y", "equals": [1]})]}},
        "invalid-space",
        "/space/parameters/0/when/parent",
        "'y'",
    ),
    (
        {"space": {"parameters": [parameter()], "constraints": ["x <= 1", "x * x <= 1"]}},
        "invalid-space",
        "/space/constraints/1",
        "must be linear",
    ),
    (
        {"space": {"parameters": [parameter()], "constraints": ["x >= 2"]}},
        "constraints-infeasible",
        "/space/constraints",
        "'x >= 2'",
    ),
    ({"name": "a b"}, "validation", "/name", "'a b'"),
    ({"name": "x" * 65}, "validation", "/name", "xxx"),
    ({"budget": 0}, "validation", "/budget", "0"),
    ({"budget": 1.5}, "validation", "/budget", "1.5"),
    ({"strategy": "grid"}, "unknown-strategy", "/strategy", "'grid'"),
    (
        {"objectives": [{"name": "a"}, {"name": "a"}]},
        "unsupported-objectives",
        "/objectives/1/name",
        "'a'",
    ),
    ({"objectives": []}, "validation", "/objectives", "[]"),
    ({"outcome_constraints": ["m < 3"]}, "invalid-outcome-constraint", "/outcome_constraints/0", "'m < 3'"),
    ({"outcome_constraints": ["m <= 1", 3]}, "validation", "/outcome_constraints/1", "3"),
    ({"outcome_constraints": ["m <= 1"] * 17}, "validation", "/outcome_constraints", "m <= 1"),
    ({"fidelity": {"parameter": "y"}}, "invalid-fidelity", "/fidelity/parameter", "'y'"),
    ({"fidelity": {"parameter": "x", "cost": {"per_unit": 0}}}, "validation", "/fidelity/cost/per_unit", "0"),
    ({"objectives": [{"goal": "best"}]}, "validation", "/objectives/0/goal", "'best'"),
    ({"policy": {"lease_s": 1}}, "validation", "/policy/lease_s", "1"),
    ({"bugdet": 3}, "validation", "/bugdet", "3"),
]


@pytest.mark.parametrize(("change", "code", "pointer", "said"), BAD_STUDIES)
def test_a_bad_definition_creates_nothing(http, change, code, pointer, said):
    body = {"name": "bad", "space": {"parameters": [parameter()]}} | change
    answer = http.post("/v1/studies", json=body)
    problem = expect(answer, 422, code)
    assert problem["errors"][0]["pointer"] == pointer
    assert said in problem["errors"][0]["message"] + problem["errors"][0]["hint"]
    assert problem["errors"][0]["hint"]
    assert http.get("/v1/studies").json()["studies"] == []


def expect(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["detail"]
    return problem


def test_another_definition_under_the_same_name_is_a_conflict(http, study):
    before = http.get("/v1/studies/s").json()
    problem = expect(http.post("/v1/studies", json=study | {"budget": 7}), 409, "definition-conflict")
    assert problem["errors"][0]["pointer"] == "/budget"
    assert "5" in problem["detail"]
    assert "7" in problem["detail"]
    assert http.get("/v1/studies/s").json() == before


@pytest.mark.parametrize("path", ["/v1/studies/nope", "/v1/studies/nope/best", "/v1/studies/nope/trials"])
def test_an_unknown_study_is_not_found(http, path):
    assert "'nope'" in expect(http.get(path), 404, "not-found")["detail"]


def test_an_unknown_trial_is_not_found(http, leased):
    body = {"lease_token": leased["lease"]["token"], "metrics": {"yield": 1}}
    assert (
        "no trial 9"
        in expect(http.post("/v1/studies/s/trials/9:finish", json=body), 404, "not-found")["detail"]
    )
    expect(http.get("/v1/studies/s/trials/9"), 404, "not-found")
    expect(http.get("/v1/studies/s/trials/0"), 422, "validation")


def test_an_unknown_path_or_method_is_a_problem_too(http):
    expect(http.get("/v2/studies"), 404, "not-found")
    expect(http.put("/v1/studies", json={}), 405, "method-not-allowed")


def test_a_stale_lease_is_told_to_stop(http, leased):
    body = {"lease_token": leased["lease"]["token"], "metrics": {"yield": 1}}
    http.post("/v1/studies/s/trials/1:finish", json=body)
    answer = http.post("/v1/studies/s/trials/1:heartbeat", json={"lease_token": leased["lease"]["token"]})
    assert expect(answer, 409, "lease-superseded")["action"] == "stop"
    answer = http.post("/v1/studies/s/trials/1:heartbeat", json={"lease_token": "1.made-up"})
    expect(answer, 409, "unknown-lease")
    another = body | {"metrics": {"yield": 2}}
    expect(http.post("/v1/studies/s/trials/1:finish", json=another), 409, "illegal-transition")
    assert http.get("/v1/studies/s/trials/1").json()["value"] == 1


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ('"metrics": {"yield": NaN}', "not-finite", "/metrics/yield"),
        ('"metrics": {"yield": {"value": 1, "std_error": Infinity}}', "not-finite", "/metrics/yield"),
        ('"metrics": {"yield": "high"}', "validation", "/metrics/yield"),
        ('"metrics": {}', "validation", "/metrics/yield"),
        (
            '"metrics": {"yield": 1}, "params_as_run": {"x": "2", "solvent": "THF"}',
            "out-of-bounds",
            "/params_as_run/x",
        ),
        ('"metrics": {"yield": 1}, "params_as_run": {"x": 1}', "missing-parameter", "/params_as_run/solvent"),
        (
            '"metrics": {"yield": 1}, "params_as_run": {"x": 1, "solvent": "THF", "q": 1}',
            "unknown-parameter",
            "/params_as_run/q",
        ),
        ('"metrics": {"yield": 1}, "outcome": "great"', "validation", "/outcome"),
        ('"metrics": {"yield": 1}, "message": "a\\u0000b"', "validation", "/message"),
    ],
)
def test_a_bad_result_is_refused_by_field_and_changes_nothing(http, leased, change, code, pointer):
    body = f'{{"lease_token": "{leased["lease"]["token"]}", {change}}}'
    answer = http.post(
        "/v1/studies/s/trials/1:finish", content=body, headers={"Content-Type": "application/json"}
    )
    problem = expect(answer, 422, code)
    assert problem["errors"][0]["pointer"] == pointer
    assert http.get("/v1/studies/s/trials/1").json()["state"] == "leased"


@pytest.mark.parametrize(
    ("point", "code", "pointer"),
    [
        ({"x": 5, "solvent": "THF"}, "out-of-bounds", "/points/1/x"),
        ({"x": 0.5, "solvent": "water"}, "out-of-bounds", "/points/1/solvent"),
        ({"x": 0.5}, "missing-parameter", "/points/1/solvent"),
        ({"x": 0.5, "solvent": "THF", "y": 1}, "unknown-parameter", "/points/1/y"),
    ],
)
def test_a_point_that_is_not_in_the_space_is_refused_by_field(http, study, point, code, pointer):
    points = [{"x": 0.5, "solvent": "THF"}, point]
    problem = expect(http.post("/v1/studies/s/model:predict", json={"points": points}), 422, code)
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2", b"\xff\xfe", b'{"name": "a" "b"}', b"nul"])
def test_malformed_json_is_a_problem_of_its_own(http, study, body):
    answer = http.post("/v1/studies", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("malformed-request", "validation")
    assert len(http.get("/v1/studies").json()["studies"]) == 1


@pytest.mark.parametrize("body", [b"[]", b"3", b'"x"', b"null", b"true"])
def test_json_that_is_not_an_object_is_not_valid(http, body):
    answer = http.post("/v1/studies", content=body, headers={"Content-Type": "application/json"})
    expect(answer, 422, "validation")


def test_deep_nesting_is_a_problem_not_a_crash(http):
    body = b'{"name":' + b"[" * 40_000 + b"]" * 40_000 + b"}"
    answer = http.post("/v1/studies", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_a_body_over_the_limit_is_refused(http, study):
    big = b'{"lease_token": "' + b"x" * 100_000 + b'"}'
    problem = expect(
        http.post("/v1/studies/s/trials/1:finish", content=big, headers={"Content-Type": "application/json"}),
        413,
        "payload-too-large",
    )
    assert "100000 bytes" in problem["detail"]


def test_a_body_over_the_limit_is_refused_without_a_length_too(http, study):
    def chunks():
        for _ in range(30):
            yield b" " * 10_000

    answer = http.post("/v1/studies", content=chunks(), headers={"Content-Type": "application/json"})
    expect(answer, 413, "payload-too-large")


def test_another_media_type_is_refused(http):
    answer = http.post("/v1/studies", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert "text/xml" in expect(answer, 415, "unsupported-media-type")["detail"]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "９", "9" * 40])
def test_a_cursor_that_no_page_gave_is_refused(http, study, cursor):
    problem = expect(http.get("/v1/studies/s/trials", params={"cursor": cursor}), 422, "invalid-cursor")
    assert problem["errors"][0]["hint"]


def test_a_query_out_of_range_names_its_parameter(http, study):
    problem = expect(http.get("/v1/studies/s/trials", params={"limit": 0}), 422, "validation")
    assert "limit" in problem["detail"]


def test_a_key_used_for_another_body_is_refused(http, study):
    headers = {"Idempotency-Key": "k"}
    http.post("/v1/studies/s/trials:suggest", json={}, headers=headers)
    answer = http.post("/v1/studies/s/trials:suggest", json={"count": 2}, headers=headers)
    expect(answer, 422, "idempotency-key-reused")


def test_a_bug_answers_with_a_trace_id_and_nothing_else(http, app, caplog):
    @app.get("/broken")
    def broken():
        raise RuntimeError("secret")

    problem = expect(http.get("/broken"), 500, "internal")
    assert problem["trace_id"] in caplog.text
    assert "secret" not in str(problem)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = [
    "/v1/studies",
    "/v1/studies/s/trials:suggest",
    "/v1/studies/s/trials/1:finish",
    "/v1/studies/s/model:predict",
]
FIELDS = [
    "name",
    "space",
    "count",
    "worker",
    "lease_token",
    "metrics",
    "points",
    "outcome",
    "budget",
    "policy",
]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(PATHS),
    body=json_values | st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4),
)
def test_no_body_is_a_bug(http, leased, path, body):
    answer = http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, answer.text
