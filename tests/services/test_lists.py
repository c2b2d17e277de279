"""Filters, fields and overviews of a study's trials."""

import math
from datetime import timedelta

import pytest

from headway.wire.amendments import TrialPatch
from headway.wire.observations import ImportRequest
from headway.wire.study import Objective
from headway.wire.trial import FinishRequest, SuggestRequest
from headway.wire.trial_filter import TrialFilter
from headway_server.domain.errors import ValidationFailed
from headway_server.services import trials
from headway_server.services.amending import amend_trial
from headway_server.services.finish import finish
from headway_server.services.importing import import_rows
from headway_server.services.suggest import suggest
from headway_server.storage import trial_table


def bring(database, *values, name="s"):
    rows = [
        {"params": {"x": k / 1000}, "outcome": "failed"}
        if value is None
        else {"params": {"x": k / 1000}, "metrics": {"value": value}}
        for k, value in enumerate(values)
    ]
    import_rows(database, name, ImportRequest.model_validate({"rows": rows}))


@pytest.fixture
def mixed(define, database, engine):
    """1 completed by a, 2 leased by b, 3 queued after a, 4 and 5 imported; some tagged, one excluded."""
    define()
    given = [
        suggest(database, engine, "s", SuggestRequest(worker=worker)).response.trials[0] for worker in "aba"
    ]
    finish(database, "s", 1, FinishRequest(lease_token=given[0].lease.token, metrics={"value": 1.0}))
    back = FinishRequest(lease_token=given[2].lease.token, outcome="abandoned", reason="preempted")
    finish(database, "s", 3, back)
    bring(database, 2.0, None)
    for number, tags in ((1, ("x", 'a"b')), (2, ("X", "ab")), (4, ('q","x',)), (5, ("b", "x"))):
        amend_trial(database, "s", number, TrialPatch(tags=tags, note=f"n{number}"))
    amend_trial(database, "s", 4, TrialPatch(excluded=True, reason="r"))
    return "s"


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"state": "completed"}, [1, 4]),
        ({"worker": "a"}, [1, 3]),
        ({"policy": "import"}, [4, 5]),
        ({"policy": "spread", "worker": "b"}, [2]),
        ({"policy": "import", "state": "leased"}, []),
        ({"worker": "%"}, []),
        ({"tag": "x"}, [1, 5]),
        ({"tag": "X"}, [2]),
        ({"tag": 'a"b'}, [1]),
        ({"tag": "a"}, []),
        ({"excluded": True}, [4]),
        ({"excluded": False, "state": "completed"}, [1]),
    ],
)
def test_filters_let_through_what_they_name(mixed, database, chosen, numbers):
    chosen = TrialFilter(**chosen)
    page = trials.page(database, mixed, None, 10, chosen, exact=True)
    assert [trial.number for trial in page.trials] == numbers
    columns = trials.columns(database, mixed, None, 10, chosen, exact=True)
    assert columns.columns["number"] == numbers
    assert page.count == columns.count == len(numbers)
    whole = trials.overview(database, mixed, 10, chosen)
    assert (whole.columns["number"], whole.count) == (numbers, len(numbers))
    first = trials.page(database, mixed, None, 1, chosen)
    rest = trials.page(database, mixed, first.next_cursor or "99", 10, chosen)
    assert [trial.number for trial in (*first.trials, *rest.trials)] == numbers


def test_nothing_is_counted_that_nobody_asks_for(mixed, database):
    assert trials.page(database, mixed, None, 10).count is None
    assert trials.columns(database, mixed, None, 10).count is None


def test_updated_after_is_what_has_changed_since(mixed, database):
    newest = max(trial.updated_at for trial in trials.page(database, mixed, None, 9).trials)
    since = TrialFilter(updated_after=newest - timedelta(milliseconds=1))
    changed = trials.page(database, mixed, None, 9, since).trials
    assert changed
    assert all(trial.updated_at == newest for trial in changed)
    assert trials.page(database, mixed, None, 9, TrialFilter(updated_after=newest)).trials == ()


def test_columns_say_what_rows_say(mixed, database):
    names = ["value", "state", "policy", "worker", "params.x", "client_id", "space_version", "updated_at"]
    names += ["excluded", "tags", "note"]
    views = trials.page(database, mixed, None, 10).trials
    for table in (
        trials.columns(database, mixed, None, 10, fields=names).columns,
        trials.overview(database, mixed, 10, fields=names).columns,
    ):
        assert list(table) == ["number", *names]
        assert table["value"] == [view.value for view in views]
        assert table["policy"] == [view.origin.policy for view in views]
        assert table["worker"] == ["a", "b", "a", None, None]
        assert table["params.x"] == [view.params["x"] for view in views]
        assert table["excluded"] == [False, False, False, True, False]
        assert table["tags"] == [" ".join(view.tags) or None for view in views]
        assert table["note"] == ["n1", "n2", None, "n4", "n5"]
        assert table["updated_at"] == [view.model_dump(mode="json")["updated_at"] for view in views]


def test_columns_of_nothing_are_empty(define, database):
    define()
    everything = ["value", "params.x", "policy", "worker"]
    empty = {name: [] for name in ["number", *everything]}
    assert trials.columns(database, "s", None, 10, fields=everything).columns == empty
    assert trials.overview(database, "s", 10, fields=everything).columns == empty


def test_a_column_that_there_is_not_is_refused_by_name(mixed, database):
    with pytest.raises(ValidationFailed, match=r"'params\.y'"):
        trials.columns(database, mixed, None, 10, fields=["value", "params.y"])
    with pytest.raises(ValidationFailed, match="'vallue'"):
        trials.overview(database, mixed, 10, fields=["vallue"])


def test_an_overview_keeps_every_incumbent(define, database, monkeypatch):
    monkeypatch.setattr(trial_table, "AT_ONCE", 40)  # the numbers of several queries make one table
    define(objectives=(Objective(goal="maximize"),))
    values = [math.sin(k * 7.0) * k if k % 5 else None for k in range(1000)]
    bring(database, *values)
    table = trials.overview(database, "s", 150)
    assert table.count == 1000
    assert 140 <= len(table.columns["number"]) <= 150
    assert table.columns["number"] == sorted(table.columns["number"])
    best, records = -math.inf, set()
    for k, value in enumerate(values):
        if value is not None and value > best:
            best = value
            records.add(k + 1)
    assert records <= set(table.columns["number"])
    for number, value, x in zip(
        *(table.columns[key] for key in ("number", "value", "params.x")), strict=True
    ):
        assert (value, x) == (values[number - 1], (number - 1) / 1000)
