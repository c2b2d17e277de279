"""Audits over HTTP, and on the pages."""

import json
import re

import pytest

from headway_server.services.audit_progress import move_on
from tests.api.test_bad_input import expect
from tests.api.test_idempotency import assert_replayed, twice

AUDIT = "/v1/studies/s/audit"
FEW = {"null_campaigns": 1}


def work(http, name):
    """Evaluate all that a study has left."""
    while given := http.post(f"/v1/studies/{name}/trials:suggest", json={"count": 64}).json()["trials"]:
        for trial in given:
            value = trial["params"]["x"] + trial["seed"] % 97 / 97
            body = {"lease_token": trial["lease"]["token"], "metrics": {"yield": value}}
            done = http.post(f"/v1/studies/{name}/trials/{trial['number']}:finish", json=body)
            assert done.status_code == 200, done.text


@pytest.fixture
def campaign(http, study):
    work(http, "s")


def serve(app, http):
    """The whole audit."""
    while True:
        move_on(app.state.context.database)
        report = http.get(AUDIT).json()
        if report["state"] == "complete":
            return report
        for task in report["tasks"]:
            work(http, task["study"])


def test_an_audit_is_begun_found_again_and_read(app, http, campaign):
    expect(http.get(AUDIT), 404, "not-found")
    begun = http.post(AUDIT, json=FEW)
    assert (begun.status_code, begun.headers["location"]) == (201, f"{AUDIT}?number=1")
    found = http.post(AUDIT, json=FEW)
    assert (found.status_code, found.json()) == (200, begun.json())
    report = serve(app, http)
    assert (report["null"]["attainable_p"], report["null"]["significant"]) == (0.5, None)
    assert report["verdict"]["improvement"] in ("uncertain", "not supported")
    assert http.get(begun.headers["location"]).json() == report
    expect(http.get(AUDIT, params={"number": 2}), 404, "not-found")
    names = [one["name"] for one in http.get("/v1/studies").json()["studies"]]
    assert names == ["s"]
    shown = http.get("/v1/studies", params={"audits": "true"}).json()["studies"]
    assert {one["audit_of"] for one in shown} == {None, "s"}
    assert len(shown) == 4


def test_an_audit_is_begun_once_under_a_key(http, campaign):
    first, again = twice(http, "POST", AUDIT, FEW)
    assert first.status_code == 201
    assert_replayed(first, again)
    http.patch("/v1/studies/s", json={"budget": 9}, headers={"If-Match": "*"})
    expect(http.post(AUDIT, json=FEW), 409, "illegal-transition")
    assert_replayed(first, http.post(AUDIT, json=FEW, headers={"Idempotency-Key": "k"}))


def test_a_study_that_runs_is_not_audited(http, study):
    problem = expect(http.post(AUDIT, json={}), 409, "illegal-transition")
    assert "needs a campaign that is over" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"top": 0}, "/top"),
        ({"replicates": 9}, "/replicates"),
        ({"null_campaigns": 200}, "/null_campaigns"),
        ({"alpha": 0}, "/alpha"),
        ({"reuse": ["no such name!"]}, "/reuse/0"),
        ({"seed": -1}, "/seed"),
        ({"tops": 1}, "/tops"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(http, study, body, pointer):
    assert expect(http.post(AUDIT, json=body), 422, "validation")["errors"][0]["pointer"] == pointer


def test_the_study_page_shows_its_audit_and_offers_the_json(app, http, campaign):
    assert 'id="audit"' not in http.get("/studies/s").text
    http.post(AUDIT, json=FEW)
    move_on(app.state.context.database)
    page = http.get("/studies/s")
    assert "Nothing is tested before the end" in page.text
    assert 'href="/studies/s.audit-1.replicates"' in page.text
    report = serve(app, http)
    page = http.get("/studies/s")
    assert f"improvement {report['verdict']['improvement']}" in page.text
    table = re.search(r'<table id="audited">.*?</table>', page.text, re.DOTALL)[0]
    assert table.count("<tr>") == 1 + len(report["points"]) == 5
    for point in report["points"]:
        assert f"{point['replicates']['mean']:.6g}" in table
    assert 'href="/studies/s.audit-1.null-1"' in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text
    link = re.search(r'<a href="([^"]+)">The report as JSON', page.text)[1]
    assert json.loads(http.get(link).text) == report
    companion = http.get("/studies/s.audit-1.replicates").text
    assert 'Made for the audit of <a href="/studies/s">s</a>' in companion
    assert "s.audit-1.replicates" not in http.get("/").text
