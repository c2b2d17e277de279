"""Writes results into a SQLite file until it is killed. For each line on its input, a child of its own.

    python -m tests.faults.writer DATABASE_URL STUDY LOG

The child's id is printed. A result is in the log once the command that stores it has returned; a line
begins with the child's id, so that no two results are one.
"""

import os
import sys
from threading import Thread

from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest
from headway_server.storage.database import Database
from tests.conftest import SpreadEngine

WRITES, THREADS = 2_000, 2


def write(database: Database, study: str, log: int, thread: int) -> None:
    engine = SpreadEngine(database)
    for index in range(WRITES // THREADS):
        (trial,) = suggest(database, engine, study, SuggestRequest()).response.trials
        value = os.getpid() + (thread * WRITES + index) / (THREADS * WRITES)
        result = FinishRequest(lease_token=trial.lease.token, metrics={"value": value})
        if not finish(database, study, trial.number, result).duplicate:
            os.write(log, f"{trial.number} {value!r}\n".encode())


def main(url: str, study: str, path: str) -> None:
    log = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            database = Database(url)
            threads = [Thread(target=write, args=(database, study, log, one)) for one in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        sys.stdout.write("ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
