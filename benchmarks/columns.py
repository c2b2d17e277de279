"""How long the overview of a large study takes over HTTP, and how large it is.

    python -m benchmarks.columns [--trials 100000] [--max-points 10000] [--repeats 9] [--write]

The study has six parameters; one trial in ten failed. Each answer goes through the whole application (its
routes, middleware and JSON, in this process), on SQLite and on a throwaway PostgreSQL. Prints Markdown;
`--write` puts it into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from fastapi.testclient import TestClient
from sqlalchemy import insert

from benchmarks import document
from headway.wire.space import Categorical, Float, Int, Space
from headway.wire.study import StudyDefinition, TrialCounts
from headway.wire.trial import MeasuredValue, Receipt
from headway_server.main import create_app
from headway_server.services import studies
from headway_server.settings import Settings, sqlite_url
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate
from headway_server.storage.tables import observations, trials
from headway_server.storage.unit_of_work import UnitOfWork
from tests.postgres import throwaway_server

STUDY = "large"
OPTIMIZERS = ("adam", "sgd", "lion")
PARAMETERS = (
    *(Float(0, 1, name=f"x{i}") for i in range(4)),
    Int(1, 100, name="layers"),
    Categorical(OPTIMIZERS, name="optimizer"),
)
FAILS_EVERY = 10
"""One trial in so many has no value."""


@dataclass(frozen=True)
class Row:
    """What one question cost on one database."""

    database: str
    question: str
    seconds: Sequence[float]
    cpu_s: Sequence[float]
    """Of this process: what is left on a machine that does nothing else; a database server's comes on top."""
    size: int
    """Bytes of the answer."""
    points: int


def fill(database: Database, n: int) -> None:
    """Write a study of `n` trials, nine in ten completed."""
    studies.create_or_get(database, StudyDefinition(name=STUDY, space=Space(parameters=PARAMETERS)))
    draws = np.random.default_rng(0).random((n, 5))
    values = (draws**2).sum(axis=1)

    def write(uow: UnitOfWork) -> None:
        study = uow.studies.lock(STUDY)
        study.trials_created, study.last_seq = n, n + 1
        failed = -(-n // FAILS_EVERY)
        study.trial_counts = TrialCounts(completed=n - failed, failed=failed)
        origin = Receipt(policy="sobol", strategy=study.definition.strategy)
        rows: list[dict[str, object]] = []
        results: list[dict[str, object]] = []
        for k, draw in enumerate(draws.tolist()):
            outcome = "failed" if k % FAILS_EVERY == 0 else "completed"
            point = {f"x{i}": draw[i] for i in range(4)}
            point |= {"layers": 1 + int(draw[4] * 100), "optimizer": OPTIMIZERS[k % 3]}
            value = float(values[k]) if outcome == "completed" else None
            rows.append(
                {"id": k + 1, "study_id": study.id, "number": k + 1, "state": outcome, "seed": k}
                | {"space_version": 1, "params": point, "origin": origin}
                | {"created_at": uow.now, "updated_at": uow.now}
            )
            results.append(
                {"study_id": study.id, "trial_id": k + 1, "seq": k + 2, "attempt": 1, "outcome": outcome}
                | {"metrics": {} if value is None else {"value": MeasuredValue(value=value)}}
                | {"value": value, "params": point, "late": False, "superseded": False}
                | {"body_hash": "0" * 64, "received_at": uow.now}
            )
        uow.session.execute(insert(trials), rows)
        uow.session.execute(insert(observations), results)

    database.write(write)


def measure(url: str, questions: Sequence[str], repeats: int) -> list[Row]:
    """Each question asked so often, after once unmeasured."""
    app = create_app(Settings(database_url=url), access="open")
    rows = []
    with TestClient(app) as http:
        for question in questions:
            seconds: list[float] = []
            cpu_s: list[float] = []
            for _ in range(1 + repeats):
                started, worked = time.perf_counter(), time.process_time()
                answer = http.get(f"/v1/studies/{STUDY}/{question}")
                seconds.append(time.perf_counter() - started)
                cpu_s.append(time.process_time() - worked)
                answer.raise_for_status()
            columns = answer.json()["columns"]
            kind = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
            longest = max(map(len, columns.values()))
            rows.append(Row(kind, question, seconds[1:], cpu_s[1:], len(answer.content), longest))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| database | question | points | median | fastest to slowest | CPU | size |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.database} | `{row.question}` | {row.points} | {median(row.seconds):.2f} s "
        f"| {min(row.seconds):.2f} to {max(row.seconds):.2f} s | {median(row.cpu_s):.2f} s "
        f"| {row.size / 1e6:.2f} MB |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Fill both databases, ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--max-points", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    overview = f"trials?format=columns&max_points={options.max_points}"
    filtered = (f"{overview}&state=completed", f"{overview}&origin.policy=sobol")
    questions = (overview, *filtered, f"plots/history?max_points={options.max_points}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, throwaway_server() as server:
        for url in (sqlite_url(Path(folder) / "large.db"), server):
            database = Database(url)
            migrate(database)
            fill(database, options.trials)
            with database.connection() as connection, connection.begin():
                connection.exec_driver_sql("ANALYZE")  # PostgreSQL does so by itself after a while
            database.dispose()
            rows += measure(url, questions, options.repeats)
    text = f"{options.trials:,} trials, {len(PARAMETERS)} parameters.\n\n{table(rows)}"
    print(text)
    if options.write:
        document.insert("overview", text)


if __name__ == "__main__":
    main()
