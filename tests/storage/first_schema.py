"""A database as the first version left it, in the midst of its work: rows of every table, in every state.

Written as that version wrote them, and with none of this version's code: what it means is for the upgrade to
keep.
"""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import MetaData

TOKEN = "1.{:032x}"
"""Of the first attempt at a trial, by the trial's id."""

KEY = "kept"
SCOPE = "POST /v1/studies/s/trials:suggest"

STATES = {
    1: "completed",
    2: "infeasible",
    3: "failed",
    4: "stopped",
    5: "abandoned",
    6: "lost",
    7: "leased",
    8: "leased",
    9: "queued",
    10: "queued",
    11: "reserved",
    12: "completed",
}
"""Of the trials of `s`, by number, and id. 8: at its second attempt. 9: its point is not known yet. 12: with
a late replicate."""

DEFINITION = {
    "name": "s",
    "space": {
        "parameters": [
            {"low": 0.0, "high": 1.0, "log": False, "name": "x", "type": "float"},
            {"low": 1, "high": 9, "log": True, "name": "k", "type": "int"},
            {"choices": ["a", 2, True], "name": "c", "type": "categorical"},
            {"name": "b", "type": "boolean"},
        ]
    },
    "objectives": [{"name": "loss", "goal": "minimize"}],
    "budget": 20,
    "strategy": "rucb",
    "seed": 7,
    "n_initial": None,
    "policy": {
        "on_expired": "requeue",
        "max_retries": 2,
        "on_failed": "drop",
        "lease_s": 120.0,
        "first_heartbeat_grace_s": 600.0,
        "max_parallel": None,
    },
    "notes": "µ",
}
ORIGIN = {
    "policy": "rucb",
    "strategy": "rucb",
    "beta": 1.5,
    "model_version": 1,
    "n_observed": 3,
    "transform": "none",
    "predicted": {"mean": 0.5, "sd": 0.25},
    "compute_ms": 2.5,
    "degraded": False,
}
POINT = {"x": 0.125, "k": 3, "c": "a", "b": True}


def fill(connection):  # noqa: C901 (one table after the other)
    """Insert it all."""
    tables = MetaData()
    tables.reflect(connection)
    now = datetime.now(UTC)
    if connection.dialect.name == "sqlite":
        now = now.replace(tzinfo=None)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)

    def insert(table, /, **values):
        connection.execute(tables.tables[table].insert().values(**values))

    others = {"p": "paused", "c": "completed", "z": "archived"}
    for index, (name, state) in enumerate(({"s": "running"} | others).items(), start=1):
        insert(
            "studies",
            id=index,
            name=name,
            definition=json.dumps(DEFINITION | {"name": name}),
            definition_hash=f"{index:064x}",
            state=state,
            budget=20,
            space_version=1,
            trials_created=len(STATES) if name == "s" else 0,
            last_seq=30 if name == "s" else 0,
            created_at=now,
            updated_at=now,
        )
    for number, state in STATES.items():
        insert(
            "trials",
            id=number,
            study_id=1,
            number=number,
            state=state,
            seed=2**53 - number,
            space_version=1,
            live_attempt={7: 1, 8: 2}.get(number),
            reserved_until=now + timedelta(seconds=60) if state == "reserved" else None,
            params=None if number in (9, 11) else json.dumps(POINT),
            origin=None if number in (9, 11) else json.dumps(ORIGIN),
            created_at=now,
            updated_at=now,
        )
    ends = dict.fromkeys(range(1, 6), "finished") | {
        6: "expired",
        8: "expired",
        10: "released",
        12: "superseded",
    }
    for number in (*range(1, 9), 10, 12):
        end = ends.get(number)
        attempt(insert, number, 1, now, end)
    attempt(insert, 8, 2, now, None)
    attempt(insert, 12, 2, now, "finished")
    for seq, (number, tried, outcome, value) in enumerate(
        (
            *((1, 1, "completed", 0.1), (2, 1, "infeasible", None), (3, 1, "failed", None)),
            *((4, 1, "stopped", None), (5, 1, "abandoned", None)),
            *((12, 2, "completed", -1e-300), (12, 1, "completed", 1.5)),
        ),
        start=10,
    ):
        insert(
            "observations",
            id=seq,
            study_id=1,
            trial_id=number,
            seq=seq,
            attempt=tried,
            outcome=outcome,
            value=value,
            std_error=None if value is None else 0.5,
            metrics=json.dumps(
                {} if value is None else {"loss": {"value": value, "std_error": 0.5, "n": None}}
            ),
            params=json.dumps(POINT),
            params_as_run=json.dumps(POINT | {"x": 2.0}),
            reason="r",
            message="line\nline \U0001f9ea",
            late=(number, tried) == (12, 1),
            superseded=(number, tried) == (12, 1),
            body_hash=f"{seq:064x}",
            received_at=now,
        )
    for seq in range(1, 31):
        insert(
            "events",
            study_id=1,
            seq=seq,
            type="trial.leased",
            trial=min(seq, 12),
            data=json.dumps({"attempt": 1}),
            at=now,
        )
    insert(
        "gp_states",
        study_id=1,
        version=1,
        fitted='{"of": "an engine that is gone"}',
        n_observed=3,
        fit_s=0.25,
        fitted_at=now,
    )
    for key, response in ((KEY, answer(now)), ("place", None)):
        insert(
            "idempotency_keys",
            scope=SCOPE,
            key=key,
            body_hash="0" * 64,
            trial_numbers="[7]",
            response=response,
            created_at=now,
            expires_at=now + timedelta(hours=48),
        )
    if connection.dialect.name != "sqlite":
        for name in ("studies", "trials", "attempts", "observations"):
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
            )


def attempt(insert, number, tried, now, end):
    insert(
        "attempts",
        id=100 * tried + number,
        trial_id=number,
        number=tried,
        worker=f"w{number}",
        token=TOKEN.format(number) if tried == 1 else f"{tried}.{number:032x}",
        lease_s=120.0,
        leased_at=now,
        expires_at=now + timedelta(seconds=600),
        lapses_at=now + timedelta(seconds=640),
        heartbeat_at=None,
        ended_at=now if end else None,
        ended_by=end,
    )


def answer(now):
    """What was answered to the worker of trial 7."""
    moment = now.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    lease = {
        "token": TOKEN.format(7),
        "expires_at": moment,
        "expires_in_s": 600.0,
        "renew_before": moment,
        "heartbeat_every_s": 40.0,
    }
    trial = {
        "number": 7,
        "params": POINT,
        "space_version": 1,
        "attempt": 1,
        "lease": lease,
        "seed": 2**53 - 7,
        "origin": ORIGIN,
    }
    return json.dumps(
        {"status": "ok", "requested": 1, "trials": [trial], "reason": None, "retry_after_s": None}
    )
