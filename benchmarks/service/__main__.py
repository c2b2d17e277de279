"""The service under load, beside Optuna, in one run: cycles a second and milliseconds at n = 300.

    python -m benchmarks.service [--quick]

headway's server runs on SQLite, and on PostgreSQL with one and two processes; Optuna's samplers run on the
same PostgreSQL, which is one of the run's own, durable as SQLite is: a commit waits for the disk. The load,
the servers and the database share the machine; servers refit beside the requests whenever the results have
grown by a tenth. Prints Markdown and, unless --quick, writes benchmarks/results/service.json and
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, make_url

from benchmarks.document import insert
from benchmarks.service import load
from benchmarks.service.figures import Row, Window, row, table
from benchmarks.serving import serving
from benchmarks.systems import ROOT, python, version
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate
from tests.postgres import PostgresServer

QUICK = ((1, 0.0), (16, 0.0), (16, 1.0))
LOADS = (*QUICK, (64, 0.0), (64, 4.0))
"""Workers, and the mean time that each spends on a trial, seconds: 0 shows the most that the machine can do,
the others how long 16 suggestions and results a second wait.
"""
OPTUNA_WORKERS = (1, 16)
"""64 processes of its GP sampler would not fit this machine's memory."""
CYCLES, PACED_CYCLES = 128, 256
"""At full speed, and with times between."""
REPEATS = 3
OPTUNA_S = 15.0
RESULTS = ROOT / "benchmarks" / "results" / "service.json"


def headway(
    storage: str, url: str, servers: int, repeats: int, loads: Sequence[tuple[int, float]]
) -> Iterator[Row]:
    """A row for each count of workers with the mean time that they spend on a trial, seconds."""
    with serving(url, servers) as ports:
        for workers, evaluation_s in loads:
            windows = []
            for _ in range(repeats):
                name = f"s{uuid4().hex[:12]}"
                load.prepare(ports, name)
                cycles = max(PACED_CYCLES if evaluation_s else CYCLES, 3 * workers)
                windows.append(load.measure(ports, name, workers, cycles, evaluation_s))
            yield row("headway", storage, servers, workers, windows, evaluation_s=evaluation_s)


def optuna(url: str, sampler: str, workers: int, seconds: float, repeats: int) -> Row:
    """A row of a sampler, whose workers are processes, as Optuna's are."""
    return row(
        f"optuna-{sampler}",
        "postgresql",
        0,
        workers,
        [_optuna_window(url, sampler, workers, seconds) for _ in range(repeats)],
    )


def _optuna_window(url: str, sampler: str, workers: int, seconds: float) -> Window:
    name = f"o{uuid4().hex[:12]}"
    command = [str(python("optuna")), "-m", "benchmarks.service.optuna_worker"]
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("clients", "app", "workers"))
    environment = os.environ | {"PYTHONPATH": paths}
    subprocess.run([*command, "prepare", url, name], cwd=ROOT, env=environment, check=True)
    children = [
        subprocess.Popen(
            [*command, "work", url, name, sampler, str(seconds)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    try:
        for child in children:
            if _line(child) != "ready":
                raise RuntimeError("a worker of Optuna's did not begin")
        for child in children:
            if child.stdin is None:
                raise AssertionError("it was opened with a pipe")
            child.stdin.write("\n")
            child.stdin.flush()
        parts = [json.loads(_line(child)) for child in children]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    # Each worker ends with the cycle it is at: rates are added up, each over its own time.
    rate = sum(len(part["finish"]) / part["seconds"] for part in parts)
    suggest = [one for part in parts for one in part["suggest"]]
    finish = [one for part in parts for one in part["finish"]]
    return Window(len(finish) / rate, suggest, finish)


def _line(child: subprocess.Popen[str]) -> str:
    if child.stdout is None:
        raise AssertionError("it was opened with a pipe")
    return child.stdout.readline().strip()


def _database(server: PostgresServer, name: str) -> str:
    """A new database on the server."""
    url = make_url(server.url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def measured(options: argparse.Namespace, folder: Path, server: PostgresServer) -> Iterator[Row]:
    """Every row, as it is known."""
    repeats = 1 if options.quick else REPEATS
    loads = QUICK if options.quick else LOADS
    yield from headway("sqlite", f"sqlite:///{folder}/headway.db", 1, repeats, loads)
    ours = _database(server, "ours")
    database = Database(ours)
    migrate(database)
    database.dispose()
    for servers in (1, 2):
        yield from headway("postgresql", ours, servers, repeats, loads)
    if not python("optuna").exists():
        print("Left out, having no environment (make bench-environments): optuna")
        return
    theirs = _database(server, "theirs")
    for sampler in ("gp", "tpe"):
        for workers in OPTUNA_WORKERS:
            yield optuna(theirs, sampler, workers, 5.0 if options.quick else OPTUNA_S, repeats)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one repeat, 1 and 16 workers, nothing written")
    options = parser.parse_args()
    rows: list[Row] = []
    server = PostgresServer(durable=True)
    try:
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            for one in measured(options, Path(folder), server):
                print(f"{one.system} {one.storage} {one.workers} workers: {one.rate:.3g}/s", flush=True)
                rows.append(one)
    finally:
        server.throw_away()
    text = table(rows)
    print(f"\n{text}")
    if not options.quick and any(one.system != "headway" for one in rows):
        document = {
            "cores": os.cpu_count(),
            "optuna": version("optuna-gp"),
            "rows": [asdict(one) for one in rows],
        }
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
        insert("service", text)


if __name__ == "__main__":
    main()
