"""Lists of trials over HTTP."""

import pytest

from tests.api.test_bad_input import expect

TRIALS = "/v1/studies/s/trials"


def test_fields_leave_the_rest_out(http, leased):
    page = http.get(TRIALS, params={"fields": "state,params", "count": "exact"}).json()
    assert page == {
        "trials": [{"number": 1, "state": "leased", "params": leased["params"]}],
        "next_cursor": None,
        "count": 1,
    }
    columns = http.get(TRIALS, params={"fields": "worker", "format": "columns"}).json()
    assert columns["columns"] == {"number": [1], "worker": ["w"]}
    for layout in ("rows", "columns"):
        expect(http.get(TRIALS, params={"fields": "colour", "format": layout}), 422, "validation")


def test_filters_stand_in_the_query(http, leased):
    for query, count in (
        ({"origin.policy": "spread"}, 1),
        ({"origin.policy": "import"}, 0),
        ({"worker": "w", "state": "leased"}, 1),
        ({"updated_after": "2000-01-01T00:00:00Z"}, 1),
        ({"updated_after": "2999-01-01T00:00:00+02:00"}, 0),
        ({"updated_after": "0001-01-02T00:00:00+00:00"}, 1),
        ({"updated_after": "9999-12-29T01:00:00-20:00"}, 0),
    ):
        assert http.get(TRIALS, params=query | {"count": "exact"}).json()["count"] == count, query


@pytest.mark.parametrize(
    "query",
    [
        {"updated_after": "yesterday"},
        {"updated_after": "2000-01-01"},
        {"updated_after": "0001-01-01T00:00:00+23:00"},
        {"updated_after": "9999-12-31T23:59:59-23:00"},
        {"max_points": 1},
        {"max_points": 20_001},
        {"count": "about"},
        {"worker": "\0"},
        {"origin.policy": "\0"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(http, leased, query):
    expect(http.get(TRIALS, params=query), 422, "validation")


def test_an_overview_has_so_many_points(http, study):
    rows = [{"params": {"x": k / 100, "solvent": "THF"}, "metrics": {"yield": k % 7}} for k in range(50)]
    assert http.post("/v1/studies/s/observations:batch", json={"rows": rows}).status_code == 200
    table = http.get(
        TRIALS, params={"format": "columns", "max_points": 12, "fields": "value,params.x"}
    ).json()
    assert table["count"] == 50
    assert table["next_cursor"] is None
    assert len(table["columns"]["number"]) <= 12
    assert {1, 2, 3, 4, 5, 6, 7} <= set(table["columns"]["number"])
    assert table["columns"]["params.x"] == [(n - 1) / 100 for n in table["columns"]["number"]]
